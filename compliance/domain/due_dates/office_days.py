"""Days on which public offices are closed by statute or practice, and that the library lacks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from dateutil.easter import easter

_ONE_DAY = timedelta(days=1)
_TUESDAY, _THURSDAY = 1, 3
_EASTER_TO_ASCENSION = timedelta(days=39)


def office_days(country: str, year: int) -> Mapping[date, str]:
    """Return the days of the category `offices` in a country, with their names.

    Sources: see `HOLIDAY_LAWS` for each country.
    """
    if country == "CA":
        return {easter(year) + _ONE_DAY: "Easter Monday"}
    if country == "JP":
        return {date(year, 12, day): "Year-end holiday of public offices" for day in (29, 30)}
    if country == "IE":
        return _irish_days_in_lieu(year)
    if country == "NL":
        return _dutch_bridge_days(year)
    return {
        date(year, *day): "Summer holiday of public offices"
        for day in ((1, 1), (1, 2), *((12, day) for day in range(25, 32)))
    }


def _irish_days_in_lieu(year: int) -> dict[date, str]:
    """Return the days that banks and offices close in lieu of holidays on a weekend."""
    fixed = [date(year, *day) for day in ((1, 1), (3, 17), (12, 25), (12, 26))]
    taken = set(fixed)
    found = {}
    for holiday in fixed:
        day = holiday
        while holiday.weekday() in {5, 6} and (day.weekday() in {5, 6} or day in taken):
            day += _ONE_DAY
        if day != holiday:
            taken.add(day)
            found[day] = f"Day in lieu of {holiday}"
    return found


def _dutch_bridge_days(year: int) -> dict[date, str]:
    """Return the days that royal decrees treat like holidays, as they have done every year.

    These are the Friday after Ascension Day, and the day between a weekend and a holiday on a
    Tuesday or Thursday.
    """
    found = {easter(year) + _EASTER_TO_ASCENSION + _ONE_DAY: "Friday after Ascension Day"}
    kings_day = date(year, 4, 27 if year >= 2014 else 30)
    if kings_day.weekday() == 6:
        kings_day -= _ONE_DAY
    for first, last in (
        (date(year, 1, 1), date(year, 1, 1)),
        (kings_day, kings_day),
        (date(year, 5, 5), date(year, 5, 5)),
        (date(year, 12, 25), date(year, 12, 26)),
    ):
        if first.weekday() == _TUESDAY and first.month > 1:
            found[first - _ONE_DAY] = f"Bridge day before {first}"
        if last.weekday() == _THURSDAY:
            found[last + _ONE_DAY] = f"Bridge day after {last}"
    if date(year + 1, 1, 1).weekday() == _TUESDAY:
        found[date(year, 12, 31)] = f"Bridge day before {date(year + 1, 1, 1)}"
    return found
