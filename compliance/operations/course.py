"""The only writer of status: brings deadlines, their ledger, breaches and alerts up to date.

Every operation that changes what is known of a deadline ends here, and so does the sweep. All
reads and writes are set-wise: their number does not depend on how many deadlines are settled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import structlog
from django.db import connection, transaction

from compliance.domain.alerts import BreachChanges, breach_changes
from compliance.domain.due_rules import Due
from compliance.domain.ledger import Entry, next_recorded_at, restatement
from compliance.domain.timeline import BreachInterval, Fact, Terms, Timeline, project
from compliance.domain.vocabulary import AlertKind, BreachEnd, Reason, Status
from compliance.models import Fact as FactRow
from compliance.models.bulk import fetch, overlapping, write
from compliance.models.facts import fact_of

log = structlog.get_logger(__name__)

# A deadline that cannot be projected is tried again after this long; a fact recorded for it
# tries it at once.
SET_ASIDE_FOR = timedelta(hours=1)

# How many rows are decided on while the server writes those before them.
_PORTION = 250

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
    original_due_on: date
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
    """The rows that a settlement will write, as their columns by name."""

    courses: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    begun: list[dict[str, Any]] = field(default_factory=list)
    altered: list[dict[str, Any]] = field(default_factory=list)


def settle(deadline_ids: Iterable[int], *, as_of: datetime, announce_ended: bool = True) -> Settled:
    """Bring the given deadlines up to `as_of`. To be called once, last, in a transaction.

    `announce_ended=False` makes no alert for a breach that was over before it was found: for
    the loading of history.
    """
    rows = fetch(_LOCK_GIVEN, ids=sorted(set(deadline_ids)))
    return _settle([_Row(*row) for row in rows], as_of=as_of, announce_ended=announce_ended)


def settle_due(*, as_of: datetime, limit: int) -> Settled:
    """Bring up to date at most `limit` deadlines for which something falls due, oldest first.

    Deadlines that another worker holds are left to it.
    """
    with transaction.atomic():
        rows = fetch(_LOCK_DUE, as_of=as_of, limit=limit)
        return _settle([_Row(*row) for row in rows], as_of=as_of, announce_ended=True)


def _settle(rows: Sequence[_Row], *, as_of: datetime, announce_ended: bool) -> Settled:
    if not connection.in_atomic_block:
        sentence = "Deadlines are settled inside the transaction that gives cause for it."
        raise RuntimeError(sentence)
    if not rows:
        return Settled()
    known = _load(rows)
    settled = Settled()
    ledger: list[dict[str, Any]] = []
    with overlapping():
        for first in range(0, len(rows), _PORTION):
            writes = _Writes()
            for row in rows[first : first + _PORTION]:
                try:
                    _decide(row, known, as_of, writes)
                except Exception as error:  # one bad row must never stop the others
                    log.error("deadline set aside", deadline=row.id, error=repr(error))
                    writes.failures.append({"id": row.id, "error": repr(error)})
            _write(writes, as_of=as_of, announce_ended=announce_ended)
            ledger += writes.ledger
            settled.deadlines += len(writes.courses)
            settled.breaches += len(writes.begun)
            settled.set_aside += len(writes.failures)
    if ledger:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LEDGER_LOCK])
    write(_APPEND_LEDGER, ledger)
    return settled


def _write(writes: _Writes, *, as_of: datetime, announce_ended: bool) -> None:
    """Write all but the ledger."""
    write(_UPDATE_COURSES, writes.courses)
    write(_SET_ASIDE, writes.failures, again_at=as_of + SET_ASIDE_FOR)
    write(_BEGIN_BREACHES, writes.begun, announce_ended=announce_ended, **_KINDS)
    write(_ALTER_BREACHES, writes.altered)
    write(_WITHDRAW, [row for row in writes.altered if row["end_reason"] == BreachEnd.VOIDED])
    write(_TELL_AGAIN, [row for row in writes.altered if row["ended_at"] is None], **_KINDS)
    write(
        _ALERT_RECOVERED,
        [row for row in writes.altered if row["ended_at"] is not None],
        **_KINDS,
    )


def _load(rows: Sequence[_Row]) -> _Known:
    ids = [row.id for row in rows]
    timezones = {row.id: row.timezone for row in rows}
    facts: dict[int, list[Fact]] = defaultdict(list)
    touched = {deadline_id for (deadline_id,) in fetch(_WITH_FACTS, ids=ids)}
    for fact in FactRow.objects.filter(deadline_id__in=touched).values():
        facts[fact["deadline_id"]].append(fact_of(fact, timezones[fact["deadline_id"]]))
    ledger: dict[int, list[Entry]] = defaultdict(list)
    for deadline_id, recorded_at, effective_at, status, reason, fact_id, due_at, unmet_at in fetch(
        _LEDGER_OF, ids=ids
    ):
        ledger[deadline_id].append(
            Entry(
                recorded_at=recorded_at,
                effective_at=effective_at,
                status=Status(status),
                reason=Reason(reason),
                fact_id=fact_id,
                due_at=due_at,
                unmet_at=unmet_at,
            )
        )
    breaches: dict[int, list[BreachInterval]] = defaultdict(list)
    for deadline_id, occurred_at, ended_at, end_reason in fetch(_BREACHES_OF, ids=ids):
        breaches[deadline_id].append(
            BreachInterval(
                occurred_at=occurred_at,
                ended_at=ended_at,
                end_reason=BreachEnd(end_reason) if end_reason else None,
            )
        )
    targets = dict(fetch(_TARGETS_OF, ids=list({row.obligation_id for row in rows})))
    return _Known(facts=facts, ledger=ledger, breaches=breaches, targets=targets)


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
    # A request that waited for this row may have begun before the last settlement. What that one
    # found must not be taken for something that never was.
    as_of = max(as_of, row.recorded_at or as_of)
    timeline = project(terms, known.facts.get(row.id, ()))
    batch = restatement(known.ledger.get(row.id, ()), timeline, as_of)
    changes = breach_changes(known.breaches.get(row.id, ()), timeline.breaches(as_of))
    recorded_at = row.recorded_at
    if batch or changes:
        recorded_at = next_recorded_at(as_of, row.recorded_at)
    # Nothing is written before everything is worked out: a row that fails leaves no half.
    writes.courses.append(_course(row, timeline, as_of, recorded_at))
    for transition in batch:
        writes.ledger.append(
            {
                "deadline_id": row.id,
                "recorded_at": recorded_at,
                "effective_at": transition.effective_at,
                "status": transition.status,
                "reason": transition.reason,
                "fact_id": transition.fact_id,
                "due_on": transition.due.due_on,
                "due_at": transition.due.due_at,
                "unmet_at": transition.due.unmet_at,
            }
        )
    if changes:
        _note_breaches(row, recorded_at, changes, writes)


def _course(
    row: _Row, timeline: Timeline, as_of: datetime, recorded_at: datetime | None
) -> dict[str, Any]:
    # A deadline agreed for a later instant stands, until then, as it will stand at first.
    now = timeline.at(as_of) or timeline.transitions[0]
    return {
        "id": row.id,
        "status": now.status,
        "status_since": timeline.status_since(as_of) or now.effective_at,
        "due_on": now.due.due_on,
        "due_at": now.due.due_at,
        "unmet_at": now.due.unmet_at,
        "next_check_at": timeline.next_after(as_of),
        "recorded_at": recorded_at,
    }


def _note_breaches(
    row: _Row, recorded_at: datetime | None, changes: BreachChanges, writes: _Writes
) -> None:
    for breach in changes.begun:
        writes.begun.append(_breach(row, recorded_at, breach))
    for breach in (*changes.ended, *changes.resumed):
        writes.altered.append(_breach(row, recorded_at, breach))
    # A breach that never was keeps its row, as an empty interval.
    for occurred_at in changes.voided:
        voided = BreachInterval(
            occurred_at=occurred_at, ended_at=occurred_at, end_reason=BreachEnd.VOIDED
        )
        writes.altered.append(_breach(row, recorded_at, voided))


def _breach(row: _Row, recorded_at: datetime | None, breach: BreachInterval) -> dict[str, Any]:
    return {
        "deadline_id": row.id,
        "agreement_id": row.agreement_id,
        "recorded_at": recorded_at,
        "occurred_at": breach.occurred_at,
        "ended_at": breach.ended_at,
        "end_reason": breach.end_reason,
    }


_KINDS = {"missed": AlertKind.MISSED, "recovered": AlertKind.RECOVERED}

_ROW = ", ".join(_Row._fields)

# Locked against each other, but not against the foreign keys of rows that refer to them: those
# are checked at the commit, under the ledger's lock, and would close a ring of waiting.

_LOCK_GIVEN = f"""
    SELECT {_ROW} FROM compliance_deadline WHERE id = ANY(%(ids)s) ORDER BY id
    FOR NO KEY UPDATE
