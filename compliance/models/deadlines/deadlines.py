"""Deadlines: dated instances of obligations, with a cache of their status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple, Self

from django.db import models
from django.db.models.functions import Coalesce

from compliance.domain.civil_time import day_end, displayed_zone_name
from compliance.domain.deadlines.scheduling import NO_DATE
from compliance.domain.deadlines.terms import Move as MoveOfTerms
from compliance.domain.deadlines.terms import Terms
from compliance.domain.due_dates.due_rules import Due
from compliance.domain.vocabulary import (
    Announcement,
    ObligationKind,
    Precision,
    Reason,
    Status,
    TargetBound,
    Verification,
)
from compliance.models.agreements.agreements import Agreement, Party
from compliance.models.agreements.obligations import Obligation
from compliance.models.choices import choice_field, one_of
from compliance.models.system.jobs import JobRun

# Sorts deadlines without a due date last.
NO_DUE = NO_DATE


_BY_DUE = Coalesce(models.F("due_at"), models.Value(NO_DUE))


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
    obligation = models.ForeignKey(
        Obligation, on_delete=models.PROTECT, related_name="deadlines", db_index=False
    )
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="deadlines", db_index=False
    )
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
    # How breaches are announced that began before it was entered.
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


class Duty(NamedTuple):
    """The properties of an obligation that shape the timeline of its deadlines."""

    kind: ObligationKind = ObligationKind.ACHIEVE
    target_quantity: Decimal | None = None
    target_bound: TargetBound = TargetBound.AT_LEAST
    has_due_rule: bool = True
    survives_termination: bool = False
    # The last day of the agreement, if the obligation ends with it.
    ends_on: date | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing but the end of the agreement is special about it."""
        return self[:-1] == _PLAIN


PLAIN_DUTY = Duty()
_PLAIN = PLAIN_DUTY[:-1]


def duty_of(obligation: Obligation) -> Duty:
    """Return the properties of an obligation that shape the timeline of its deadlines."""
    return Duty(
        kind=ObligationKind(obligation.kind),
        target_quantity=obligation.target_quantity,
        target_bound=TargetBound(obligation.target_bound),
        has_due_rule=obligation.due is not None,
        survives_termination=obligation.survives_termination,
        ends_on=None if obligation.survives_termination else obligation.agreement.ends_on,
    )


def expires_at(ends_on: date | None, timezone: str) -> datetime | None:
    """Return when an agreement that ends on a day expires for a deadline in a zone."""
    return None if ends_on is None else day_end(ends_on, displayed_zone_name(timezone))


def terms_of(row: Any, duty: Duty) -> Terms:
    """Return the terms of a deadline as a domain value. `row` has the columns of a deadline."""
    due = None
    if row.original_due_at is not None:
        due = Due(
            row.original_due_on,
            row.original_due_at,
            row.original_unmet_at,
            row.timezone,
            row.original_earliest_due_at,
        )
    moves: tuple[MoveOfTerms, ...] = ()
    if row.moves:
        moves = tuple(
            MoveOfTerms(
                at=datetime.fromisoformat(each["at"]),
                due=load_due(each["due"]) if each["due"] else None,
                reason=Reason(each["reason"]),
                performed=Decimal(each["performed"]) if "performed" in each else None,
                target=Decimal(each["target"]) if "target" in each else None,
                place=each.get("place", 1),
            )
            for each in row.moves
            if "at" in each
        )
    return Terms(
        row.begins_at,
        due,
        duty.kind,
        row.starts_at,
        not duty.has_due_rule,
        duty.target_quantity,
        moves,
        row.is_withdrawn,
        row.is_start_presumed,
        expires_at(duty.ends_on, row.timezone),
        duty.target_bound,
    )


def due_precision(deadline: Deadline) -> Precision:
    """Return the precision with which the current due date was agreed.

    Takes no query if the facts that have a due rule were prefetched.
    """
    rule = deadline.obligation.due
    if deadline.due_at != deadline.original_due_at:
        extensions = {
            fact.pk: fact.due
            for fact in deadline.facts.all()
            if fact.due is not None and fact.due_at == deadline.due_at
        }
        rule = extensions[max(extensions)] if extensions else None
    return Precision((rule or {}).get("precision") or Precision.DAY)


def dump_due(due: Due) -> dict[str, str | None]:
    """Return a due date as JSON."""
    return {
        "due_on": due.due_on.isoformat(),
        "due_at": due.due_at.isoformat(),
        "unmet_at": due.unmet_at.isoformat(),
        "earliest_due_at": due.earliest_due_at.isoformat() if due.earliest_due_at else None,
        "timezone": due.timezone,
    }


def load_due(value: Mapping[str, str]) -> Due:
    """Read a due date that `dump_due` wrote."""
    return Due(
        due_on=date.fromisoformat(value["due_on"]),
        due_at=datetime.fromisoformat(value["due_at"]),
        unmet_at=datetime.fromisoformat(value["unmet_at"]),
        timezone=value["timezone"],
        earliest_due_at=datetime.fromisoformat(value["earliest_due_at"])
        if value["earliest_due_at"]
        else None,
    )


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


def dues_of_facts(moves: list[dict[str, Any]] | None) -> dict[int, Due]:
    """Return the due dates computed for extensions and triggers, by the id of the fact."""
    return {
        each["fact"]: load_due(each["due"])
        for each in moves or ()
        if "fact" in each and each["due"] is not None
    }
