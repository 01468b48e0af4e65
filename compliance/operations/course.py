"""The only writer of status: brings deadlines, their ledger, breaches and alerts up to date.

Every operation that changes what is known of a deadline ends here, and so does the sweep. All
reads and writes are set-wise: their number does not depend on how many deadlines are settled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import structlog
from django.db import connection, transaction

from compliance.domain.alerts import BreachChanges, breach_changes
from compliance.domain.due_rules import Due
from compliance.domain.ledger import Entry, next_recorded_at, restatement
from compliance.domain.timeline import BreachInterval, Fact, Terms, Timeline, Transition, project
from compliance.domain.vocabulary import (
    AlertKind,
    BreachEnd,
    FactKind,
    Reason,
    Status,
)
from compliance.models import (
    Alert,
    Breach,
    Deadline,
    LedgerEntry,
    Obligation,
    Subscription,
)
from compliance.models import Fact as FactRow

log = structlog.get_logger(__name__)

# A deadline that cannot be projected is tried again after this long; a fact recorded for it
# tries it at once.
SET_ASIDE_FOR = timedelta(hours=1)

# Ledger ids must come to light in the order of their numbers, or a reader of the change feed
# that resumes after the highest id it has seen would miss a lower one committed later. So
# ledger rows are inserted last, under this lock, which is held until the commit.
_LEDGER_LOCK = 0x5041435441


class _Row(NamedTuple):
    """The columns of a deadline that a projection needs."""

    id: int
    agreement_id: int
    obligation_id: int
    begins_at: datetime
    original_due_on: Any
    original_due_at: datetime
    original_unmet_at: datetime
    timezone: str
    recorded_at: datetime | None


@dataclass(kw_only=True, slots=True)
class Settled:
    """What a settlement did."""

    deadlines: int = 0
    breaches: int = 0
    set_aside: int = 0


@dataclass(kw_only=True, slots=True)
class _Known:
    """What is stored about the deadlines being settled, by deadline (targets by obligation)."""

    facts: dict[int, list[Fact]]
    ledger: dict[int, list[Entry]]
    breaches: dict[int, list[BreachInterval]]
    targets: dict[int, Decimal]


@dataclass(kw_only=True, slots=True)
class _Writes:
    """The rows that a settlement will write."""

    courses: list[tuple[_Row, Timeline, datetime | None]] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    changes: list[tuple[_Row, datetime, BreachChanges]] = field(default_factory=list)
    failures: list[tuple[_Row, str]] = field(default_factory=list)


def settle(deadline_ids: Iterable[int], *, as_of: datetime, announce_ended: bool = True) -> Settled:
    """Bring the given deadlines up to `as_of`. To be called once, last, in a transaction.

    `announce_ended=False` makes no alert for a breach that was over before it was found: for
    the loading of history.
    """
    rows = Deadline.objects.filter(id__in=list(deadline_ids)).order_by("id").select_for_update()
    return _settle(_rows(rows), as_of=as_of, announce_ended=announce_ended)


def settle_due(*, as_of: datetime, limit: int) -> Settled:
    """Bring up to date at most `limit` deadlines for which something falls due, oldest first.

    Deadlines that another worker holds are left to it.
    """
    with transaction.atomic():
        rows = (
            Deadline.objects.due_for_sweep(as_of)
            .order_by("next_check_at")
            .select_for_update(skip_locked=True)[:limit]
        )
        return _settle(_rows(rows), as_of=as_of, announce_ended=True)


def _rows(deadlines: Any) -> list[_Row]:
    return [_Row(*values) for values in deadlines.values_list(*_Row._fields)]


def _settle(rows: Sequence[_Row], *, as_of: datetime, announce_ended: bool) -> Settled:
    if not connection.in_atomic_block:
        sentence = "Deadlines are settled inside the transaction that gives cause for it."
        raise RuntimeError(sentence)
    if not rows:
        return Settled()
    known = _load(rows)
    writes = _Writes()
    for row in rows:
        try:
            _decide(row, known, as_of, writes)
        except Exception as error:
            log.error("deadline set aside", deadline=row.id, error=repr(error))
            writes.failures.append((row, repr(error)))
    _write_courses(writes, as_of)
    _write_breaches(writes.changes)
    _write_alerts(writes.changes, announce_ended=announce_ended)
    _append_ledger(writes.entries)
    return Settled(
        deadlines=len(writes.courses),
        breaches=sum(len(changes.begun) for _, _, changes in writes.changes),
        set_aside=len(writes.failures),
    )


def _load(rows: Sequence[_Row]) -> _Known:
    ids = [row.id for row in rows]
    timezones = {row.id: row.timezone for row in rows}
    facts: dict[int, list[Fact]] = defaultdict(list)
    for row in FactRow.objects.filter(deadline_id__in=ids).order_by("id").values():
        facts[row["deadline_id"]].append(fact_of(row, timezones[row["deadline_id"]]))
    ledger: dict[int, list[Entry]] = defaultdict(list)
    for deadline_id, recorded_at, effective_at, status, reason, fact_id, due_at in (
        LedgerEntry.objects.filter(deadline_id__in=ids)
        .order_by()
        .values_list(
            "deadline_id", "recorded_at", "effective_at", "status", "reason", "fact_id", "due_at"
        )
    ):
        ledger[deadline_id].append(
            Entry(
                recorded_at=recorded_at,
                effective_at=effective_at,
                status=Status(status),
                reason=Reason(reason),
                fact_id=fact_id,
                due_at=due_at,
            )
        )
    breaches: dict[int, list[BreachInterval]] = defaultdict(list)
    for deadline_id, occurred_at, ended_at, end_reason in (
        Breach.objects.filter(deadline_id__in=ids)
        .order_by()
        .values_list("deadline_id", "occurred_at", "ended_at", "end_reason")
    ):
        breaches[deadline_id].append(
            BreachInterval(
                occurred_at=occurred_at,
                ended_at=ended_at,
                end_reason=BreachEnd(end_reason) if end_reason else None,
            )
        )
    targets = dict(
        Obligation.objects.filter(
            id__in={row.obligation_id for row in rows}, target_quantity__isnull=False
        )
        .order_by()
        .values_list("id", "target_quantity")
    )
    return _Known(facts=facts, ledger=ledger, breaches=breaches, targets=targets)  # type: ignore[arg-type]


def fact_of(row: Mapping[str, Any], timezone: str) -> Fact:
    """A stored fact as the domain sees it."""
    due = None
    if row["due_at"] is not None:
        due = Due(
            due_on=row["due_on"],
            due_at=row["due_at"],
            unmet_at=row["unmet_at"],
            timezone=timezone,
        )
    return Fact(
        id=row["id"],
        kind=FactKind(row["kind"]),
        effective_at=row["effective_at"],
        effective_on=row["effective_on"],
        quantity=row["quantity"],
        due=due,
        supersedes=row["supersedes_id"],
    )


def _decide(row: _Row, known: _Known, as_of: datetime, writes: _Writes) -> None:
    terms = Terms(
        begins_at=row.begins_at,
        due=Due(
            due_on=row.original_due_on,
            due_at=row.original_due_at,
            unmet_at=row.original_unmet_at,
            timezone=row.timezone,
        ),
        target_quantity=known.targets.get(row.obligation_id),
    )
    timeline = project(terms, known.facts.get(row.id, ()))
    batch = restatement(known.ledger.get(row.id, ()), timeline, as_of)
    changes = breach_changes(known.breaches.get(row.id, ()), timeline.breaches(as_of))
    recorded_at = row.recorded_at
    if batch or changes:
        recorded_at = next_recorded_at(as_of, row.recorded_at)
        writes.entries.extend(_entry(row.id, recorded_at, transition) for transition in batch)
    if changes:
        writes.changes.append((row, recorded_at or as_of, changes))
    writes.courses.append((row, timeline, recorded_at))


def _entry(deadline_id: int, recorded_at: datetime, transition: Transition) -> LedgerEntry:
    return LedgerEntry(
        deadline_id=deadline_id,
        recorded_at=recorded_at,
        effective_at=transition.effective_at,
        status=transition.status,
        reason=transition.reason,
        fact_id=transition.fact_id,
        due_on=transition.due.due_on,
        due_at=transition.due.due_at,
    )


def _write_courses(writes: _Writes, as_of: datetime) -> None:
    columns: list[list[Any]] = [[] for _ in range(8)]
    for row, timeline, recorded_at in writes.courses:
        # A deadline agreed for a later instant stands, until then, as it will stand at first.
        now = timeline.at(as_of) or timeline.transitions[0]
        since = timeline.status_since(as_of) or now.effective_at
        values = (
            row.id,
            now.status.value,
            since,
            now.due.due_on,
            now.due.due_at,
            now.due.unmet_at,
            timeline.next_after(as_of),
            recorded_at,
        )
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    with connection.cursor() as cursor:
        if columns[0]:
            cursor.execute(
                """
                UPDATE compliance_deadline AS d
                SET status = v.status, status_since = v.status_since, due_on = v.due_on,
                    due_at = v.due_at, unmet_at = v.unmet_at, next_check_at = v.next_check_at,
                    recorded_at = v.recorded_at, set_aside_error = ''
                FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::date[],
                            %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],
                            %s::timestamptz[])
                    AS v(id, status, status_since, due_on, due_at, unmet_at, next_check_at,
                         recorded_at)
                WHERE d.id = v.id
                """,
                columns,
            )
        if writes.failures:
            cursor.execute(
                """
                UPDATE compliance_deadline AS d
                SET next_check_at = %s, set_aside_error = v.error
                FROM unnest(%s::bigint[], %s::text[]) AS v(id, error)
                WHERE d.id = v.id
                """,
                [
                    as_of + SET_ASIDE_FOR,
                    [row.id for row, _ in writes.failures],
                    [error for _, error in writes.failures],
                ],
            )


def _write_breaches(changes: Sequence[tuple[_Row, datetime, BreachChanges]]) -> None:
    Breach.objects.bulk_create(
        [
            Breach(
                deadline_id=row.id,
                occurred_at=breach.occurred_at,
                detected_at=recorded_at,
                ended_at=breach.ended_at,
                end_reason=breach.end_reason,
            )
            for row, recorded_at, change in changes
            for breach in change.begun
        ],
    )
    altered = [
        (row.id, breach.occurred_at, breach.ended_at, breach.end_reason)
        for row, _, change in changes
        for breach in (*change.ended, *change.resumed)
    ]
    # A breach that never was keeps its row, as an empty interval.
    altered += [
        (row.id, occurred_at, occurred_at, BreachEnd.VOIDED)
        for row, _, change in changes
        for occurred_at in change.voided
    ]
    if not altered:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE compliance_breach AS b
            SET ended_at = v.ended_at, end_reason = v.end_reason
            FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::text[])
                AS v(deadline_id, occurred_at, ended_at, end_reason)
            WHERE b.deadline_id = v.deadline_id AND b.occurred_at = v.occurred_at
            """,
            [list(column) for column in zip(*altered, strict=True)],
        )


