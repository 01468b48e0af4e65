"""Business days, by country, subdivision, weekend and the desk's own calendars.

A calendar is named by

- a country of the `holidays` library (`US`) or one of its subdivisions (`DE-BY`), which bring
  their own weekend and the weekend days that they have declared working days. Outside the years
  that the library knows for a country, only its weekend is left;
- `weekend`: Saturdays and Sundays, no holidays; or another weekend, by its days in the order of
  the week, Monday first: `weekend:fri-sat`, `weekend:sun`;
- `desk:NAME`: closing days that the desk keeps itself, handed to `BusinessCalendar`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib import metadata
from types import MappingProxyType

import holidays
from holidays.registry import COUNTRIES

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY, DayOutOfRange
from compliance.domain.vocabulary import RollConvention

WEEKEND = "weekend"
DESK_PREFIX = "desk:"
MOST_DAYS_SCANNED = 10_000
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_ONE_DAY = timedelta(days=1)
_WEEKEND_PREFIX = f"{WEEKEND}:"
_WEEKDAY_WORDS = tuple(name[:3].lower() for name in WEEKDAYS)
_SATURDAY_AND_SUNDAY = frozenset({5, 6})
_HALF_MONTH = 15
_DESK_NAME = re.compile(r"desk:[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
# Alpha-2 codes, and every other word by which the library knows a country. Where a class could not
# be named for its country, it is named for the code.
_COUNTRY_CODES = frozenset(words[1] for words in COUNTRIES.values())
_COUNTRY_BY_WORD = {
    word.casefold(): words[1]
    for module, words in COUNTRIES.items()
    for word in (module, *words)
    if not word.startswith("Holidays")
}
_EXAMPLES = (
    "Use a country such as 'US', one of its subdivisions such as 'DE-BY', "
    f"{WEEKEND!r} for Saturdays and Sundays alone, another weekend such as 'weekend:fri-sat', "
    "or a calendar of the desk such as 'desk:hq'."
)
_WEEKEND_FORM = (
    f"Give the days that are closed every week, out of {', '.join(_WEEKDAY_WORDS)}, in this order "
    "and joined by hyphens, such as 'weekend:fri-sat' or 'weekend:sun'."
)
_DESK_FORM = (
    "After 'desk:', give 1 to 32 small letters, digits and hyphens, the first no hyphen, "
    "such as 'desk:hq'."
)
# Past this length no typing error of a calendar name remains to be guessed at.
_LONGEST_GUESS = 64


class UnknownCalendar(ValueError):
    """A name that is no calendar: not in the `holidays` library, no weekend, none of the desk's."""

    def __init__(self, name: object, advice: str) -> None:
        self.name = name
        text = name if isinstance(name, str) else repr(name)
        shown = text if len(text) <= _LONGEST_GUESS else text[:_LONGEST_GUESS] + "…"
        super().__init__(f"{shown!r} is not a calendar. {advice}")


