"""What has been recorded about deadlines: facts, evidence, positions. Never edited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from compliance.domain import timeline
from compliance.domain.civil_time import day_start
from compliance.domain.due_rules import Due
from compliance.domain.vocabulary import EvidenceKind, FactKind, Stance, Verdict
from compliance.models.agreements import Agreement, Party
from compliance.models.append_only import append_only
from compliance.models.choices import choice_field, one_of
from compliance.models.deadlines import Deadline
from compliance.models.obligations import Obligation


class Evidence(models.Model):
    """A document or statement that supports, or speaks against, what is claimed."""

    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="evidence", db_index=False
    )
    ref = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    kind = choice_field(EvidenceKind)
    url = models.CharField(max_length=2000, blank=True, default="")
    quote = models.TextField(blank=True, default="")
    published_on = models.DateField(null=True, blank=True)
    asserted_by = models.ForeignKey(
        Party, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    stance = choice_field(Stance)
    obligations: models.ManyToManyField[Obligation, models.Model] = models.ManyToManyField(
        Obligation, related_name="evidence", blank=True
    )
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        verbose_name_plural = "evidence"
        ordering = ("id",)
        triggers = (append_only(),)
        constraints = (
            one_of("kind", EvidenceKind),
            one_of("stance", Stance),
            models.UniqueConstraint(fields=["agreement", "ref"], name="evidence_ref_once"),
        )

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"


class Fact(models.Model):
    """Something recorded about a deadline. A later fact can supersede it."""

    deadline = models.ForeignKey(
        Deadline, on_delete=models.PROTECT, related_name="facts", db_index=False
    )
    kind = choice_field(FactKind)
    effective_at = models.DateTimeField()
    effective_on = models.DateField(
        null=True, blank=True, help_text="Set when only the civil day is known."
    )
    quantity = models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True)
    due = models.JSONField(null=True, blank=True, help_text="The due rule of an extension.")
    due_on = models.DateField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    unmet_at = models.DateTimeField(null=True, blank=True)
    supersedes = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    note = models.TextField(blank=True, default="")
    evidence: models.ManyToManyField[Evidence, models.Model] = models.ManyToManyField(
        Evidence, related_name="facts", blank=True
    )
    recorded_at = models.DateTimeField()
    stored_at = models.DateTimeField(db_default=Now(), editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ("id",)
        triggers = (append_only(),)
        constraints = (
            one_of("kind", FactKind),
            models.CheckConstraint(
                name="fact_extension_has_due",
                condition=models.Q(
                    kind=FactKind.EXTENSION.value,
                    due__isnull=False,
                    due_on__isnull=False,
                    due_at__isnull=False,
                    unmet_at__gte=models.F("due_at"),
                )
                | (
                    ~models.Q(kind=FactKind.EXTENSION.value)
                    & models.Q(
                        due__isnull=True,
                        due_on__isnull=True,
                        due_at__isnull=True,
                        unmet_at__isnull=True,
                    )
                ),
            ),
            models.CheckConstraint(
                name="fact_retraction_supersedes",
                condition=~models.Q(kind=FactKind.RETRACTION.value)
                | models.Q(supersedes__isnull=False),
            ),
            models.CheckConstraint(
                name="fact_supersedes_an_earlier_one",
                condition=models.Q(supersedes__isnull=True)
                | models.Q(supersedes__lt=models.F("id")),
            ),
            models.CheckConstraint(
                name="fact_quantity_positive",
                condition=models.Q(quantity__isnull=True)
                | models.Q(quantity__gt=0, kind=FactKind.PERFORMANCE.value),
            ),
        )
        indexes = (
            # Read by operations.course, which loads the facts of the deadlines it settles.
            models.Index(fields=["deadline", "id"], name="fact_of_deadline"),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.effective_at:%Y-%m-%d %H:%M}Z"


def fact_of(row: Mapping[str, Any], timezone: str) -> timeline.Fact:
    """A stored fact as the domain sees it."""
    due = None
    if row["due_at"] is not None:
        due = Due(
            due_on=row["due_on"],
            due_at=row["due_at"],
            unmet_at=row["unmet_at"],
            timezone=timezone,
        )
    return timeline.Fact(
        id=row["id"],
        kind=FactKind(row["kind"]),
        # A civil day is the truth; its instant follows the zone, which may have been corrected.
        effective_at=day_start(row["effective_on"], timezone)
        if row["effective_on"]
        else row["effective_at"],
        effective_on=row["effective_on"],
        quantity=row["quantity"],
        due=due,
        supersedes=row["supersedes_id"],
    )


class Position(models.Model):
    """What one party says of a deadline. It never sets the status."""

    deadline = models.ForeignKey(
        Deadline, on_delete=models.PROTECT, related_name="positions", db_index=False
    )
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="positions")
    verdict = choice_field(Verdict)
    stated_at = models.DateTimeField()
    stated_on = models.DateField(
        null=True, blank=True, help_text="Set when only the civil day is known."
    )
    quote = models.TextField(blank=True, default="")
    evidence: models.ManyToManyField[Evidence, models.Model] = models.ManyToManyField(
        Evidence, related_name="positions", blank=True
    )
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ("id",)
        triggers = (append_only(),)
        constraints = (one_of("verdict", Verdict),)
        indexes = (
            # Read when the dispute of one deadline is decided, and by its page.
            models.Index(fields=["deadline", "party", "stated_at"], name="position_of_deadline"),
        )

    def __str__(self) -> str:
        return f"{self.party.code}: {self.verdict}"
