"""Weekends and public holidays by calendar name and year, from the `holidays` library.

Whole years are cached as immutable values: the library's own objects fill themselves in while they
are read, which two threads must not do at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib import metadata

import holidays

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY, DayOutOfRange
from compliance.domain.due_dates.calendar_names import (
    WEEKEND,
    is_weekend_or_custom,
    validate_calendar,
    weekend_days,
)

_ONE_DAY = timedelta(days=1)


@cache
def holidays_version() -> str:
    """Return the version of the holiday data in use."""
    return metadata.version("holidays")


def known_years(name: str) -> tuple[int, int] | None:
    """Return the first and last year for which the library has the holidays of a calendar.

    None for weekends and custom calendars, which have only the closing days that they list.

    Raises:
        UnknownCalendar: `name` is not a calendar.
    """
    return None if is_weekend_or_custom(validate_calendar(name)) else _library_years(name)


def days_of(year: int) -> Iterator[date]:
    """Return the days of a year.

    Raises:
        DayOutOfRange: they are not in `FIRST_DAY`..`LAST_DAY`.
    """
    if not FIRST_DAY.year <= year <= LAST_DAY.year:
        raise DayOutOfRange
    first = date(year, 1, 1)
    return (first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days))


@lru_cache(maxsize=4096)
def closed_days_in_any(names: tuple[str, ...], year: int) -> frozenset[date]:
    """Return the days of the year that are closed in any of the calendars (none of them custom)."""
    return frozenset().union(*(closed_days(name, year) for name in names))


@lru_cache(maxsize=4096)
def closed_days(name: str, year: int) -> frozenset[date]:
    """Return the days of the year that are not business days in a calendar that is not custom."""
    days = list(days_of(year))
    if name.startswith(WEEKEND):
        weekend = weekend_days(name)
        return frozenset(day for day in days if day.weekday() in weekend)
    known = _holidays(name, year)
    return frozenset(day for day in days if not known.is_working_day(day))


@lru_cache(maxsize=1024)
def holiday_names(name: str, year: int) -> Mapping[date, str]:
    """Return the holidays of the year by day, in English if the library has it.

    Holidays on weekend days are included.
    """
    known = _holidays(name, year)
    return {day: " and ".join(known.get_list(day)) for day in known}


@lru_cache(maxsize=1024)
def observed_holidays(name: str, year: int) -> Mapping[date, str]:
    """Return the days of the year on which a holiday is observed that falls on another date."""
    itself = set(_holidays(name, year, observed=False))
    return {
        day: title.replace(" (observed)", "")
        for day, title in holiday_names(name, year).items()
        if day not in itself
    }


@lru_cache(maxsize=8192)
def weekend_around(name: str, day: date) -> frozenset[int]:
    """Return the weekend days in force around `day`, as `date.weekday()` numbers."""
    if name.startswith(WEEKEND):
        return weekend_days(name)
    # A country may change its weekend during a year, so only the days around this one count.
    week = [day + n * _ONE_DAY for n in range(-3, 4)]
    known = _holidays(name, day.year)
    return frozenset(near.weekday() for near in week if known.is_weekend(near))


@lru_cache(maxsize=1024)
def _library_years(name: str) -> tuple[int, int]:
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
    """Return the code of English if the library has the country's holidays in English."""
    spoken = holidays.country_holidays(country).supported_languages
    return next((language for language in ("en_US", "en_GB") if language in spoken), None)
