"""The ledger rule: what to append when the course changes, and how to read it back.

The ledger holds what was believed, and when. A batch is a set of entries with one `recorded_at`
that restates the course of a deadline from some instant on; nothing in it is ever changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from compliance.domain.deadlines.suspensions import TICK
from compliance.domain.deadlines.timeline import (
    BREACHED,
    Fact,
    Terms,
    Timeline,
    Transition,
    project,
)
from compliance.domain.vocabulary import Reason, Status


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One ledger row: from `effective_at` on this was the state, as known at `recorded_at`.

    Without `due_at` and `unmet_at` it was not known when the deadline is due, or it had no end.
    `performed` is what had been accepted, of `target` or, where there is none, as a share of 1.
    """

    recorded_at: datetime
    effective_at: datetime
    status: Status
    reason: Reason
    fact_id: int | None
    due_at: datetime | None
    unmet_at: datetime | None
    first_at: datetime | None = None
    performed: Decimal | None = None
    target: Decimal | None = None


def replay(entries: Iterable[Entry], *, as_of: datetime, known_at: datetime) -> Entry | None:
    """The state at `as_of` as it was known at `known_at`; None if nothing was known of it yet."""
    known = (
        entry for entry in entries if entry.recorded_at <= known_at and entry.effective_at <= as_of
    )
    return max(known, key=lambda entry: (entry.recorded_at, entry.effective_at), default=None)


def held_course(entries: Sequence[Entry]) -> list[Entry]:
    """The course as the whole ledger holds it now, oldest first, without empty restatements."""
    if len(entries) <= 1:
        return list(entries)
    ordered = sorted(entries, key=lambda entry: (entry.recorded_at, entry.effective_at))
    course: list[Entry] = []
    for _, batch in groupby(ordered, key=lambda entry: entry.recorded_at):
        rows = list(batch)
        course = [entry for entry in course if entry.effective_at < rows[0].effective_at] + rows
    return [
        entry
        for index, entry in enumerate(course)
        if index == 0 or _state(entry) != _state(course[index - 1])
    ]


def restatement(
    held: Sequence[Entry], timeline: Timeline, as_of: datetime
) -> tuple[Transition, ...]:
    """What must be appended so that the ledger holds `timeline` up to `as_of`.

    Empty when the ledger already does. Otherwise the course from the first instant at which the
    two differ: the state that holds there, and every transition after it up to `as_of`.
    """
    expected = timeline.until(as_of)
    believed = held_course(held)
    for index, (entry, transition) in enumerate(zip(believed, expected, strict=False)):
        if entry.effective_at != transition.effective_at or not _agree(entry, transition):
            return _from(expected, index, min(entry.effective_at, transition.effective_at))
    if len(expected) > len(believed):
        return expected[len(believed) :]
    if len(believed) > len(expected):
        return _from(expected, len(expected), believed[len(expected)].effective_at)
    return ()


def performed_of(transition: Transition) -> Decimal | None:
    """What the ledger keeps of the quantity performed: nothing, where nothing is counted."""
    is_counted = transition.target is not None or transition.performed
    return transition.performed if is_counted else None


def entry_of(transition: Transition, recorded_at: datetime) -> Entry:
    """A transition as the ledger holds it."""
    due = transition.due
    return Entry(
        recorded_at=recorded_at,
        effective_at=transition.effective_at,
        status=transition.status,
        reason=transition.reason,
        fact_id=transition.fact_id,
        due_at=due.due_at if due is not None else None,
        unmet_at=due.unmet_at if due is not None else None,
        first_at=due.first_at if due is not None else None,
        performed=performed_of(transition),
        target=transition.target,
    )


def retell(
    terms: Terms, facts: Sequence[Fact], *, known_from: datetime, as_of: datetime
) -> list[tuple[Transition, datetime]]:
    """The ledger of a deadline told again as things became known, up to `as_of`: transitions,
    each with when it is recorded, oldest first.

    As if the deadline had been followed from `known_from` on: each fact was learned when it was
    recorded, and every instant at which something changed was noticed then. A fact without
    `recorded_at` is learned after `as_of`.
    """
    told: list[tuple[Transition, datetime]] = []
    held: list[Entry] = []
    last: datetime | None = None
    at: datetime | None = known_from
    while at is not None and at <= as_of:
        known = [each for each in facts if each.recorded_at is not None and each.recorded_at <= at]
        timeline = project(terms, known)
        if batch := restatement(held, timeline, at):
            last = next_recorded_at(at, last)
            told += [(transition, last) for transition in batch]
            held += [entry_of(transition, last) for transition in batch]
        upcoming = [each.recorded_at for each in facts] + [timeline.next_after(at)]
        at = min((each for each in upcoming if each is not None and each > at), default=None)
    return told


def breaches_believed(entries: Sequence[Entry]) -> set[datetime]:
    """The instants at which a breach was ever believed to have begun."""
    found: set[datetime] = set()
    for known_at in {entry.recorded_at for entry in entries}:
        course = held_course([entry for entry in entries if entry.recorded_at <= known_at])
        was_breached = False
        for entry in course:
            is_breached = entry.status in BREACHED
            if is_breached and not was_breached:
                found.add(entry.effective_at)
            was_breached = is_breached
    return found


def next_recorded_at(as_of: datetime, last: datetime | None) -> datetime:
    """When the next batch of a deadline is recorded: now, but always after the batch before."""
    return as_of if last is None or as_of > last else last + TICK


def _from(expected: Sequence[Transition], index: int, instant: datetime) -> tuple[Transition, ...]:
    rest = tuple(expected[index:])
    if index and (not rest or rest[0].effective_at > instant):
        return (expected[index - 1].restated_at(instant), *rest)
    return rest


def _state(entry: Entry) -> tuple[object, ...]:
    return (
        entry.status,
        entry.reason,
        entry.fact_id,
        entry.due_at,
        entry.unmet_at,
        entry.first_at,
        entry.performed,
        entry.target,
    )


def _agree(entry: Entry, transition: Transition) -> bool:
    due = transition.due
    return (
        entry.status == transition.status
        and entry.reason == transition.reason
        and entry.fact_id == transition.fact_id
        and entry.due_at == (due.due_at if due is not None else None)
        and entry.unmet_at == (due.unmet_at if due is not None else None)
        and entry.first_at == (due.first_at if due is not None else None)
        and entry.performed == performed_of(transition)
        and entry.target == transition.target
    )