def _write_alerts(
    changes: Sequence[tuple[_Row, datetime, BreachChanges]], *, announce_ended: bool
) -> None:
    if not changes:
        return
    recipients = _Recipients()
    missed = [
        Alert(
            deadline_id=row.id,
            agreement_id=row.agreement_id,
            kind=AlertKind.MISSED,
            occasion=breach.occurred_at,
            recipient=recipient,
            created_at=recorded_at,
        )
        for row, recorded_at, change in changes
        for breach in change.begun
        if announce_ended or breach.ended_at is None
        for recipient in recipients.of(row.agreement_id)
    ]
    Alert.objects.bulk_create(missed, ignore_conflicts=True)
    over = [
        (row.id, occurred_at, recorded_at)
        for row, recorded_at, change in changes
        for occurred_at in (*(each.occurred_at for each in change.ended), *change.voided)
    ]
    voided = [
        (row.id, occurred_at, recorded_at)
        for row, recorded_at, change in changes
        for occurred_at in change.voided
    ]
    _withdraw(voided)
    _tell_recovered(over)


class _Recipients:
    """Who follows an agreement; read once for a whole settlement."""

    def __init__(self) -> None:
        self.everything: set[str] = set()
        self.by_agreement: dict[int, set[str]] = defaultdict(set)
        for email, agreement_id in (
            Subscription.objects.filter(is_active=True)
            .order_by()
            .values_list("email", "agreement_id")
        ):
            if agreement_id is None:
                self.everything.add(email)
            else:
                self.by_agreement[agreement_id].add(email)

    def of(self, agreement_id: int) -> set[str]:
        return self.everything | self.by_agreement.get(agreement_id, set())


