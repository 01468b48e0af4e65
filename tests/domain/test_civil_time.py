"""Conversion between civil days, wall-clock times and UTC instants."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.civil_time import (
    FIRST_DAY,
    LAST_DAY,
    DayOutOfRange,
    NonexistentLocalTime,
    UnknownTimeZone,
    civil_day,
    day_end,
    day_start,
    instant,
    instant_or_jump,
    tzdata_version,
    zone,
    zone_names,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "dst_gap_fold.json").read_text()
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)

zones = st.sampled_from(sorted(zone_names()))
days = st.dates(FIRST_DAY, LAST_DAY)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# An independent reading of the zone files, as intervals of constant offset.


@cache
def stretches(name: str) -> list[tuple[float, float, int]]:
    """(from, to, offset) in seconds of the epoch, up to the last transition in the file."""
    data = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    isutc, isstd, leap, times, types, chars = struct.unpack(">6l", data[20:44])
    at = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isutc
    isutc, isstd, leap, times, types, chars = struct.unpack(">6l", data[at + 20 : at + 44])
    at += 44
    instants = struct.unpack(f">{times}q", data[at : at + times * 8])
    indexes = data[at + times * 8 : at + times * 9]
    at += times * 9
    offsets = [struct.unpack_from(">l", data, at + 6 * n)[0] for n in range(types)]
    is_dst = [data[at + 6 * n + 4] for n in range(types)]
    first = next((n for n in range(types) if not is_dst[n]), 0)
    edges = [float("-inf"), *instants, float("inf")]
    inside = [offsets[first], *(offsets[n] for n in indexes)]
    return [(*edge, offset) for edge, offset in zip(pairwise(edges), inside, strict=True)]


def near(name: str, local: float) -> list[tuple[float, float, int]]:
    """The intervals within four days of `local`."""
    found = stretches(name)
    starts = stretch_starts(name)
    low = max(bisect_right(starts, local - 345_600) - 1, 0)
    return found[low : bisect_left(starts, local + 345_600) + 1]


@cache
def stretch_starts(name: str) -> list[float]:
    return [start for start, _, _ in stretches(name)]


def last_before(name: str, local: float) -> float:
    """The instant from which clocks never show a time before `local` again."""
    return max(
        min(end, local - off) for start, end, off in near(name, local) if start + off < local
    )


def first_from(name: str, local: float) -> float:
    """The first instant at which clocks show `local` or later."""
    return min(
        max(start, local - off) for start, end, off in near(name, local) if end + off > local
    )


def showings(name: str, local: float) -> list[float]:
    """Every instant at which clocks show `local`."""
    return [local - off for start, end, off in near(name, local) if start <= local - off < end]


def seconds(moment: datetime) -> float:
    return (moment - EPOCH).total_seconds()


def local_seconds(day: date, at: time = time()) -> float:
    return (datetime.combine(day, at) - NAIVE_EPOCH).total_seconds()


@cache
def changes() -> tuple[tuple[str, int, date], ...]:
    """(zone, instant, local date) of every change of offset since 1900; equal files only once."""
    seen: set[bytes] = set()
    found: list[tuple[str, int, date]] = []
    for name in sorted(zone_names()):
        content = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
        if content in seen:
            continue
        seen.add(content)
        for (_, at, before), (_, _, after) in pairwise(stretches(name)):
            local = (EPOCH + timedelta(seconds=at + max(before, after))).date()
            if before != after and FIRST_DAY + DAY < local < LAST_DAY:
                found.append((name, int(at), local))
    return tuple(found)


near_changes = st.sampled_from(changes()).flatmap(
    lambda change: st.tuples(
        st.just(change[0]), st.integers(-2, 2).map(lambda n: change[2] + n * DAY)
    )
)
zoned_days = st.tuples(zones, days) | near_changes


@pytest.mark.parametrize("case", VECTORS["civil_days"], ids=lambda c: f"{c['zone']}-{c['date']}")
def test_a_civil_day_runs_from_its_first_instant_to_the_first_of_the_next(
    case: dict[str, Any],
) -> None:
    day = date.fromisoformat(case["date"])

    assert day_start(day, case["zone"]) == utc(case["first_instant_utc"])
    assert day_end(day, case["zone"]) == utc(case["overdue_from_utc"])
    assert day_end(day, case["zone"]) - day_start(day, case["zone"]) == timedelta(
        hours=case["hours"]
    )


@pytest.mark.parametrize("case", VECTORS["local_times"], ids=lambda c: f"{c['zone']}-{c['local']}")
def test_a_repeated_local_time_is_the_later_one_and_a_skipped_one_is_refused(
    case: dict[str, Any],
) -> None:
    local = datetime.fromisoformat(case["local"])
    readings = [utc(case["utc_fold0"]), utc(case["utc_fold1"])]

    if case["kind"] == "gap":
        with pytest.raises(NonexistentLocalTime):
            instant(local.date(), local.time(), case["zone"])
        jump = instant_or_jump(local.date(), local.time(), case["zone"])
        assert min(readings) < jump <= max(readings)
    else:
        assert instant(local.date(), local.time(), case["zone"]) == max(readings)
        assert instant_or_jump(local.date(), local.time(), case["zone"]) == max(readings)


@pytest.mark.parametrize(
    ("day", "zone_name", "end"),
    [
        ("2025-05-14", "Asia/Shanghai", "2025-05-14T16:00Z"),
        ("2025-05-14", "America/New_York", "2025-05-15T04:00Z"),
        ("2018-11-03", "America/Sao_Paulo", "2018-11-04T03:00Z"),
        ("2026-03-28", "Asia/Beirut", "2026-03-28T22:00Z"),
        ("2011-12-30", "Pacific/Apia", "2011-12-30T10:00Z"),
        # Back from 00:01 to 23:01: the 6th resumes for an hour and ends at the second midnight.
        ("2010-11-06", "America/St_Johns", "2010-11-07T03:30Z"),
        # Back from 01:00 to 00:00: midnight is shown twice, but the old day ends at the first.
        ("2024-11-02", "America/Havana", "2024-11-03T04:00Z"),
        # Across the date line from west to east: the 30th lasts almost twice as long.
        ("1969-09-30", "Pacific/Kwajalein", "1969-10-01T12:00Z"),
        # Ends in a gap that begins before midnight: 23:30 to 00:30.
        ("1919-03-30", "America/Toronto", "1919-03-31T04:30Z"),
    ],
)
def test_a_day_ends_only_when_it_cannot_resume(day: str, zone_name: str, end: str) -> None:
    assert day_end(date.fromisoformat(day), zone_name) == utc(end)


def test_a_day_that_a_zone_skipped_has_no_length() -> None:
    skipped = date(2011, 12, 30)

    assert day_start(skipped, "Pacific/Apia") == day_end(skipped, "Pacific/Apia")
    assert day_end(date(2011, 12, 29), "Pacific/Apia") == day_end(skipped, "Pacific/Apia")


def test_a_day_that_resumes_began_before_the_previous_day_ended() -> None:
    sunday = date(2010, 11, 7)

    assert day_start(sunday, "America/St_Johns") == utc("2010-11-07T02:30Z")
    assert day_start(sunday, "America/St_Johns") < day_end(sunday - DAY, "America/St_Johns")


def test_every_day_near_every_clock_change_of_every_zone_agrees_with_the_zone_files() -> None:
    for name, _, changed_on in changes():
        for offset in (-2, -1, 0, 1):
            day = changed_on + offset * DAY
            found = seconds(day_start(day, name)), seconds(day_end(day, name))
            midnight = local_seconds(day)
            expected = first_from(name, midnight), last_before(name, midnight + 86_400)
            assert found == expected, (name, day)


@given(st.sampled_from(changes()), st.integers(-10_000, 10_000), st.integers(0, 999_999))
def test_every_time_near_a_clock_change_agrees_with_the_zone_files(
    change: tuple[str, int, date], away: int, micro: int
) -> None:
    name, at, _ = change
    tz = zone(name)
    local = (EPOCH + timedelta(seconds=at + away, microseconds=micro)).astimezone(tz)
    for skew in (timedelta(), timedelta(hours=1), timedelta(minutes=-20)):
        wall = local.replace(tzinfo=None, fold=0) + skew
        second = local_seconds(wall.date(), wall.time().replace(microsecond=0))
        expected = showings(name, second)
        if expected:
            found = instant(wall.date(), wall.time(), name)
            assert found == EPOCH + timedelta(seconds=max(expected), microseconds=wall.microsecond)
            assert instant_or_jump(wall.date(), wall.time(), name) == found
        else:
            with pytest.raises(NonexistentLocalTime) as refused:
                instant(wall.date(), wall.time(), name)
            jump = instant_or_jump(wall.date(), wall.time(), name)
            assert seconds(jump) in stretch_starts(name)
            assert refused.value.jumps_from <= wall < refused.value.jumps_to
            assert jump.astimezone(tz).replace(tzinfo=None, fold=0) == refused.value.jumps_to


@given(zoned_days, st.timedeltas(timedelta(0), timedelta(days=4)))
def test_a_day_never_resumes_after_its_end(zoned: tuple[str, date], after: timedelta) -> None:
    name, day = zoned
    if day < LAST_DAY - timedelta(days=6):
        assert civil_day(day_end(day, name) + after, name) > day


@given(zoned_days)
def test_a_day_lasts_until_the_instant_before_its_end(zoned: tuple[str, date]) -> None:
    name, day = zoned
    if not FIRST_DAY < day < LAST_DAY:
        return
    start, end = day_start(day, name), day_end(day, name)
    if start == end:  # skipped
        assert civil_day(start - TICK, name) < day < civil_day(end, name)
    else:
        assert civil_day(start, name) == day == civil_day(end - TICK, name)
        assert civil_day(start - TICK, name) < day


@given(zones, st.dates(FIRST_DAY + 2 * DAY, LAST_DAY - 2 * DAY), st.times())
def test_a_day_ends_after_every_instant_of_it(name: str, utc_day: date, utc_time: time) -> None:
    at = datetime.combine(utc_day, utc_time, UTC)
    day = civil_day(at, name)

    assert day_start(day, name) <= at < day_end(day, name)


@given(zoned_days)
def test_days_end_in_their_order(zoned: tuple[str, date]) -> None:
    name, day = zoned
    if day < LAST_DAY:
        assert day_end(day, name) <= day_end(day + DAY, name)
        assert day_start(day + DAY, name) <= day_end(day, name)


@given(zoned_days, st.times())
def test_a_time_on_a_day_comes_before_the_day_has_ended(zoned: tuple[str, date], at: time) -> None:
    name, day = zoned
    try:
        found = instant(day, at, name)
    except NonexistentLocalTime:
        assert instant_or_jump(day, at, name) <= day_end(day, name)
    else:
        assert found.tzinfo is UTC
        assert day_start(day, name) <= found < day_end(day, name)


def test_a_skipped_time_is_refused_with_the_times_to_use_instead() -> None:
    with pytest.raises(NonexistentLocalTime) as refused:
        instant(date(2026, 3, 29), time(2, 30), "Europe/Berlin")

    assert str(refused.value) == (
        "02:30 on 2026-03-29 does not exist in Europe/Berlin: clocks jump from 02:00 to 03:00. "
        "Use 01:59 or earlier, or 03:00 or later."
    )


def test_a_skipped_midnight_is_refused_with_the_days_on_both_sides() -> None:
    with pytest.raises(NonexistentLocalTime) as refused:
        instant(date(2026, 3, 29), time(0, 0), "Asia/Beirut")

    assert "Use 23:59 on 2026-03-28 or earlier, or 01:00 on 2026-03-29 or later." in str(
        refused.value
    )


def test_the_times_suggested_instead_of_a_skipped_one_exist() -> None:
    for name, _, changed_on in changes()[::7]:
        try:
            instant(changed_on, time(2, 30), name)
        except NonexistentLocalTime as refused:
            before = refused.jumps_from - timedelta(seconds=1)
            after = refused.jumps_to
            gap = instant(after.date(), after.time(), name) - instant(
                before.date(), before.time(), name
            )
            assert gap == timedelta(seconds=1)


@pytest.mark.parametrize("day", [date.min, date(1899, 12, 31), date(2201, 1, 1), date.max])
def test_days_outside_the_supported_range_are_refused(day: date) -> None:
    for name in ("UTC", "Pacific/Kiritimati", "Etc/GMT+12"):
        for bound in (day_start, day_end):
            with pytest.raises(DayOutOfRange, match="between 1900-01-01 and 2200-12-31"):
                bound(day, name)
        with pytest.raises(DayOutOfRange):
            instant(day, time(12), name)
        with pytest.raises(DayOutOfRange):
            civil_day(datetime.combine(day, time(12), UTC), name)


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_smallest_and_largest_instants_are_refused_without_overflow(day: date) -> None:
    for name in ("UTC", "Pacific/Kiritimati", "Etc/GMT+12"):
        for at in (time.min, time.max):
            with pytest.raises(DayOutOfRange):
                civil_day(datetime.combine(day, at, UTC), name)


@given(zones)
def test_the_first_and_last_supported_days_have_bounds_in_every_zone(name: str) -> None:
    for day in (FIRST_DAY, LAST_DAY):
        assert day_start(day, name) < day_end(day, name)


def test_a_time_with_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without an offset"):
        instant(date(2025, 5, 14), time(12, tzinfo=timezone(timedelta(hours=8))), "Asia/Shanghai")


def test_an_instant_without_an_offset_has_no_civil_day() -> None:
    with pytest.raises(ValueError, match="has no UTC offset"):
        civil_day(NAIVE_EPOCH, "Asia/Shanghai")


def test_every_zone_of_the_package_loads_under_its_own_name() -> None:
    assert len(zone_names()) > 500
    assert all(zone(name).key == name for name in zone_names())
    assert zone("Europe/Berlin") is zone("Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Europe/Berln", "'Europe/Berlin'"),
        ("europe/berlin", "'Europe/Berlin'"),
        ("Shanghai", "'Asia/Shanghai'"),
        ("America/New York", "'America/New_York'"),
        ("+08:00", "An offset does not say"),
        ("UTC+8", "An offset does not say"),
        ("Beijing", "Use a name such as"),
        ("", "Use a name such as"),
        ("../../etc/passwd", "Use a name such as"),
        ("/Europe/Berlin", "'Europe/Berlin'"),
        ("Europe", "Use a name such as"),
        ("zones", "Use a name such as"),
        ("Europe/Berlin\0", "'Europe/Berlin'"),
        ("x" * 100_000, "Use a name such as"),
    ],
)
def test_an_unknown_zone_name_is_refused_with_advice(name: Any, advice: str) -> None:
    with pytest.raises(UnknownTimeZone) as refused:
        zone(name)

    assert advice in str(refused.value)
    assert len(str(refused.value)) < 300


def test_every_function_refuses_a_zone_that_does_not_exist() -> None:
    day = date(2025, 5, 14)
    with pytest.raises(UnknownTimeZone):
        day_start(day, "Mars/Olympus")
    with pytest.raises(UnknownTimeZone):
        day_end(day, "Mars/Olympus")
    with pytest.raises(UnknownTimeZone):
        instant(day, time(12), "Mars/Olympus")
    with pytest.raises(UnknownTimeZone):
        civil_day(EPOCH, "Mars/Olympus")


def test_zones_do_not_depend_on_the_zone_files_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "Asia").mkdir()
    utc_file = resources.files("tzdata").joinpath("zoneinfo", "UTC").read_bytes()
    (tmp_path / "Asia" / "Shanghai").write_bytes(utc_file)
    code = (
        "from datetime import date; from compliance.domain.civil_time import day_end; "
        "print(day_end(date(2025, 5, 14), 'Asia/Shanghai').isoformat())"
    )

    printed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONTZPATH": str(tmp_path), "TZ": "America/New_York"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert printed.stdout.strip() == "2025-05-14T16:00:00+00:00"


def test_the_version_of_the_zone_data_is_known() -> None:
    assert tzdata_version().startswith("20")
