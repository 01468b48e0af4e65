"""Teams of users, for whom agreements can be reserved."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models

from compliance.models.history import tracked
from compliance.models.people.standing_subscriptions import (
    DECLARED,
    OF_MEMBERSHIPS,
    subscribe,
)


@tracked
class Team(models.Model):
    """Users who see the same agreements."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    members: models.ManyToManyField[models.Model, Membership] = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="teams"
    )

    class Meta:
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.name


@tracked
class Membership(models.Model):
    """The membership of a user in a team."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="team_memberships",
        db_index=False,
    )
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=["user", "team"], name="membership_once"),)
        triggers = (
            pgtrigger.Trigger(
                name="subscribe_on_insert",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="new_values"),  # type: ignore[no-untyped-call]  # untyped
                declare=DECLARED,
                func=subscribe(OF_MEMBERSHIPS),
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"
