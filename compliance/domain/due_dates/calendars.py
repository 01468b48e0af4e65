"""Business days, by country, subdivision, weekend and custom calendars.

`calendar_names` describes how calendars are named. A country has its own weekend, except for
weekend days that it has declared working days. Outside the years that the library covers, only the
weekend is known. Days closed in only part of an area are business days, except in `widest`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY, WEEKDAYS, DayOutOfRange
from compliance.domain.due_dates import local_holidays, public_holidays
from compliance.domain.due_dates.calendar_names import (
    CUSTOM_PREFIX,
    WEEKEND,
    is_weekend_or_custom,
    missing_custom_calendar,
    validate_calendar,
    weekend_days,
)
from compliance.domain.due_dates.local_holidays import MOST_PARTS, Extent
from compliance.domain.vocabulary import RollConvention

MOST_DAYS_SCANNED = 10_000

_ONE_DAY = timedelta(days=1)
_HALF_MONTH = 15


class NoBusinessDay(ValueError):
    """The calendars have too few business days to count."""

    def __init__(self, count: int, start: date, calendars: tuple[str, ...]) -> None:
        wanted = abs(count)
        names = " and ".join(calendars) or WEEKEND
        if wanted == 1:
            super().__init__(
                f"There is no business day in {names} within {MOST_DAYS_SCANNED} days of {start}. "
                "Remove a calendar."
            )
        else:
            super().__init__(
                f"{wanted} business days from {start} in {names} do not fit into "
                f"{MOST_DAYS_SCANNED} days. Use a smaller count, or remove a calendar."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomCalendar:
    """A custom calendar, maintained by its users.

    `weekend` holds the days that are closed every week, as `date.weekday()` numbers; `closed`
    holds the other closing days, each with its reason, such as `Inventory`.
    """

    weekend: frozenset[int]
    closed: Mapping[date, str]


_NO_CUSTOM: Mapping[str, CustomCalendar] = MappingProxyType({})


class BusinessCalendar:
    """One or several calendars; a business day is a business day in all of them.

    Without names it is `weekend`. `custom` holds the custom calendars by their full names (such
    as `custom:hq`); those that `names` does not contain are ignored.

    Every method raises `DayOutOfRange` if it is given, or reaches, a day outside
    `FIRST_DAY`..`LAST_DAY`.

    Raises:
        UnknownCalendar: one of the names is not a calendar, or not in `custom`.
    """

    __slots__ = ("_closed_by_year", "_custom", "_extent", "names")

    names: tuple[str, ...]

    def __init__(
        self,
        names: tuple[str, ...],
        custom: Mapping[str, CustomCalendar] = _NO_CUSTOM,
        *,
        extent: Extent = Extent.EVERYWHERE,
    ) -> None:
        for name in names:
            if validate_calendar(name).startswith(CUSTOM_PREFIX) and name not in custom:
                raise missing_custom_calendar(name, custom)
        self.names = names
        self._custom = {name: custom[name] for name in names if name in custom}
        self._extent = Extent.NATIONWIDE if self.has_too_many_parts else extent
        # Filled on demand with whole years. If two threads compute the same year, they store equal
        # sets, so no lock is needed.
        self._closed_by_year: dict[int, frozenset[date]] = {}

    def __repr__(self) -> str:
        return f"BusinessCalendar({self.names!r})"

    def renamed(self, names: tuple[str, ...]) -> BusinessCalendar:
        """Return a calendar with other names and the same custom calendars."""
        return BusinessCalendar(names, self._custom, extent=self._extent)

    @property
    def has_parts(self) -> bool:
        """Whether holidays can differ within the area of one of the calendars."""
        return any(local_holidays.has_parts(name) for name in self.names)

    @property
    def has_too_many_parts(self) -> bool:
        """Whether only nationwide holidays are considered, because there are too many parts."""
        return len(self.names) > 1 and local_holidays.count_parts(self.names) > MOST_PARTS

    def widest(self) -> BusinessCalendar:
        """Return the calendar that also closes the days that are closed in part of its area."""
        return BusinessCalendar(self.names, self._custom, extent=Extent.ANYWHERE)

    def is_business_day(self, day: date) -> bool:
        """Return whether `day` is a business day in all of the calendars."""
        return day not in self._closed(day.year)

    def why_closed(self, day: date) -> str | None:
        """Return why `day` is not a business day, to follow "is" in a sentence; None if it is one.

        For example `Ascension Day in DE-BY`, `a Saturday` or `Inventory in custom:hq`; several
        reasons are joined by `and`.
        """
        if self.is_business_day(day):
            return None
        return self._reasons(day) if self._custom else _reasons_in(self._names(), day, self._extent)

    def add(self, day: date, count: int) -> date:
        """Return the `count`-th business day after `day`, or before it if `count` is negative.

        `day` itself is never counted; a count of 0 returns it, even if it is not a business day.

        Raises:
            NoBusinessDay: there are too few of them within `MOST_DAYS_SCANNED` days.
        """
        if not count:
            return day
        step, left = (1, count) if count > 0 else (-1, -count)
        farthest = day + step * MOST_DAYS_SCANNED * _ONE_DAY
        end = min(max(farthest, FIRST_DAY), LAST_DAY)
        first, last = (day + _ONE_DAY, end) if count > 0 else (end, day - _ONE_DAY)
        for year in range(max(day, FIRST_DAY).year, end.year + step, step):
            open_days = self._open(year)
            low, high = bisect_left(open_days, first), bisect_right(open_days, last)
            if left <= high - low:
                return open_days[low + left - 1 if count > 0 else high - left]
            left -= high - low
        if end != farthest:
            raise DayOutOfRange("The last business day")
        raise NoBusinessDay(count, day, self.names)

    def roll(self, day: date, convention: RollConvention) -> date:
        """Return `day` rolled by the convention. A business day is returned unchanged.

        The conventions follow QuantLib's `Calendar::adjust`. Modified conventions reverse
        direction rather than leave the month; the half-month convention also does so rather than
        leave the first fifteen days. If two business days are equally near, `nearest` takes the
        later one.

        Raises:
            NoBusinessDay: there is none within `MOST_DAYS_SCANNED` days.
        """
        if convention is RollConvention.NONE or self.is_business_day(day):
            return day
        if convention is RollConvention.NEAREST:
            return self._nearest(day)
        if convention in {RollConvention.PRECEDING, RollConvention.MODIFIED_PRECEDING}:
            rolled = self.add(day, -1)
            if convention is RollConvention.MODIFIED_PRECEDING and rolled.month != day.month:
                return self.add(day, 1)
            return rolled
        rolled = self.add(day, 1)
        if convention is RollConvention.FOLLOWING:
            return rolled
        leaves_half = (
            convention is RollConvention.HALF_MONTH_MODIFIED_FOLLOWING
            and day.day <= _HALF_MONTH < rolled.day
        )
        return self.add(day, -1) if rolled.month != day.month or leaves_half else rolled

    def month_end(self, day: date) -> date:
        """Return the last business day of the month of `day`, or the last before that month."""
        last = (day.replace(day=1) + timedelta(days=31)).replace(day=1) - _ONE_DAY
        return self.roll(last, RollConvention.PRECEDING)

    def is_month_end(self, day: date) -> bool:
        """Return whether there is no business day after `day` in its month."""
        return day >= self.month_end(day)

    def in_lieu_of(self, day: date) -> str | None:
        """Return the holiday observed on `day` because its actual date falls on a closed day.

        For example `Independence Day` for 2026-07-03 in `US`. None if a calendar closes `day` for
        another reason, or if none closes it.
        """
        found = None
        for name in self._names():
            if self._is_closed_in(name, day):
                if is_weekend_or_custom(name):
                    return None
                found = public_holidays.observed_holidays(name, day.year).get(day)
                if found is None:
                    return None
        return found

    def weekends(self, day: date) -> dict[str, frozenset[int]]:
        """Return the weekend days around `day` by calendar, as `date.weekday()` numbers."""
        return {
            name: self._custom[name].weekend
            if name in self._custom
            else public_holidays.weekend_around(name, day)
            for name in self._names()
        }

    def without_holidays(self, day: date) -> tuple[str, ...]:
        """Return the calendars whose holidays are not known for the year of `day`."""
        years = ((name, public_holidays.known_years(name)) for name in self._names())
        return tuple(
            name for name, known in years if known and not known[0] <= day.year <= known[1]
        )

    def _names(self) -> tuple[str, ...]:
        return self.names or (WEEKEND,)

    def _closed(self, year: int) -> frozenset[date]:
        closed = self._closed_by_year.get(year)
        if closed is None:
            if self._custom:
                closed = frozenset().union(*(self._closed_in(name, year) for name in self.names))
            else:
                closed = local_holidays.closed_in_any(self._names(), year, self._extent)
            self._closed_by_year[year] = closed
        return closed

    def _open(self, year: int) -> Sequence[date]:
        if self._custom:
            return public_holidays.days_without(self._closed(year), year)
        return local_holidays.open_days(self._names(), year, self._extent)

    def _closed_in(self, name: str, year: int) -> frozenset[date]:
        if (calendar := self._custom.get(name)) is None:
            return local_holidays.closed_days(name, year, self._extent)
        days = public_holidays.days_of(year)
        return frozenset(day for day in days if _is_closed_in_custom(calendar, day))

    def _is_closed_in(self, name: str, day: date) -> bool:
        if (calendar := self._custom.get(name)) is None:
            return day in self._closed_in(name, day.year)
        return _is_closed_in_custom(calendar, day)

    def _reasons(self, day: date) -> str:
        places: dict[str, list[str]] = {}
        for name in self._names():
            if self._is_closed_in(name, day):
                places.setdefault(self._reason(name, day), []).append(name)
        is_plain_weekend = day.weekday() in weekend_days(WEEKEND)
        weekday = f"a {WEEKDAYS[day.weekday()]}"
        return " and ".join(
            reason
            if reason == weekday and is_plain_weekend
            else f"{reason} in {' and '.join(names)}"
            for reason, names in places.items()
        )

    def _reason(self, name: str, day: date) -> str:
        if (calendar := self._custom.get(name)) is not None:
            named = calendar.closed.get(day)
        elif is_weekend_or_custom(name):
            named = None
        else:
            named = local_holidays.holiday_name(name, day)
        return named or f"a {WEEKDAYS[day.weekday()]}"

    def _nearest(self, day: date) -> date:
        for distance in range(1, MOST_DAYS_SCANNED + 1):
            for near in (day + distance * _ONE_DAY, day - distance * _ONE_DAY):
                if not FIRST_DAY <= near <= LAST_DAY:
                    raise DayOutOfRange("The nearest business day")
                if self.is_business_day(near):
                    return near
        raise NoBusinessDay(1, day, self.names)


def _is_closed_in_custom(calendar: CustomCalendar, day: date) -> bool:
    return day.weekday() in calendar.weekend or day in calendar.closed


@lru_cache(maxsize=8192)
def _reasons_in(names: tuple[str, ...], day: date, extent: Extent) -> str:
    return BusinessCalendar(names, extent=extent)._reasons(day)
