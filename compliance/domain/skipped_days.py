"""Civil days that do not exist in a time zone, because it moved across the date line."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY, day_end, day_start, zone

_ONE_DAY = timedelta(days=1)
_A_MONTH = timedelta(days=28)
_HALF_A_DAY = timedelta(hours=12)


@cache
def skipped_days(zone_name: str) -> tuple[date, ...]:
    """Return the days in `FIRST_DAY`..`LAST_DAY` that do not exist in the zone, in order.

    A zone that moves across the date line skips a day, as Pacific/Apia did with 2011-12-30.

    Raises:
        UnknownTimeZone: there is no such zone.
    """
    tz = zone(zone_name)
    found = []
    day = FIRST_DAY
    while day < LAST_DAY:
        later = min(day + _A_MONTH, LAST_DAY)
        # Offsets differ by more than half a day only if the zone crossed the date line.
        if _noon_offset(later, tz) - _noon_offset(day, tz) > _HALF_A_DAY:
            days = (day + n * _ONE_DAY for n in range((later - day).days + 1))
            found += [
                each for each in days if day_start(each, zone_name) == day_end(each, zone_name)
            ]
        day = later
    return tuple(found)


def _noon_offset(day: date, tz: ZoneInfo) -> timedelta:
    offset = datetime.combine(day, time(12), tz).utcoffset()
    assert offset is not None
    return offset
