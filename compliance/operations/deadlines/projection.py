"""The only writer of status: brings deadlines, their ledger, breaches and alerts up to date.

Every operation that changes what is known of a deadline ends here, and so does the sweep. All
reads and writes are set-wise: their number does not depend on how many deadlines are settled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import structlog
from django.db import connection, transaction

from compliance.domain.alerts import intents as calling
from compliance.domain.alerts import notification_policies as ladders
from compliance.domain.alerts.intents import BreachChanges, Call, OpenBreach, breach_changes
from compliance.domain.deadlines.ledger import (
    Entry,
    breaches_believed,
    entry_of,
    held_course,
    next_recorded_at,
    performed_of,
    restatement,
    retell,
)
from compliance.domain.deadlines.timeline import (
    BREACHED,
    BreachInterval,
    Fact,
    Timeline,
    Transition,
    project,
)
from compliance.domain.due_dates.calendars import BusinessCalendar, UnknownCalendar
from compliance.domain.integrity.chains import link
from compliance.domain.vocabulary import AlertKind, BreachEnd, ObligationKind
from compliance.models.bulk import fetch, overlapping, write
from compliance.models.deadlines.deadlines import PLAIN_DUTY, Duty, terms_of
from compliance.models.deadlines.facts import facts_about
from compliance.models.deadlines.ledger import chained_entry, ledger_of
from compliance.models.due_dates.calendars import desk_calendars
from compliance.models.locks import lock_deadline_columns
from compliance.operations.alerts import alerts
from compliance.operations.deadlines import schedule
from compliance.operations.evidence import verification

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
    starts_at: datetime | None
    original_due_on: date | None
    original_due_at: datetime | None
    original_unmet_at: datetime | None
    original_first_at: datetime | None
    moves: list[dict[str, Any]] | None
    is_withdrawn: bool
    has_dependents: bool
    timezone: str
    recorded_at: datetime | None
    ledger_head: bytes | None


@dataclass(kw_only=True, slots=True)
class Settled:
    """What a settlement did."""

    deadlines: int = 0
    breaches: int = 0
    set_aside: int = 0


class _Climbed(NamedTuple):
    """A ladder, and how its business days are counted."""

    ladder: ladders.Ladder = ladders.DEFAULT
    business_days: ladders.BusinessDays | None = None


_DEFAULT_LADDER = _Climbed()


@dataclass(kw_only=True, slots=True)
class _Known:
    """What is stored about the deadlines being settled, by deadline (duties by obligation)."""

    facts: dict[int, list[Fact]]
    ledger: dict[int, list[Entry]]
    breaches: dict[int, list[BreachInterval]]
    duties: dict[int, Duty]
    # The same breaches as they are climbed from, by deadline and when they began; the ladders by
    # obligation.
    climbed: dict[tuple[int, datetime], OpenBreach]
    ladders: dict[int, _Climbed]
    announces_ended: bool


@dataclass(kw_only=True, slots=True)
class _Writes:
    """The rows that a settlement will write, as their columns by name."""

    courses: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    begun: list[dict[str, Any]] = field(default_factory=list)
    altered: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)


def settle(
    deadline_ids: Iterable[int],
    *,
    as_of: datetime,
    announce_ended: bool = True,
    keeps_closed: bool = False,
    known_from: Mapping[int, datetime] | None = None,
) -> Settled:
    """Bring the given deadlines up to `as_of`. To be called once, last, in a transaction.

    Whoever settles a deadline that others are counted from holds its agreement, locked before
    any deadline: what hangs on it is settled too, and two that went from one deadline to another
    in different orders would wait for each other.

    `announce_ended=False` makes no alert for a breach that was over before it was found: for
    the loading of history. With `keeps_closed`, what hangs on these and is closed keeps the terms
    by which it was judged. New deadlines that are in `known_from` are told as they would have
    become known from then on.
    """
    wanted = set(deadline_ids)
    rows = _locked(wanted)
    settled = Settled()
    past = known_from or {}
    if not any(row.has_dependents for row in rows):
        ledger = _settle(rows, settled, past, as_of=as_of, announce_ended=announce_ended)
        verification.mark(row.id for row in rows)
        _append(ledger)
        return settled
    ledger = []
    marked: set[int] = set()
    by_obligation: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        by_obligation[row.obligation_id].append(row)
    for number, level in enumerate(schedule.levels(by_obligation)):
        given = [row for pk in level for row in by_obligation.get(pk, ())]
        if number:
            # What these are counted from has been settled, and may have moved.
            arranged = schedule.arrange(
                level, as_of=as_of, is_forgiving=True, keeps_closed=keeps_closed
            )
            given = _locked({row.id for row in given} | arranged.touched)
            failures = [{"id": pk, "error": error} for pk, error in arranged.failed.items()]
            write(_SET_ASIDE, failures, again_at=as_of + SET_ASIDE_FOR)
            settled.set_aside += len(failures)
        marked |= {row.id for row in given}
        ledger += _settle(given, settled, past, as_of=as_of, announce_ended=announce_ended)
    verification.mark(marked)
    _append(ledger)
    return settled


def settle_due(*, as_of: datetime, limit: int) -> Settled:
    """Bring up to date at most `limit` deadlines for which something falls due, oldest first.

    Deadlines that another worker holds are left to it, and those that others are counted from
    to `settle_chain_due`.
    """
    with transaction.atomic():
        rows = [_Row(*row) for row in fetch(_LOCK_DUE, as_of=as_of, limit=limit)]
        settled = Settled()
        _append(_settle(rows, settled, {}, as_of=as_of, announce_ended=True))
        return settled


def settle_sources_due(*, as_of: datetime) -> Settled:
    """Bring up to date the deadlines that others are counted from and for which something falls
    due, with all that hangs on them: a transaction for each agreement.

    Agreements that another worker holds are left to it.
    """
    settled = Settled()
    for (agreement_id,) in fetch(_AGREEMENTS_WITH_SOURCES_DUE, as_of=as_of):
        with transaction.atomic():
            if fetch(_LOCK_AGREEMENT, id=agreement_id):
                ids = [pk for (pk,) in fetch(_SOURCES_DUE, as_of=as_of, id=agreement_id)]
                done = settle(ids, as_of=as_of)
                settled.deadlines += done.deadlines
                settled.breaches += done.breaches
                settled.set_aside += done.set_aside
    return settled


def climb_again(*, agreement_id: int, as_of: datetime) -> None:
    """Let the sweep find the next rung for every deadline of an agreement whose ladder changed."""
    fetch(_CLIMB_AGAIN, id=agreement_id, as_of=as_of)


def climb_again_in_business_days(obligation_ids: Sequence[int], *, as_of: datetime) -> None:
    """Let the sweep find the next rung of these obligations where it is counted in business days:
    a calendar has changed."""
    fetch(_CLIMB_AGAIN_IN_BUSINESS_DAYS, ids=list(obligation_ids), as_of=as_of)


def _locked(deadline_ids: Iterable[int]) -> list[_Row]:
    return [_Row(*row) for row in lock_deadline_columns(_ROW, deadline_ids)]


def _settle(
    rows: Sequence[_Row],
    settled: Settled,
    known_from: Mapping[int, datetime],
    *,
    as_of: datetime,
    announce_ended: bool,
) -> list[dict[str, Any]]:
    """Write all but the ledger, whose new rows are returned."""
    if not connection.in_atomic_block:
        sentence = "Deadlines are settled inside the transaction that gives cause for it."
        raise RuntimeError(sentence)
    if not rows:
        return []
    known = _load(rows, announces_ended=announce_ended)
    hours = alerts.subscribers_hours(as_of=as_of)
    ledger: list[dict[str, Any]] = []
    with overlapping():
        for first in range(0, len(rows), _PORTION):
            writes = _Writes()
            for row in rows[first : first + _PORTION]:
                try:
                    _decide(row, known, as_of, writes, known_from.get(row.id))
                except Exception as error:  # one bad row must never stop the others
                    log.error("deadline set aside", deadline=row.id, error=repr(error))
                    writes.failures.append({"id": row.id, "error": repr(error)})
            _write(writes, hours, as_of=as_of)
            ledger += writes.ledger
            settled.deadlines += len(writes.courses)
            settled.breaches += len(writes.begun)
            settled.set_aside += len(writes.failures)
    return ledger


def _append(ledger: list[dict[str, Any]]) -> None:
    if ledger:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LEDGER_LOCK])
        write(_APPEND_LEDGER, ledger)


def _write(writes: _Writes, hours: Sequence[Mapping[str, Any]], *, as_of: datetime) -> None:
    """Write all but the ledger."""
    write(_UPDATE_COURSES, writes.courses)
    write(_SET_ASIDE, writes.failures, again_at=as_of + SET_ASIDE_FOR)
    write(_BEGIN_BREACHES, writes.begun)
    write(_ALTER_BREACHES, writes.altered)
    voided = [row for row in writes.altered if row["end_reason"] == BreachEnd.VOIDED]
    open_again = [row for row in writes.altered if row["ended_at"] is None]
    over = [row for row in writes.altered if row["ended_at"] is not None]
    alerts.withdraw_unsent(breaches=voided)
    alerts.announce_resumption(breaches=open_again, hours=hours, as_of=as_of)
    alerts.make(writes.alerts, hours=hours, as_of=as_of)
    alerts.announce_recovery(breaches=over, hours=hours, as_of=as_of)


def _load(rows: Sequence[_Row], *, announces_ended: bool) -> _Known:
    ids = [row.id for row in rows]
    duties = {
        pk: Duty(
            kind=ObligationKind(kind),
            target_quantity=target,
            has_due_rule=has_due_rule,
            is_surviving=is_surviving,
        )
        for pk, kind, target, has_due_rule, is_surviving in fetch(
            _UNUSUAL_DUTIES, ids=list({row.obligation_id for row in rows})
        )
    }
    surviving = {pk for pk, duty in duties.items() if duty.is_surviving}
    facts = facts_about(rows, surviving={row.id for row in rows if row.obligation_id in surviving})
    ledger: dict[int, list[Entry]] = defaultdict(list)
    for deadline_id, _, entry in ledger_of(ids):
        ledger[deadline_id].append(entry)
    breaches: dict[int, list[BreachInterval]] = defaultdict(list)
    climbed = {}
    for deadline_id, occurred_at, ended_at, end_reason, *rest in fetch(_BREACHES_OF, ids=ids):
        detected_at, acknowledged_until = rest
        climbed[deadline_id, occurred_at] = OpenBreach(
            occurred_at=occurred_at, detected_at=detected_at, acknowledged_until=acknowledged_until
        )
        breaches[deadline_id].append(
            BreachInterval(
                occurred_at=occurred_at,
                ended_at=ended_at,
                end_reason=BreachEnd(end_reason) if end_reason else None,
            )
        )
    return _Known(
        facts=facts,
        ledger=ledger,
        breaches=breaches,
        duties=duties,
        climbed=climbed,
        ladders=_ladders(rows),
        announces_ended=announces_ended,
    )


def _ladders(rows: Sequence[_Row]) -> dict[int, _Climbed]:
    """The ladders that are not the default one, by obligation."""
    found = {}
    desk = None
    obligations = list({row.obligation_id for row in rows})
    for pk, value, calendars in fetch(_LADDERS_OF, ids=obligations):
        ladder = ladders.load_ladder(value)
        business_days = None
        if ladder.needs_calendar:
            desk = desk_calendars() if desk is None else desk
            try:
                business_days = BusinessCalendar(tuple(calendars) or ("weekend",), desk).add
            except UnknownCalendar as error:
                # Days are counted instead: nobody goes untold because of a calendar.
                log.error("ladder without its calendar", obligation=pk, error=str(error))
        found[pk] = _Climbed(ladder=ladder, business_days=business_days)
    return found


def _decide(
    row: _Row,
    known: _Known,
    as_of: datetime,
    writes: _Writes,
    known_from: datetime | None,
) -> None:
    terms = terms_of(row, known.duties.get(row.obligation_id, PLAIN_DUTY))
    # A request that waited for this row may have begun before the last settlement. What that one
    # found must not be taken for something that never was.
    as_of = max(as_of, row.recorded_at or as_of)
    facts = known.facts.get(row.id, ())
    held = known.ledger.get(row.id, ())
    recorded_at = row.recorded_at
    entries: list[tuple[Transition, datetime]] = []
    if known_from is not None and recorded_at is None:
        entries = retell(terms, facts, known_from=known_from, as_of=as_of)
        held = [entry_of(*each) for each in entries]
        recorded_at = entries[-1][1] if entries else None
    timeline = project(terms, facts)
    batch = restatement(held, timeline, as_of)
    breaches = timeline.breaches(as_of)
    changes = breach_changes(known.breaches.get(row.id, ()), breaches)
    if batch or changes:
        recorded_at = next_recorded_at(as_of, recorded_at)
        entries += [(transition, recorded_at) for transition in batch]
    now = timeline.at(as_of)
    climb = calling.Climb()
    calls: list[Call] = []
    if now is not None:
        found_at = recorded_at or as_of
        climb = _climb(row, known, now, held, breaches, found_at=found_at, as_of=as_of)
        calls = _calls(known, now, held, changes, batch, recorded_at)
    # Nothing is written before everything is worked out: a row that fails leaves no half.
    chain, head = _chained(row, entries)
    writes.courses.append(_course(row, timeline, as_of, recorded_at, head, climb.next_at))
    calls += [climb.call] if climb.call is not None else []
    writes.alerts += [
        alerts.row(call, deadline=row, created_at=max(as_of, recorded_at or as_of))
        for call in calls
    ]
    writes.ledger += chain
    if changes:
        _note_breaches(row, recorded_at, changes, writes)
    if known_from is not None:
        # So that those believed in for a while can be asked about.
        never = breaches_believed(held) - {each.occurred_at for each in breaches}
        writes.begun += [_breach(row, recorded_at, _voided(at)) for at in sorted(never)]


def _climb(
    row: _Row,
    known: _Known,
    now: Transition,
    held: Sequence[Entry],
    breaches: Sequence[BreachInterval],
    *,
    found_at: datetime,
    as_of: datetime,
) -> calling.Climb:
    """Where the deadline stands on its ladder; what is new of it is found at `found_at`."""
    ladder, business_days = known.ladders.get(row.obligation_id, _DEFAULT_LADDER)
    if now.status in BREACHED:
        began = breaches[-1].occurred_at
        breach = known.climbed.get((row.id, began))
        if breach is None:
            breach = OpenBreach(occurred_at=began, detected_at=found_at)
        rungs = ladders.escalations(ladder, breach.detected_at, row.timezone, business_days)
        return calling.escalation(breach, rungs, as_of=as_of)
    if now.due is None or now.due.due_at <= as_of:
        return calling.Climb()
    since = calling.due_known_since(held, now.due.due_at) or found_at
    rungs = ladders.reminders(ladder, now.due, business_days)
    return calling.reminder(now, rungs, known_since=since, as_of=as_of)


def _calls(
    known: _Known,
    now: Transition,
    held: Sequence[Entry],
    changes: BreachChanges,
    batch: Sequence[Transition],
    recorded_at: datetime | None,
) -> list[Call]:
    """What a settlement calls for besides the ladder: breaches that began, and other changes."""
    calls = [
        Call(kind=AlertKind.MISSED, occasion=breach.occurred_at, breach_at=breach.occurred_at)
        for breach in changes.begun
        if breach.ended_at is None or known.announces_ended
    ]
    # Of one that was over when its history was loaded nobody has been told.
    calls += [
        Call(kind=AlertKind.MISSED, occasion=breach.occurred_at, breach_at=breach.occurred_at)
        for breach in changes.resumed
    ]
    if batch and held and recorded_at is not None and known.announces_ended:
        call = calling.change(held_course(held)[-1], now, recorded_at=recorded_at)
        calls += [call] if call is not None else []
    return calls


def _voided(occurred_at: datetime) -> BreachInterval:
    """A breach that never was keeps its row, as an empty interval."""
    return BreachInterval(
        occurred_at=occurred_at, ended_at=occurred_at, end_reason=BreachEnd.VOIDED
    )


def _chained(
    row: _Row, entries: Sequence[tuple[Transition, datetime]]
) -> tuple[list[dict[str, Any]], str | None]:
    """Ledger rows in the order of their chain, and the head of it after them."""
    head = row.ledger_head
    rows = []
    for transition, recorded_at in entries:
        due = transition.due
        entry: dict[str, Any] = {
            "deadline_id": row.id,
            "recorded_at": recorded_at,
            "effective_at": transition.effective_at,
            "status": transition.status,
            "reason": transition.reason,
            "fact_id": transition.fact_id,
            "due_on": due and due.due_on,
            "due_at": due and due.due_at,
            "unmet_at": due and due.unmet_at,
            "first_at": due and due.first_at,
            "performed": performed_of(transition),
            "target": transition.target,
        }
        head = link(head, chained_entry(entry))
        entry["hash"] = head.hex()
        # JSON would take them for inexact numbers.
        for name in ("performed", "target"):
            if entry[name] is not None:
                entry[name] = str(entry[name])
        rows.append(entry)
    return rows, head.hex() if head else None


def _course(
    row: _Row,
    timeline: Timeline,
    as_of: datetime,
    recorded_at: datetime | None,
    head: str | None,
    climbs_at: datetime | None,
) -> dict[str, Any]:
    changes_at = timeline.next_after(as_of)
    # A deadline agreed for a later instant stands, until then, as it will stand at first.
    now = timeline.at(as_of) or timeline.transitions[0]
    return {
        "id": row.id,
        "status": now.status,
        "status_since": timeline.status_since(as_of) or now.effective_at,
        "due_on": now.due and now.due.due_on,
        "due_at": now.due and now.due.due_at,
        "unmet_at": now.due and now.due.unmet_at,
        "first_at": now.due and now.due.first_at,
        "is_ambiguous": now.is_ambiguous,
        "performed_quantity": str(now.performed),
        "target_quantity": None if now.target is None else str(now.target),
        "next_check_at": min(filter(None, (changes_at, climbs_at)), default=None),
        "recorded_at": recorded_at,
        "ledger_head": head,
    }


def _note_breaches(
    row: _Row, recorded_at: datetime | None, changes: BreachChanges, writes: _Writes
) -> None:
    for breach in changes.begun:
        writes.begun.append(_breach(row, recorded_at, breach))
    for breach in (*changes.ended, *changes.resumed):
        writes.altered.append(_breach(row, recorded_at, breach))
    for occurred_at in changes.voided:
        writes.altered.append(_breach(row, recorded_at, _voided(occurred_at)))


def _breach(row: _Row, recorded_at: datetime | None, breach: BreachInterval) -> dict[str, Any]:
    return {
        "deadline_id": row.id,
        "agreement_id": row.agreement_id,
        "recorded_at": recorded_at,
        "occurred_at": breach.occurred_at,
        "ended_at": breach.ended_at,
        "end_reason": breach.end_reason,
    }


_ROW = ", ".join(_Row._fields)

# Claimed, not waited for; other locks are those of `models.locks`.

_LOCK_DUE = f"""
    SELECT {_ROW} FROM compliance_deadline WHERE next_check_at <= %(as_of)s
      AND NOT has_dependents
    ORDER BY next_check_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
