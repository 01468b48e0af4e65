"""Recurrence rules of RFC 5545, for civil days.

A rule is the value of an RRULE property, such as `FREQ=MONTHLY;BYMONTHDAY=15`, that repeats daily
or more slowly. Anyone may write one, so none can cost much: days are worked out a whole period at
a time, an interval is stepped over in one addition, and everything ends on `LAST_DAY`. Where the
RFC leaves a choice, the days are those of python-dateutil.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, time
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY, DayOutOfRange

LONGEST_RRULE = 500

_EXAMPLE = "'FREQ=MONTHLY;BYMONTHDAY=15'"
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_SIGNED_NUMBER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_BYDAY = re.compile(rf"([+-]?[0-9]{{1,2}})?({'|'.join(_WEEKDAYS)})", re.ASCII)
_UNTIL = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9]|60)Z?)?",
    re.ASCII,
)
_OTHER_LINE = re.compile(r"(DTSTART|DTEND|EXRULE|EXDATE|RDATE|BEGIN)[:;]", re.ASCII)
_PARTS = (
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "BYMONTH",
    "BYMONTHDAY",
    "BYYEARDAY",
    "BYWEEKNO",
    "BYDAY",
    "BYSETPOS",
    "WKST",
)
_TIME_PARTS = ("BYHOUR", "BYMINUTE", "BYSECOND")
_SUB_DAILY = ("HOURLY", "MINUTELY", "SECONDLY")
# Past this length no typing error of a word of the RFC remains to be guessed at.
_LONGEST_GUESS = 64

# The ordinal of the first of every month from FIRST_DAY to the month after LAST_DAY. Months are
# counted from FIRST_DAY throughout, so that stepping over any number of them is one addition.
_MONTH_STARTS = tuple(
    date(FIRST_DAY.year + month // 12, month % 12 + 1, 1).toordinal()
    for month in range((LAST_DAY.year - FIRST_DAY.year + 1) * 12 + 1)
)


class BadRecurrence(ValueError):
    """A text that is not a recurrence rule, or one that deadlines cannot follow."""


class Frequency(StrEnum):
    """The period in which a rule repeats."""

    YEARLY = "YEARLY"
    MONTHLY = "MONTHLY"
    WEEKLY = "WEEKLY"
    DAILY = "DAILY"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recurrence:
    """A recurrence rule that repeats daily or more slowly.

    Numbers are those of the rule, ascending and each once; negative ones count from the end.
    Weekdays count from Monday as 0. `nth_weekdays` are pairs of weekday and number: (4, -1) is
    the last Friday, of the month in a monthly rule or one with `months`, else of the year.
    `until` is the day of UNTIL as written, `until_clock` its time of day if it gives one, which
    is UTC with `is_until_utc` and else local.
    """

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: date | None = None
    until_clock: time | None = None
    is_until_utc: bool = False
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    weeks: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    nth_weekdays: tuple[tuple[int, int], ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


@lru_cache(maxsize=1024)
def parse_rrule(text: str) -> Recurrence:
    """The recurrence that an RRULE of RFC 5545 describes, with or without `RRULE:` before it.

    Upper and lower case are the same. UNTIL may be a day, a local time or a UTC time. Raises
    `BadRecurrence`, also for what the RFC forbids: COUNT beside UNTIL, BYMONTHDAY in a weekly
    rule, BYYEARDAY and BYWEEKNO outside yearly ones, numbered weekdays where there is nothing to
    count them in, and BYSETPOS alone.
    """
    parts = _parts(text)
    frequency = _frequency(parts)
    weekdays, nth_weekdays = _byday(parts)
    _check_companions(parts, frequency, has_nth_weekdays=bool(nth_weekdays))
    return Recurrence(
        frequency=frequency,
        interval=_positive(parts, "INTERVAL") or 1,
        count=_positive(parts, "COUNT"),
        until=_until(parts),
        until_clock=_until_clock(parts),
        is_until_utc=parts.get("UNTIL", "").endswith("Z"),
        months=_numbers(parts, "BYMONTH", 12, signed=False),
        month_days=_numbers(parts, "BYMONTHDAY", 31),
        year_days=_numbers(parts, "BYYEARDAY", 366),
        weeks=_numbers(parts, "BYWEEKNO", 53),
        weekdays=weekdays,
        nth_weekdays=nth_weekdays,
        positions=_numbers(parts, "BYSETPOS", 366),
        week_start=_week_start(parts),
    )


def occurrences(
    recurrence: Recurrence, *, start: date, until: date | None = None, end_of_month: bool = False
) -> Iterator[date]:
    """The days of the recurrence from `start` on, ascending, worked out as they are asked for.

    `start` is the DTSTART: it anchors the interval and gives the parts that the rule leaves out,
    but is itself a day of the recurrence only where it matches the rule. The last day is at most
    `until`, the rule's own UNTIL, and `LAST_DAY`. With `end_of_month`, a day that a month is too
    short for, whether from BYMONTHDAY or from `start`, means the month's last day: the 31st falls
    in every month, and 29 February on the 28th in common years. Raises `DayOutOfRange` for a
    start outside `FIRST_DAY`..`LAST_DAY`.
    """
    if not FIRST_DAY <= start <= LAST_DAY:
        raise DayOutOfRange("The start of a recurrence")
    ends = (until, recurrence.until, LAST_DAY)
    first, last = start.toordinal(), min(end for end in ends if end is not None).toordinal()
    rule = _completed(recurrence, start)
    periods = _EXPANSIONS[rule.frequency](rule, first, last, end_of_month)
    return _days(periods, first, last, recurrence.count)


def first_occurrence(
    recurrence: Recurrence, *, start: date, until: date | None = None, end_of_month: bool = False
) -> date | None:
    """The first of the `occurrences`, or None where there are none. Raises `DayOutOfRange`."""
    found = occurrences(recurrence, start=start, until=until, end_of_month=end_of_month)
    return next(found, None)


# Expanding. Days are ordinals. A period is expanded whole, since BYSETPOS counts through all of
# it; what lies before the start or after the end is left out by `_days`.


def _days(
    periods: Iterable[Sequence[int]], first: int, last: int, count: int | None
) -> Iterator[date]:
    left = last - first + 1 if count is None else count
    for period in periods:
        for day in period:
            if day < first:
                continue
            if day > last:
                return
            yield date.fromordinal(day)
            left -= 1
            if not left:
                return


def _completed(rule: Recurrence, start: date) -> Recurrence:
    """The rule with what it leaves to its start."""
    if rule.month_days or rule.year_days or rule.weeks or rule.weekdays or rule.nth_weekdays:
        return rule
    match rule.frequency:
        case Frequency.YEARLY:
            return replace(rule, months=rule.months or (start.month,), month_days=(start.day,))
        case Frequency.MONTHLY:
            return replace(rule, month_days=(start.day,))
        case Frequency.WEEKLY:
            return replace(rule, weekdays=(start.weekday(),))
        case Frequency.DAILY:
            return rule


def _daily(rule: Recurrence, first: int, last: int, clamps: bool) -> Iterator[Sequence[int]]:
    if rule.positions and not {1, -1}.intersection(rule.positions):
        return
    if not (rule.months or rule.month_days or rule.weekdays):
        yield range(first, last + 1, rule.interval)
        return
    days_of = _DaysOfMonth(replace(rule, positions=()), clamps=clamps)
    for month in range(_month(first), _month(last) + 1):
        if rule.months and month % 12 + 1 not in rule.months:
            continue
        days = days_of(month)
        if rule.interval > 1:
            days = [day for day in days if not (day - first) % rule.interval]
        yield days


def _weekly(rule: Recurrence, first: int, last: int, _clamps: bool) -> Iterator[Sequence[int]]:
    first_week = first - (_weekday(first) - rule.week_start) % 7
    offsets = sorted((weekday - rule.week_start) % 7 for weekday in rule.weekdays)
    # The RFC lets BYSETPOS count through the whole first week; python-dateutil counts from the
    # start, and calendars written with it would otherwise move.
    begun = [first_week + offset for offset in offsets if first_week + offset >= first]
    yield _at(rule.positions, _in_months(rule.months, begun))
    step = 7 * rule.interval
    weeks = range(first_week + step, last + 1, step)
    if rule.months:
        for week in weeks:
            days = _in_months(rule.months, [week + offset for offset in offsets])
            yield _at(rule.positions, days)
    else:
        offsets = _at(rule.positions, offsets)
        for week in weeks:
            yield [week + offset for offset in offsets]


def _monthly(rule: Recurrence, first: int, last: int, clamps: bool) -> Iterator[Sequence[int]]:
    days_of = _DaysOfMonth(rule, clamps=clamps)
    for month in range(_month(first), _month(last) + 1, rule.interval):
        if not rule.months or month % 12 + 1 in rule.months:
            yield days_of(month)


def _yearly(rule: Recurrence, first: int, last: int, clamps: bool) -> Iterator[Sequence[int]]:
    days_of = _DaysOfYear(rule, clamps=clamps)
    for year in range(_year(first), _year(last) + 1, rule.interval):
        yield days_of(year)


_EXPANSIONS: dict[Frequency, Callable[[Recurrence, int, int, bool], Iterator[Sequence[int]]]] = {
    Frequency.YEARLY: _yearly,
    Frequency.MONTHLY: _monthly,
    Frequency.WEEKLY: _weekly,
    Frequency.DAILY: _daily,
}


class _DaysOfMonth:
    """The days of one month that match, worked out once for each shape of month."""

    def __init__(self, rule: Recurrence, *, clamps: bool) -> None:
        self._rule = rule
        self._clamps = clamps
        self._minds_weekdays = bool(rule.weekdays or rule.nth_weekdays)
        self._known: dict[tuple[int, int], list[int]] = {}

    def __call__(self, month: int) -> list[int]:
        start = _MONTH_STARTS[month]
        shape = (
            _MONTH_STARTS[month + 1] - start,
            _weekday(start) if self._minds_weekdays else 0,
        )
        offsets = self._known.get(shape)
        if offsets is None:
            offsets = self._known[shape] = self._offsets(*shape)
        return [start + offset for offset in offsets]

    def _offsets(self, length: int, first_weekday: int) -> list[int]:
        rule = self._rule
        offsets = set(range(length))
        if rule.month_days:
            days = (
                length if self._clamps and day > length else day if day > 0 else length + 1 + day
                for day in rule.month_days
            )
            offsets.intersection_update(day - 1 for day in days)
        if self._minds_weekdays:
            offsets &= _offsets_of_weekdays(rule, length, first_weekday)
        return _at(rule.positions, sorted(offsets))


class _DaysOfYear:
    """The days of one year that match, worked out once for each shape of year."""

    def __init__(self, rule: Recurrence, *, clamps: bool) -> None:
        self._rule = rule
        self._counts_weekdays = bool(rule.nth_weekdays) and not rule.months
        of_month = replace(rule, positions=())
        if self._counts_weekdays:
            of_month = replace(of_month, weekdays=(), nth_weekdays=())
        self._days_of_month = _DaysOfMonth(of_month, clamps=clamps)
        self._months = rule.months or tuple(range(1, 13))
        self._known: dict[tuple[int, ...], list[int]] = {}

    def __call__(self, year: int) -> list[int]:
        january = (year - FIRST_DAY.year) * 12
        start = _MONTH_STARTS[january]
        length = _MONTH_STARTS[january + 12] - start
        shape: tuple[int, ...] = (length, _weekday(start))
        if self._rule.weeks:
            # The last week of the year before and the first of the next reach into this one.
            shape += _weeks_around(year, self._rule.week_start)
        offsets = self._known.get(shape)
        if offsets is None:
            offsets = self._known[shape] = self._offsets(january, start, length, shape[2:])
        return [start + offset for offset in offsets]

    def _offsets(self, january: int, start: int, length: int, weeks: tuple[int, ...]) -> list[int]:
        rule = self._rule
        months = (self._days_of_month(january + month - 1) for month in self._months)
        offsets = [day - start for days in months for day in days]
        allowed: list[set[int]] = []
        if rule.year_days:
            allowed.append({day - 1 if day > 0 else length + day for day in rule.year_days})
        if rule.weeks:
            allowed.append(self._offsets_of_weeks(length, *weeks))
        if self._counts_weekdays:
            allowed.append(_offsets_of_weekdays(rule, length, _weekday(start)))
        for each in allowed:
            offsets = [offset for offset in offsets if offset in each]
        return _at(rule.positions, offsets)

    def _offsets_of_weeks(
        self, length: int, first: int, count: int, count_before: int, count_after: int
    ) -> set[int]:
        offsets: set[int] = set()
        # Each calendar year has days of up to three years of weeks.
        for begin, weeks in (
            (first - 7 * count_before, count_before),
            (first, count),
            (first + 7 * count, count_after),
        ):
            for number in self._rule.weeks:
                week = number if number > 0 else weeks + 1 + number
                if 1 <= week <= weeks:
                    monday = begin + 7 * (week - 1)
                    offsets.update(range(max(monday, 0), min(monday + 7, length)))
        return offsets


def _offsets_of_weekdays(rule: Recurrence, length: int, first_weekday: int) -> set[int]:
    """The days of a month or year that the rule's weekdays name, numbered or not."""
    offsets: set[int] = set()
    for weekday in rule.weekdays:
        offsets.update(range((weekday - first_weekday) % 7, length, 7))
    for weekday, number in rule.nth_weekdays:
        all_such = range((weekday - first_weekday) % 7, length, 7)
        if abs(number) <= len(all_such):
            offsets.add(all_such[number - 1 if number > 0 else number])
    return offsets


