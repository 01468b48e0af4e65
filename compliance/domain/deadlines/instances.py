"""The deadlines that a rule yields: for which date, which event and which source each one is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from compliance.domain.deadlines.activations import Activation, activations
from compliance.domain.deadlines.dependencies import referenced_obligations
from compliance.domain.deadlines.numbers import (
    MOST_OCCURRENCES,
    event_number,
    occurrence_number,
    series_number,
)
from compliance.domain.deadlines.rule_checks import (
    Horizon,
    at_most_deadlines,
    created_in_advance,
    recurrence_dates,
    rejecting_at,
    too_many_dates,
)
from compliance.domain.deadlines.snapshots import ObligationSnapshot
from compliance.domain.due_dates.due_instants import Resolved
from compliance.domain.due_dates.due_rules import awaited_event
from compliance.domain.due_dates.resolution import resolve
from compliance.domain.due_dates.rule_types import RecurrenceRule, TriggerRule
from compliance.domain.vocabulary import FactKind

_AHEAD = timedelta(days=7)
"""For how long the dates of a recurrence are created in advance while its breach is open."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One deadline that a rule yields.

    Attributes:
        number: what identifies it within its obligation.
        source: the number of the deadline from which it counts.
        occurrence: its date, if the rule is a recurrence that has started.
        activation: the event for which it is, if its rule has `each` or starts with an event.
        is_without_dates: its event has happened, but its recurrence ended before it.
    """

    number: int
    source: int = 1
    occurrence: Resolved | None = None
    activation: Activation | None = None
    is_without_dates: bool = False


def instances_of(
    obligation: ObligationSnapshot, *, as_of: datetime, horizon: Horizon
) -> dict[int, Instance]:
    """Return the deadlines that the due rule of an obligation yields, by number.

    Raises:
        Invalid: the rule cannot be resolved, or yields more than `MOST_DEADLINES` (at `due`).
    """
    rule = obligation.due
    if isinstance(rule, RecurrenceRule):
        if isinstance(rule.start, date):
            found = _of_dates(rule, obligation, horizon)
        else:
            found = _after_events(rule, obligation, as_of, horizon)
    elif isinstance(rule, TriggerRule) and rule.each:
        found = _of_each_event(rule, obligation, as_of)
    else:
        found = (Instance(number=each, source=each) for each in _source_numbers(obligation))
    path = "due/rrule" if isinstance(rule, RecurrenceRule) else "due"
    return {each.number: each for each in at_most_deadlines(found, horizon=horizon, path=path)}


def _source_numbers(obligation: ObligationSnapshot) -> list[int]:
    """Return the numbers of the deadlines from which an obligation counts; 1 if there are none.

    If it counts from a date that each party has, these are the places of its obligors.
    """
    if places := obligation.party_places():
        return sorted(places)
    refs = [*referenced_obligations(obligation.due), *referenced_obligations(obligation.starts)]
    return sorted(obligation.sources.get(refs[0], {})) if refs else [1]


def _of_dates(
    rule: RecurrenceRule, obligation: ObligationSnapshot, horizon: Horizon
) -> Iterator[Instance]:
    for place, resolved in enumerate(recurrence_dates(rule, obligation.context, horizon=horizon)):
        number = _number(rule, place)
        if number is not None:
            yield Instance(number=number, occurrence=resolved)


def _number(rule: RecurrenceRule, place: int, series: int = 1) -> int | None:
    return occurrence_number(
        occurrence=1 + place // rule.times, time=1 + place % rule.times, series=series
    )


def _after_events(
    rule: RecurrenceRule, obligation: ObligationSnapshot, as_of: datetime, horizon: Horizon
) -> Iterator[Instance]:
    """Yield the deadlines of a recurrence that starts with events; a dormant one without dates."""
    for source in _source_numbers(obligation):
        sources, own = obligation.sources_of(source), obligation.for_source(source)
        found = activations(rule, own.context, sources, as_of=as_of)
        has_first = False
        for activation in found:
            for instance in _series(rule, own, source, activation, as_of, horizon):
                has_first = has_first or activation.place == 1
                yield instance
        series = series_number(source=source, place=1)
        number = series and occurrence_number(occurrence=1, series=series)
        if not has_first and number:
            ended = any(each.place == 1 for each in found)
            yield Instance(number=number, source=source, is_without_dates=ended)


def _series(
    rule: RecurrenceRule,
    obligation: ObligationSnapshot,
    source: int,
    activation: Activation,
    as_of: datetime,
    horizon: Horizon,
) -> Iterator[Instance]:
    """Yield the deadlines that follow from one event."""
    series = series_number(source=source, place=activation.place)
    if series is None:
        return
    is_milestone = (event := awaited_event(rule)) is not None and event.milestone is not None
    is_open = event is not None and event.breach_of is not None and activation.ended_at is None
    with rejecting_at("due"):
        dates = resolve(
            rule, obligation.context, event=activation.event, ended_at=activation.ended_at
        )
        upcoming = created_in_advance(
            dates, horizon=horizon, times=rule.times, ends_on=obligation.context.ends_on
        )
        for place, resolved in enumerate(upcoming):
            if place == MOST_OCCURRENCES:  # the numbers of a series end there
                raise too_many_dates(horizon=horizon)
            number = _number(rule, place, series)
            if number is None:
                return
            yield Instance(
                number=number,
                source=source,
                occurrence=resolved,
                activation=None if is_milestone else activation,
            )
            is_last_of_date = (place + 1) % rule.times == 0
            if is_open and is_last_of_date and resolved.due.due_on > (as_of + _AHEAD).date():
                return


def _of_each_event(
    rule: TriggerRule, obligation: ObligationSnapshot, as_of: datetime
) -> Iterator[Instance]:
    """Yield a deadline for each event, and one that waits for the next event or for the first."""
    if rule.on.milestone is not None:
        places = obligation.party_places()
        for place in places:
            # Each party has one date.
            happened = activations(rule, obligation.for_source(place).context, {}, as_of=as_of)
            yield Instance(number=place, source=place, activation=next(iter(happened), None))
        if not places:
            yield from _of_each_trigger(rule, obligation, as_of)
        return
    for source in _source_numbers(obligation):
        sources = obligation.sources_of(source)
        found = activations(rule, obligation.context, sources, as_of=as_of)
        by_place = {each.place: each for each in found}
        for place in sorted({1, *by_place}):
            number = event_number(source=source, place=place)
            if number is not None:
                yield Instance(number=number, source=source, activation=by_place.get(place))


def _of_each_trigger(
    rule: TriggerRule, obligation: ObligationSnapshot, as_of: datetime
) -> Iterator[Instance]:
    """Yield a deadline for each time that the event was recorded, and one for the next time."""
    happened = activations(rule, obligation.context, {}, as_of=as_of)
    triggers = {
        number: [fact for fact in stored.dated_facts if fact.kind is FactKind.TRIGGER]
        for number, stored in obligation.stored.items()
    }
    if not all(fact.is_superseded for fact in triggers.get(1, ())):
        # What was recorded about the first event prevails over the date of the milestone.
        happened = []
    last = max([len(happened), *(number for number, facts in triggers.items() if facts)])
    for number in range(1, last + 2):
        activation = replace(happened[0], place=1) if happened and number == 1 else None
        yield Instance(number=number, activation=activation)
