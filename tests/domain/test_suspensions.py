"""How a suspension moves a due date, in zones in which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.civil_time import (
    LAST_DAY,
    civil_day,
    day_end,
    day_start,
    instant_or_jump,
    zone,
)
from compliance.domain.deadlines.suspensions import TICK, moved_by_days, moved_by_time, whole_days
from compliance.domain.due_dates.dues import Due

# Zones in which clocks change by half an hour, at midnight, by a whole day, and never.
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Africa/Cairo",
    "Pacific/Apia",
    "Asia/Shanghai",
]

days = st.dates(date(2005, 1, 1), date(2026, 12, 31))


@st.composite
def dues(draw: st.DrawFn) -> Due:
    """Due by the end of a day or by a time on it, with days of grace and a window, or without."""
    timezone = draw(st.sampled_from(ZONES))
    due_on = draw(days)
    at = draw(st.none() | st.times(max_value=time(23, 59)).map(lambda t: t.replace(microsecond=0)))

    def on(day: date) -> datetime:
        return day_end(day, timezone) if at is None else instant_or_jump(day, at, timezone)

    due_at = on(due_on)
    window = timedelta(hours=draw(st.integers(0, 26)))
    return Due(
        due_on=due_on,
        due_at=due_at,
        unmet_at=max(due_at, on(due_on + timedelta(days=draw(st.integers(0, 4))))),
        timezone=timezone,
        earliest_due_at=due_at - window if window else None,
    )


LONG_BEFORE = datetime(2000, 1, 1, tzinfo=UTC)
BERLIN = Due(
    due_on=date(2026, 3, 28),
    due_at=datetime(2026, 3, 28, 16, tzinfo=UTC),
    unmet_at=datetime(2026, 3, 28, 16, tzinfo=UTC),
    timezone="Europe/Berlin",
)


def test_days_keep_the_time_of_day_and_elapsed_time_does_not() -> None:
    by_days = moved_by_days(BERLIN, 1, stopped_at=LONG_BEFORE)
    by_time = moved_by_time(BERLIN, timedelta(days=1), stopped_at=LONG_BEFORE)
    assert by_days.due_at.astimezone(zone("Europe/Berlin")).hour == 17
    assert by_time.due_at.astimezone(zone("Europe/Berlin")).hour == 18


@pytest.mark.parametrize(("start", "count"), [("2026-03-27T23:00", 3), ("2026-03-28T00:00", None)])
def test_whole_days_are_counted_only_from_the_start_of_a_day(start: str, count: int | None) -> None:
    at = datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert whole_days(at, date(2026, 3, 30), "Europe/Berlin") == count


@given(dues(), st.integers(1, 400))
def test_days_never_shorten_and_the_end_of_a_day_stays_the_end_of_a_day(
    due: Due, count: int
) -> None:
    moved = moved_by_days(due, count, stopped_at=LONG_BEFORE)
    assert moved.due_on == due.due_on + timedelta(days=count)
    assert due.due_at < moved.due_at <= moved.unmet_at
    assert (moved.due_at == moved.unmet_at) >= (due.due_at == due.unmet_at)
    assert moved.earliest_due_at is None or moved.earliest_due_at < moved.due_at
    if due.due_at == day_end(due.due_on, due.timezone):
        assert moved.due_at == day_end(moved.due_on, due.timezone)


@given(dues(), st.timedeltas(timedelta(seconds=1), timedelta(days=100)))
def test_elapsed_time_moves_every_instant_by_itself_and_names_the_day_it_reaches(
    due: Due, length: timedelta
) -> None:
    moved = moved_by_time(due, length, stopped_at=LONG_BEFORE)
    assert moved.due_at - due.due_at == moved.unmet_at - due.unmet_at == length
    assert moved.due_on == civil_day(moved.due_at - TICK, due.timezone)
    assert moved.due_at > day_start(moved.due_on, due.timezone)


@given(dues(), st.integers(1, 10), st.integers(-40, 120))
def test_instants_before_the_suspension_do_not_move(due: Due, count: int, hours: int) -> None:
    stopped_at = due.due_at + timedelta(hours=hours)
    for moved in (
        moved_by_days(due, count, stopped_at=stopped_at),
        moved_by_time(due, timedelta(days=count), stopped_at=stopped_at),
    ):
        if stopped_at >= due.due_at:
            assert (moved.due_on, moved.due_at) == (due.due_on, due.due_at)
        if due.earliest_due_at is not None and stopped_at >= due.earliest_due_at:
            assert moved.earliest_due_at == due.earliest_due_at


@pytest.mark.parametrize("clock", [time(17), None])
def test_no_day_moves_past_the_last_that_pacta_knows(clock: time | None) -> None:
    on = date(2026, 3, 28)
    due_at = datetime(2026, 3, 28, 16, tzinfo=UTC) if clock else day_end(on, "Europe/Berlin")
    due = Due(
        due_on=on,
        due_at=due_at,
        unmet_at=due_at + timedelta(days=3),
        timezone="Europe/Berlin",
        earliest_due_at=due_at - timedelta(hours=2),
    )
    last = day_end(LAST_DAY, "Europe/Berlin")
    for moved in (
        moved_by_days(due, 110_000, stopped_at=LONG_BEFORE),
        moved_by_time(due, timedelta(days=110_000), stopped_at=LONG_BEFORE),
    ):
        assert moved.due_on == LAST_DAY
        assert moved.due_at <= moved.unmet_at <= last
    late = moved_by_days(due, 110_000, stopped_at=due.due_at)
    assert (late.due_at, late.unmet_at.year) == (due.due_at, last.year)
