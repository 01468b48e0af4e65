"""Periods counted from an event: what goes in, what comes out, and the plain civil arithmetic.

`offsets` and `legal_methods` put these together; nothing here knows a rule.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from compliance.domain.civil_time import (
    FIRST_DAY,
    LAST_DAY,
    DayOutOfRange,
    civil_day,
    day_end,
    day_start,
    wall_clock,
)
from compliance.domain.due_dates.calendars import WEEKDAYS, BusinessCalendar
from compliance.domain.vocabulary import Direction, PeriodUnit

ONE_DAY = timedelta(days=1)
# An end is exclusive: the last instant in time lies this much before it.
LEAST_TIME = timedelta.resolution


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """When something happened or will happen.

    A civil day in the zone that counts, and the UTC instant where it is known.
    """

    on: date
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One answer to when a period ends.

    `on` is the last day on which it is in time. `at` is UTC and exclusive, and only for hours.
    `why` says what the answer supposes, such as `if it happened as 2026-05-04 began`.
    """

    on: date
    at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PeriodEnd:
    """When a period ends, with the working shown.

    `readings` are the earliest first, and more than one only where they differ: in the law as
    published, or because an event is known by its day alone. `steps` show the working and
    `warnings` what to beware of, in sentences.
    """

    readings: tuple[Reading, ...]
    steps: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """The sentences of a period_end that is under way."""

    steps: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def result(self, *readings: Reading) -> PeriodEnd:
        """The period_end that ends in these readings, each end told once."""
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
    """`day` moved by so many days, weeks, months or years, back where `count` is negative.

    Months and years keep the number of the day; where the month has no such day, its last.
    Raises `DayOutOfRange`.
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
    """`count`, negative for a period before its event."""
    return count if direction is Direction.AFTER else -count


def instants_of(event: Event, zone_name: str) -> tuple[tuple[datetime, str], ...]:
    """The UTC instants between which the event was, each with what it supposes.

    One, which supposes nothing, where its instant is known; else the start and the end of its day.
    """
    if event.at is not None:
        return ((event.at, ""),)
    return (
        (day_start(event.on, zone_name), f"if it happened as {event.on} began"),
        (day_end(event.on, zone_name), f"if it happened as {event.on} ended"),
    )


def elapsed(at: datetime, hours: int) -> datetime:
    """The instant so many hours after `at`, as time passes and not as clocks show it.

    Raises `DayOutOfRange`.
    """
    try:
        end = at + timedelta(hours=hours)
    except OverflowError:
        raise DayOutOfRange("The end of the period") from None
    if not FIRST_DAY <= end.date() <= LAST_DAY:
        raise DayOutOfRange("The end of the period")
    return end


def last_day_before(end: datetime, zone_name: str) -> date:
    """The civil day of the last instant before the exclusive `end`."""
    return civil_day(end - LEAST_TIME, zone_name)


def counted(count: int, unit: PeriodUnit) -> str:
    """Such as `90 days` and `1 business day`."""
    words = unit.replace("_", " ")
    return f"{count} {words if count != 1 else words.removesuffix('s')}"


def named(day: date) -> str:
    """Such as `2025-08-12, a Tuesday`."""
    return f"{day}, a {WEEKDAYS[day.weekday()]}"


def clock(at: datetime, zone_name: str) -> str:
    """Such as `10:23 on 2007-11-02`, as clocks in the zone show it."""
    local = wall_clock(at, zone_name)
    return f"{local:{'%H:%M:%S' if local.second else '%H:%M'}} on {local.date()}"


def closed_days(first: date, opened: date, calendar: BusinessCalendar) -> str:
    """What closes the days from `first` up to `opened`, which lies after or before it.

    Such as `2007-09-01 is a Saturday, 2007-09-03 is Labor Day in US`: of the later ones, only
    those that no weekend explains.
    """
    step = ONE_DAY if opened > first else -ONE_DAY
    told = [f"{first} is {calendar.why_closed(first)}"]
    day = first + step
    while day != opened:
        reason = calendar.why_closed(day)
        if reason is not None and not is_weekend_alone(day, reason):
            told.append(f"{day} is {reason}")
        day += step
    return ", ".join(told)


def is_weekend_alone(day: date, reason: str) -> bool:
    """Whether the reason why `day` is closed is no more than its day of the week."""
    return reason.startswith(f"a {WEEKDAYS[day.weekday()]}")


def warn_of_calendars(day: date, calendar: BusinessCalendar, warnings: list[str]) -> None:
    """Warn where the calendars do not know the year of `day` or keep different weekends."""
    warnings.extend(
        f"The holidays of {name} are not known for {day.year}: only its weekends were counted."
        for name in calendar.without_holidays(day)
    )
    if len(calendar.names) > 1:
        weekends = calendar.weekends(day)
        if len(set(weekends.values())) > 1:
            kept = "; ".join(
                f"{name} {' and '.join(WEEKDAYS[number] for number in sorted(days)) or 'none'}"
                for name, days in weekends.items()
            )
            warnings.append(
                f"The calendars keep different weekends ({kept}): a business day is one in all."
            )
