"""Zone and holiday data change: the civil date stays, the instant moves, the ledger says so."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from compliance.domain import civil_time, resolution
from compliance.domain.drafts import DeskCalendarDraft, read
from compliance.models import Deadline, DeskCalendar, LedgerEntry, Move, Recomputation
from compliance.operations import calendars, recomputation
from tests.samples import agree, duty, record, utc

NOW = utc("2026-02-01T00:00")
LATER = utc("2026-02-02T00:00")
VANCOUVER = "America/Vancouver"


@contextmanager
def older_data(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if tzdata 2025.2 were installed, in which clocks in Vancouver still go back."""
    footer = b"PST8PDT,M3.2.0,M11.1.0"
    header = b"TZif2" + bytes(15)
    counts = b"".join(number.to_bytes(4, "big") for number in (0, 0, 0, 0, 1, 4))
    kind = (-28800).to_bytes(4, "big", signed=True) + b"\x00\x00"
    block = header + counts + kind + b"PST\x00"
    then = ZoneInfo.from_file(io.BytesIO(block + block + b"\n" + footer + b"\n"), key=VANCOUVER)
    now = civil_time.zone
    with monkeypatch.context() as patch:
        patch.setattr(civil_time, "zone", lambda name: then if name == VANCOUVER else now(name))
        patch.setattr(resolution, "tzdata_version", lambda: "2025.2")
        yield


def calendar(*closed: str, weekend: tuple[int, ...] = (5, 6)) -> DeskCalendar:
    """The desk's calendar `desk:hq`, with these closing days."""
    days = [{"on": day, "reason": "Stocktaking"} for day in closed]
    value = {"code": "hq", "title": "Head office", "weekend": weekend, "closing_days": days}
    return calendars.save(
        calendar=DeskCalendar.objects.filter(code="hq").first(),
        draft=read(DeskCalendarDraft, value),
    )


def following(ref: str = "O-1", day: str = "2026-03-15") -> dict[str, object]:
    """A duty that is due on the first day open at the head office from `day` on."""
    rule = {
        "type": "offset",
        "from": {"date": day},
        "count": 0,
        "unit": "days",
        "roll": "following",
        "calendars": ["desk:hq"],
    }
    return duty(ref, due=rule)


@pytest.mark.django_db
def test_a_change_of_zone_data_moves_the_instant_and_keeps_the_civil_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rule = {"type": "date", "on": "2026-11-15", "time": "17:00", "timezone": VANCOUVER}
    with older_data(monkeypatch):
        deadline = agree(duty(due=rule))
        assert deadline.due_at == utc("2026-11-16T01:00")
        assert deadline.data_version.startswith("tzdata 2025.2")
    before = LedgerEntry.objects.filter(deadline=deadline).count()
    run = recomputation.run(as_of=LATER)
    deadline.refresh_from_db()
    assert (deadline.due_on, deadline.due_at) == (date(2026, 11, 15), utc("2026-11-16T00:00"))
    assert deadline.next_check_at == deadline.due_at
    assert run is not None
    assert (run.examined, run.moved, run.failed) == (1, 1, 0)
    move = Move.objects.get(recomputation=run)
    assert (move.from_due_at, move.to_due_at) == (utc("2026-11-16T01:00"), deadline.due_at)
    entries = LedgerEntry.objects.filter(deadline=deadline).order_by("id")
    assert len(entries) == before + 1
    assert (entries[before].recorded_at, entries[before].due_at) == (LATER, deadline.due_at)
    assert entries[0].due_at == utc("2026-11-16T01:00")
    assert recomputation.run(as_of=LATER + timedelta(minutes=1)) is None


@pytest.mark.django_db
def test_what_is_closed_keeps_the_instant_by_which_it_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rule = {"type": "date", "on": "2026-11-15", "time": "17:00", "timezone": VANCOUVER}
    with older_data(monkeypatch):
        deadline = agree(duty(due=rule))
        record(deadline, as_of=NOW, type="performance", on="2026-01-20")
    recomputation.run(as_of=LATER)
    deadline.refresh_from_db()
    assert (deadline.status, deadline.due_at) == ("met", utc("2026-11-16T01:00"))


@pytest.mark.django_db
def test_an_extension_moves_with_the_zone_data_too(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = {"type": "date", "on": "2026-11-15", "time": "17:00", "timezone": VANCOUVER}
    with older_data(monkeypatch):
        deadline = agree()
        record(deadline, as_of=NOW, type="extension", on="2026-01-30", due=rule)
        assert deadline.due_at == utc("2026-11-16T01:00")
    recomputation.run(as_of=LATER)
    deadline.refresh_from_db()
    assert deadline.due_at == utc("2026-11-16T00:00")


@pytest.mark.django_db
def test_a_closing_day_moves_what_follows_the_calendar_and_nothing_else() -> None:
    calendar()
    deadline = agree(following(), duty("O-2", "2026-03-16"))
    recomputation.run(as_of=NOW)
    assert deadline.due_on == date(2026, 3, 16)
    calendar("2026-03-16", "2026-03-17")
    run = recomputation.run(as_of=LATER)
    assert run is not None
    assert (run.examined, run.moved) == (1, 1)
    deadline.refresh_from_db()
    assert deadline.due_on == date(2026, 3, 18)
    assert any("Stocktaking" in step for step in deadline.trace)
    assert Deadline.objects.get(obligation__ref="O-2").due_on == date(2026, 3, 16)
    calendar()
    recomputation.run(as_of=LATER + timedelta(days=1))
    deadline.refresh_from_db()
    assert deadline.due_on == date(2026, 3, 16)


@pytest.mark.django_db
def test_what_cannot_be_worked_out_any_more_keeps_its_date_and_is_reported_once() -> None:
    calendar()
    deadline = agree(following())
    recomputation.run(as_of=NOW)
    calendar(weekend=(0, 1, 2, 3, 4, 5, 6))
    run = recomputation.run(as_of=LATER)
    assert run is not None
    assert (run.moved, run.failed) == (0, 1)
    assert "business day" in Move.objects.get(recomputation=run).problem
    deadline.refresh_from_db()
    assert deadline.due_on == date(2026, 3, 16)
    assert recomputation.run(as_of=LATER + timedelta(minutes=1)) is None


@pytest.mark.django_db
def test_once_a_day_recurrences_are_made_further_ahead() -> None:
    rule = {"type": "recurrence", "rrule": "FREQ=MONTHLY", "start": "2026-01-15"}
    agree(duty(due=rule))
    recomputation.run(as_of=NOW)
    last = _last()
    assert recomputation.run(as_of=NOW + timedelta(hours=1)) is None
    recomputation.run(as_of=NOW + timedelta(days=60))
    assert _last() > last
    assert Recomputation.objects.count() == 2


def _last() -> datetime:
    due_at = Deadline.objects.order_by("-number")[0].due_at
    assert due_at is not None
    return due_at
