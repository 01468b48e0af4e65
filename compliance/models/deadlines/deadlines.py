"""Dated instances of obligations, the ledger of their status, their breaches, and the sweep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce

from compliance.domain.deadlines.ledger import Entry
from compliance.domain.deadlines.terms import Move as MoveOfTerms
from compliance.domain.deadlines.terms import Terms
from compliance.domain.due_dates.due_rules import Due
from compliance.domain.vocabulary import BreachEnd, ObligationKind, Reason, Status, Verification
from compliance.models.agreements.agreements import Agreement
from compliance.models.agreements.obligations import Obligation
from compliance.models.append_only import append_only
from compliance.models.bulk import fetch
from compliance.models.choices import choice_field, one_of

# Where a deadline without a due date stands in lists: after all that have one.
NO_DUE = datetime(9998, 12, 31, tzinfo=UTC)
# How long, at most, an alert waits for a sweep to end: longer than one takes that has half a
# million alerts to make on a busy machine. What was killed is made good by the next, soon after.
WAITED_FOR = timedelta(minutes=2)
_BY_DUE = Coalesce(models.F("due_at"), models.Value(NO_DUE))


class DeadlineQuerySet(models.QuerySet["Deadline"]):
    """Row predicates of deadlines."""

    def due_for_sweep(self, as_of: datetime) -> Self:
        """Whose status, or alerts, may change at or before `as_of`."""
        return self.filter(next_check_at__lte=as_of)

    def being_swept(self, as_of: datetime) -> Self:
        """Which a sweep that is under way at `as_of` has still to settle, as far as is committed.

        Costs nothing while no sweep is under way: the instant that it compares with is NULL then.
        """
        under_way = SweepRun.objects.under_way(as_of).order_by("-as_of").values("as_of")[:1]
        return self.due_for_sweep(as_of).filter(next_check_at__lte=models.Subquery(under_way))

    def set_aside(self) -> Self:
        """Which could not be projected and wait for a mend."""
        return self.exclude(set_aside_error="")


class Deadline(models.Model):
    """One dated instance of an obligation. Its status is a cache of its projected course."""

    # Written by compliance.operations.deadlines.projection alone, from here ...
    status = choice_field(Status)
    status_since = models.DateTimeField()
    due_on = models.DateField(null=True, help_text="Empty while dormant, or without an end.")
    due_at = models.DateTimeField(null=True)
    unmet_at = models.DateTimeField(null=True)
    first_at = models.DateTimeField(
        null=True, help_text="From here to due_at it is in time by one reading, late by another."
    )
    is_ambiguous = models.BooleanField(default=False, db_default=False)
    performed_quantity = models.DecimalField(
        max_digits=20, decimal_places=6, default=0, db_default=0
    )
    target_quantity = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    next_check_at = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(
        null=True, help_text="When the newest ledger batch of this deadline was recorded."
    )
    set_aside_error = models.TextField(blank=True, default="")
    # ... to here. What follows are the terms, and what the parties and the desk say.
    obligation = models.ForeignKey(
        Obligation, on_delete=models.PROTECT, related_name="deadlines", db_index=False
    )
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="deadlines", db_index=False
    )
    number = models.PositiveIntegerField(default=1)
    begins_at = models.DateTimeField()
    starts_at = models.DateTimeField(null=True, help_text="When a period to hold in begins.")
    original_due_on = models.DateField(null=True)
    original_due_at = models.DateTimeField(null=True)
    original_unmet_at = models.DateTimeField(null=True)
    original_first_at = models.DateTimeField(null=True)
    moves = models.JSONField(
        null=True, help_text="Due dates worked out for extensions, triggers and moved anchors."
    )
    is_withdrawn = models.BooleanField(
        default=False, db_default=False, help_text="Its corrected rule yields it no more."
    )
    has_dependents = models.BooleanField(
        default=False, db_default=False, help_text="Other deadlines are counted from this one."
    )
    trace = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    warnings = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    data_version = models.CharField(
        max_length=100,
        default="",
        db_default="",
        help_text="The zone and holiday data it was worked out with; empty: to be worked out.",
    )
    timezone = models.CharField(max_length=64)
    facts_head = models.BinaryField(
        null=True, max_length=32, help_text="The hash of the newest fact in its chain."
    )
    ledger_head = models.BinaryField(
        null=True, max_length=32, help_text="The hash of the newest ledger entry in its chain."
    )
    is_disputed = models.BooleanField(default=False)
    verification = choice_field(Verification, default=Verification.UNCHECKED)

    objects: ClassVar[models.Manager[Deadline]] = DeadlineQuerySet.as_manager()

    class Meta:
        ordering = ("due_at", "id")
        constraints = (
            one_of("status", Status),
            one_of("verification", Verification),
            models.UniqueConstraint(fields=["obligation", "number"], name="deadline_number_once"),
            # The target of the composite key that keeps alerts within the agreement of their
            # deadline.
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
            # Read by the sweep: operations.course.settle_due.
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
            # Read by the audit, which hopes to find it empty.
            models.Index(
                fields=["id"],
                name="deadline_unwatched",
                condition=models.Q(
                    next_check_at__isnull=True,
                    status__in=[Status.PENDING.value, Status.HOLDING.value, Status.IN_GRACE.value],
                ),
            ),
            # Read by operations.recomputation.
            models.Index(
                fields=["obligation"],
                name="deadline_stale",
                condition=models.Q(data_version=""),
            ),
            # Read by the health page.
            models.Index(
                fields=["id"],
                name="deadline_set_aside",
                condition=~models.Q(set_aside_error=""),
            ),
        )

    def __str__(self) -> str:
        return f"{self.obligation.ref} due {self.due_on}" if self.due_on else self.obligation.ref


class Duty(NamedTuple):
    """What of an obligation bears on the course of its deadlines."""

    kind: ObligationKind = ObligationKind.ACHIEVE
    target_quantity: Decimal | None = None
    has_due_rule: bool = True
    is_surviving: bool = False


PLAIN_DUTY = Duty()


def duty_of(obligation: Obligation) -> Duty:
    """What of an obligation bears on the course of its deadlines."""
    return Duty(
        kind=ObligationKind(obligation.kind),
        target_quantity=obligation.target_quantity,
        has_due_rule=obligation.due is not None,
        is_surviving=obligation.is_surviving,
    )


def terms_of(row: Any, duty: Duty) -> Terms:
    """What was agreed of a deadline, as the domain sees it; `row` has its columns."""
    due = None
    if row.original_due_at is not None:
        due = Due(
            due_on=row.original_due_on,
            due_at=row.original_due_at,
            unmet_at=row.original_unmet_at,
            timezone=row.timezone,
            first_at=row.original_first_at,
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
            )
            for each in row.moves
            if "at" in each
        )
    return Terms(
        begins_at=row.begins_at,
        due=due,
        kind=duty.kind,
        starts_at=row.starts_at,
        is_endless=not duty.has_due_rule,
        target_quantity=duty.target_quantity,
        moves=moves,
        is_withdrawn=row.is_withdrawn,
    )


def dump_due(due: Due) -> dict[str, str | None]:
    """A due date as JSON."""
    return {
        "due_on": due.due_on.isoformat(),
        "due_at": due.due_at.isoformat(),
        "unmet_at": due.unmet_at.isoformat(),
        "first_at": due.first_at.isoformat() if due.first_at else None,
        "timezone": due.timezone,
    }


def load_due(value: Mapping[str, str]) -> Due:
    """What `dump_due` wrote."""
    return Due(
        due_on=date.fromisoformat(value["due_on"]),
        due_at=datetime.fromisoformat(value["due_at"]),
        unmet_at=datetime.fromisoformat(value["unmet_at"]),
        timezone=value["timezone"],
        first_at=datetime.fromisoformat(value["first_at"]) if value["first_at"] else None,
    )


def dues_of_facts(moves: list[dict[str, Any]] | None) -> dict[int, Due]:
    """The due dates worked out for a deadline's extensions and triggers, by the fact's id."""
    return {
        each["fact"]: load_due(each["due"])
        for each in moves or ()
        if "fact" in each and each["due"] is not None
    }


class LedgerEntry(models.Model):
    """From `effective_at` on the deadline had `status`, as known from `recorded_at` on."""

    deadline = models.ForeignKey(
        Deadline, on_delete=models.PROTECT, related_name="ledger", db_index=False
    )
    recorded_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    status = choice_field(Status)
    reason = choice_field(Reason)
    fact = models.ForeignKey(
        "Fact", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    due_on = models.DateField(null=True)
    due_at = models.DateTimeField(null=True)
    unmet_at = models.DateTimeField(null=True)
    first_at = models.DateTimeField(null=True)
    performed = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    target = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    hash = models.BinaryField(
        null=True, max_length=32, help_text="Over this entry and the hash of the one before."
    )

    class Meta:
        verbose_name_plural = "ledger entries"
        ordering = ("id",)
        triggers = (append_only(),)
        constraints = (
            one_of("status", Status),
            one_of("reason", Reason),
            # Also read by every as-of question: one deadline's rows, newest knowledge last.
            models.UniqueConstraint(
                fields=["deadline", "recorded_at", "effective_at"], name="ledgerentry_replay"
            ),
        )

    def __str__(self) -> str:
        return f"{self.status} from {self.effective_at:%Y-%m-%d %H:%M}Z"


def entry_of(row: LedgerEntry) -> Entry:
    """A stored ledger entry as the domain sees it."""
    return Entry(
        recorded_at=row.recorded_at,
        effective_at=row.effective_at,
        status=Status(row.status),
        reason=Reason(row.reason),
        fact_id=row.fact_id,
        due_at=row.due_at,
        unmet_at=row.unmet_at,
        first_at=row.first_at,
        performed=row.performed,
        target=row.target,
    )


def ledger_of(deadline_ids: Iterable[int]) -> Iterator[tuple[int, date | None, Entry]]:
    """The ledgers of deadlines: of each entry, in no order, the deadline and the due day too."""
    for row in fetch(_LEDGER_OF, ids=list(deadline_ids)):
        deadline_id, due_on, recorded_at, effective_at, status, reason, *rest = row
        fact_id, due_at, unmet_at, first_at, performed, target = rest
        yield (
            deadline_id,
            due_on,
            Entry(
                recorded_at=recorded_at,
                effective_at=effective_at,
                status=Status(status),
                reason=Reason(reason),
                fact_id=fact_id,
                due_at=due_at,
                unmet_at=unmet_at,
                first_at=first_at,
                performed=performed,
                target=target,
            ),
        )


_LEDGER_OF = """
    SELECT deadline_id, due_on, recorded_at, effective_at, status, reason, fact_id, due_at,
        unmet_at, first_at, performed, target
    FROM compliance_ledgerentry WHERE deadline_id = ANY(%(ids)s)
