"""Holidays that close only part of a calendar's area, such as Corpus Christi in `DE`.

The parts of a calendar are calendars themselves: the subdivisions of a country, and, where the law
differs by place, body or purpose, the categories of holidays that count (see `holiday_laws`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import Enum
from functools import lru_cache

from compliance.domain.due_dates import public_holidays
from compliance.domain.due_dates.calendar_names import (
    is_weekend_or_custom,
    parse_holiday_calendar,
    subdivisions,
)
from compliance.domain.due_dates.holiday_laws import holiday_law

# More parts would take too long to compute with: each is a calendar of its own.
MOST_PARTS = 100
_MOST_NAMED = 5


class Extent(Enum):
    """Which days of a calendar with parts are closed."""

    NATIONWIDE = "closed by the holidays of the whole country alone"
    EVERYWHERE = "closed in all parts"
    ANYWHERE = "closed in at least one part"


@lru_cache(maxsize=1024)
def parts_of(name: str) -> tuple[str, ...]:
    """Return the calendars of the parts of a calendar; only itself if it has none.

    A calendar that names its categories has no parts, and neither has a weekend, a custom
    calendar, a market or a payment system.
    """
    if is_weekend_or_custom(name):
        return (name,)
    parsed = parse_holiday_calendar(name)
    if parsed.is_financial or parsed.categories:
        return (name,)
    country, law = parsed.code, holiday_law(parsed.code, parsed.subdivision)
    places = [parsed.subdivision]
    if not parsed.subdivision and not law.is_uniform:
        within = subdivisions(country)
        places = [*within, *([] if within and law.covers_all else [""])]
    return tuple(part for place in places for part in _parts_of_place(country, place))


def _parts_of_place(country: str, subdivision: str) -> tuple[str, ...]:
    place = f"{country}-{subdivision}" if subdivision else country
    law = holiday_law(country, subdivision)
    if not law.partly:
        # Without categories, a country would again mean all of its parts.
        return (place if subdivision else with_categories(place, law.counted),)
    return with_categories(place, law.counted), with_categories(place, law.counted | law.partly)


def with_categories(place: str, categories: frozenset[str]) -> str:
    """Return the name of the calendar of a place with named categories."""
    return f"{place}:{'-'.join(sorted(categories))}"


@lru_cache(maxsize=1024)
def has_parts(name: str) -> bool:
    """Return whether the holidays of a calendar can differ within its area."""
    return len(parts_of(name)) > 1


def count_parts(names: tuple[str, ...]) -> int:
    """Return how many parts the calendars have together; one without parts counts as none."""
    return sum(len(parts_of(name)) for name in names if has_parts(name))


@lru_cache(maxsize=4096)
def closed_days(name: str, year: int, extent: Extent) -> frozenset[date]:
    """Return the days of the year that are closed in a calendar that is not custom."""
    if extent is Extent.NATIONWIDE or not has_parts(name):
        return public_holidays.closed_days(name, year)
    by_part = [public_holidays.closed_days(part, year) for part in parts_of(name)]
    if extent is Extent.EVERYWHERE:
        return frozenset.intersection(*by_part)
    return frozenset().union(*by_part)


@lru_cache(maxsize=4096)
def partly_closed_days(name: str, year: int) -> frozenset[date]:
    """Return the days of the year that are closed in some parts of a calendar, but not in all."""
    return closed_days(name, year, Extent.ANYWHERE) - closed_days(name, year, Extent.EVERYWHERE)


@lru_cache(maxsize=4096)
def closed_in_any(names: tuple[str, ...], year: int, extent: Extent) -> frozenset[date]:
    """Return the days of the year that are closed in any of the calendars (none of them custom)."""
    return frozenset().union(*(closed_days(name, year, extent) for name in names))


@lru_cache(maxsize=2048)
def open_days(names: tuple[str, ...], year: int, extent: Extent) -> Sequence[date]:
    """Return the business days of the year in all of the calendars (none of them custom)."""
    return public_holidays.days_without(closed_in_any(names, year, extent), year)


def holiday_name(name: str, day: date) -> str | None:
    """Return the name of the holiday on `day` in a calendar, or else in any of its parts."""
    for each in (name, *parts_of(name)):
        if (title := public_holidays.holiday_names(each, day.year).get(day)) is not None:
            return title
    return None


def closing_parts(name: str, day: date) -> tuple[str, ...]:
    """Return the parts of a calendar that are closed on `day`, if others are open; else none."""
    if day not in partly_closed_days(name, day.year):
        return ()
    return tuple(
        part for part in parts_of(name) if day in public_holidays.closed_days(part, day.year)
    )


def joined_parts(name: str, parts: tuple[str, ...]) -> str:
    """Return parts of the calendar `name` in words, for example `DE-BW, DE-BY and 4 others`."""
    chosen = [part for part in parts_of(name) if part in parts]
    by_suffix = {part.partition(":")[2] for part in chosen}
    suffix = by_suffix.pop()
    if suffix and not by_suffix:
        # The same categories everywhere differ by purpose, not by place.
        alike = [part for part in parts_of(name) if part.endswith(f":{suffix}")]
        places = {part.partition(":")[0] for part in parts_of(name)}
        if chosen == alike and len(alike) == len(places):
            return f"{name}:{suffix}"
    found: dict[str, list[str]] = {}
    for part in chosen:
        found.setdefault(part.partition(":")[0], []).append(part)
    # A place that is there with all of its categories is named once, without them.
    labels = [
        place if each == list(_parts_of_named(place)) else each[0] for place, each in found.items()
    ]
    if len(labels) > _MOST_NAMED + 1:
        return f"{', '.join(labels[:_MOST_NAMED])} and {len(labels) - _MOST_NAMED} others"
    return " and ".join(filter(None, (", ".join(labels[:-1]), labels[-1])))


def _parts_of_named(place: str) -> tuple[str, ...]:
    parsed = parse_holiday_calendar(place)
    return _parts_of_place(parsed.code, parsed.subdivision)