"""

_AGREEMENTS_WITH_SOURCES_DUE = """
    SELECT DISTINCT agreement_id FROM compliance_deadline
    WHERE next_check_at <= %(as_of)s AND has_dependents
"""

_LOCK_AGREEMENT = """
    SELECT id FROM compliance_agreement WHERE id = %(id)s FOR NO KEY UPDATE SKIP LOCKED
"""

_SOURCES_DUE = """
    SELECT id FROM compliance_deadline
    WHERE agreement_id = %(id)s AND next_check_at <= %(as_of)s AND has_dependents
"""

_BREACHES_OF = """
    SELECT deadline_id, occurred_at, ended_at, end_reason, detected_at, acknowledged_until
    FROM compliance_breach WHERE deadline_id = ANY(%(ids)s)
"""

# All others are `PLAIN_DUTY`.
_UNUSUAL_DUTIES = """
    SELECT id, kind, target_quantity, due IS NOT NULL, is_surviving FROM compliance_obligation
    WHERE id = ANY(%(ids)s)
      AND (kind <> 'achieve' OR target_quantity IS NOT NULL OR due IS NULL OR is_surviving)
"""

_LADDERS_OF = """
    SELECT o.id, coalesce(o.ladder, a.ladder), a.calendars
    FROM compliance_obligation AS o JOIN compliance_agreement AS a ON a.id = o.agreement_id
    WHERE o.id = ANY(%(ids)s) AND coalesce(o.ladder, a.ladder) IS NOT NULL
