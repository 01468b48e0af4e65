"""The days of recurrence rules of RFC 5545.

Anyone may enter a rule, so no rule may be expensive: days are computed one period at a time, an
interval is skipped in one addition, and every recurrence ends on `LAST_DAY`. Where the RFC leaves a
choice, the days are those of python-dateutil.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY, DayOutOfRange
from compliance.domain.due_dates.rrules import Frequency, Recurrence

# The ordinals of the first day of every month from FIRST_DAY to the month after LAST_DAY. Months
# are numbered from FIRST_DAY, so that skipping any number of them is one addition.
_MONTH_STARTS = tuple(
    date(FIRST_DAY.year + month // 12, month % 12 + 1, 1).toordinal()
    for month in range((LAST_DAY.year - FIRST_DAY.year + 1) * 12 + 1)
)


def occurrences(
    recurrence: Recurrence, *, start: date, until: date | None = None, end_of_month: bool = False
) -> Iterator[date]:
    """Return the days of the recurrence from `start`, in order, computed on demand.

    `start` is the DTSTART: it anchors the interval and supplies the parts that the rule leaves out,
    but it is a day of the recurrence only if it matches the rule. The recurrence ends with the
    earliest of `until`, the rule's own UNTIL and `LAST_DAY`. With `end_of_month`, a day that does
    not exist in a month, whether from BYMONTHDAY or from `start`, means the last day of that month:
    the 31st exists in every month, and 29 February is the 28th in common years.

    Raises:
        DayOutOfRange: `start` is not in `FIRST_DAY`..`LAST_DAY`.
    """
    if not FIRST_DAY <= start <= LAST_DAY:
        raise DayOutOfRange("The start of a recurrence")
    ends = (until, recurrence.until, LAST_DAY)
    first, last = start.toordinal(), min(end for end in ends if end is not None).toordinal()
    rule = _completed(recurrence, start)
    periods = _EXPANSIONS[rule.frequency](rule, first, last, end_of_month)
    return _days(periods, first, last, recurrence.count)


# From here on, days are ordinals. A period is always expanded completely, because BYSETPOS counts
# through all of it; `_days` drops the days before the start and after the end.


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
    """Return the rule with the parts that it leaves out taken from its start."""
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
    # In the RFC, BYSETPOS counts through the whole first week. We count from the start, like
    # python-dateutil, so that calendars written with it keep their days.
    from_start = [first_week + offset for offset in offsets if first_week + offset >= first]
    yield _at(rule.positions, _in_months(rule.months, from_start))
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
    """The matching days of a month, computed once for each length and first weekday."""

    def __init__(self, rule: Recurrence, *, clamps: bool) -> None:
        self._rule = rule
        self._clamps = clamps
        self._has_weekdays = bool(rule.weekdays or rule.nth_weekdays)
        self._known: dict[tuple[int, int], list[int]] = {}

    def __call__(self, month: int) -> list[int]:
        start = _MONTH_STARTS[month]
        shape = (
            _MONTH_STARTS[month + 1] - start,
            _weekday(start) if self._has_weekdays else 0,
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
        if self._has_weekdays:
            offsets &= _offsets_of_weekdays(rule, length, first_weekday)
        return _at(rule.positions, sorted(offsets))


class _DaysOfYear:
    """The matching days of a year, computed once for each length and first weekday."""

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
            # The last week of the previous year and the first of the next overlap this year.
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
        # A calendar year has days from up to three week-numbering years.
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
    """Return the days of a month or year that match the rule's weekdays, numbered or not."""
    offsets: set[int] = set()
    for weekday in rule.weekdays:
        offsets.update(range((weekday - first_weekday) % 7, length, 7))
    for weekday, number in rule.nth_weekdays:
        all_such = range((weekday - first_weekday) % 7, length, 7)
        if abs(number) <= len(all_such):
            offsets.add(all_such[number - 1 if number > 0 else number])
    return offsets


def _at(positions: tuple[int, ...], days: list[int]) -> list[int]:
    """Return the days at these positions, or all days if no positions are given."""
    if not positions:
        return days
    return sorted({days[at - 1 if at > 0 else at] for at in positions if abs(at) <= len(days)})


def _in_months(months: tuple[int, ...], days: list[int]) -> list[int]:
    if not months:
        return days
    return [day for day in days if date.fromordinal(day).month in months]


def _weeks_around(year: int, week_start: int) -> tuple[int, int, int, int]:
    """Return the offset of week 1 from 1 January, and the weeks in this, last and next year.

    Week 1 is the first week with at least four days in the year, which is the week of 4 January.
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
