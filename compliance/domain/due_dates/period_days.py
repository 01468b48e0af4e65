"""Days of a calendar period: the n-th day or business day of a week, month, quarter or year."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY, DayOutOfRange
from compliance.domain.due_dates.calendars import BusinessCalendar, NoBusinessDay
from compliance.domain.due_dates.periods import ONE_DAY, named
from compliance.domain.due_dates.rule_parts import OnDay
from compliance.domain.vocabulary import CalendarPeriod

_MONTHS = {CalendarPeriod.MONTH: 1, CalendarPeriod.QUARTER: 3, CalendarPeriod.YEAR: 12}


class _NoBusinessDayInPeriod(NoBusinessDay):
    """A period in which every day is closed."""

    def __init__(self, first: date, last: date, calendar: BusinessCalendar) -> None:
        names = " and ".join(calendar.names) or "weekend"
        ValueError.__init__(
            self,
            f"There is no business day in {names} from {first} to {last}. "
            "Remove a calendar, or name a longer period.",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class DayOfPeriod:
    """A day of a period, the sentences that explain it, and warnings."""

    on: date
    steps: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def period_around(day: date, period: CalendarPeriod) -> tuple[date, date]:
    """Return the first and last day of the period that contains `day`.

    Raises:
        DayOutOfRange: the period is not within `FIRST_DAY`..`LAST_DAY`.
    """
    if period is CalendarPeriod.WEEK:
        first = day - day.weekday() * ONE_DAY
        last = first + timedelta(days=6)
        if not FIRST_DAY <= first <= last <= LAST_DAY:
            raise DayOutOfRange("The week of a date")
        return first, last
    months = _MONTHS[period]
    first_month = day.month - (day.month - 1) % months
    last_month = first_month + months - 1
    last_day = monthrange(day.year, last_month)[1]
    return date(day.year, first_month, 1), date(day.year, last_month, last_day)


def day_of_period(day: date, on_day: OnDay, calendar: BusinessCalendar) -> DayOfPeriod:
    """Return the day that `on_day` names in the period that contains `day`.

    Raises:
        DayOutOfRange: the period is not within `FIRST_DAY`..`LAST_DAY`.
        NoBusinessDay: a business day is named, and the period has none.
    """
    first, last = period_around(day, on_day.of)
    number = on_day.day or on_day.business_day or 0
    on, counted = _counted(first, last, on_day, calendar)
    kind = "day" if on_day.day is not None else "business day"
    label = _label(number, kind)
    warnings: tuple[str, ...] = ()
    if counted < abs(number):
        warnings = (
            f"The {on_day.of} from {first} to {last} has only {counted} {kind}s, "
            f"so the {'last' if number > 0 else 'first'} of them is used.",
        )
    step = f"{label} of the {on_day.of} from {first} to {last}: {named(on)}."
    return DayOfPeriod(on=on, steps=(step,), warnings=warnings)


def _counted(
    first: date, last: date, on_day: OnDay, calendar: BusinessCalendar
) -> tuple[date, int]:
    """Return the day, and how many days were counted to reach it."""
    number = on_day.day or on_day.business_day or 0
    day, step = (first, ONE_DAY) if number > 0 else (last, -ONE_DAY)
    if on_day.day is not None:
        counted = min(abs(number), (last - first).days + 1)
        return day + (counted - 1) * step, counted
    found, counted = None, 0
    while first <= day <= last and counted < abs(number):
        if calendar.is_business_day(day):
            found, counted = day, counted + 1
        day += step
    if found is None:
        raise _NoBusinessDayInPeriod(first, last, calendar)
    return found, counted


def _label(number: int, kind: str) -> str:
    """Return a number in words, such as `The 5th business day` or `The last day`."""
    if number in {1, -1}:
        return f"The {'first' if number > 0 else 'last'} {kind}"
    ending = f"{kind} from the end" if number < 0 else kind
    return f"The {_ordinal(abs(number))} {ending}"


def _ordinal(number: int) -> str:
    is_teen = number % 100 in {11, 12, 13}
    return f"{number}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
