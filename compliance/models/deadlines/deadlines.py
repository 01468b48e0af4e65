"""Deadlines: dated instances of obligations, with a cache of their status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Self

from django.db import models

from compliance.domain.deadlines.period_starts import NO_DATE
from compliance.domain.vocabulary import (
    Announcement,
    Status,
    Verification,
)
from compliance.models.agreements.agreements import Agreement
from compliance.models.agreements.obligations import Obligation
from compliance.models.agreements.parties import Party
from compliance.models.choices import choice_field, one_of
from compliance.models.system.jobs import JobRun

# Sorts deadlines without a due date last.
NO_DUE = NO_DATE


# Not COALESCE, which PostgreSQL takes to be leaky: behind row-level security, it would enter no
# index at a position, and sort all rows for each page.
_BY_DUE = models.Case(
    models.When(due_at__isnull=True, then=models.Value(NO_DUE)), default=models.F("due_at")
)


class DeadlineQuerySet(models.QuerySet["Deadline"]):
    """Row predicates for deadlines."""

    def due_for_sweep(self, as_of: datetime) -> Self:
        """Deadlines whose status or alerts may change at or before `as_of`."""
        return self.filter(next_check_at__lte=as_of)

    def being_swept(self, as_of: datetime) -> Self:
        """Deadlines that a sweep running at `as_of` has yet to refresh.

        Costs nothing while no sweep is running, because it then compares with NULL.
        """
        sweeps = JobRun.objects.sweeps_under_way(as_of)
        under_way = sweeps.order_by("-as_of").values("as_of")[:1]
        return self.due_for_sweep(as_of).filter(next_check_at__lte=models.Subquery(under_way))

    def listed(self) -> Self:
        """Deadlines that lists show: those of agreements that are not archived."""
        return self.exclude(agreement__in=Agreement.objects.archived())


class Deadline(models.Model):
    """One dated instance of an obligation. Its status is a cache of its projected timeline."""

    # Only compliance.operations.deadlines.projection writes the columns from here ...
    status = choice_field(Status)
    status_since = models.DateTimeField()
    due_on = models.DateField(null=True, help_text="Empty while dormant, or if it has no end.")
    due_at = models.DateTimeField(null=True)
    unmet_at = models.DateTimeField(null=True)
    earliest_due_at = models.DateTimeField(
        null=True,
        help_text="From this until due_at, whether performance is on time depends on the reading.",
    )
    is_ambiguous = models.BooleanField(default=False, db_default=False)
    is_closed = models.BooleanField(
        default=False, db_default=False, help_text="Nothing changes it any more."
    )
    performed_quantity = models.DecimalField(
        max_digits=20,
        decimal_places=6,
        null=True,
        default=0,
        db_default=0,
        help_text="Empty if only measured values decide about the target.",
    )
    target_quantity = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    accepted_share = models.DecimalField(
        max_digits=7,
        decimal_places=6,
        null=True,
        help_text="Without a target: the share of the whole that determinations accept.",
    )
    measured_quantity = models.DecimalField(
        max_digits=20,
        decimal_places=6,
        null=True,
        help_text="The value in force: the latest that was measured.",
    )
    next_check_at = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(
        null=True, help_text="When the latest ledger entries of this deadline were recorded."
    )
    has_other_due = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Its ledger states another due date for some time.",
    )
    quarantine_error = models.TextField(blank=True, default="")
    # ... to here. The terms follow, and then the positions of the parties and the verification.
    # One composite key, `deadline_same_agreement`, enforces both and is checked once per row.
    obligation = models.ForeignKey(
        Obligation, on_delete=models.PROTECT, related_name="deadlines", db_index=False,
        db_constraint=False,
    )  # fmt: skip
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="deadlines", db_index=False,
        db_constraint=False,
    )  # fmt: skip
    number = models.PositiveIntegerField(default=1)
    party = models.ForeignKey(
        Party,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="The obligor whose deadline it is, if each has one of its own.",
    )
    begins_at = models.DateTimeField()
    is_start_presumed = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Nothing states when it began, so an earlier fact moves its beginning.",
    )
    starts_at = models.DateTimeField(null=True, help_text="When the period begins.")
    original_due_on = models.DateField(null=True)
    original_due_at = models.DateTimeField(null=True)
    original_unmet_at = models.DateTimeField(null=True)
    original_earliest_due_at = models.DateTimeField(null=True)
    moves = models.JSONField(
        null=True, help_text="Due dates computed for extensions, triggers and moved anchors."
    )
    is_withdrawn = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The corrected rule no longer yields it.",
    )
    entered_at = models.DateTimeField(
        null=True, help_text="When its obligation was entered. Earlier breaches are not news."
    )
    # How breaches that began before it was entered are announced.
    announcement = choice_field(
        Announcement, default=Announcement.SUMMARY, db_default=Announcement.SUMMARY
    )
    has_dependents = models.BooleanField(
        default=False, db_default=False, help_text="Other deadlines depend on this one."
    )
    trace = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    # Of every due date that it has or had; `warnings_about` returns those about one of them.
    warnings = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    data_version = models.CharField(
        max_length=100,
        default="",
        db_default="",
        help_text="The version of the zone and holiday data used. Empty: to be recomputed.",
    )
    timezone = models.CharField(max_length=64)
    facts_head = models.BinaryField(
        null=True, max_length=32, help_text="The hash of the latest fact in its chain."
    )
    ledger_head = models.BinaryField(
        null=True, max_length=32, help_text="The hash of the latest ledger entry in its chain."
    )
    is_disputed = models.BooleanField(default=False)
    # A cache of determinations and search logs. Every list and export shows it, and computing it
    # takes a pass over the facts and evidence of every row.
    verification = choice_field(Verification, default=Verification.UNCHECKED)

    objects: ClassVar[models.Manager[Deadline]] = DeadlineQuerySet.as_manager()

    class Meta:
        ordering = ("due_at", "id")
        permissions = (
            ("determine_deadline", "Can determine whether a deadline was met"),
            ("waive_deadline", "Can waive a deadline"),
        )
        constraints = (
            one_of("status", Status),
            one_of("verification", Verification),
            one_of("announcement", Announcement),
            models.UniqueConstraint(fields=["obligation", "number"], name="deadline_number_once"),
            # The target of the composite key that keeps alerts in the agreement of their deadline.
            models.UniqueConstraint(fields=["agreement", "id"], name="deadline_in_agreement"),
            models.CheckConstraint(
                name="deadline_grace_follows_due",
                condition=models.Q(unmet_at__gte=models.F("due_at"))
                & models.Q(original_unmet_at__gte=models.F("original_due_at")),
            ),
            models.CheckConstraint(
                name="deadline_due_whole",
                condition=models.Q(due_on__isnull=True, due_at__isnull=True, unmet_at__isnull=True)
                | models.Q(due_on__isnull=False, due_at__isnull=False, unmet_at__isnull=False),
            ),
            models.CheckConstraint(
                name="deadline_begins_before_due",
                condition=models.Q(begins_at__lte=models.F("original_due_at")),
            ),
        )
        indexes = (
            # Read by the sweep.
            models.Index(
                fields=["next_check_at"],
                name="deadline_next_check",
                condition=models.Q(next_check_at__isnull=False),
            ),
            # Read by the deadline list in its default order, page by page.
            models.Index(_BY_DUE, "id", name="deadline_due_order"),
            # Read by the deadline list and the summary of one status.
            models.Index("status", _BY_DUE, "id", name="deadline_status_due_order"),
            # Read by the deadline list of one agreement.
            models.Index("agreement", _BY_DUE, "id", name="deadline_agreement_due_order"),
            # Read by the deadline list in order of the latest changes, and by its filters
            # `since_after` and `since_before`.
            models.Index(fields=["status_since", "id"], name="deadline_since_order"),
            # Read by the filter `is_disputed`.
            models.Index(
                fields=["id"],
                name="deadline_disputed",
                condition=models.Q(is_disputed=True),
            ),
            # Read by lists as of another time, which look these up one by one.
            models.Index(
                fields=["id"],
                name="deadline_other_due",
                condition=models.Q(has_other_due=True),
            ),
            # Read by the alert audit, which expects no rows.
            models.Index(
                fields=["id"],
                name="deadline_unwatched",
                condition=models.Q(
                    next_check_at__isnull=True,
                    status__in=[Status.PENDING.value, Status.HOLDING.value, Status.IN_GRACE.value],
                ),
            ),
            # Read by the recomputation of due dates.
            models.Index(
                fields=["obligation"],
                name="deadline_stale",
                condition=models.Q(data_version=""),
            ),
            # Read by the readiness check.
            models.Index(
                fields=["id"],
                name="deadline_quarantined",
                condition=~models.Q(quarantine_error=""),
            ),
        )

    def __str__(self) -> str:
        return f"{self.obligation.ref} due {self.due_on}" if self.due_on else self.obligation.ref


def warnings_about(
    stored: Sequence[Mapping[str, str | None] | str], due_at: datetime | None
) -> list[str]:
    """Return the stored warnings that are about a due instant, or about the lack of one.

    A warning that was stored without its due instant is about the original one. It is shown until
    the dates are computed again.
    """
    return [
        each if isinstance(each, str) else each["text"] or ""
        for each in stored
        if isinstance(each, str)
        or (None if each["due_at"] is None else datetime.fromisoformat(each["due_at"])) == due_at
    ]