"""

_LOCK_DUE = f"""
    SELECT {_ROW} FROM compliance_deadline WHERE next_check_at <= %(as_of)s
    ORDER BY next_check_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
"""

_WITH_FACTS = "SELECT DISTINCT deadline_id FROM compliance_fact WHERE deadline_id = ANY(%(ids)s)"

_LEDGER_OF = """
    SELECT deadline_id, recorded_at, effective_at, status, reason, fact_id, due_at, unmet_at
    FROM compliance_ledgerentry WHERE deadline_id = ANY(%(ids)s)
"""

_BREACHES_OF = """
    SELECT deadline_id, occurred_at, ended_at, end_reason
    FROM compliance_breach WHERE deadline_id = ANY(%(ids)s)
"""

_TARGETS_OF = """
    SELECT id, target_quantity FROM compliance_obligation
    WHERE id = ANY(%(ids)s) AND target_quantity IS NOT NULL
"""

_UPDATE_COURSES = """
    UPDATE compliance_deadline AS d
    SET status = v.status, status_since = v.status_since, due_on = v.due_on, due_at = v.due_at,
        unmet_at = v.unmet_at, next_check_at = v.next_check_at, recorded_at = v.recorded_at,
        set_aside_error = ''
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(
        id bigint, status text, status_since timestamptz, due_on date, due_at timestamptz,
        unmet_at timestamptz, next_check_at timestamptz, recorded_at timestamptz)
    WHERE d.id = v.id
