"""The names of business-day calendars: validation, and advice about names that are not valid.

A calendar is named by

- a country of the `holidays` library (`US`) or one of its subdivisions (`DE-BY`), with the
  holidays that its law counts (see `holiday_laws`), or with those of named categories
  (`HK:public`, `DE-BY:catholic-public`);
- a market or payment system of the `holidays` library, by any of its codes (`NYSE`, `XNYS`,
  `TARGET`), also with categories (`NYSE:half_day-public`);
- `weekend` for Saturdays and Sundays without holidays, or another weekend by its days in the
  order of the week from Monday: `weekend:fri-sat`, `weekend:sun`;
- `custom:NAME` for a custom calendar.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

import holidays
from holidays.registry import COUNTRIES, FINANCIAL

from compliance.domain.civil_time import WEEKDAYS
from compliance.domain.due_dates.holiday_laws import OFFICE_COUNTRIES, OFFICES

WEEKEND = "weekend"
CUSTOM_PREFIX = "custom:"

_WEEKEND_PREFIX = f"{WEEKEND}:"
_WEEKDAY_WORDS = tuple(name[:3].lower() for name in WEEKDAYS)
_SATURDAY_AND_SUNDAY = frozenset({5, 6})
_CUSTOM_NAME = re.compile(r"custom:[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
# Alpha-2 codes, and all other names that the library uses for a country. A class that cannot have
# the name of its country is named after the code.
_COUNTRY_CODES = frozenset(words[1] for words in COUNTRIES.values())
_COUNTRY_BY_WORD = {
    word.casefold(): words[1]
    for module, words in COUNTRIES.items()
    for word in (module, *words)
    if not word.startswith("Holidays")
}
# Codes of markets and payment systems, without the names of the library's classes.
_FINANCIAL_CODES = {code: words[1] for words in FINANCIAL.values() for code in words[1:]} | {
    "TARGET": "XECB"
}
_EXAMPLES = (
    "Use a country such as 'US', one of its subdivisions such as 'DE-BY', "
    "a market such as 'NYSE' or 'TARGET', "
    f"{WEEKEND!r} for Saturdays and Sundays only, another weekend such as 'weekend:fri-sat', "
    "or a custom calendar such as 'custom:hq'."
)
_WEEKEND_FORM = (
    f"Give the weekend days ({', '.join(_WEEKDAY_WORDS)}) in this order, joined by hyphens, such "
    "as 'weekend:fri-sat' or 'weekend:sun'."
)
_CUSTOM_FORM = (
    "After 'custom:', give 1 to 32 lower-case letters, digits and hyphens, not starting with a "
    "hyphen, such as 'custom:hq'."
)
# A longer text is not a misspelled calendar name.
_LONGEST_GUESS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class HolidayCalendar:
    """The parts of a calendar name of the `holidays` library.

    `code` is a country's alpha-2 code, or the market code of a financial calendar. `categories`
    is empty if the name has none, so that the law of the country decides.
    """

    code: str
    subdivision: str = ""
    categories: frozenset[str] = frozenset()
    is_financial: bool = False


class UnknownCalendar(ValueError):
    """A name that is not a calendar of the `holidays` library, a weekend or a custom calendar."""

    def __init__(self, name: object, advice: str) -> None:
        self.name = name
        text = name if isinstance(name, str) else repr(name)
        shown = text if len(text) <= _LONGEST_GUESS else text[:_LONGEST_GUESS] + "…"
        super().__init__(f"{shown!r} is not a calendar. {advice}")


@lru_cache(maxsize=1024)
def validate_calendar(name: str) -> str:
    """Return `name` if it is the name of a calendar; names are case-sensitive.

    For a custom calendar, only the form of the name is checked, not whether it exists.

    Raises:
        UnknownCalendar: with advice about what to write.
    """
    if name == WEEKEND or _CUSTOM_NAME.fullmatch(name):
        return name
    if len(name) > _LONGEST_GUESS:
        raise UnknownCalendar(name, _EXAMPLES)
    kind = name.strip().casefold()
    if kind.startswith(_WEEKEND_PREFIX):
        if name in _weekend_spellings(name):
            return name
        raise UnknownCalendar(name, _weekend_advice(kind.removeprefix(_WEEKEND_PREFIX)))
    if kind.startswith(CUSTOM_PREFIX):
        raise UnknownCalendar(name, _custom_advice(kind.removeprefix(CUSTOM_PREFIX)))
    place, colon, categories = name.partition(":")
    country, dash, subdivision = place.partition("-")
    if place not in _FINANCIAL_CODES:
        if country not in _COUNTRY_CODES:
            raise UnknownCalendar(name, _country_advice(country, dash + subdivision, categories))
        if dash and subdivision not in _subdivisions(country):
            raise UnknownCalendar(name, _subdivision_advice(country, subdivision))
    if colon:
        _check_categories(name, place, categories)
    return name


@lru_cache(maxsize=2048)
def parse_holiday_calendar(name: str) -> HolidayCalendar:
    """Return the parts of the valid name of a country, subdivision, market or payment system."""
    place, _, categories = name.partition(":")
    chosen = frozenset(categories.split("-")) if categories else frozenset()
    if place in _FINANCIAL_CODES:
        code = _FINANCIAL_CODES[place]
        return HolidayCalendar(code=code, categories=chosen, is_financial=True)
    country, _, subdivision = place.partition("-")
    return HolidayCalendar(code=country, subdivision=subdivision, categories=chosen)


def known_categories(place: str) -> tuple[str, ...]:
    """Return the categories that can be named after the colon, for a country or market."""
    if place in _FINANCIAL_CODES:
        known = holidays.financial_holidays(_FINANCIAL_CODES[place]).supported_categories
        return tuple(sorted(known))
    country = place.partition("-")[0]
    known = holidays.country_holidays(country).supported_categories
    return tuple(sorted({*known, *((OFFICES,) if country in OFFICE_COUNTRIES else ())}))


def country_of(name: str) -> str:
    """Return the country code of a valid calendar name, or its market code."""
    return re.split("[-:]", name, maxsplit=1)[0]


def subdivisions(country: str) -> tuple[str, ...]:
    """Return the subdivisions of a country that have calendars, without those of its parent."""
    return tuple(holidays.country_holidays(country).subdivisions)


@lru_cache(maxsize=256)
def weekend_days(name: str) -> frozenset[int]:
    """Return the days of a `weekend` calendar as `date.weekday()` numbers."""
    if name == WEEKEND:
        return _SATURDAY_AND_SUNDAY
    words = name.removeprefix(_WEEKEND_PREFIX).split("-")
    return frozenset(_WEEKDAY_WORDS.index(word) for word in words)


def is_weekend_or_custom(name: str) -> bool:
    """Return whether a valid name is not that of a country or subdivision."""
    return name.startswith((WEEKEND, CUSTOM_PREFIX))


def _weekend_spellings(name: str) -> tuple[str, ...]:
    """Return the correct spelling of the weekend that `name` seems to mean, if there is one."""
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


def _custom_advice(wanted: str) -> str:
    near = CUSTOM_PREFIX + re.sub(r"[^a-z0-9-]+", "-", wanted.strip()).strip("-")
    return f"Did you mean {near!r}?" if _CUSTOM_NAME.fullmatch(near) else _CUSTOM_FORM


def missing_custom_calendar(name: str, existing: Iterable[str]) -> UnknownCalendar:
    """Return the error for a custom calendar that is not among the `existing` ones."""
    names = sorted(existing)
    if near := get_close_matches(name, names, n=1, cutoff=0.75):
        return UnknownCalendar(name, f"Did you mean {near[0]!r}?")
    if names:
        return UnknownCalendar(name, f"The custom calendars are {', '.join(names)}.")
    return UnknownCalendar(name, "There is no custom calendar of this name: add it first.")


def _subdivisions(country: str) -> tuple[str, ...]:
    known = holidays.country_holidays(country)
    parent = known.parent_entity
    return (*known.subdivisions, *(parent.subdivisions if parent else ()))


def _check_categories(name: str, place: str, categories: str) -> None:
    known = known_categories(place)
    words = categories.split("-")
    if len(set(words)) == len(words) and set(words) <= set(known):
        return
    folded = dict.fromkeys(re.findall(r"[a-z_]+", categories.casefold()))
    near = [each for word in folded for each in get_close_matches(word, known, n=1, cutoff=0.8)]
    if near and len(near) == len(folded):
        raise UnknownCalendar(name, f"Did you mean {place + ':' + '-'.join(near)!r}?")
    advice = (
        f"The categories of {place!r} are {', '.join(known)}: name one or more, joined by hyphens, "
        f"or use {place!r} alone for those that the law counts."
    )
    raise UnknownCalendar(name, advice)


def _country_advice(country: str, rest: str, categories: str) -> str:
    wanted = country.strip().replace(" ", "_").casefold()
    if wanted == WEEKEND:
        return f"Did you mean {WEEKEND!r}?"
    rest += f":{categories}" if categories else ""
    if (market := country.strip().upper()) in _FINANCIAL_CODES:
        return f"Did you mean {market!r}?"
    near = _COUNTRY_BY_WORD.get(wanted)
    if near is None and len(wanted) > 3:
        close = get_close_matches(wanted, _COUNTRY_BY_WORD, n=1, cutoff=0.8)
        near = _COUNTRY_BY_WORD[close[0]] if close else None
    return f"Did you mean {near + rest!r}?" if near else _EXAMPLES


def _subdivision_advice(country: str, subdivision: str) -> str:
    known = _subdivisions(country)
    if not known:
        return f"{country!r} has no subdivisions here: use {country!r} alone."
    codes = {code.casefold(): code for code in known}
    aliases = holidays.country_holidays(country).subdivisions_aliases
    codes.update({alias.casefold(): code for alias, code in aliases.items()})
    if near := get_close_matches(subdivision.strip().casefold(), codes, n=1, cutoff=0.7):
        return f"Did you mean {f'{country}-{codes[near[0]]}'!r}?"
    return f"The subdivisions of {country!r} are {', '.join(sorted(known))}."
