"""Periods counted from an event: their types, civil arithmetic and the sentences of their traces.

`offsets` and `legal_methods` build on this module, which knows nothing about due rules.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from compliance.domain.civil_periods import CivilPeriod
from compliance.domain.civil_time import (
    FIRST_DAY,
    LAST_DAY,
    WEEKDAYS,
    DayOutOfRange,
    civil_day,
    day_end,
    day_start,
    wall_clock,
)
from compliance.domain.due_dates import public_holidays
from compliance.domain.due_dates.calendar_names import is_weekend_or_custom
from compliance.domain.due_dates.calendars import BusinessCalendar
from compliance.domain.vocabulary import Direction, PeriodUnit

_SATURDAY, _SUNDAY = 5, 6
ONE_DAY = timedelta(days=1)
# Ends are exclusive: the last instant on time is this much before the end.
LEAST_TIME = timedelta.resolution


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """When something happened or will happen.

    `on` is the civil day in the zone in which it is counted, and `at` the UTC instant, if known. If
    only a month, quarter or year is known, `on` is its first day, and `last_on` its last.
    """

    on: date
    at: datetime | None = None
    last_on: date | None = None


def event_in(period: CivilPeriod) -> Event:
    """Return an event of which only the day, month, quarter or year is known."""
    return Event(on=period.first, last_on=period.last if period.last > period.first else None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One reading of when a period ends.

    `on` is the last day that is on time. `at` is the exclusive end in UTC, set only for periods in
    hours or minutes. `why` is the assumption of the reading, such as `if it happened as 2026-05-04
    began`.
    """

    on: date
    at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PeriodEnd:
    """The end of a period, and how it was computed.

    `readings` are sorted. There are several if they differ, because the published law allows it or
    because only the day of the event is known. `steps` and `warnings` are sentences.
    """

    readings: tuple[Reading, ...]
    steps: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """Collects the sentences of a computation."""

    steps: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def result(self, *readings: Reading) -> PeriodEnd:
        """Return the period end with these readings, without duplicates."""
        distinct: dict[tuple[date, datetime | None], Reading] = {}
        for reading in readings:
            distinct.setdefault((reading.on, reading.at), reading)
        ordered = sorted(
            distinct.values(), key=lambda each: (each.on, each.at.timestamp() if each.at else 0)
        )
        if len(ordered) == 1 and len(readings) > 1:
            ordered = [Reading(on=ordered[0].on, at=ordered[0].at)]
        return PeriodEnd(
            readings=tuple(ordered),
            steps=tuple(self.steps),
            warnings=tuple(dict.fromkeys(self.warnings)),
        )


def shifted(day: date, count: int, unit: PeriodUnit) -> date:
    """Return `day` moved by `count` days, weeks, months or years; back if `count` is negative.

    Months and years keep the day of the month, or take the last day of a shorter month.

    Raises:
        DayOutOfRange: the result is not in `FIRST_DAY`..`LAST_DAY`.
    """
    if unit in {PeriodUnit.MONTHS, PeriodUnit.YEARS}:
        months = day.year * 12 + day.month - 1 + count * (12 if unit is PeriodUnit.YEARS else 1)
        year, month = divmod(months, 12)
        if FIRST_DAY.year <= year <= LAST_DAY.year:
            return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    else:
        days = count * (7 if unit is PeriodUnit.WEEKS else 1)
        if 0 <= (day - FIRST_DAY).days + days <= (LAST_DAY - FIRST_DAY).days:
            return day + days * ONE_DAY
    raise DayOutOfRange("The end of the period")


def signed(count: int, direction: Direction) -> int:
    """Return `count`, negated for a period before its event."""
    return count if direction is Direction.AFTER else -count


