"""Business days, by country, subdivision and weekend.

A calendar is named by a country of the `holidays` library (`US`), one of its subdivisions
(`DE-BY`), or `weekend`: Saturdays and Sundays, no holidays. A country brings its own weekend, and
the weekend days that it has declared working days. Outside the years that the library knows for a
country, only its weekend is left.
"""

from __future__ import annotations

from datetime import date, timedelta
from difflib import get_close_matches
from functools import lru_cache
from importlib import metadata

import holidays
from holidays.registry import COUNTRIES

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY, DayOutOfRange

WEEKEND = "weekend"
MOST_DAYS_SCANNED = 10_000

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5
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
    f"or {WEEKEND!r} for Saturdays and Sundays alone."
)
# Past this length no typing error of a calendar name remains to be guessed at.
_LONGEST_GUESS = 64


class UnknownCalendar(ValueError):
    """A name that is no calendar of the `holidays` library and not `weekend`."""

    def __init__(self, name: object, advice: str) -> None:
        self.name = name
        text = name if isinstance(name, str) else repr(name)
        shown = text if len(text) <= _LONGEST_GUESS else text[:_LONGEST_GUESS] + "…"
        super().__init__(f"{shown!r} is not a calendar. {advice}")


class NoBusinessDay(ValueError):
    """The calendars leave too few business days to count on."""

    def __init__(self, count: int, start: date, calendars: tuple[str, ...]) -> None:
        super().__init__(
            f"{abs(count)} business days from {start} in {' and '.join(calendars) or WEEKEND} "
            f"do not fit into {MOST_DAYS_SCANNED} days. "
            "Count fewer days, or leave out a calendar."
        )


@lru_cache(maxsize=1024)
def validate_calendar(name: str) -> str:
    """`name` itself, if it names a calendar. Case sensitive. Raises `UnknownCalendar`."""
    if name == WEEKEND:
        return name
    if len(name) > _LONGEST_GUESS:
        raise UnknownCalendar(name, _EXAMPLES)
    country, dash, subdivision = name.partition("-")
    if country not in _COUNTRY_CODES:
        raise UnknownCalendar(name, _country_advice(country, dash + subdivision))
    if dash and subdivision not in _subdivisions(country):
        raise UnknownCalendar(name, _subdivision_advice(country, subdivision))
    return name


def is_business_day(day: date, calendars: tuple[str, ...]) -> bool:
    """Whether `day` is a business day in every one of the calendars.

    No calendars at all means `weekend`. Raises `UnknownCalendar`, `DayOutOfRange`.
    """
    return all(day not in _closed_days(name, day.year) for name in calendars or (WEEKEND,))


def add_business_days(day: date, count: int, calendars: tuple[str, ...]) -> date:
    """The `count`-th business day after `day`, or before it where `count` is negative.

    `day` itself is never counted, whether it is a business day or not; a count of 0 gives it back.
    Raises `UnknownCalendar`, `NoBusinessDay` after `MOST_DAYS_SCANNED` days, and `DayOutOfRange`.
    """
    step = _ONE_DAY if count > 0 else -_ONE_DAY
    left = abs(count)
    reached = day
    for _ in range(MOST_DAYS_SCANNED):
        if not left:
            return reached
        if not FIRST_DAY <= reached + step <= LAST_DAY:
            raise DayOutOfRange("The last business day")
        reached += step
        left -= is_business_day(reached, calendars)
    if not left:
        return reached
    raise NoBusinessDay(count, day, calendars)


def holidays_version() -> str:
    """The version of the holiday data in use."""
    return metadata.version("holidays")


# One whole year at a time, and immutable: the library's own objects fill themselves in while they
# are being read, which two threads must not do at once.
@lru_cache(maxsize=4096)
def _closed_days(name: str, year: int) -> frozenset[date]:
    """The days of the year that are not business days in the calendar."""
    validate_calendar(name)
    if not FIRST_DAY.year <= year <= LAST_DAY.year:
        raise DayOutOfRange
    first = date(year, 1, 1)
    days = [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]
    if name == WEEKEND:
        return frozenset(day for day in days if day.weekday() >= _SATURDAY)
    country, _, subdivision = name.partition("-")
    known = holidays.country_holidays(country, subdiv=subdivision or None, years=year, expand=False)
    return frozenset(day for day in days if not known.is_working_day(day))


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
