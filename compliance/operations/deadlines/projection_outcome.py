"""Decide what must be stored about a deadline: state, ledger entries, breaches and alerts.

Nothing here reads or writes the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from datetime import datetime
from typing import NamedTuple

from compliance.domain.alerts import intents
from compliance.domain.alerts.intents import (
    NO_STEP,
    AlertIntent,
    DeadlineEntry,
    OpenBreach,
    PolicyStep,
)  # fmt: skip
from compliance.domain.deadlines.breaches import (
    NO_CHANGES,
    BreachChanges,
    breach_changes,
    breaches_ever_recorded,
    voided,
)
from compliance.domain.deadlines.ledger import (
    Entry,
    due_known_since,
    entry_of,
    ledger_delta,
    next_recorded_at,
    replay_known,
)
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import KnownHistory
from compliance.domain.deadlines.timeline import BREACHED, BreachInterval, Transition, breaches_in
from compliance.domain.integrity.chains import link
from compliance.domain.vocabulary import AlertKind, Announcement, Reason, Status
from compliance.models.deadlines.terms import PLAIN_DUTY, expires_at, terms_of
from compliance.operations.alerts import alerts
from compliance.operations.alerts.alerts import AlertRow
from compliance.operations.deadlines import deadline_rows, ledger_rows
from compliance.operations.deadlines.breach_rows import BreachRow
from compliance.operations.deadlines.deadline_rows import DeadlineRow, DeadlineState
from compliance.operations.deadlines.ledger_rows import LedgerRow
from compliance.operations.deadlines.projection_inputs import Inputs


class Outcome(NamedTuple):
    """The rows to store for one deadline."""

    state: DeadlineState
    ledger: Sequence[LedgerRow]
    begun: Sequence[BreachRow]
    altered: Sequence[BreachRow]
    alerts: Sequence[AlertRow]


def decide(
    row: DeadlineRow,
    inputs: Inputs,
    *,
    as_of: datetime,
    announce_ended: bool = True,
    known: KnownHistory | None = None,
) -> Outcome:
    """Return what must be stored of a deadline at `as_of`.

    Takes and raises the same as `decide_from_timeline`, and returns the same in less time.
    """
    if announce_ended and known is None:
        outcome = _missed(row, inputs, as_of=as_of)
        if outcome is not None:
            return outcome
    return decide_from_timeline(
        row, inputs, as_of=as_of, announce_ended=announce_ended, known=known
    )


def decide_from_timeline(
    row: DeadlineRow,
    inputs: Inputs,
    *,
    as_of: datetime,
    announce_ended: bool = True,
    known: KnownHistory | None = None,
) -> Outcome:
    """Project a deadline, and return what must be stored of it at `as_of`.

    Args:
        announce_ended: whether to announce changes and past breaches.
        known: its terms at every time; these and its facts are recorded as they became known. If
            this is because of an import, what happened after it is recorded as of now.

    Raises:
        Exception: the deadline cannot be projected, whatever the reason.
    """
    # A request that waited for this row must not undo what the last refresh detected.
    as_of = max(as_of, row.recorded_at or as_of)
    terms = terms_of(row, inputs.duties.get(row.obligation_id, PLAIN_DUTY))
    facts = inputs.facts_of(row.id)
    recorded: Sequence[Entry] = inputs.ledger.get(row.id, ())
    recorded_at, entries = row.recorded_at, list[tuple[Transition, datetime]]()
    if known is not None:
        entries = replay_known(known, facts, recorded, recorded_at=recorded_at, as_of=as_of)
        recorded = [*recorded, *(entry_of(*each) for each in entries)]
        recorded_at = max((each.recorded_at for each in recorded), default=None)
    timeline = project(terms, facts)
    past = timeline.until(as_of)
    delta = ledger_delta(recorded, past)
    breaches = breaches_in(past)
    changes = breach_changes(inputs.breaches.get(row.id, ()), breaches)
    if delta or changes is not NO_CHANGES:
        recorded_at = next_recorded_at(as_of, recorded_at)
        entries += [(transition, recorded_at) for transition in delta]
    step = NO_STEP
    announced: list[AlertIntent] = []
    if past:
        found_at = recorded_at or as_of
        now = past[-1]
        step = _policy_step(row, inputs, now, recorded, breaches, found_at=found_at, as_of=as_of)
        if changes is not NO_CHANGES:
            announced = _missed_alerts(row, changes, known, announce_ended=announce_ended)
        if delta and recorded and announce_ended:
            announced += filter(None, [intents.changed(recorded, now, recorded_at=found_at)])
        announced += filter(None, [step.intent])
    begun = _rows_of(row.id, changes.begun, recorded_at)
    if known is not None:
        stored = {each.occurred_at for each in (*breaches, *inputs.breaches.get(row.id, ()))}
        begun += _voided_rows(row.id, recorded, stored, recorded_at)
    altered = _rows_of(row.id, changes.altered, recorded_at)
    ledger, head = ledger_rows.chained(row.id, row.ledger_head, entries)
    state = deadline_rows.state_of(
        row, timeline, past, recorded_at=recorded_at, ledger_head=head, notify_at=step.next_at,
        has_other_due=_has_other_due(past, recorded, entries),
    )  # fmt: skip
    alert_rows = _alert_rows(row, announced, max(as_of, recorded_at or as_of))
    return Outcome(state, ledger, begun, altered, alert_rows)


def _missed_alerts(
    row: DeadlineRow, changes: BreachChanges, known: KnownHistory | None, *, announce_ended: bool
) -> list[AlertIntent]:
    return intents.missed(
        changes,
        announce_ended=announce_ended,
        entry=_entry_of(row),
        imported_at=known.imported_at if known is not None else None,
    )


def _has_other_due(
    past: Sequence[Transition],
    recorded: Sequence[Entry],
    entries: Sequence[tuple[Transition, datetime]],
) -> bool:
    """Return whether the ledger states another due date than the current one for some time."""
    if not past:
        return False
    due_at = past[-1].due.due_at if past[-1].due is not None else None
    return any(each.due_at != due_at for each in recorded) or any(
        (each.due.due_at if each.due is not None else None) != due_at for each, _ in entries
    )


def _missed(row: DeadlineRow, inputs: Inputs, *, as_of: datetime) -> Outcome | None:
    """Decide the most frequent case of a sweep without a timeline; None in all other cases.

    A deadline without grace, about which nothing was ever recorded, was pending and has passed.
    """
    due_at, recorded = row.original_due_at, inputs.ledger.get(row.id, ())
    if (
        len(recorded) != 1
        or due_at is None
        or not row.begins_at < due_at <= as_of
        or row.original_unmet_at != due_at
        or row.original_earliest_due_at is not None
        or row.moves
        or row.is_withdrawn
        or row.recorded_at is None
        or row.recorded_at > as_of
        or (row.entered_at is not None and due_at < row.entered_at)
        or row.id in inputs.facts
        or row.id in inputs.failures
        or inputs.breaches.get(row.id)
        or not inputs.duties.get(row.obligation_id, PLAIN_DUTY).is_plain
        # That it was pending, all columns but the first.
        or recorded[0][1:] != (row.begins_at, _PENDING, _AGREED, None, due_at, due_at, *_NOTHING)
    ):
        return None
    ends_on = inputs.duties.get(row.obligation_id, PLAIN_DUTY).ends_on
    ends_at = expires_at(ends_on, row.timezone) if ends_on is not None else None
    if ends_at is not None and ends_at <= as_of:
        return None
    recorded_at = next_recorded_at(as_of, row.recorded_at)
    due_on, pk = row.original_due_on, row.id
    policy = inputs.policies.get(row.obligation_id, inputs.default_policy)
    steps = policy.escalations(recorded_at, row.timezone)
    step = intents.escalation(OpenBreach(due_at, recorded_at), steps, as_of=as_of)
    announced = [AlertIntent(_MISSED, due_at, due_at)]
    if step.intent is not None:
        announced.append(step.intent)
    values = (
        pk, recorded_at, due_at, _UNMET, _DUE_PASSED, None, due_on, due_at, due_at,
        None, None, None, None,
    )  # fmt: skip
    head = link(row.ledger_head, values).hex()
    return Outcome(
        DeadlineState(
            pk, _UNMET, due_at, due_on, due_at, due_at, None, False, False, "0", None, None, None,
            _earlier(step.next_at, ends_at), recorded_at, head, False,
        ),
        [LedgerRow(*values, None, head)],
        [BreachRow(pk, due_at, recorded_at, None, None)],
        (),
        [alerts.alert_row(each, deadline=row, created_at=recorded_at) for each in announced],
    )  # fmt: skip


def _earlier(first: datetime | None, second: datetime | None) -> datetime | None:
    if first is None or second is None:
        return first or second
    return min(first, second)


# The ambiguous window and the amounts of a plain deadline.
_NOTHING = (None, None, None, None, None)

# Looking up a member of an enum is slow, and this is for speed.
_PENDING, _UNMET, _MISSED = Status.PENDING, Status.UNMET, AlertKind.MISSED
_AGREED, _DUE_PASSED = Reason.AGREED, Reason.DUE_PASSED


def _voided_rows(
    deadline_id: int,
    recorded: Sequence[Entry],
    known: Set[datetime],
    recorded_at: datetime | None,
) -> list[BreachRow]:
    """Return rows for breaches that a replayed history stated for a while, but that never happened.

    Questions about what was known then find them. Breaches in `known` already have rows.
    """
    never = breaches_ever_recorded(recorded) - known
    return _rows_of(deadline_id, map(voided, sorted(never)), recorded_at)


def _policy_step(
    row: DeadlineRow,
    inputs: Inputs,
    now: Transition,
    recorded: Sequence[Entry],
    breaches: Sequence[BreachInterval],
    *,
    found_at: datetime,
    as_of: datetime,
) -> PolicyStep:
    """Return what the notification policy requires of a deadline whose changes are found at
    `found_at`."""
    policy = inputs.policies.get(row.obligation_id, inputs.default_policy)
    if now.is_closed:
        return NO_STEP
    if now.status in BREACHED:
        began = breaches[-1].occurred_at
        if _entry_of(row).predates(began):
            return NO_STEP
        stored = (each for each in inputs.detected.get(row.id, ()) if each.occurred_at == began)
        breach = next(stored, None) or OpenBreach(began, found_at)
        steps = policy.escalations(breach.detected_at, row.timezone)
        return intents.escalation(breach, steps, as_of=as_of)
    if now.due is None or now.due.due_at <= as_of:
        return NO_STEP
    since = due_known_since(recorded, now.due.due_at) or found_at
    return intents.reminder(now, policy.reminders(now.due), known_since=since, as_of=as_of)


def _entry_of(row: DeadlineRow) -> DeadlineEntry:
    return DeadlineEntry(row.entered_at, Announcement(row.announcement))


def _rows_of(
    deadline_id: int, breaches: Iterable[BreachInterval], recorded_at: datetime | None
) -> list[BreachRow]:
    return [
        BreachRow(deadline_id, breach.occurred_at, recorded_at, breach.ended_at, breach.end_reason)
        for breach in breaches
    ]


def _alert_rows(
    row: DeadlineRow, announced: Sequence[AlertIntent], created_at: datetime
) -> list[AlertRow]:
    return [alerts.alert_row(intent, deadline=row, created_at=created_at) for intent in announced]