def instants_of(event: Event, zone_name: str) -> tuple[tuple[datetime, str], ...]:
    """Return the UTC instants between which the event happened, each with its assumption.

    If the instant of the event is known, it is the only one, without an assumption. Otherwise
    they are the start and the end of its day.
    """
    if event.at is not None:
        return ((event.at, ""),)
    return (
        (day_start(event.on, zone_name), f"if it happened as {event.on} began"),
        (day_end(event.on, zone_name), f"if it happened as {event.on} ended"),
    )


def elapsed(at: datetime, count: int, unit: PeriodUnit = PeriodUnit.HOURS) -> datetime:
    """Return the instant after `count` elapsed hours or minutes, regardless of clock changes.

    Raises:
        DayOutOfRange: the result is not in `FIRST_DAY`..`LAST_DAY`.
    """
    try:
        end = at + timedelta(**{unit.value: count})
    except OverflowError:
        raise DayOutOfRange("The end of the period") from None
    if not FIRST_DAY <= end.date() <= LAST_DAY:
        raise DayOutOfRange("The end of the period")
    return end


def last_day_before(end: datetime, zone_name: str) -> date:
    """Return the civil day of the last instant before the exclusive `end`."""
    return civil_day(end - LEAST_TIME, zone_name)


def counted(count: int, unit: PeriodUnit) -> str:
    """Return a count with its unit, such as `90 days` or `1 business day`."""
    label = unit.replace("_", " ")
    return f"{count} {label if count != 1 else label.removesuffix('s')}"


def named(day: date) -> str:
    """Return a day with its weekday, such as `2025-08-12, a Tuesday`."""
    return f"{day}, a {WEEKDAYS[day.weekday()]}"


def clock(at: datetime, zone_name: str) -> str:
    """Return the local time in the zone, such as `10:23 on 2007-11-02`."""
    local = wall_clock(at, zone_name)
    return f"{local:{'%H:%M:%S' if local.second else '%H:%M'}} on {local.date()}"


def closed_days(first: date, opened: date, calendar: BusinessCalendar) -> str:
    """Return why the days from `first` to before `opened`, in either direction, are closed.

    For example `2007-09-01 is a Saturday, 2007-09-03 is Labor Day in US`. Apart from `first`,
    days that are only part of a weekend are left out.
    """
    step = ONE_DAY if opened > first else -ONE_DAY
    reasons = [f"{first} is {calendar.why_closed(first)}"]
    day = first + step
    while day != opened:
        reason = calendar.why_closed(day)
        if reason is not None and not is_only_weekend(day, reason):
            reasons.append(f"{day} is {reason}")
        day += step
    return ", ".join(reasons)


def is_only_weekend(day: date, reason: str) -> bool:
    """Return whether `day` is closed only because of its day of the week."""
    return reason.startswith(f"a {WEEKDAYS[day.weekday()]}")


def warn_of_calendars(day: date, calendar: BusinessCalendar, warnings: list[str]) -> None:
    """Warn about what the calendars do not know of `day`, or what users may not expect.

    That is a year without holidays, a Saturday that counts, and calendars with different weekends.
    """
    for name in calendar.without_holidays(day):
        if public_holidays.holiday_names(name, day.year):
            warnings.append(f"Not all holidays of {name} are known for {day.year}.")
        else:
            warnings.append(
                f"The holidays of {name} are not known for {day.year}: only its weekends were "
                "considered."
            )
    weekends = calendar.weekends(day)
    if day.weekday() == _SATURDAY and calendar.is_business_day(day):
        warnings.extend(
            f"{day} is a Saturday, which is a business day in {name}: add weekend to the calendars "
            "if Saturdays do not count."
            for name, closed in weekends.items()
            if closed == {_SUNDAY} and not is_weekend_or_custom(name)
        )
    if len(calendar.names) > 1 and len(set(weekends.values())) > 1:
        by_name = "; ".join(
            f"{name} {' and '.join(WEEKDAYS[number] for number in sorted(days)) or 'none'}"
            for name, days in weekends.items()
        )
        warnings.append(
            f"The calendars have different weekends ({by_name}): a business day must be a "
            "business day in all of them."
        )
