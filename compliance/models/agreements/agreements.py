"""Agreements, and the parties and teams that belong to them."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.timezone import now

from compliance.domain.phrases import shortened
from compliance.domain.vocabulary import AgreementKind, Precision, Visibility
from compliance.models.agreements.parties import Party
from compliance.models.choices import choice_field, one_of, precision_field
from compliance.models.history import tracked, tracked_except
from compliance.models.people.teams import Team


class AgreementQuerySet(models.QuerySet["Agreement"]):
    """Row predicates for agreements."""

    def archived(self) -> Self:
        """Agreements that are archived: hidden from lists, and nobody is notified about them."""
        return self.filter(archived_at__isnull=False)


# Each fact about an agreement moves its head; that is not a change by a user.
@tracked_except("facts_head", "recorded_at")
class Agreement(models.Model):
    """An instrument between parties, such as a treaty or contract."""

    ref = models.SlugField(max_length=64, unique=True)
    title = models.CharField(max_length=1000)
    kind = choice_field(AgreementKind)
    signed_on = models.DateField(null=True, blank=True)
    signed_on_precision = precision_field()
    in_force_on = models.DateField(null=True, blank=True)
    in_force_on_precision = precision_field()
    ends_on = models.DateField(null=True, blank=True)
    ends_on_precision = precision_field()
    timezone = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 -- NULL: not given
    calendars = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    requires_approval = models.BooleanField(
        "requires approval",
        default=False,
        db_default=False,
        help_text=(
            "Anything that ends, moves or weakens an obligation needs another person's approval."
        ),
    )
    notification_policy = models.JSONField(
        null=True, blank=True, help_text="When reminders and escalations are sent."
    )
    parties: models.ManyToManyField[Party, AgreementParty] = models.ManyToManyField(
        Party, through="AgreementParty", related_name="agreements"
    )
    visibility = choice_field(
        Visibility, default=Visibility.EVERYONE, db_default=Visibility.EVERYONE
    )
    teams: models.ManyToManyField[Team, AgreementTeam] = models.ManyToManyField(
        Team, through="AgreementTeam", related_name="agreements"
    )
    facts_head = models.BinaryField(
        null=True, max_length=32, help_text="The hash of the latest fact in its chain."
    )
    created_at = models.DateTimeField()
    recorded_at = models.DateTimeField(
        default=now,
        db_default=Now(),
        help_text="When it became known. Queries about what was known before do not find it.",
    )
    archived_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=(
            "When it was archived. While this is set, lists hide it and its alerts are held back."
        ),
    )
    archived_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    archive_reason = models.CharField(
        max_length=1000,
        blank=True,
        default="",
        db_default="",
        help_text="Why it was last archived or restored.",
    )

    objects: ClassVar[models.Manager[Agreement]] = AgreementQuerySet.as_manager()

    class Meta:
        ordering = ("ref",)
        permissions = (("purge_agreement", "Can purge agreement"),)
        constraints = (
            one_of("kind", AgreementKind),
            one_of("visibility", Visibility),
            one_of("signed_on_precision", Precision),
            one_of("in_force_on_precision", Precision),
            one_of("ends_on_precision", Precision),
        )
        indexes = (
            # Read by every list, which omits these few agreements.
            models.Index(
                fields=["id"],
                name="agreement_archived",
                condition=models.Q(archived_at__isnull=False),
            ),
            # Read by every request of a user who does not see everything.
            models.Index(
                fields=["id"],
                name="agreement_of_teams",
                condition=models.Q(visibility=Visibility.TEAMS.value),
            ),
        )

    def __str__(self) -> str:
        return shortened(self.title, 100)


@tracked
class AgreementTeam(models.Model):
    """A team that sees an agreement whose visibility is `teams`."""

    agreement = models.ForeignKey(
        Agreement, on_delete=models.CASCADE, related_name="team_links", db_index=False
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="agreement_links")

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=["agreement", "team"], name="agreementteam_once"),
        )

    def __str__(self) -> str:
        return f"{self.agreement_id} for {self.team_id}"


@tracked
class AgreementParty(models.Model):
    """The membership of a party in an agreement, and its role."""

    agreement = models.ForeignKey(Agreement, on_delete=models.CASCADE, related_name="memberships")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        verbose_name = "party to the agreement"
        verbose_name_plural = "parties to the agreement"
        ordering = ("id",)
        constraints = (
            # Also the target of the composite key by which obligors must be parties.
            models.UniqueConstraint(fields=["agreement", "party"], name="agreementparty_once"),
        )

    def __str__(self) -> str:
        return f"{self.party.code} in {self.agreement.ref}"
