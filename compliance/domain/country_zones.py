"""The time zones of countries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources

from compliance.domain.civil_time import zone, zone_names

# Clocks change at most a few times a year.
_SAMPLES = [
    datetime(year, month, 15, tzinfo=UTC) for year in range(1990, 2038) for month in range(1, 13)
]


@cache
def zones_of_country(code: str) -> tuple[str, ...]:
    """Return the zones of a country (ISO 3166-1 alpha-2), the most populous first.

    Zones that have shown the same time since 1990 count once: Büsingen keeps the time of Berlin.
    Source: `zone.tab` of the IANA database.
    """
    found: dict[tuple[timedelta | None, ...], str] = {}
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    for line in table.splitlines():
        fields = line.split("\t")
        if fields[0] == code and len(fields) > 2 and fields[2] in zone_names():
            offsets = tuple(each.astimezone(zone(fields[2])).utcoffset() for each in _SAMPLES)
            found.setdefault(offsets, fields[2])
    return tuple(found.values())


def only_zone(country: object) -> str | None:
    """Return the time zone of a country that has only one, or None."""
    zones = zones_of_country(country) if isinstance(country, str) else ()
    return zones[0] if len(zones) == 1 else None
