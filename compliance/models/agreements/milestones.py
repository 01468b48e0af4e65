"""Milestones of agreements, and the history of their dates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC

from django.conf import settings
from django.db import models

from compliance.domain.agreements.party_dates import load_dates
from compliance.domain.civil_periods import period_of
from compliance.domain.due_dates.datings import Dating
from compliance.domain.due_dates.periods import Event, event_in
from compliance.domain.vocabulary import Precision
from compliance.models.agreements.agreements import Agreement
from compliance.models.append_only import append_only_but_purgeable
from compliance.models.choices import one_of, precision_field
from compliance.models.history import tracked


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
    precision = precision_field()
    at = models.DateTimeField(null=True, blank=True)
    due = models.JSONField(
        null=True,
        blank=True,
        help_text="The rule that gives its date, if it counts from another milestone.",
    )
    dates = models.JSONField(
        null=True, blank=True, help_text="The date of each party, if each has its own."
    )

    class Meta:
        ordering = ("id",)
        constraints = (
            one_of("precision", Precision),
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
    precision = precision_field()
    at = models.DateTimeField(null=True, blank=True)
    due = models.JSONField(null=True, help_text="The due rule that dated it, if one did.")
    dates = models.JSONField(null=True, help_text="The date of each party, if each has its own.")
    is_removed = models.BooleanField(default=False, db_default=False)
    recorded_at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ("id",)
        triggers = append_only_but_purgeable()
        constraints = (
            one_of("precision", Precision),
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
    if milestone.on is None:
        return None
    return event_in(period_of(milestone.on, Precision(milestone.precision)))


def dating_of(row: MilestoneDating) -> Dating:
    """Return a stored dating as a domain value."""
    return Dating(
        ref=row.ref,
        event=milestone_event(row),
        recorded_at=row.recorded_at,
        title=row.title,
        by_party=load_dates(row.dates),
    )


def datings_of(agreement_ids: Iterable[int]) -> dict[int, list[Dating]]:
    """Return the datings of milestones, by agreement, in the order of recording."""
    found: dict[int, list[Dating]] = defaultdict(list)
    rows = MilestoneDating.objects.filter(agreement__in=agreement_ids, is_removed=False)
    for row in rows.order_by("recorded_at", "id"):
        found[row.agreement_id].append(dating_of(row))
    return found