def _at(positions: tuple[int, ...], days: list[int]) -> list[int]:
    """The days at these positions, or all where there are none to choose by."""
    if not positions:
        return days
    return sorted({days[at - 1 if at > 0 else at] for at in positions if abs(at) <= len(days)})


def _in_months(months: tuple[int, ...], days: list[int]) -> list[int]:
    if not months:
        return days
    return [day for day in days if date.fromordinal(day).month in months]


def _weeks_around(year: int, week_start: int) -> tuple[int, int, int, int]:
    """How far from 1 January week 1 begins, and the weeks of this year, the last and the next.

    Week 1 is the first that has four days or more in the year: the one of 4 January.
    """
    firsts = []
    for each in range(year - 1, year + 3):
        fourth = date(each, 1, 4).toordinal()
        firsts.append(fourth - (_weekday(fourth) - week_start) % 7)
    before, this, after = ((end - begin) // 7 for begin, end in pairwise(firsts))
    return firsts[1] - date(year, 1, 1).toordinal(), this, before, after


def _weekday(day: int) -> int:
    return (day + 6) % 7


def _month(day: int) -> int:
    civil = date.fromordinal(day)
    return (civil.year - FIRST_DAY.year) * 12 + civil.month - 1


def _year(day: int) -> int:
    return date.fromordinal(day).year


# Reading.


def _parts(text: str) -> dict[str, str]:
    """The parts of the rule by their names, in upper case."""
    if len(text) > LONGEST_RRULE:
        raise BadRecurrence(
            f"The recurrence rule has {len(text)} characters, and {LONGEST_RRULE} are the most. "
            "Shorten its lists, or split it into several rules."
        )
    rule = text.strip().upper() if text.isascii() else text.strip()
    lines = rule.splitlines()
    if len(lines) > 1 or _OTHER_LINE.match(rule):
        raise BadRecurrence(
            "Give the RRULE alone, without other lines of a calendar: "
            "the day from DTSTART belongs in 'start'."
        )
    rule = rule.removeprefix("RRULE:")
    if not rule:
        raise BadRecurrence(f"The recurrence rule is empty. Give an RRULE such as {_EXAMPLE}.")
    parts: dict[str, str] = {}
    for part in rule.split(";"):
        name, equals, value = part.partition("=")
        if not part:
            raise BadRecurrence("The recurrence rule has a ';' with nothing beside it. Remove it.")
        if not equals:
            raise BadRecurrence(
                f"{_shown(part)} is not a part of an RRULE. "
                f"Write each part as NAME=VALUE, as in {_EXAMPLE}."
            )
        if name not in _PARTS:
            raise BadRecurrence(_unknown_part(name))
        if name in parts:
            hint = "Give one list, such as BYDAY=MO,WE." if name[:2] == "BY" else "Give it once."
            raise BadRecurrence(f"{name} is given twice. {hint}")
        parts[name] = value
    return parts


def _unknown_part(name: str) -> str:
    if name in _TIME_PARTS:
        return (
            f"{name} is not supported: a recurrence gives days. "
            "Leave it out and give the time of day in 'time'."
        )
    if name == "SKIP":
        return (
            "SKIP is not supported. Leave it out; to let days that a month lacks "
            "mean its last day, set 'end_of_month'."
        )
    if name == "RSCALE":
        return "RSCALE is not supported: days are those of the Gregorian calendar. Leave it out."
    if name == "DTSTART":
        return "DTSTART is not a part of an RRULE. Give its day in 'start'."
    advice = f"The parts are {', '.join(_PARTS)}."
    if len(name) <= _LONGEST_GUESS and (near := get_close_matches(name.strip(), _PARTS, n=1)):
        advice = f"Did you mean {near[0]}?"
    return f"{_shown(name)} is not a part of an RRULE. {advice}"


def _frequency(parts: dict[str, str]) -> Frequency:
    value = parts.get("FREQ")
    advice = f"Use {', '.join(Frequency)}."
    if value is None:
        raise BadRecurrence(f"The recurrence rule has no FREQ. {advice}")
    if value in _SUB_DAILY:
        raise BadRecurrence(
            f"FREQ={value} repeats within a day, and a recurrence gives days. "
            "Use FREQ=DAILY or slower, and give the time of day in 'time'."
        )
    if value not in set(Frequency):
        raise BadRecurrence(f"FREQ cannot be {_shown(value)}. {advice}")
    return Frequency(value)


def _check_companions(
    parts: dict[str, str], frequency: Frequency, *, has_nth_weekdays: bool
) -> None:
    """Refuse parts that RFC 5545 forbids beside each other."""
    if "COUNT" in parts and "UNTIL" in parts:
        raise BadRecurrence("COUNT and UNTIL cannot both end a rule. Leave one of them out.")
    if "BYMONTHDAY" in parts and frequency is Frequency.WEEKLY:
        raise BadRecurrence(
            "BYMONTHDAY cannot be used with FREQ=WEEKLY. "
            "Use FREQ=MONTHLY, with BYDAY for certain weekdays alone."
        )
    for name in ("BYYEARDAY", "BYWEEKNO"):
        if name in parts and frequency is not Frequency.YEARLY:
            raise BadRecurrence(f"{name} cannot be used with FREQ={frequency}. Use FREQ=YEARLY.")
    if has_nth_weekdays and frequency in {Frequency.WEEKLY, Frequency.DAILY}:
        raise BadRecurrence(
            f"Numbered weekdays such as 1MO cannot be used with FREQ={frequency}. "
            "Use FREQ=MONTHLY or FREQ=YEARLY, or weekdays without a number."
        )
    if has_nth_weekdays and "BYWEEKNO" in parts:
        raise BadRecurrence(
            "Numbered weekdays such as 1MO cannot be used with BYWEEKNO: each week has every "
            "weekday once. Leave out the number or BYWEEKNO."
        )
    if "BYSETPOS" in parts and not any(name[:2] == "BY" for name in parts if name != "BYSETPOS"):
        raise BadRecurrence(
            "BYSETPOS needs another BY part to choose from, "
            "as in 'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1'."
        )


def _positive(parts: dict[str, str], name: str) -> int | None:
    value = parts.get(name)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value) or not int(value):
        raise BadRecurrence(
            f"{name} cannot be {_shown(value)}. Give a whole number of 1 or more, such as {name}=2."
        )
    return int(value)


