"""Weekends and public holidays by calendar name and year, from the `holidays` library.

Which categories of holidays a calendar closes is decided by its name or by `holiday_laws`. Whole
years are cached as immutable values: the library's own objects fill themselves in while they are
read, which two threads must not do at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib import metadata

import holidays

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY, DayOutOfRange
from compliance.domain.due_dates.calendar_names import (
    WEEKEND,
    HolidayCalendar,
    is_weekend_or_custom,
    parse_holiday_calendar,
    validate_calendar,
    weekend_days,
)
from compliance.domain.due_dates.holiday_laws import OFFICES, holiday_law
from compliance.domain.due_dates.office_days import office_days

_ONE_DAY = timedelta(days=1)
# The library has tables of the Hindu festivals for these years only, and computes the other
# holidays of these calendars without them.
_HINDU_YEARS = (2001, 2035)
_HINDU_CALENDARS = frozenset({"IN", "XBOM", "XNSE"})


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


def days_without(closed: frozenset[date], year: int) -> Sequence[date]:
    """Return the other days of a year, in order."""
    return tuple(day for day in days_of(year) if day not in closed)


@lru_cache(maxsize=8192)
def closed_days(name: str, year: int) -> frozenset[date]:
    """Return the days of the year that are not business days in a calendar that is not custom.

    Days that are closed only in part of the calendar's area are business days here.
    """
    if name.startswith(WEEKEND):
        return _weekends_of(year, weekend_days(name))
    known = _holidays(name, year)
    if type(known)._get_weekend is holidays.HolidayBase._get_weekend:
        weekends = _weekends_of(year, frozenset(known.weekend))
    else:
        weekends = frozenset(day for day in days_of(year) if known.is_weekend(day))
    # As the library's own `is_working_day`, which is slower: a weekend day that was declared a
    # working day is one even on a holiday.
    listed = {day for day in (*known, *_office_days(name, year)) if day.year == year}
    return weekends.difference(known.weekend_workdays).union(listed.difference(weekends))


@lru_cache(maxsize=1024)
def _weekends_of(year: int, weekend: frozenset[int]) -> frozenset[date]:
    return frozenset(day for day in days_of(year) if day.weekday() in weekend)


@lru_cache(maxsize=1024)
def holiday_names(name: str, year: int) -> Mapping[date, str]:
    """Return the holidays of the year by day, in English if the library has it.

    Holidays on weekend days are included.
    """
    known = _holidays(name, year)
    titles = {day: " and ".join(known.get_list(day)) for day in known}
    return {**_office_days(name, year), **titles}


@lru_cache(maxsize=1024)
def observed_holidays(name: str, year: int) -> Mapping[date, str]:
    """Return the days of the year on which a holiday is observed that falls on another date."""
    itself = {*_holidays(name, year, observed=False), *_office_days(name, year)}
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
    if parse_holiday_calendar(name).code in _HINDU_CALENDARS:
        return _HINDU_YEARS
    return known.start_year, known.end_year


def _holidays(name: str, year: int | None, *, observed: bool = True) -> holidays.HolidayBase:
    parts = parse_holiday_calendar(name)
    if parts.is_financial:
        return holidays.financial_holidays(
            parts.code,
            years=year,
            expand=False,
            observed=observed,
            categories=tuple(sorted(parts.categories)) or None,
            language=_language(parts.code, is_financial=True),
        )
    counted = _counted(parts) - {OFFICES}
    return holidays.country_holidays(
        parts.code,
        subdiv=parts.subdivision or None,
        # The library reads no categories as its default ones: a calendar that consists only of
        # our own category asks for no year instead.
        years=year if counted else None,
        expand=False,
        observed=observed,
        categories=tuple(sorted(counted)) or None,
        language=_language(parts.code, is_financial=False),
    )


def _counted(parts: HolidayCalendar) -> frozenset[str]:
    """Return the categories that a country's calendar closes."""
    return parts.categories or holiday_law(parts.code, parts.subdivision).counted


def _office_days(name: str, year: int) -> Mapping[date, str]:
    """Return the days of our own category that the calendar closes, with their names."""
    parts = parse_holiday_calendar(name)
    if parts.is_financial or OFFICES not in _counted(parts):
        return {}
    return office_days(parts.code, year)


@lru_cache(maxsize=512)
def _language(code: str, *, is_financial: bool) -> str | None:
    """Return the code of English if the library has the calendar's holidays in English."""
    known = holidays.financial_holidays(code) if is_financial else holidays.country_holidays(code)
    return next((each for each in ("en_US", "en_GB") if each in known.supported_languages), None)
