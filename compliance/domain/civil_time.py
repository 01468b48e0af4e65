"""Civil days and wall-clock times in zones, as instants.

Zones come from the `tzdata` package, never from the host, so that two machines with the same
locked requirements compute the same instants. All instants given and returned are aware and UTC.
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

_ONE_DAY = timedelta(days=1)
_ONE_SECOND = timedelta(seconds=1)
_MIDNIGHT = time()
_SECOND_MIDNIGHT = time(fold=1)
_UTC_OFFSET = re.compile(r"(?:UTC|GMT|Z)?\s*[+-]\d{1,2}(?::?\d{2})?", re.ASCII | re.IGNORECASE)
# Past this length no typing error of a zone name remains to be guessed at.
_LONGEST_GUESS = 64


class UnknownTimeZone(ValueError):
    """A name that is not a zone of the tz database."""

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
    """A wall-clock time that the clocks of a zone jump over.

    `jumps_from` and `jumps_to` are naive local times: the first that does not exist and the
    first that does again.
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
            _clock(moment, with_day=not is_one_day) for moment in (jumps_from, jumps_to, last)
        )
        super().__init__(
            f"{_clock(local, with_day=False)} on {local.date()} does not exist in {zone_name}: "
            f"clocks jump from {start} to {end}. Use {before} or earlier, or {end} or later."
        )


@cache
def zone(name: str) -> ZoneInfo:
    """The zone called `name`, from the `tzdata` package.

    Names are those of the IANA database and case sensitive. Raises `UnknownTimeZone`.
    """
    if name not in zone_names():
        raise UnknownTimeZone(name)
    source = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with source.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def zone_names() -> frozenset[str]:
    """Every zone name that `zone` accepts."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


@cache
def tzdata_version() -> str:
    """The version of the zone data in use, as PyPI writes it: `2026.6` is IANA's 2026f."""
    return metadata.version("tzdata")


def instant(day: date, at: time, zone_name: str) -> datetime:
    """The UTC instant at which clocks in the zone show `at` on `day`.

    Where clocks go back and show it twice, the later instant: whoever acts at the second showing
    has still acted by that time, and nobody is called late too early. `at` is naive; its `fold`
    is ignored. Raises `NonexistentLocalTime` where clocks jump over it, `DayOutOfRange`,
    `UnknownTimeZone`.
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
    """As `instant`, but where clocks jump over that time, the UTC instant of the jump."""
    earlier, later, local = _readings(day, at, zone_name)
    if later < earlier:
        return _jump(local, later, earlier, zone(zone_name))
    return later


def local_readings(day: date, at: time, zone_name: str) -> tuple[datetime, datetime]:
    """The two readings of a wall-clock time by PEP 495, as UTC instants: fold 0, then fold 1.

    They are equal as a rule; the second is later where clocks show the time twice, and earlier
    where they jump over it. Raises `DayOutOfRange`, `UnknownTimeZone`.
    """
    earlier, later, _ = _readings(day, at, zone_name)
    return earlier, later


def wall_clock(at: datetime, zone_name: str) -> datetime:
    """What clocks in the zone show at the aware instant `at`, with its offset."""
    return at.astimezone(zone(zone_name))


def day_start(day: date, zone_name: str) -> datetime:
    """The first UTC instant of the civil day in the zone.

    For a day that the zone skipped, the instant at which it was skipped. Raises `DayOutOfRange`,
    `UnknownTimeZone`.
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
    """The UTC instant from which the civil day is over for good in the zone.

    This is the first instant of the next civil day, even where that does not begin at midnight
    or where a day was skipped; where clocks go back across midnight and the old day returns, it
    is the instant at which the old day ends the second time. Raises `DayOutOfRange`,
    `UnknownTimeZone`.
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
    # Midnight comes twice. Where clocks go back from 01:00 to 00:00, the old day does not return.
    returns = _local(later - _ONE_SECOND, tz) < first.replace(tzinfo=None)
    return later if returns else earlier


def civil_day(at: datetime, zone_name: str) -> date:
    """The civil day that it is in the zone at the aware instant `at`.

    Raises `ValueError` for a naive `at`, `DayOutOfRange`, `UnknownTimeZone`.
    """
    if at.utcoffset() is None:
        raise ValueError(f"{at} names no zone. Give an instant with an offset, such as {at}Z.")
    tz = zone(zone_name)
    try:
        day = at.astimezone(tz).date()
    except OverflowError:
        raise DayOutOfRange from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise DayOutOfRange
    return day


def _readings(day: date, at: time, zone_name: str) -> tuple[datetime, datetime, datetime]:
    """The two PEP 495 readings of a local time in UTC, and that local time, naive.

    The second is later than the first where clocks show the time twice, and earlier where they
    jump over it.
    """
    if at.tzinfo is not None:
        raise ValueError(f"{at} carries a zone of its own. Give the time without an offset.")
    if not FIRST_DAY <= day <= LAST_DAY:
        raise DayOutOfRange
    tz = zone(zone_name)
    local = datetime.combine(day, at.replace(fold=0))
    first = local.replace(tzinfo=tz)
    return first.astimezone(UTC), first.replace(fold=1).astimezone(UTC), local


def _jump(local: datetime, before: datetime, after: datetime, tz: ZoneInfo) -> datetime:
    """The instant in (`before`, `after`] at which clocks jump over the naive time `local`."""
    # The two readings of a skipped time lie on either side of the jump, and clocks only run
    # forward between them, so the jump is where they first show `local` or later.
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


def _clock(moment: datetime, *, with_day: bool) -> str:
    clock = moment.strftime("%H:%M:%S") if moment.second else moment.strftime("%H:%M")
    return f"{clock} on {moment.date()}" if with_day else clock


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
            "An offset does not say when clocks change: use the name of a place, "
            "such as 'Europe/Berlin', or 'UTC'."
        )
    spelled = {full.casefold(): full for full in sorted(zone_names())}
    cities = {full.rpartition("/")[2]: spelled[full] for full in spelled}
    for known in (spelled, cities):
        if near := get_close_matches(wanted, known, n=1, cutoff=0.75):
            return f"Did you mean {known[near[0]]!r}?"
    return example
