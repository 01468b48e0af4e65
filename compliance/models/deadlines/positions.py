"""Positions: what parties say about deadlines. Append-only."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from compliance.domain.phrases import label
from compliance.domain.vocabulary import Precision, Verdict
from compliance.models.agreements.parties import Party
from compliance.models.append_only import append_only_but_purgeable
from compliance.models.choices import choice_field, one_of
from compliance.models.deadlines.deadlines import Deadline
from compliance.models.evidence.evidence import Evidence


class Position(models.Model):
    """What one party says about a deadline. It never changes the status."""

    deadline = models.ForeignKey(
        Deadline, on_delete=models.PROTECT, related_name="positions", db_index=False
    )
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="positions")
    verdict = choice_field(Verdict)
    share = models.DecimalField(
        max_digits=7,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="If partly met: the share of the whole that is met.",
    )
    stated_at = models.DateTimeField()
    stated_on = models.DateField(
        null=True, blank=True, help_text="Set when only the civil day is known."
    )
    precision = choice_field(Precision, null=True)
    quote = models.TextField(blank=True, default="")
    evidence: models.ManyToManyField[Evidence, models.Model] = models.ManyToManyField(
        Evidence, related_name="positions", blank=True
    )
    recorded_at = models.DateTimeField()
    stored_at = models.DateTimeField(db_default=Now(), editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ("id",)
        triggers = append_only_but_purgeable()
        constraints = (
            one_of("verdict", Verdict),
            one_of("precision", Precision),
            models.CheckConstraint(
                name="position_share_of_the_whole",
                condition=models.Q(share__isnull=True)
                | models.Q(share__gt=0, share__lt=1, verdict=Verdict.PARTLY_MET.value),
            ),
        )
        indexes = (
            # Read when a deadline is checked for a dispute, and by its page.
            models.Index(fields=["deadline", "party", "stated_at"], name="position_of_deadline"),
        )

    def __str__(self) -> str:
        return f"{self.party.code}: {label(self.verdict)}"
