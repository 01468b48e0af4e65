"""Conversion between civil days, wall-clock times and UTC instants.

Zones come from the `tzdata` package and never from the host, so that two machines with the same
locked requirements compute the same instants. Instants are aware datetimes; those returned are
in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import cache
from importlib import metadata, resources
from zoneinfo import ZoneInfo

FIRST_DAY = date(1900, 1, 1)
LAST_DAY = date(2200, 12, 31)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
"""The names of the days of the week, indexed as by `date.weekday()`."""

_ONE_DAY = timedelta(days=1)
_ONE_SECOND = timedelta(seconds=1)
_MIDNIGHT = time()
_SECOND_MIDNIGHT = time(fold=1)
_UTC_OFFSET = re.compile(r"(?:UTC|GMT|Z)?\s*[+-]\d{1,2}(?::?\d{2})?", re.ASCII | re.IGNORECASE)
# A longer name is not a misspelled zone, and comparing it with all zones would be slow.
_LONGEST_GUESS = 64


class UnknownTimeZone(ValueError):
    """A name that is not a time zone of the IANA database."""

    def __init__(self, name: object) -> None:
        self.name = name
        super().__init__(
            f"{_shown(name)} is not a time zone of the IANA database. {_zone_advice(name)}"
        )


class DayOutOfRange(ValueError):
    """A day outside `FIRST_DAY`..`LAST_DAY`."""

    def __init__(self, what: str = "The day") -> None:
        super().__init__(f"{what} must lie between {FIRST_DAY} and {LAST_DAY}.")


class NonexistentLocalTime(ValueError):
    """A wall-clock time that is skipped when clocks go forward.

    `jumps_from` and `jumps_to` are naive local times: the first time that is skipped, and the
    first time after the gap.
    """

    def __init__(
        self, *, local: datetime, zone_name: str, jumps_from: datetime, jumps_to: datetime
    ) -> None:
        self.local = local
        self.zone_name = zone_name
        self.jumps_from = jumps_from
        self.jumps_to = jumps_to
        last = jumps_from - (timedelta(minutes=1) if jumps_from.second == 0 else _ONE_SECOND)
        is_one_day = last.date() == jumps_from.date() == jumps_to.date() == local.date()
        start, end, before = (
            _clock(local_time, with_day=not is_one_day)
            for local_time in (jumps_from, jumps_to, last)
        )
        super().__init__(
            f"{_clock(local, with_day=False)} on {local.date()} does not exist in {zone_name}: "
            f"clocks jump from {start} to {end}. Use {before} or earlier, or {end} or later."
        )


@cache
def zone(name: str) -> ZoneInfo:
    """Return the time zone called `name`, from the `tzdata` package.

    Names come from the IANA database and are case-sensitive.

    Raises:
        UnknownTimeZone: there is no zone of this name.
    """
    if name not in zone_names():
        raise UnknownTimeZone(name)
    source = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with source.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def zone_names() -> frozenset[str]:
    """Return every zone name that `zone` accepts."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


def displayed_zone_name(name: str) -> str:
    """Return the name of a stored zone, or `UTC` if the zone data no longer has it.

    For display, and for the times of day of notifications. Stored instants remain right without
    the zone. Whoever computes a date from a civil day uses the zone itself, which raises
    `UnknownTimeZone`: a date in another zone would be wrong.
    """
    return name if name in zone_names() else "UTC"


def zone_label(name: str) -> str:
    """Return the zone in which times are shown for a stored zone, and say so if it is unknown."""
    return name if name in zone_names() else f"UTC, because the time zone {name} is unknown"


@cache
def tzdata_version() -> str:
    """Return the version of the zone data in use, as PyPI writes it: `2026.6` is IANA's 2026f."""
    return metadata.version("tzdata")


def instant(day: date, at: time, zone_name: str) -> datetime:
    """Return the UTC instant at which clocks in the zone show `at` on `day`.

    If clocks go back and show the time twice, the later instant is returned: whoever acts when the
    time is shown for the second time is still on time. `at` is naive; its `fold` is ignored.

    Raises:
        NonexistentLocalTime: clocks in the zone skip this time on that day.
        DayOutOfRange: `day` is not in `FIRST_DAY`..`LAST_DAY`.
        UnknownTimeZone: there is no such zone.
    """
    earlier, later, local = _readings(day, at, zone_name)
    if later < earlier:
        jump = _jump(local, later, earlier, zone(zone_name))
        raise NonexistentLocalTime(
            local=local,
            zone_name=zone_name,
            jumps_from=_local(jump - _ONE_SECOND, zone(zone_name)) + _ONE_SECOND,
            jumps_to=_local(jump, zone(zone_name)),
        )
    return later


def instant_or_jump(day: date, at: time, zone_name: str) -> datetime:
    """Return `instant`, or the UTC instant of the clock change if the time is skipped by it."""
    earlier, later, local = _readings(day, at, zone_name)
    if later < earlier:
        return _jump(local, later, earlier, zone(zone_name))
    return later


def local_readings(day: date, at: time, zone_name: str) -> tuple[datetime, datetime]:
    """Return the readings of a wall-clock time with fold 0 and fold 1 (PEP 495), as UTC instants.

    The two are usually equal. The second is later if clocks show the time twice, and earlier if
    clocks skip it.

    Raises:
        DayOutOfRange: `day` is not in `FIRST_DAY`..`LAST_DAY`.
        UnknownTimeZone: there is no such zone.
    """
    earlier, later, _ = _readings(day, at, zone_name)
    return earlier, later