"""

_SET_ASIDE = """
    UPDATE compliance_deadline AS d
    SET set_aside_error = v.error, next_check_at = %(again_at)s
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(id bigint, error text)
    WHERE d.id = v.id
"""

_APPEND_LEDGER = """
    INSERT INTO compliance_ledgerentry
        (deadline_id, recorded_at, effective_at, status, reason, fact_id, due_on, due_at,
         unmet_at)
    SELECT deadline_id, recorded_at, effective_at, status, reason, fact_id, due_on, due_at,
        unmet_at
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(
        deadline_id bigint, recorded_at timestamptz, effective_at timestamptz, status text,
        reason text, fact_id bigint, due_on date, due_at timestamptz, unmet_at timestamptz)
"""

_BREACH_ROWS = """jsonb_to_recordset(%(rows)s::jsonb) AS v(
        deadline_id bigint, agreement_id bigint, recorded_at timestamptz,
        occurred_at timestamptz, ended_at timestamptz, end_reason text)"""

_BEGIN_BREACHES = f"""
    WITH v AS (SELECT * FROM {_BREACH_ROWS}),
    breach AS (
        INSERT INTO compliance_breach
            (deadline_id, occurred_at, detected_at, ended_at, end_reason)
        SELECT deadline_id, occurred_at, recorded_at, ended_at, end_reason FROM v
    )
    INSERT INTO compliance_alert
        (deadline_id, agreement_id, occasion, created_at, kind, recipient)
    SELECT v.deadline_id, v.agreement_id, v.occurred_at, v.recorded_at, %(missed)s, s.email
    FROM v
    JOIN compliance_subscription AS s
      ON s.is_active AND (s.agreement_id IS NULL OR s.agreement_id = v.agreement_id)
    WHERE %(announce_ended)s OR v.ended_at IS NULL
    ON CONFLICT DO NOTHING
"""

_ALTER_BREACHES = f"""
    UPDATE compliance_breach AS b
    SET ended_at = v.ended_at, end_reason = v.end_reason
    FROM {_BREACH_ROWS}
    WHERE b.deadline_id = v.deadline_id AND b.occurred_at = v.occurred_at
"""

# Taken back as long as nobody can have read them.
_WITHDRAW = f"""
    UPDATE compliance_alert AS a
    SET withdrawn_at = v.recorded_at
    FROM {_BREACH_ROWS}
    WHERE a.deadline_id = v.deadline_id AND a.occasion = v.occurred_at
      AND a.message_id IS NULL AND a.withdrawn_at IS NULL
"""

# A breach that was over, or had never been, is open again. Alerts that were taken back are to be
# sent after all, and so are those of people who may have read that it was over.
_TELL_AGAIN = f"""
    WITH v AS (SELECT * FROM {_BREACH_ROWS}),
    undone AS (
        DELETE FROM compliance_alert AS a USING v
        WHERE a.deadline_id = v.deadline_id AND a.occasion = v.occurred_at
          AND a.kind = %(recovered)s
        RETURNING a.deadline_id, a.occasion, a.recipient, a.message_id
    )
    UPDATE compliance_alert AS a
    SET message_id = NULL, withdrawn_at = NULL, created_at = v.recorded_at
    FROM v
    WHERE a.deadline_id = v.deadline_id AND a.occasion = v.occurred_at AND a.kind = %(missed)s
      AND (a.withdrawn_at IS NOT NULL OR EXISTS (
          SELECT FROM undone AS u JOIN compliance_message AS m ON m.id = u.message_id
          WHERE u.deadline_id = a.deadline_id AND u.occasion = a.occasion
            AND u.recipient = a.recipient AND m.attempt_count > 0))
"""

# To those who were told of the breach, and to nobody else.
_ALERT_RECOVERED = f"""
    INSERT INTO compliance_alert
        (deadline_id, agreement_id, occasion, created_at, kind, recipient)
    SELECT a.deadline_id, a.agreement_id, a.occasion, v.recorded_at, %(recovered)s, a.recipient
    FROM {_BREACH_ROWS}
    JOIN compliance_alert AS a
      ON a.deadline_id = v.deadline_id AND a.occasion = v.occurred_at
    WHERE a.kind = %(missed)s AND a.withdrawn_at IS NULL
    ON CONFLICT DO NOTHING
"""
