"""Parties and the agreements between them."""

from __future__ import annotations

from datetime import UTC

from django.contrib.postgres.fields import ArrayField
from django.db import models

from compliance.domain.due_dates.periods import Event
from compliance.domain.vocabulary import AgreementKind, PartyKind
from compliance.models.choices import choice_field, one_of
from compliance.models.history import tracked, tracked_except


@tracked
class Party(models.Model):
    """A state, organisation or company that can owe or be owed an obligation."""

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    kind = choice_field(PartyKind)
    country = models.CharField(max_length=2, null=True, blank=True)  # noqa: DJ001 -- absent, not empty
    timezone = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "parties"
        ordering = ("code",)
        constraints = (
            one_of("kind", PartyKind),
            models.CheckConstraint(
                name="party_code_form",
                condition=models.Q(code__regex=r"^[A-Z0-9][A-Z0-9_-]*$"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


# Each fact about an agreement moves its head; that is no change by a user.
@tracked_except("facts_head")
class Agreement(models.Model):
    """An instrument between parties, such as a treaty or contract."""

    ref = models.SlugField(max_length=64, unique=True)
    title = models.CharField(max_length=200)
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
    facts_head = models.BinaryField(
        null=True, max_length=32, help_text="The hash of the latest fact in its chain."
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("ref",)
        constraints = (one_of("kind", AgreementKind),)

    def __str__(self) -> str:
        return self.title


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
    """An event in the life of an agreement, such as entry into force, from which periods count."""

    agreement = models.ForeignKey(Agreement, on_delete=models.CASCADE, related_name="milestones")
    ref = models.CharField(max_length=64)
    title = models.CharField(max_length=200, blank=True, default="")
    on = models.DateField(null=True, blank=True)
    at = models.DateTimeField(null=True, blank=True)

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


def milestone_event(milestone: Milestone) -> Event | None:
    """Return the event of a milestone, or None while it has no date."""
    if milestone.at is not None:
        # The civil day depends on the zone in which the period is counted.
        return Event(on=milestone.at.astimezone(UTC).date(), at=milestone.at)
    return None if milestone.on is None else Event(on=milestone.on)