def wall_clock(at: datetime, zone_name: str) -> datetime:
    """Return the local time in the zone at the aware instant `at`, with its UTC offset."""
    return at.astimezone(zone(zone_name))


def day_start(day: date, zone_name: str) -> datetime:
    """Return the first UTC instant of the civil day in the zone.

    If the zone skipped that day, this is the instant at which it was skipped.

    Raises:
        DayOutOfRange: `day` is not in `FIRST_DAY`..`LAST_DAY`.
        UnknownTimeZone: there is no such zone.
    """
    if not FIRST_DAY <= day <= LAST_DAY:
        raise DayOutOfRange
    tz = zone(zone_name)
    first = datetime.combine(day, _MIDNIGHT, tz)
    second = datetime.combine(day, _SECOND_MIDNIGHT, tz)
    earlier = first.astimezone(UTC)
    if first.utcoffset() == second.utcoffset():
        return earlier
    later = second.astimezone(UTC)
    if later < earlier:
        return _jump(first.replace(tzinfo=None), later, earlier, tz)
    return earlier


def day_end(day: date, zone_name: str) -> datetime:
    """Return the UTC instant at which the civil day ends in the zone (exclusive).

    This is the first instant of the next civil day, even if that day does not begin at midnight
    or a day was skipped. If clocks go back across midnight, so that the old day resumes, it is
    the instant at which the old day ends for the second time.

    Raises:
        DayOutOfRange: `day` is not in `FIRST_DAY`..`LAST_DAY`.
        UnknownTimeZone: there is no such zone.
    """
    if not FIRST_DAY <= day <= LAST_DAY:
        raise DayOutOfRange
    tz = zone(zone_name)
    next_day = day + _ONE_DAY
    first = datetime.combine(next_day, _MIDNIGHT, tz)
    second = datetime.combine(next_day, _SECOND_MIDNIGHT, tz)
    earlier = first.astimezone(UTC)
    if first.utcoffset() == second.utcoffset():
        return earlier
    later = second.astimezone(UTC)
    if later < earlier:
        return _jump(first.replace(tzinfo=None), later, earlier, tz)
    # Midnight comes twice. If clocks go back from 01:00 to 00:00, the old day does not resume.
    resumes = _local(later - _ONE_SECOND, tz) < first.replace(tzinfo=None)
    return later if resumes else earlier


def civil_day(at: datetime, zone_name: str) -> date:
    """Return the civil day in the zone at the aware instant `at`.

    Raises:
        ValueError: `at` is naive.
        DayOutOfRange: the day is not in `FIRST_DAY`..`LAST_DAY`.
        UnknownTimeZone: there is no such zone.
    """
    if at.utcoffset() is None:
        raise ValueError(f"{at} has no UTC offset. Give an instant with one, such as {at}Z.")
    tz = zone(zone_name)
    try:
        day = at.astimezone(tz).date()
    except OverflowError:
        raise DayOutOfRange from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise DayOutOfRange
    return day


def _readings(day: date, at: time, zone_name: str) -> tuple[datetime, datetime, datetime]:
    """Return the two PEP 495 readings of a local time in UTC, and the naive local time.

    The second reading is later than the first if clocks show the time twice, and earlier if
    clocks skip it.
    """
    if at.tzinfo is not None:
        raise ValueError(f"{at} has a time zone. Give the time without an offset.")
    if not FIRST_DAY <= day <= LAST_DAY:
        raise DayOutOfRange
    tz = zone(zone_name)
    local = datetime.combine(day, at.replace(fold=0))
    first = local.replace(tzinfo=tz)
    return first.astimezone(UTC), first.replace(fold=1).astimezone(UTC), local


def _jump(local: datetime, before: datetime, after: datetime, tz: ZoneInfo) -> datetime:
    """Return the instant in (`before`, `after`] at which clocks skip the naive time `local`."""
    # The two readings of a skipped time lie on either side of the change, and clocks run only
    # forward between them, so the change is where they first show `local` or later.
    low, high = before, after
    while high - low > _ONE_SECOND:
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if _local(middle, tz) < local:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def _local(at: datetime, tz: ZoneInfo) -> datetime:
    return at.astimezone(tz).replace(tzinfo=None, fold=0)


def _clock(local: datetime, *, with_day: bool) -> str:
    clock = local.strftime("%H:%M:%S") if local.second else local.strftime("%H:%M")
    return f"{clock} on {local.date()}" if with_day else clock


def _shown(name: object) -> str:
    text = name if isinstance(name, str) else repr(name)
    return repr(text if len(text) <= _LONGEST_GUESS else text[:_LONGEST_GUESS] + "…")


def _zone_advice(name: object) -> str:
    example = "Use a name such as 'Europe/Berlin' or 'Asia/Shanghai'."
    if not isinstance(name, str) or len(name) > _LONGEST_GUESS:
        return example
    wanted = name.strip().replace(" ", "_").casefold()
    if not wanted:
        return example
    if _UTC_OFFSET.fullmatch(name.strip()):
        return (
            "An offset does not say when clocks change: use a name such as 'Europe/Berlin', "
            "or 'UTC'."
        )
    spelled = {full.casefold(): full for full in sorted(zone_names())}
    cities = {full.rpartition("/")[2]: spelled[full] for full in spelled}
    for known in (spelled, cities):
        if near := get_close_matches(wanted, known, n=1, cutoff=0.75):
            return f"Did you mean {known[near[0]]!r}?"
    return example
