"""Decide what must be stored about a deadline: state, ledger entries, breaches and alerts.

Nothing here reads or writes the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from compliance.domain.alerts import intents
from compliance.domain.alerts.intents import NO_STEP, AlertIntent, OpenBreach, PolicyStep
from compliance.domain.deadlines.breaches import (
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
    replay_history,
)
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.timeline import BREACHED, BreachInterval, Transition, breaches_in
from compliance.models.deadlines.deadlines import PLAIN_DUTY, terms_of
from compliance.operations.alerts import alerts
from compliance.operations.alerts.alerts import AlertRow
from compliance.operations.deadlines import breach_rows, deadline_rows, ledger_rows
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
    announce_ended: bool,
    known_from: datetime | None,
) -> Outcome:
    """Project a deadline, and return what must be stored of it at `as_of`.

    Args:
        announce_ended: whether to announce breaches that were over before they were detected, and
            changes; False for history that is being loaded.
        known_from: from when on a new deadline is recorded as it would have become known then.

    Raises:
        Exception: the deadline cannot be projected, whatever the reason.
    """
    # A request that waited for this row may have begun before the last refresh. It must not undo
    # what that refresh detected.
    if row.recorded_at is not None and row.recorded_at > as_of:
        as_of = row.recorded_at
    terms = terms_of(row, inputs.duties.get(row.obligation_id, PLAIN_DUTY))
    facts = inputs.facts_of(row.id)
    recorded: Sequence[Entry] = inputs.ledger.get(row.id, ())
    recorded_at, entries = row.recorded_at, list[tuple[Transition, datetime]]()
    if known_from is not None and recorded_at is None:
        entries = replay_history(terms, facts, known_from=known_from, as_of=as_of)
        recorded = [entry_of(*each) for each in entries]
        recorded_at = entries[-1][1] if entries else None
    timeline = project(terms, facts)
    past = timeline.until(as_of)
    delta = ledger_delta(recorded, past)
    breaches = breaches_in(past)
    changes = breach_changes(inputs.breaches.get(row.id, ()), breaches)
    if delta or changes:
        recorded_at = next_recorded_at(as_of, recorded_at)
        entries += [(transition, recorded_at) for transition in delta]
    step, announced = NO_STEP, intents.missed(changes, announce_ended=announce_ended)
    if past:
        found_at = recorded_at or as_of
        now = past[-1]
        step = _policy_step(row, inputs, now, recorded, breaches, found_at=found_at, as_of=as_of)
        if delta and recorded and announce_ended:
            announced += filter(None, [intents.changed(recorded, now, recorded_at=found_at)])
        announced += filter(None, [step.intent])
    begun, altered = _breach_rows(row.id, changes, recorded_at)
    if known_from is not None:
        begun += _voided_rows(row.id, recorded, breaches, recorded_at)
    ledger, head = ledger_rows.chained(row.id, row.ledger_head, entries)
    state = deadline_rows.state_of(
        row, timeline, past, recorded_at=recorded_at, ledger_head=head, notify_at=step.next_at
    )
    return Outcome(
        state,
        ledger,
        begun,
        altered,
        _alert_rows(row, announced, created_at=max(as_of, recorded_at or as_of)),
    )


def _voided_rows(
    deadline_id: int,
    recorded: Sequence[Entry],
    breaches: Sequence[BreachInterval],
    recorded_at: datetime | None,
) -> list[BreachRow]:
    """Return rows for breaches that a replayed history recorded for a while but that never were.

    Questions about what was known then find them.
    """
    never = breaches_ever_recorded(recorded) - {each.occurred_at for each in breaches}
    return [
        breach_rows.row(deadline_id, voided(at), recorded_at=recorded_at) for at in sorted(never)
    ]


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
    if now.status in BREACHED:
        began = breaches[-1].occurred_at
        breach = inputs.detected.get((row.id, began)) or OpenBreach(began, found_at)
        steps = policy.escalations(breach.detected_at, row.timezone)
        return intents.escalation(breach, steps, as_of=as_of)
    if now.due is None or now.due.due_at <= as_of:
        return NO_STEP
    since = due_known_since(recorded, now.due.due_at) or found_at
    return intents.reminder(now, policy.reminders(now.due), known_since=since, as_of=as_of)


def _breach_rows(
    deadline_id: int, changes: BreachChanges, recorded_at: datetime | None
) -> tuple[list[BreachRow], list[BreachRow]]:
    """Return the breaches to be inserted, and those to be updated."""
    if not changes:
        return [], []
    updated = [*changes.ended, *changes.resumed, *map(voided, changes.voided)]
    return (
        [breach_rows.row(deadline_id, each, recorded_at=recorded_at) for each in changes.begun],
        [breach_rows.row(deadline_id, each, recorded_at=recorded_at) for each in updated],
    )


def _alert_rows(
    row: DeadlineRow, announced: Sequence[AlertIntent], *, created_at: datetime
) -> list[AlertRow]:
    return [alerts.alert_row(intent, deadline=row, created_at=created_at) for intent in announced]