"""


def chained_entry(row: Mapping[str, Any]) -> list[object]:
    """What of a ledger entry its hash covers."""
    return [row[name] for name in _CHAINED]


_CHAINED = (
    "deadline_id", "recorded_at", "effective_at", "status", "reason", "fact_id", "due_on",
    "due_at", "unmet_at", "first_at", "performed", "target",
)  # fmt: skip


class Breach(models.Model):
    """An interval in which a deadline stands unmet. It ends; it is never erased."""

    deadline = models.ForeignKey(
        Deadline, on_delete=models.PROTECT, related_name="breaches", db_index=False
    )
    occurred_at = models.DateTimeField()
    detected_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = choice_field(BreachEnd, null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    acknowledged_as = models.CharField(
        max_length=254, blank=True, default="", db_default="", help_text="Who says to be at it."
    )
    acknowledged_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "breaches"
        ordering = ("-occurred_at", "-id")
        constraints = (
            one_of("end_reason", BreachEnd),
            # Also read by operations.course, which loads the breaches of the deadlines it settles.
            models.UniqueConstraint(fields=["deadline", "occurred_at"], name="breach_once"),
            models.CheckConstraint(
                name="breach_ends_after_it_began",
                condition=models.Q(ended_at__isnull=True)
                | models.Q(ended_at__gte=models.F("occurred_at")),
            ),
            models.CheckConstraint(
                name="breach_end_has_reason",
                condition=models.Q(ended_at__isnull=True, end_reason__isnull=True)
                | models.Q(ended_at__isnull=False, end_reason__isnull=False),
            ),
            models.CheckConstraint(
                name="breach_acknowledged_whole",
                condition=models.Q(
                    acknowledged_at__isnull=True,
                    acknowledged_by__isnull=True,
                    acknowledged_as="",
                    acknowledged_until__isnull=True,
                )
                | models.Q(acknowledged_at__isnull=False, acknowledged_until__isnull=False)
                & ~models.Q(acknowledged_as=""),
            ),
        )
        indexes = (
            # Read by the breach list, newest first.
            models.Index(fields=["-occurred_at", "-id"], name="breach_newest"),
        )

    def __str__(self) -> str:
        return f"Breach from {self.occurred_at:%Y-%m-%d %H:%M}Z"


class SweepRunQuerySet(models.QuerySet["SweepRun"]):
    """Row predicates of runs of the sweep."""

    def under_way(self, as_of: datetime) -> Self:
        """Which are not over at `as_of`. One that began long ago was killed, or is huge: nothing
        waits for it."""
        return self.filter(ended_at__isnull=True, as_of__gt=as_of - WAITED_FOR, as_of__lte=as_of)


class SweepRun(models.Model):
    """One run of the sweep: when, how much it settled, how much it had to set aside."""

    as_of = models.DateTimeField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    settled = models.PositiveIntegerField(default=0)
    breaches = models.PositiveIntegerField(default=0)
    set_aside = models.PositiveIntegerField(default=0)

    objects: ClassVar[models.Manager[SweepRun]] = SweepRunQuerySet.as_manager()

    class Meta:
        ordering = ("-started_at",)
        indexes = (
            # Read by the health page (the last run), by the clearing of old runs, and by
            # delivery (those under way).
            models.Index(fields=["-ended_at"], name="sweeprun_newest"),
        )

    def __str__(self) -> str:
        return f"Sweep of {self.started_at:%Y-%m-%d %H:%M:%S}Z"


class Recomputation(models.Model):
    """One run of working out open deadlines again, and what it moved."""

    as_of = models.DateTimeField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    data_version = models.CharField(max_length=100)
    horizon = models.DateField(help_text="The day up to which recurrences are made.")
    examined = models.PositiveIntegerField(default=0)
    moved = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.moved} of {self.examined} moved with {self.data_version}"


class Move(models.Model):
    """That a recomputation moved the due instant of a deadline."""

    recomputation = models.ForeignKey(Recomputation, on_delete=models.CASCADE, related_name="moves")
    deadline = models.ForeignKey(Deadline, on_delete=models.PROTECT, related_name="+")
    from_due_at = models.DateTimeField(null=True)
    to_due_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.from_due_at} to {self.to_due_at}"