def _numbers(
    parts: dict[str, str], name: str, most: int, *, signed: bool = True
) -> tuple[int, ...]:
    if name not in parts:
        return ()
    form = _SIGNED_NUMBER if signed else _NUMBER
    numbers = set()
    for value in parts[name].split(","):
        if not form.fullmatch(value) or not 1 <= abs(int(value)) <= most:
            ranges = f"1 to {most}" + (f", or -{most} to -1 from the end" if signed else "")
            raise BadRecurrence(
                f"{name} cannot be {_shown(value)}. Give numbers from {ranges}, "
                "with commas between them."
            )
        numbers.add(int(value))
    return tuple(sorted(numbers))


def _byday(parts: dict[str, str]) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """The weekdays of BYDAY without a number, and those with one."""
    if "BYDAY" not in parts:
        return (), ()
    plain, numbered = set(), set()
    for value in parts["BYDAY"].split(","):
        found = _BYDAY.fullmatch(value)
        number = int(found[1] or 1) if found else 0
        if not found or not 1 <= abs(number) <= 53:
            raise BadRecurrence(
                f"BYDAY cannot be {_shown(value)}. Give weekdays from {', '.join(_WEEKDAYS)}, with "
                "commas between them; a number from 1 to 53 or -53 to -1 may stand before each, "
                "as in -1FR for the last Friday."
            )
        weekday = _WEEKDAYS.index(found[2])
        if found[1]:
            numbered.add((weekday, number))
        else:
            plain.add(weekday)
    return tuple(sorted(plain)), tuple(sorted(numbered))


def _until(parts: dict[str, str]) -> date | None:
    value = parts.get("UNTIL")
    if value is None:
        return None
    if found := _UNTIL.fullmatch(value):
        with suppress(ValueError):
            return date(int(found[1]), int(found[2]), int(found[3]))
    raise BadRecurrence(
        f"UNTIL cannot be {_shown(value)}. Give a day such as UNTIL=20271231, "
        "or a time such as UNTIL=20271231T235959Z."
    )


def _until_clock(parts: dict[str, str]) -> time | None:
    _, _, clock = parts.get("UNTIL", "").partition("T")
    return time.fromisoformat(clock.removesuffix("Z")) if clock else None


def _week_start(parts: dict[str, str]) -> int:
    value = parts.get("WKST", "MO")
    if value not in _WEEKDAYS:
        raise BadRecurrence(f"WKST cannot be {_shown(value)}. Use one of {', '.join(_WEEKDAYS)}.")
    return _WEEKDAYS.index(value)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_GUESS else text[:_LONGEST_GUESS] + "…")