def _withdraw(voided: Sequence[tuple[int, datetime, datetime]]) -> None:
    """Take back alerts of breaches that never were, as far as nobody can have read them yet."""
    if not voided:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE compliance_alert AS a
            SET withdrawn_at = v.at
            FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[])
                AS v(deadline_id, occasion, at)
            WHERE a.deadline_id = v.deadline_id AND a.occasion = v.occasion
              AND a.message_id IS NULL AND a.withdrawn_at IS NULL
            """,
            [list(column) for column in zip(*voided, strict=True)],
        )


def _tell_recovered(over: Sequence[tuple[int, datetime, datetime]]) -> None:
    """Tell those who were told of a breach that it is over."""
    if not over:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO compliance_alert
                (deadline_id, agreement_id, kind, occasion, recipient, created_at)
            SELECT a.deadline_id, a.agreement_id, %s, a.occasion, a.recipient, v.at
            FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[])
                AS v(deadline_id, occasion, at)
            JOIN compliance_alert AS a
              ON a.deadline_id = v.deadline_id AND a.occasion = v.occasion
            WHERE a.kind = %s AND a.withdrawn_at IS NULL
            ON CONFLICT DO NOTHING
            """,
            [
                AlertKind.RECOVERED,
                *[list(column) for column in zip(*over, strict=True)],
                AlertKind.MISSED,
            ],
        )


def _append_ledger(entries: Sequence[LedgerEntry]) -> None:
    if not entries:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LEDGER_LOCK])
    LedgerEntry.objects.bulk_create(entries)