"""

_CLIMB_AGAIN = """
    UPDATE compliance_deadline SET next_check_at = least(next_check_at, %(as_of)s)
    WHERE agreement_id = %(id)s AND status IN ('pending', 'holding', 'unmet', 'partly_met')
      AND set_aside_error = ''
    RETURNING id
"""

_CLIMB_AGAIN_IN_BUSINESS_DAYS = """
    UPDATE compliance_deadline AS d SET next_check_at = least(d.next_check_at, %(as_of)s)
    FROM compliance_obligation AS o JOIN compliance_agreement AS a ON a.id = o.agreement_id
    WHERE o.id = ANY(%(ids)s) AND d.obligation_id = o.id AND d.set_aside_error = ''
      AND d.status IN ('pending', 'holding', 'unmet', 'partly_met')
      AND coalesce(o.ladder, a.ladder) @? '$.*[*] ? (@.unit == "business_days")'
    RETURNING d.id
"""

_UPDATE_COURSES = """
    UPDATE compliance_deadline AS d
    SET status = v.status, status_since = v.status_since, due_on = v.due_on, due_at = v.due_at,
        unmet_at = v.unmet_at, first_at = v.first_at, is_ambiguous = v.is_ambiguous,
        performed_quantity = v.performed_quantity, target_quantity = v.target_quantity,
        next_check_at = v.next_check_at, recorded_at = v.recorded_at,
        ledger_head = decode(v.ledger_head, 'hex'), set_aside_error = ''
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(
        id bigint, status text, status_since timestamptz, due_on date, due_at timestamptz,
        unmet_at timestamptz, first_at timestamptz, is_ambiguous boolean,
        performed_quantity numeric, target_quantity numeric,
        next_check_at timestamptz, recorded_at timestamptz, ledger_head text)
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
         unmet_at, first_at, performed, target, hash)
    SELECT deadline_id, recorded_at, effective_at, status, reason, fact_id, due_on, due_at,
        unmet_at, first_at, performed, target, decode(hash, 'hex')
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(
        deadline_id bigint, recorded_at timestamptz, effective_at timestamptz, status text,
        reason text, fact_id bigint, due_on date, due_at timestamptz, unmet_at timestamptz,
        first_at timestamptz, performed numeric, target numeric, hash text)
"""

_BREACH_ROWS = """jsonb_to_recordset(%(rows)s::jsonb) AS v(
        deadline_id bigint, agreement_id bigint, recorded_at timestamptz,
        occurred_at timestamptz, ended_at timestamptz, end_reason text)"""

_BEGIN_BREACHES = f"""
    INSERT INTO compliance_breach (deadline_id, occurred_at, detected_at, ended_at, end_reason)
    SELECT deadline_id, occurred_at, recorded_at, ended_at, end_reason FROM {_BREACH_ROWS}
"""

_ALTER_BREACHES = f"""
    UPDATE compliance_breach AS b
    SET ended_at = v.ended_at, end_reason = v.end_reason
    FROM {_BREACH_ROWS}
    WHERE b.deadline_id = v.deadline_id AND b.occurred_at = v.occurred_at
"""
