"""Who is responsible for an obligation."""

from __future__ import annotations

from typing import ClassVar, Self

import pgtrigger
from django.conf import settings
from django.db import models

from compliance.domain.responsible import ME, team_slug
from compliance.models.agreements.obligations import Obligation
from compliance.models.history import tracked
from compliance.models.people.standing_subscriptions import (
    DECLARED,
    OF_RESPONSIBILITIES,
    subscribe,
)
from compliance.models.people.teams import Membership, Team


class ResponsibilityQuerySet(models.QuerySet["Responsibility"]):
    """Row predicates of responsibilities."""

    def of_user(self, user_id: int | None) -> Self:
        """Those of a user and of the teams of the user; none for nobody."""
        teams = Membership.objects.filter(user=user_id).values("team")
        return self.filter(models.Q(user=user_id, user__isnull=False) | models.Q(team__in=teams))

    def named(self, name: str, *, user_id: int | None) -> Self:
        """Those that `name` stands for: `me`, a user by address, or a team by slug.

        Args:
            user_id: the user that `me` stands for.
        """
        slug = team_slug(name)
        if name == ME:
            return self.of_user(user_id)
        if slug is not None:
            return self.filter(team__slug=slug)
        of_address = models.Q(address__iexact=name) & ~models.Q(address="")
        return self.filter(models.Q(user__email__iexact=name) | of_address)


@tracked
class Responsibility(models.Model):
    """A user or team that is responsible for an obligation, or an address without an account.

    An address comes from a document that names people elsewhere. When a user gets this address, a
    trigger makes the user responsible instead.
    """

    obligation = models.ForeignKey(
        Obligation, on_delete=models.CASCADE, related_name="responsibilities"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="responsibilities",
    )
    team = models.ForeignKey(
        Team, null=True, on_delete=models.PROTECT, related_name="responsibilities"
    )
    address = models.EmailField(blank=True, default="", db_default="")

    objects: ClassVar[models.Manager[Responsibility]] = ResponsibilityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "responsibilities"
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                name="responsibility_of_one",
                condition=models.Q(user__isnull=False, team__isnull=True, address="")
                | models.Q(user__isnull=True, team__isnull=False, address="")
                | (models.Q(user__isnull=True, team__isnull=True) & ~models.Q(address="")),
            ),
            models.UniqueConstraint(
                fields=["obligation", "user", "team", "address"],
                name="responsibility_once",
                nulls_distinct=False,
            ),
        )
        indexes = (
            # Read by the `responsible` filter, and when a user gets this address.
            models.Index(
                models.functions.Lower("address"),
                name="responsibility_address",
                condition=~models.Q(address=""),
            ),
        )

        triggers = tuple(
            pgtrigger.Trigger(
                name=f"subscribe_on_{name}",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=operation,
                referencing=pgtrigger.Referencing(new="new_values"),  # type: ignore[no-untyped-call]  # untyped
                declare=DECLARED,
                func=subscribe(OF_RESPONSIBILITIES),
            )
            for name, operation in (("insert", pgtrigger.Insert), ("update", pgtrigger.Update))
        )

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name by which documents and the API refer to the user or team.

        Addresses are in lower case: how an account spells its own is nobody else's business.
        """
        if self.team is not None:
            return f"team:{self.team.slug}"
        return (self.address if self.user is None else self.user.email).lower()
