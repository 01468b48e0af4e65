"""The days of recurrences: by their RRULE, moved to a day of their period, and rolled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from compliance.domain.civil_time import LAST_DAY, DayOutOfRange, day_start, instant_or_jump
from compliance.domain.due_dates.area_readings import closed_in_part, end_by_area
from compliance.domain.due_dates.calendars import BusinessCalendar, NoBusinessDay
from compliance.domain.due_dates.contexts import Unresolvable
from compliance.domain.due_dates.period_days import day_of_period, period_around
from compliance.domain.due_dates.periods import PeriodEnd, Reading, named
from compliance.domain.due_dates.recurrences import occurrences
from compliance.domain.due_dates.rrules import Recurrence, parse_rrule
from compliance.domain.due_dates.rule_parts import OnDay
from compliance.domain.due_dates.rule_types import RecurrenceRule
from compliance.domain.vocabulary import RollConvention

_ONE_DAY = timedelta(days=1)


def recurring_days(
    rule: RecurrenceRule,
    calendar: BusinessCalendar,
    zone_name: str,
    *,
    ended_at: datetime | None = None,
) -> Iterator[PeriodEnd]:
    """Yield the dates of a recurrence that starts on a day, in order, without `then`.

    Only dates that begin before `ended_at` are yielded.

    Raises:
        Unresolvable: a date cannot be moved to its day or rolled.
    """
    assert isinstance(rule.start, date)
    days = _nominal_days(rule, rule.start, calendar, zone_name)
    for number, nominal in enumerate(days, start=1):
        if ended_at is not None:
            on = nominal
            if rule.on_day is not None:
                on = _day_of_period(nominal, rule.on_day, calendar)
            if _begins_at(on, rule.time, zone_name) >= ended_at:
                return
        yield _occurrence(rule, calendar, number, nominal)


def _nominal_days(
    rule: RecurrenceRule, start: date, calendar: BusinessCalendar, zone_name: str
) -> Iterator[date]:
    """Yield the days of the RRULE, or with `on_day` one in each of their periods."""
    recurrence = parse_rrule(rule.rrule)
    if rule.on_day is not None:
        yield from _one_in_each_period(rule, start, rule.on_day, recurrence, calendar, zone_name)
        return
    widened = recurrence
    if recurrence.until is not None and recurrence.is_until_utc:
        # In zones ahead of UTC, the instant of UNTIL can be on the day after the written one.
        last = min(recurrence.until, LAST_DAY - _ONE_DAY)
        widened = replace(recurrence, until=last + _ONE_DAY)
    days = occurrences(widened, start=start, until=rule.until, end_of_month=rule.end_of_month)
    for day in days:
        if _is_past_until(recurrence, day, rule.time, zone_name):
            return
        yield day


def _one_in_each_period(
    rule: RecurrenceRule,
    start: date,
    on_day: OnDay,
    recurrence: Recurrence,
    calendar: BusinessCalendar,
    zone_name: str,
) -> Iterator[date]:
    """Yield one day in each period whose named day is from the start to the end of the rule."""
    # The ends and the count are about the named days, which may be before or after these. Every
    # month has a day of the rule, so that none is left out because it is too short.
    endless = replace(recurrence, until=None, until_clock=None, count=None)
    ends = [rule.until or LAST_DAY, LAST_DAY]
    if recurrence.until is not None:
        ends.append(recurrence.until + (_ONE_DAY if recurrence.is_until_utc else 0 * _ONE_DAY))
    last, former, left = min(ends), None, recurrence.count
    for day in occurrences(endless, start=start, end_of_month=True):
        period = _period(day, on_day)
        if period == former:
            continue
        former = period
        named_day = _day_of_period(day, on_day, calendar)
        if named_day < start:
            continue
        if named_day > last or _is_past_until(recurrence, named_day, rule.time, zone_name):
            return
        yield day
        if left is not None:
            left -= 1
            if not left:
                return


def _period(day: date, on_day: OnDay) -> tuple[date, date]:
    try:
        return period_around(day, on_day.of)
    except DayOutOfRange as error:
        raise Unresolvable("on_day", str(error)) from None


def _day_of_period(day: date, on_day: OnDay, calendar: BusinessCalendar) -> date:
    try:
        return day_of_period(day, on_day, calendar).on
    except (DayOutOfRange, NoBusinessDay) as error:
        raise Unresolvable("on_day", str(error)) from None


def _occurrence(
    rule: RecurrenceRule, calendar: BusinessCalendar, number: int, nominal: date
) -> PeriodEnd:
    def computed(part: BusinessCalendar) -> PeriodEnd:
        return _moved_and_rolled(rule, part, nominal)

    first = nominal if rule.on_day is None else period_around(nominal, rule.on_day.of)[0]
    path = "roll" if rule.on_day is None else "on_day"
    try:
        period_end = end_by_area(first, calendar, computed)
    except (NoBusinessDay, DayOutOfRange) as error:
        raise Unresolvable(path, str(error)) from None
    what = f"Date {number} of {rule.rrule} from {rule.start}"
    if rule.on_day is None:
        steps = (f"{what}: {named(nominal)}.", *period_end.steps)
    else:
        steps = (f"{what}.", *period_end.steps)
    warnings = period_end.warnings
    if rule.roll is RollConvention.NONE and rule.then is None and rule.on_day is None:
        partly = closed_in_part(calendar, nominal)
        warnings = (*warnings, f"{partly} The rule does not roll.") if partly else warnings
    return replace(period_end, steps=steps, warnings=warnings)


def _moved_and_rolled(rule: RecurrenceRule, calendar: BusinessCalendar, nominal: date) -> PeriodEnd:
    steps: list[str] = []
    warnings: list[str] = []
    if rule.on_day is not None:
        found = day_of_period(nominal, rule.on_day, calendar)
        nominal = found.on
        steps += found.steps
        warnings += found.warnings
    on = calendar.roll(nominal, rule.roll)
    closed = calendar.why_closed(nominal)
    if on != nominal:
        steps.append(f"{nominal} is {closed}; {rule.roll.replace('_', ' ')}: {named(on)}.")
    elif closed is not None and rule.roll is RollConvention.NONE and rule.then is None:
        warnings.append(f"{nominal} is {closed}, and the rule does not roll.")
    return PeriodEnd(readings=(Reading(on=on),), steps=tuple(steps), warnings=tuple(warnings))


def _begins_at(on: date, at: time | None, zone_name: str) -> datetime:
    return day_start(on, zone_name) if at is None else instant_or_jump(on, at, zone_name)


def _is_past_until(recurrence: Recurrence, on: date, at: time | None, zone_name: str) -> bool:
    """Return whether a date is after the time of day of UNTIL.

    A date without a time is compared by its first instant.
    """
    until, clock = recurrence.until, recurrence.until_clock
    if until is None or clock is None:
        return False
    if not recurrence.is_until_utc:
        last = datetime.combine(until, clock)
        return datetime.combine(on, at) > last if at else datetime.combine(on, time()) >= last
    end = datetime.combine(until, clock, UTC)
    if at is None:
        return day_start(on, zone_name) >= end
    return instant_or_jump(on, at, zone_name) > end
