"""Calendars as text: escaping, folding, and the properties that calendar programs read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import icalendar
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.alerts.calendar_text import CalendarEvent, calendar_text
from compliance.domain.phrases import one_line

TEXTS = st.text(st.characters(codec="utf-8"), max_size=200)


def event(**more: Any) -> CalendarEvent:
    values: dict[str, Any] = {
        "uid": "deadline-1@x.pacta",
        "at": date(2026, 3, 15),
        "summary": "Deliver lot O-1",
        "description": ("Supply",),
        "category": "high",
        "url": "https://pacta.example.org/1",
        "changed_at": datetime(2026, 2, 1, tzinfo=UTC),
        "sequence": 0,
        "is_cancelled": False,
    }
    return CalendarEvent(**{**values, **more})


def parsed(text: bytes) -> Any:
    [found] = icalendar.Calendar.from_ical(text).walk("VEVENT")
    return found


@given(TEXTS, TEXTS, TEXTS)
def test_any_text_survives_and_adds_no_line(name: str, summary: str, line: str) -> None:
    text = calendar_text(name, [event(summary=summary, description=("Supply", line))])
    assert all(len(each) <= 75 for each in text.split(b"\r\n"))
    assert str(parsed(text)["SUMMARY"]) == one_line(summary)
    assert str(parsed(text)["DESCRIPTION"]) == f"Supply\n{one_line(line)}"
    assert len(parsed(text)) == len(parsed(calendar_text("", [event()])))
    for part in text.split(b"\r\n"):
        part.decode()  # no line ends within a character


def test_an_instant_is_in_utc_and_has_no_end() -> None:
    at = datetime.fromisoformat("2026-03-29T02:30:00+01:00")
    text = calendar_text("Mine", [event(at=at)])
    assert b"DTSTART:20260329T013000Z\r\n" in text
    assert b"DTEND" not in text


def test_a_day_ends_when_the_next_one_begins() -> None:
    text = calendar_text("Mine", [event(at=date(2026, 12, 31))])
    assert b"DTSTART;VALUE=DATE:20261231\r\nDTEND;VALUE=DATE:20270101\r\n" in text


def test_programs_are_asked_to_refresh_every_hour() -> None:
    text = calendar_text("Mine", [])
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in text
    assert b"X-PUBLISHED-TTL:PT1H\r\n" in text
