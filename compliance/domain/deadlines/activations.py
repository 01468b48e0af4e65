"""The events that activate triggers and start recurrences."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from compliance.domain.civil_time import civil_day, day_start
from compliance.domain.deadlines.facts import Fact, effective_facts
from compliance.domain.deadlines.sources import DeadlineSource, Source
from compliance.domain.deadlines.timeline import BreachInterval
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.due_rules import awaited_event
from compliance.domain.due_dates.periods import Event
from compliance.domain.due_dates.rule_types import RecurrenceRule, TriggerRule
from compliance.domain.vocabulary import FactKind, Reason, Status

_CAUSING = frozenset({FactKind.VIOLATION, FactKind.DETERMINATION})
_DUE_DATE_REASONS = frozenset({Reason.TRIGGERED, Reason.RESCHEDULED})
# The places of due dates that events elsewhere set, after those of this many extensions.
_MOST_MOVES = 100
_MOVED = 2 + _MOST_MOVES
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Activation:
    """An event that activates a trigger or starts a recurrence.

    `at` is when it takes effect, and `ended_at` the exclusive end of a breach, if it is over.
    `place` identifies it among the events of the same kind, from 1. It depends on the fact that
    caused the event, so that it stays the same when other events are found to have come before.
    """

    at: datetime
    event: Event
    place: int = 1
    ended_at: datetime | None = None


def activations(
    rule: TriggerRule | RecurrenceRule,
    context: ResolutionContext,
    sources: Mapping[str, Source | None],
    *,
    as_of: datetime,
) -> list[Activation]:
    """Return the events for which a rule waits, in order; only the first, unless it has `each`.

    Events that are recorded after `as_of` count too.
    """
    awaited = awaited_event(rule)
    if awaited is None:
        return []
    if awaited.milestone is not None:
        happened = context.milestones.get(awaited.milestone)
        if happened is None:
            return []
        zone_name = _zone_named_by(rule) or context.timezone or "UTC"
        at = happened.at or day_start(happened.on, zone_name)
        return [Activation(at=at, event=happened)]
    source = sources.get(awaited.breach_of or awaited.met or "")
    if source is None:
        return []
    known_until = max(as_of, source.recorded_at or as_of)
    counts_time = isinstance(rule, TriggerRule) and rule.then.unit.is_elapsed
    if awaited.met is not None:
        at_met = _first_met(source, known_until)
        return [_activation(at_met, source, counts_time=counts_time)] if at_met else []
    found = [
        replace(
            _activation(breach.occurred_at, source, counts_time=counts_time),
            place=place,
            ended_at=breach.ended_at,
        )
        for place, breach in _breaches_by_place(source, known_until)
    ]
    return found if rule.each else [replace(each, place=1) for each in found[:1]]


def _activation(at: datetime, source: Source, *, counts_time: bool) -> Activation:
    # An event dated by day took effect when that day began in the zone of the source. It counts as
    # a day, unless the rule counts hours or minutes.
    on = civil_day(at, source.timezone)
    is_day = at == day_start(on, source.timezone)
    return Activation(at=at, event=Event(on=on, at=None if is_day and not counts_time else at))


def _first_met(source: Source, known_until: datetime) -> datetime | None:
    for transition in source.timeline.until(known_until):
        if transition.status in {Status.MET, Status.MET_LATE}:
            return transition.effective_at
    return None


def _breaches_by_place(
    source: Source, known_until: datetime
) -> Iterable[tuple[int, BreachInterval]]:
    """Return the breaches of a source in order, each with what identifies it.

    A breach that was interrupted, for example by a suspension, is one breach.
    """
    places = _Places(source) if isinstance(source, DeadlineSource) else None
    found: dict[int, BreachInterval] = {}
    for number, breach in enumerate(source.timeline.breaches(known_until), start=1):
        place = places.of(breach) if places is not None else number
        first = found.get(place)
        found[place] = breach if first is None else breach._replace(occurred_at=first.occurred_at)
    return sorted(found.items(), key=lambda each: each[1].occurred_at)


def moved_place(source: Source, at: datetime) -> int:
    """Return the place of the due date that a deadline gets when its source gets another one.

    It follows from what set the date of the source, so that it stays the same when other changes
    are recorded or retracted.
    """
    if not isinstance(source, DeadlineSource):
        return 1
    of_source = _Places(source).of_due_at(at)
    return 1 if of_source == 1 else _MOVED + (of_source - 2) % _MOST_MOVES


class _Places:
    """What identifies the breaches of a deadline.

    A violation or determination that causes one is known by its place among all of them, in the
    order of recording; a missed due date by what set it: the agreement (1), an extension, by its
    place among all of them (from 2), or an event elsewhere (from `_MOVED`). Facts are never
    removed, and one that supersedes another keeps its place.
    """

    def __init__(self, source: DeadlineSource) -> None:
        self._source = source
        self._by_id = {fact.id: fact for fact in source.facts}
        self._of_causes = self._ranks(_CAUSING)
        self._of_extensions = self._ranks(frozenset({FactKind.EXTENSION}))
        self._extensions = sorted(
            (fact for fact in effective_facts(source.facts) if fact.kind is FactKind.EXTENSION),
            key=lambda fact: (fact.effective_at, fact.id),
        )

    def of(self, breach: BreachInterval) -> int:
        """Return the place of a breach, from 1."""
        transition = self._source.timeline.at(breach.occurred_at)
        cause = self._by_id.get(transition.fact_id or 0) if transition is not None else None
        if cause is not None and cause.kind in _CAUSING:
            return 1 + self._of_causes[self._first_version(cause).id]
        return self.of_due_at(breach.occurred_at)

    def of_due_at(self, at: datetime) -> int:
        """Return the place of the due date that is in force at an instant, from 1."""
        before = bisect_right(self._extensions, at, key=lambda fact: fact.effective_at)
        last = self._extensions[before - 1] if before else None
        moves = [
            move
            for move in self._source.terms.moves
            if move.reason in _DUE_DATE_REASONS and move.at <= at
        ]
        # An extension follows a move at the same instant.
        if moves and (last is None or moves[-1].at > last.effective_at):
            return moves[-1].place
        return 1 if last is None else 2 + self._of_extensions[self._first_version(last).id]

    def _ranks(self, kinds: frozenset[FactKind]) -> dict[int, int]:
        """Return the place, from 0, of each fact of these kinds that supersedes no other."""
        originals = {
            first.id: first
            for fact in self._by_id.values()
            if fact.kind in kinds
            for first in (self._first_version(fact),)
        }
        ordered = sorted(
            originals.values(), key=lambda fact: (fact.recorded_at or _END_OF_TIME, fact.id)
        )
        return {fact.id: rank for rank, fact in enumerate(ordered)}

    def _first_version(self, fact: Fact) -> Fact:
        """Return the first fact that `fact` supersedes, directly or not; or the fact itself."""
        while fact.supersedes is not None and fact.supersedes in self._by_id:
            fact = self._by_id[fact.supersedes]
        return fact


def _zone_named_by(rule: TriggerRule | RecurrenceRule) -> str | None:
    return rule.then.timezone if rule.then is not None else _own_zone(rule)


def _own_zone(rule: TriggerRule | RecurrenceRule) -> str | None:
    return rule.timezone if isinstance(rule, RecurrenceRule) else None
