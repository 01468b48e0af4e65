"""Parties and the agreements between them."""

from __future__ import annotations

from datetime import UTC
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.timezone import now

from compliance.domain.due_dates.datings import Dating
from compliance.domain.due_dates.periods import Event
from compliance.domain.phrases import shortened
from compliance.domain.vocabulary import AgreementKind, PartyKind, Visibility
from compliance.models.append_only import append_only_but_purgeable
from compliance.models.choices import choice_field, one_of
from compliance.models.history import tracked, tracked_except
from compliance.models.people.teams import Team


@tracked
class Party(models.Model):
    """A state, organisation or company that can owe or be owed an obligation."""

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    kind = choice_field(PartyKind)
    country = models.CharField(max_length=2, null=True, blank=True)  # noqa: DJ001 -- absent, not empty
    timezone = models.CharField(max_length=64)
    retired_at = models.DateTimeField(
        null=True, blank=True, help_text="Set if it is not offered for new entries any more."
    )
    retire_reason = models.CharField(
        max_length=1000,
        blank=True,
        default="",
        db_default="",
        help_text="Why it was last retired, merged or restored.",
    )
    merged_into = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="duplicates",
        db_index=False,
        help_text="The party that took over everything from this duplicate.",
    )

    class Meta:
        verbose_name_plural = "parties"
        ordering = ("code",)
        constraints = (
            one_of("kind", PartyKind),
            models.CheckConstraint(
                name="party_code_form",
                condition=models.Q(code__regex=r"^[A-Z0-9][A-Z0-9_-]*$"),
            ),
            models.CheckConstraint(
                name="party_merged_is_retired",
                condition=models.Q(merged_into__isnull=True)
                | (models.Q(retired_at__isnull=False) & ~models.Q(merged_into=models.F("id"))),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class AgreementQuerySet(models.QuerySet["Agreement"]):
    """Row predicates for agreements."""

    def archived(self) -> Self:
        """Agreements that are archived: hidden from lists, and nobody is notified about them."""
        return self.filter(archived_at__isnull=False)


# Each fact about an agreement moves its head; that is no change by a user.
@tracked_except("facts_head", "recorded_at")
class Agreement(models.Model):
    """An instrument between parties, such as a treaty or contract."""

    ref = models.SlugField(max_length=64, unique=True)
    title = models.CharField(max_length=1000)
    kind = choice_field(AgreementKind)
    signed_on = models.DateField(null=True, blank=True)
    in_force_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    timezone = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 -- absent, not empty
    calendars = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    requires_approval = models.BooleanField(
        "requires approval",
        default=False,
        db_default=False,
        help_text="Determinations, waivers and extensions wait for another person's approval.",
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
        help_text="When it became known; earlier, it did not exist for readers.",
    )
    archived_at = models.DateTimeField(
        null=True, blank=True, help_text="Set while it is hidden from lists, and its alerts wait."
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
        constraints = (one_of("kind", AgreementKind), one_of("visibility", Visibility))
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


@tracked
class Milestone(models.Model):
    """An event in the life of an agreement, such as entry into force, from which periods count.

    `on` and `at` are a copy of its latest dating. Only `operations.agreements.milestones` writes
    them.
    """

    agreement = models.ForeignKey(Agreement, on_delete=models.CASCADE, related_name="milestones")
    ref = models.CharField(max_length=64)
    title = models.CharField(max_length=1000, blank=True, default="")
    on = models.DateField(null=True, blank=True)
    at = models.DateTimeField(null=True, blank=True)
    due = models.JSONField(
        null=True,
        blank=True,
        help_text="The rule that gives its date, if it counts from another milestone.",
    )

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=["agreement", "ref"], name="milestone_ref_once"),
            models.CheckConstraint(
                name="milestone_dated_once",
                condition=models.Q(on__isnull=True) | models.Q(at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.ref} {self.on or self.at or 'not dated'}"


class MilestoneDating(models.Model):
    """What was known about a milestone from `recorded_at` on, until its next dating.

    A milestone without a date, and one that was removed, has a dating that says so.
    """

    agreement = models.ForeignKey(
        Agreement, on_delete=models.CASCADE, related_name="datings", db_index=False
    )
    ref = models.CharField(max_length=64)
    title = models.CharField(max_length=1000, blank=True, default="")
    on = models.DateField(null=True, blank=True)
    at = models.DateTimeField(null=True, blank=True)
    due = models.JSONField(null=True, help_text="The due rule that dated it, if one did.")
    is_removed = models.BooleanField(default=False, db_default=False)
    recorded_at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ("id",)
        triggers = append_only_but_purgeable()
        constraints = (
            models.CheckConstraint(
                name="milestonedating_once",
                condition=models.Q(on__isnull=True) | models.Q(at__isnull=True),
            ),
        )
        indexes = (
            # Read by the scheduling of deadlines, and by agreements as they were known.
            models.Index(
                fields=["agreement", "ref", "recorded_at", "id"], name="milestonedating_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.ref} {self.on or self.at or 'not dated'}"


def milestone_event(milestone: Milestone | MilestoneDating) -> Event | None:
    """Return the event of a milestone or of one of its datings, or None without a date."""
    if milestone.at is not None:
        # The civil day depends on the zone in which the period is counted.
        return Event(on=milestone.at.astimezone(UTC).date(), at=milestone.at)
    return None if milestone.on is None else Event(on=milestone.on)


def dating_of(row: MilestoneDating) -> Dating:
    """Return a stored dating as a domain value."""
    return Dating(
        ref=row.ref, event=milestone_event(row), recorded_at=row.recorded_at, title=row.title
    )
