"""Readings of a period's end where holidays apply only in part of a calendar's area.

The end is computed with the days that are closed everywhere, and with those that are closed
anywhere. If both agree, so do all parts. Otherwise it is computed for each part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY
from compliance.domain.due_dates import local_holidays, public_holidays
from compliance.domain.due_dates.calendars import BusinessCalendar
from compliance.domain.due_dates.periods import ONE_DAY, PeriodEnd, Reading, Trace

# Rolling and the ends of months look at days around the period.
_MARGIN = timedelta(days=31)
_MOST_COMBINATIONS = 64
_MOST_DAYS_NAMED = 6
_TOO_MANY = (
    "The calendars have too many parts with holidays of their own: only holidays of whole "
    "countries were considered. Name subdivisions, or fewer calendars."
)

Compute = Callable[[BusinessCalendar], PeriodEnd]
# For each calendar, parts of it that are alike around the period.
_Combination = dict[str, tuple[str, ...]]
_Results = list[tuple[PeriodEnd, list[_Combination]]]


def end_by_area(start: date, calendar: BusinessCalendar, compute: Compute) -> PeriodEnd:
    """Return the end that `compute` finds, with one reading for each different result.

    `compute` must depend on the calendar that it is given only by its business days. `start` is
    the first day that it looks at.

    Raises:
        NoBusinessDay: the calendars have too few business days, in some part of the area.
    """
    found = compute(calendar)
    if not calendar.has_parts:
        return found
    if calendar.has_too_many_parts:
        return replace(found, warnings=(*found.warnings, _TOO_MANY))
    widest = compute(calendar.widest())
    if _days(widest) == _days(found):
        return found
    reached = [start, *(each.on for each in (*found.readings, *widest.readings))]
    results: dict[tuple[Reading, ...], tuple[PeriodEnd, list[_Combination]]] = {}
    for parts in _combinations(calendar, min(reached), max(reached)):
        named = {name: group[0] for name, group in parts.items()}
        end = compute(calendar.renamed(tuple(named.get(name, name) for name in calendar.names)))
        results.setdefault(end.readings, (end, []))[1].append(parts)
    if len(results) == 1:
        # The extremes differ, but no part has either of them.
        return next(iter(results.values()))[0]
    return _merged(calendar, list(results.values()), min(reached), max(reached))


def latest_by_area(calendar: BusinessCalendar, compute: Callable[[BusinessCalendar], date]) -> date:
    """Return the latest day that `compute` finds for any part of the calendars' areas."""

    def as_end(each: BusinessCalendar) -> PeriodEnd:
        return PeriodEnd(readings=(Reading(on=compute(each)),), steps=(), warnings=())

    end = end_by_area(as_end(calendar).readings[0].on, calendar, as_end)
    return max(reading.on for reading in end.readings)


def closed_in_part(calendar: BusinessCalendar, day: date) -> str | None:
    """Return which holiday closes only part of a calendar's area on `day`, as a sentence."""
    for name in calendar.names:
        parts = local_holidays.closing_parts(name, day) if local_holidays.has_parts(name) else ()
        if parts:
            title = local_holidays.holiday_name(name, day) or "a weekend day"
            where = local_holidays.joined_parts(name, parts)
            return f"{day} is {title} in {where}, but not in all of {name}."
    return None


def _days(end: PeriodEnd) -> tuple[tuple[date, object], ...]:
    return tuple((reading.on, reading.at) for reading in end.readings)


def _combinations(calendar: BusinessCalendar, first: date, last: date) -> Iterator[_Combination]:
    """Yield the parts to compute with, by calendar; those that are alike together."""
    names = [name for name in calendar.names if local_holidays.has_parts(name)]
    groups = {name: _alike(name, first, last) for name in names}
    total = 1
    for name in names:
        total *= len(groups[name])
    if total <= _MOST_COMBINATIONS:
        for chosen in product(*groups.values()):
            yield dict(zip(names, chosen, strict=True))
    else:
        # Too many to try all: vary one calendar at a time.
        for name in names:
            for group in groups[name]:
                yield {name: group}


def _alike(name: str, first: date, last: date) -> list[tuple[str, ...]]:
    """Return the parts of a calendar, grouped by the days around the period that they close."""
    start, end = max(first - _MARGIN, FIRST_DAY), min(last + _MARGIN, LAST_DAY)
    # Days that are closed everywhere do not tell parts apart.
    near = {
        year: frozenset(
            day for day in local_holidays.partly_closed_days(name, year) if start <= day <= end
        )
        for year in range(start.year, end.year + 1)
    }
    groups: dict[tuple[frozenset[date], ...], list[str]] = {}
    for part in local_holidays.parts_of(name):
        closed = tuple(
            days & public_holidays.closed_days(part, year) for year, days in near.items()
        )
        groups.setdefault(closed, []).append(part)
    return [tuple(parts) for parts in groups.values()]


def _merged(
    calendar: BusinessCalendar,
    results: _Results,
    first: date,
    last: date,
) -> PeriodEnd:
    trace = Trace()
    day = first
    while day <= last and len(trace.steps) < _MOST_DAYS_NAMED:
        if (sentence := closed_in_part(calendar, day)) is not None:
            trace.steps.append(sentence)
        day += ONE_DAY
    readings = []
    for end, combinations in results:
        where = _where(combinations)
        trace.steps.extend(f"In {where}: {step}" for step in end.steps)
        trace.warnings.extend(end.warnings)
        readings += [
            Reading(on=each.on, at=each.at, why=", ".join(filter(None, (each.why, f"in {where}"))))
            for each in end.readings
        ]
    trace.warnings.extend(
        _advice(name, results) for name in calendar.names if _varies(name, results)
    )
    return trace.result(*readings)


def _varies(name: str, results: _Results) -> bool:
    """Return whether the result depends on the part of the calendar `name`."""
    by_result = [{parts.get(name) for parts in combinations} for _, combinations in results]
    return local_holidays.has_parts(name) and any(each != by_result[0] for each in by_result)


def _advice(name: str, results: _Results) -> str:
    firsts = [
        parts[name][0] for _, combinations in results for parts in combinations[:1] if name in parts
    ]
    examples = " or ".join(dict.fromkeys((firsts[0], firsts[-1])))
    return (
        f"The holidays of {name} differ by place or purpose, and the date depends on them, so "
        f"every reading is given. For one reading, name the part that applies, such as {examples}."
    )


def _where(combinations: list[_Combination]) -> str:
    """Return in which parts a result holds, for example `DE-BW and DE-BY`."""
    by_name: dict[str, dict[str, None]] = {}
    for parts in combinations:
        for name, group in parts.items():
            by_name.setdefault(name, {}).update(dict.fromkeys(group))
    return " with ".join(
        local_holidays.joined_parts(name, tuple(parts))
        for name, parts in by_name.items()
        # A calendar of which every part has this result has no influence on it.
        if len(parts) < len(local_holidays.parts_of(name)) or len(by_name) == 1
    )
