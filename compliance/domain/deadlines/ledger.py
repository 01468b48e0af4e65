"""What the ledger of a deadline must contain, and how to read it.

The ledger records what was known at every instant. A batch is a set of entries with the same
`recorded_at` that states the history of a deadline from some instant on. Entries never change: from
its first instant on, a later batch replaces what earlier batches say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby, pairwise
from operator import attrgetter
from typing import NamedTuple

from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.suspensions import TICK
from compliance.domain.deadlines.terms import KnownHistory, KnownTerms
from compliance.domain.deadlines.timeline import Transition
from compliance.domain.vocabulary import Reason, Status


class Entry(NamedTuple):
    """One ledger entry: this state holds from `effective_at` on, as known at `recorded_at`.

    Without `due_at` and `unmet_at` the due date was unknown, or there was no end. `performed` is
    the quantity accepted of `target`; it is None without a target. Then `accepted_share` is the
    share of the whole that is accepted. `measured` is the value in force.
    """

    recorded_at: datetime
    effective_at: datetime
    status: Status
    reason: Reason
    fact_id: int | None
    due_at: datetime | None
    unmet_at: datetime | None
    earliest_due_at: datetime | None = None
    performed: Decimal | None = None
    target: Decimal | None = None
    accepted_share: Decimal | None = None
    measured: Decimal | None = None


def replay(entries: Iterable[Entry], *, as_of: datetime, known_at: datetime) -> Entry | None:
    """Return the state at `as_of` as known at `known_at`, or None if nothing was known yet."""
    known = (
        entry for entry in entries if entry.recorded_at <= known_at and entry.effective_at <= as_of
    )
    return max(known, key=lambda entry: (entry.recorded_at, entry.effective_at), default=None)


def current_history(entries: Sequence[Entry]) -> list[Entry]:
    """Return the history that the ledger states now, oldest first.

    Entries that repeat the previous state are left out.
    """
    if len(entries) <= 1:
        return list(entries)
    ordered = sorted(entries, key=_IN_ORDER)
    history = ordered
    if any(later.effective_at <= earlier.effective_at for earlier, later in pairwise(ordered)):
        # A later batch replaced part of the earlier ones.
        history = []
        for _, batch in groupby(ordered, key=lambda entry: entry.recorded_at):
            rows = list(batch)
            start = rows[0].effective_at
            history = [entry for entry in history if entry.effective_at < start] + rows
    return [
        entry
        for index, entry in enumerate(history)
        if index == 0 or entry[_STATE] != history[index - 1][_STATE]
    ]


def without_unbound(history: list[Entry]) -> list[Entry]:
    """Return a history without the time before the deadline began, if it states that."""
    return history[1:] if history and history[0].reason is Reason.NOT_BINDING else history


def ledger_delta(recorded: Sequence[Entry], expected: Sequence[Transition]) -> Sequence[Transition]:
    """Return what must be appended so that the ledger states the transitions of `expected`.

    Empty if it already does. Otherwise this is the history from the first instant that differs: the
    state at that instant, and every later transition. If the ledger states that the deadline began
    earlier than it did, it is dormant, and not binding, in between.
    """
    history = without_unbound(current_history(recorded))
    if history and (not expected or history[0].effective_at < expected[0].effective_at):
        return (_not_binding(history[0].effective_at), *expected)
    for index, (entry, transition) in enumerate(zip(history, expected, strict=False)):
        if entry.effective_at != transition.effective_at or not _agree(entry, transition):
            return _from(expected, index, min(entry.effective_at, transition.effective_at))
    if len(expected) > len(history):
        return expected[len(history) :]
    if len(history) > len(expected):
        return _from(expected, len(expected), history[len(expected)].effective_at)
    return ()


def recorded_quantity(transition: Transition) -> Decimal | None:
    """Return the performed quantity as the ledger records it: None without a target."""
    return transition.performed if transition.target is not None else None


def entry_of(transition: Transition, recorded_at: datetime) -> Entry:
    """Return a transition as a ledger entry."""
    due = transition.due
    return Entry(
        recorded_at=recorded_at,
        effective_at=transition.effective_at,
        status=transition.status,
        reason=transition.reason,
        fact_id=transition.fact_id,
        due_at=due.due_at if due is not None else None,
        unmet_at=due.unmet_at if due is not None else None,
        earliest_due_at=due.earliest_due_at if due is not None else None,
        performed=recorded_quantity(transition),
        target=transition.target,
        accepted_share=transition.accepted_share,
        measured=transition.measured,
    )


def replay_known(
    known: KnownHistory,
    facts: Sequence[Fact],
    recorded: Sequence[Entry],
    *,
    recorded_at: datetime | None,
    as_of: datetime,
) -> list[tuple[Transition, datetime]]:
    """Return what the ledger lacks by `as_of`, or by the import that left something out.

    Args:
        recorded_at: when the last refresh was recorded, if there was one.
    """
    # Since the ledger was written, the clock may have changed something.
    since = min(known.since, recorded_at) if recorded_at else None
    # What an import brought became known as it says. Anything later is news now.
    until = min(as_of, known.imported_at or as_of)
    return replay_history(known.terms, facts, recorded, as_of=until, since=since)


def replay_history(
    known: Sequence[KnownTerms],
    facts: Sequence[Fact],
    recorded: Sequence[Entry] = (),
    *,
    as_of: datetime,
    since: datetime | None = None,
) -> list[tuple[Transition, datetime]]:
    """Return what the ledger lacks, as if the deadline had been tracked until `as_of`.

    Terms and facts become known when they were recorded, and each change is detected when it
    happens. A fact without `recorded_at` becomes known after `as_of`.

    Args:
        known: the terms, in the order in which they became known; the first ones when the deadline
            did.
        recorded: the entries of the ledger. What they state wrongly, because a fact was missing, is
            corrected one tick later.
        since: the time from which the ledger may lack something, if it has entries.

    Returns:
        Transitions, each with the instant at which it is recorded, oldest first.
    """
    appended: list[tuple[Transition, datetime]] = []
    entries = list(recorded)
    taken = {each.recorded_at for each in recorded}
    last: datetime | None = None
    at = since or (known[0].recorded_at if known else None)
    learned = [*(each.recorded_at for each in facts), *(each.recorded_at for each in known)]
    while at is not None and at <= as_of:
        terms = ([each for each in known if each.recorded_at <= at] or known[:1])[-1]
        timeline = project(terms.terms, terms.facts_at(facts, at))
        when = next_recorded_at(at, last)
        while when in taken:
            when += TICK
        stated = [each for each in entries if each.recorded_at < when] if taken else entries
        if batch := ledger_delta(stated, timeline.until(at)):
            last = when
            appended += [(transition, last) for transition in batch]
            entries += [entry_of(transition, last) for transition in batch]
        upcoming = [*learned, timeline.next_after(at), *taken]
        at = min((each for each in upcoming if each is not None and each > at), default=None)
    return appended


def due_known_since(recorded: Sequence[Entry], due_at: datetime) -> datetime | None:
    """Return when the ledger began to state `due_at` continuously, or None if it does not."""
    since: datetime | None = None
    for entry in sorted(recorded, key=_IN_ORDER):
        if entry.due_at != due_at:
            since = None
        elif since is None:
            since = entry.recorded_at
    return since


def next_recorded_at(as_of: datetime, last: datetime | None) -> datetime:
    """Return the recorded time of the next batch: now, but always after the previous batch."""
    return as_of if last is None or as_of > last else last + TICK


def _not_binding(at: datetime) -> Transition:
    return Transition(
        effective_at=at,
        status=Status.DORMANT,
        reason=Reason.NOT_BINDING,
        fact_id=None,
        due=None,
    )


def _from(expected: Sequence[Transition], index: int, instant: datetime) -> tuple[Transition, ...]:
    rest = tuple(expected[index:])
    if index and (not rest or rest[0].effective_at > instant):
        return (expected[index - 1].effective_from(instant), *rest)
    return rest


_IN_ORDER = attrgetter("recorded_at", "effective_at")

# The part of an entry that describes the state.
_STATE = slice(Entry._fields.index("status"), None)


def _agree(entry: Entry, transition: Transition) -> bool:
    due = transition.due
    return (
        entry.status == transition.status
        and entry.reason == transition.reason
        and entry.fact_id == transition.fact_id
        and entry.due_at == (due.due_at if due is not None else None)
        and entry.unmet_at == (due.unmet_at if due is not None else None)
        and entry.earliest_due_at == (due.earliest_due_at if due is not None else None)
        and entry.performed == recorded_quantity(transition)
        and entry.target == transition.target
        and entry.accepted_share == transition.accepted_share
        and entry.measured == transition.measured
    )