class NoBusinessDay(ValueError):
    """The calendars leave too few business days to count on."""

    def __init__(self, count: int, start: date, calendars: tuple[str, ...]) -> None:
        wanted = abs(count)
        names = " and ".join(calendars) or WEEKEND
        if wanted == 1:
            super().__init__(
                f"There is no business day in {names} within {MOST_DAYS_SCANNED} days of {start}. "
                "Leave out a calendar."
            )
        else:
            super().__init__(
                f"{wanted} business days from {start} in {names} "
                f"do not fit into {MOST_DAYS_SCANNED} days. "
                "Count fewer days, or leave out a calendar."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskCalendar:
    """Closing days that the desk keeps itself.

    `weekend` holds the numbers, as of `date.weekday()`, of the days that are closed every week;
    `closed` the other closing days, each with its reason, such as `Inventory`.
    """

    weekend: frozenset[int]
    closed: Mapping[date, str]


_NO_DESK: Mapping[str, DeskCalendar] = MappingProxyType({})


@lru_cache(maxsize=1024)
def validate_calendar(name: str) -> str:
    """`name` itself, if it names a calendar. Case sensitive. Raises `UnknownCalendar`.

    Of a calendar of the desk only the form of the name is looked at, not whether the desk keeps it.
    """
    if name == WEEKEND or _DESK_NAME.fullmatch(name):
        return name
    if len(name) > _LONGEST_GUESS:
        raise UnknownCalendar(name, _EXAMPLES)
    kind = name.strip().casefold()
    if kind.startswith(_WEEKEND_PREFIX):
        if name in _weekend_spellings(name):
            return name
        raise UnknownCalendar(name, _weekend_advice(kind.removeprefix(_WEEKEND_PREFIX)))
    if kind.startswith(DESK_PREFIX):
        raise UnknownCalendar(name, _desk_advice(kind.removeprefix(DESK_PREFIX)))
    country, dash, subdivision = name.partition("-")
    if country not in _COUNTRY_CODES:
        raise UnknownCalendar(name, _country_advice(country, dash + subdivision))
    if dash and subdivision not in _subdivisions(country):
        raise UnknownCalendar(name, _subdivision_advice(country, subdivision))
    return name


@cache
def holidays_version() -> str:
    """The version of the holiday data in use."""
    return metadata.version("holidays")


def known_years(name: str) -> tuple[int, int] | None:
    """The first and last year for which the library knows the holidays of the calendar.

    None for weekends and calendars of the desk: they have no holidays beyond those told. Raises
    `UnknownCalendar`.
    """
    return None if _is_weekend_or_desk(validate_calendar(name)) else _known_years(name)


class BusinessCalendar:
    """Several calendars joined: a business day is a business day in every one of them.

    No names at all means `weekend`. `desk` holds the desk's own calendars by their full names;
    those that are not named are not looked at. Raises `UnknownCalendar`, also for a calendar of
    the desk that `desk` does not hold.

    Days outside `FIRST_DAY`..`LAST_DAY` are neither open nor closed: every method raises
    `DayOutOfRange` when it is given one, or comes to one.
    """

    __slots__ = ("_closed_by_year", "_desk", "names")

    names: tuple[str, ...]

    def __init__(self, names: tuple[str, ...], desk: Mapping[str, DeskCalendar] = _NO_DESK) -> None:
        for name in names:
            if validate_calendar(name).startswith(DESK_PREFIX) and name not in desk:
                raise UnknownCalendar(name, _missing_desk_advice(name, desk))
        self.names = names
        self._desk = {name: desk[name] for name in names if name in desk}
        # Filled while it is read, by whole years that never change: two threads that fill the
        # same year put the same set there.
        self._closed_by_year: dict[int, frozenset[date]] = {}

    def __repr__(self) -> str:
        return f"BusinessCalendar({self.names!r})"

    def renamed(self, names: tuple[str, ...]) -> BusinessCalendar:
        """The calendar of other names, with the same calendars of the desk at hand."""
        return BusinessCalendar(names, self._desk)

    def is_business_day(self, day: date) -> bool:
        """Whether `day` is a business day in every one of the calendars."""
        return day not in self._closed(day.year)

    def why_closed(self, day: date) -> str | None:
        """What makes `day` no business day, for a sentence that says that it *is* this.

        Such as `Ascension Day in DE-BY`, `a Saturday` or `Inventory in desk:hq`, joined by `and`.
        None for a business day.
        """
        if self.is_business_day(day):
            return None
        return self._reasons(day) if self._desk else _reasons_in(self._names(), day)

    def add(self, day: date, count: int) -> date:
        """The `count`-th business day after `day`, or before it where `count` is negative.

        `day` itself is never counted, whether it is a business day or not; a count of 0 gives it
        back. Raises `NoBusinessDay` after `MOST_DAYS_SCANNED` days.
        """
        step = _ONE_DAY if count > 0 else -_ONE_DAY
        left = abs(count)
        if not left:
            return day
        reached, year, closed = day, 0, frozenset[date]()
        for _ in range(MOST_DAYS_SCANNED):
            if not FIRST_DAY <= reached + step <= LAST_DAY:
                raise DayOutOfRange("The last business day")
            reached += step
            if reached.year != year:
                year = reached.year
                closed = self._closed(year)
            if reached not in closed:
                left -= 1
                if not left:
                    return reached
        raise NoBusinessDay(count, day, self.names)

    def roll(self, day: date, convention: RollConvention) -> date:
        """Where `day` goes under the convention; itself, where it is a business day.

        As QuantLib's `Calendar::adjust`: modified conventions turn round rather than leave the
        month, the half-month one also rather than leave its first fifteen days; of two business
        days equally near, `nearest` takes the later. Raises `NoBusinessDay`.
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
        """The last business day of the month of `day`; in a month without one, the last before."""
        first = day.replace(day=1)
        last = (first + timedelta(days=31)).replace(day=1) - _ONE_DAY
        return self.roll(last, RollConvention.PRECEDING)

    def is_month_end(self, day: date) -> bool:
        """Whether no business day comes after `day` in its month; it need not be one itself."""
        return day >= self.month_end(day)

    def in_lieu_of(self, day: date) -> str | None:
        """The holiday that is kept on `day` because its own date falls on a closed day.

        Such as `Independence Day` for 2026-07-03 in `US`. None where any of the calendars closes
        `day` for another reason, or none of them closes it.
        """
        found = None
        for name in self._names():
            if self._is_closed_in(name, day):
                if _is_weekend_or_desk(name):
                    return None
                found = _kept_in_lieu(name, day.year).get(day)
                if found is None:
                    return None
        return found

    def weekends(self, day: date) -> dict[str, frozenset[int]]:
        """The days closed every week around `day`, by calendar, as `date.weekday()` numbers."""
        return {
            name: self._desk[name].weekend if name in self._desk else _weekend_around(name, day)
            for name in self._names()
        }

    def without_holidays(self, day: date) -> tuple[str, ...]:
        """Those of the calendars whose holidays are not known for the year of `day`."""
        years = ((name, known_years(name)) for name in self._names())
        return tuple(
            name for name, known in years if known and not known[0] <= day.year <= known[1]
        )

    def _names(self) -> tuple[str, ...]:
        return self.names or (WEEKEND,)

    def _closed(self, year: int) -> frozenset[date]:
        closed = self._closed_by_year.get(year)
        if closed is None:
            if self._desk:
                closed = frozenset().union(*(self._closed_in(name, year) for name in self.names))
            else:
                closed = _closed_in_any(self._names(), year)
            self._closed_by_year[year] = closed
        return closed

    def _closed_in(self, name: str, year: int) -> frozenset[date]:
        if (desk := self._desk.get(name)) is None:
            return _closed_days(name, year)
        return frozenset(day for day in _days_of(year) if _is_closed_at(desk, day))

    def _is_closed_in(self, name: str, day: date) -> bool:
        if (desk := self._desk.get(name)) is None:
            return day in _closed_days(name, day.year)
        return _is_closed_at(desk, day)

    def _reasons(self, day: date) -> str:
        places: dict[str, list[str]] = {}
        for name in self._names():
            if self._is_closed_in(name, day):
                places.setdefault(self._reason(name, day), []).append(name)
        is_plain_weekend = day.weekday() in _SATURDAY_AND_SUNDAY
        weekday = f"a {WEEKDAYS[day.weekday()]}"
        return " and ".join(
            reason
            if reason == weekday and is_plain_weekend
            else f"{reason} in {' and '.join(names)}"
            for reason, names in places.items()
        )

    def _reason(self, name: str, day: date) -> str:
        if (desk := self._desk.get(name)) is not None:
            named = desk.closed.get(day)
        elif _is_weekend_or_desk(name):
            named = None
        else:
            named = _holiday_names(name, day.year).get(day)
        return named or f"a {WEEKDAYS[day.weekday()]}"

    def _nearest(self, day: date) -> date:
        for distance in range(1, MOST_DAYS_SCANNED + 1):
            for near in (day + distance * _ONE_DAY, day - distance * _ONE_DAY):
                if not FIRST_DAY <= near <= LAST_DAY:
                    raise DayOutOfRange("The nearest business day")
                if self.is_business_day(near):
                    return near
        raise NoBusinessDay(1, day, self.names)


def _is_closed_at(desk: DeskCalendar, day: date) -> bool:
    return day.weekday() in desk.weekend or day in desk.closed


def _is_weekend_or_desk(name: str) -> bool:
    return name.startswith((WEEKEND, DESK_PREFIX))


def _days_of(year: int) -> Iterator[date]:
    """The days of the year. Raises `DayOutOfRange`."""
    if not FIRST_DAY.year <= year <= LAST_DAY.year:
        raise DayOutOfRange
    first = date(year, 1, 1)
    return (first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days))


@lru_cache(maxsize=4096)
def _closed_in_any(names: tuple[str, ...], year: int) -> frozenset[date]:
    return frozenset().union(*(_closed_days(name, year) for name in names))


# One whole year at a time, and immutable: the library's own objects fill themselves in while they
# are being read, which two threads must not do at once.
@lru_cache(maxsize=4096)
def _closed_days(name: str, year: int) -> frozenset[date]:
    """The days of the year that are not business days in the calendar, which is not the desk's."""
    days = list(_days_of(year))
    if name.startswith(WEEKEND):
        weekend = _weekend_shape(name)
        return frozenset(day for day in days if day.weekday() in weekend)
    known = _holidays(name, year)
    return frozenset(day for day in days if not known.is_working_day(day))


@lru_cache(maxsize=1024)
def _holiday_names(name: str, year: int) -> Mapping[date, str]:
    """The holidays of the year, in English where the library has it, weekends included."""
    known = _holidays(name, year)
    return {day: " and ".join(known.get_list(day)) for day in known}


@lru_cache(maxsize=1024)
def _kept_in_lieu(name: str, year: int) -> Mapping[date, str]:
    """The days of the year on which a holiday is kept that falls on another, by its name."""
    itself = set(_holidays(name, year, observed=False))
    return {
        day: title.replace(" (observed)", "")
        for day, title in _holiday_names(name, year).items()
        if day not in itself
    }


@lru_cache(maxsize=8192)
def _reasons_in(names: tuple[str, ...], day: date) -> str:
    return BusinessCalendar(names)._reasons(day)


@lru_cache(maxsize=8192)
def _weekend_around(name: str, day: date) -> frozenset[int]:
    if name.startswith(WEEKEND):
        return _weekend_shape(name)
    # A country may move its weekend, so the days next to this one are asked, not the year.
    week = [day + n * _ONE_DAY for n in range(-3, 4)]
    known = _holidays(name, day.year)
    return frozenset(near.weekday() for near in week if known.is_weekend(near))


@lru_cache(maxsize=1024)
def _known_years(name: str) -> tuple[int, int]:
    known = _holidays(name, None)
    return known.start_year, known.end_year


def _holidays(name: str, year: int | None, *, observed: bool = True) -> holidays.HolidayBase:
    country, _, subdivision = name.partition("-")
    return holidays.country_holidays(
        country,
        subdiv=subdivision or None,
        years=year,
        expand=False,
        observed=observed,
        language=_language(country),
    )


@lru_cache(maxsize=512)
def _language(country: str) -> str | None:
    """English, if the library has the holidays of the country in it."""
    spoken = holidays.country_holidays(country).supported_languages
    return next((language for language in ("en_US", "en_GB") if language in spoken), None)


@lru_cache(maxsize=256)
def _weekend_shape(name: str) -> frozenset[int]:
    if name == WEEKEND:
        return _SATURDAY_AND_SUNDAY
    words = name.removeprefix(_WEEKEND_PREFIX).split("-")
    return frozenset(_WEEKDAY_WORDS.index(word) for word in words)


def _weekend_spellings(name: str) -> tuple[str, ...]:
    """The one way to write the weekend that `name` may mean, if it can be told."""
    words = re.split(r"[^a-z]+", name.strip().casefold().partition(":")[2].strip())
    if not all(len(word) >= 2 for word in words):
        return ()
    found = {
        number
        for word in words
        for number, weekday in enumerate(WEEKDAYS)
        if weekday.casefold().startswith(word)
    }
    if len(found) != len(set(words)):
        return ()
    return (_WEEKEND_PREFIX + "-".join(_WEEKDAY_WORDS[number] for number in sorted(found)),)


def _weekend_advice(days: str) -> str:
    spellings = _weekend_spellings(_WEEKEND_PREFIX + days)
    return f"Did you mean {spellings[0]!r}?" if spellings else _WEEKEND_FORM


def _desk_advice(wanted: str) -> str:
    near = DESK_PREFIX + re.sub(r"[^a-z0-9-]+", "-", wanted.strip()).strip("-")
    return f"Did you mean {near!r}?" if _DESK_NAME.fullmatch(near) else _DESK_FORM


def _missing_desk_advice(name: str, desk: Mapping[str, DeskCalendar]) -> str:
    if near := get_close_matches(name, desk, n=1, cutoff=0.75):
        return f"Did you mean {near[0]!r}?"
    if desk:
        return f"The desk keeps {', '.join(sorted(desk))}."
    return "The desk keeps no calendar of that name: add it first."


def _subdivisions(country: str) -> tuple[str, ...]:
    known = holidays.country_holidays(country)
    parent = known.parent_entity
    return (*known.subdivisions, *(parent.subdivisions if parent else ()))


def _country_advice(country: str, rest: str) -> str:
    wanted = country.strip().replace(" ", "_").casefold()
    if wanted == WEEKEND:
        return f"Did you mean {WEEKEND!r}?"
    near = _COUNTRY_BY_WORD.get(wanted)
    if near is None and len(wanted) > 3:
        close = get_close_matches(wanted, _COUNTRY_BY_WORD, n=1, cutoff=0.8)
        near = _COUNTRY_BY_WORD[close[0]] if close else None
    return f"Did you mean {near + rest!r}?" if near else _EXAMPLES


def _subdivision_advice(country: str, subdivision: str) -> str:
    known = _subdivisions(country)
    if not known:
        return f"{country!r} has no subdivisions here: use {country!r} alone."
    words = {code.casefold(): code for code in known}
    aliases = holidays.country_holidays(country).subdivisions_aliases
    words.update({alias.casefold(): code for alias, code in aliases.items()})
    if near := get_close_matches(subdivision.strip().casefold(), words, n=1, cutoff=0.7):
        return f"Did you mean {f'{country}-{words[near[0]]}'!r}?"
    return f"The subdivisions of {country!r} are {', '.join(sorted(known))}."
