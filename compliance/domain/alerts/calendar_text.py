"""Calendars as text, as calendar programs read them (iCalendar, RFC 5545 and RFC 7986).

A calendar contains no time zones: timed events are instants in UTC. Programs would otherwise have
to interpret the rules of each zone (VTIMEZONE), and several of them get some rules wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from compliance.domain.phrases import one_line

_LONGEST_LINE = 75
_SPECIAL = re.compile(r"[\\;,]")
_HEAD = (
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Pacta//Deadlines//EN",
    "METHOD:PUBLISH",
    # Outlook and others read the older name of the same property.
    "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    "X-PUBLISHED-TTL:PT1H",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarEvent:
    """One event: a whole day if `at` is a day, or a point in time if it is an instant."""

    uid: str
    at: date | datetime
    summary: str
    description: tuple[str, ...]
    category: str
    url: str
    changed_at: datetime
    sequence: int
    is_cancelled: bool


def calendar_text(name: str, events: Iterable[CalendarEvent]) -> bytes:
    """Return a calendar in UTF-8. Texts become one line each; `description` has several."""
    title = _escaped(name)
    lines = [*_HEAD, f"NAME:{title}", f"X-WR-CALNAME:{title}"]
    for event in events:
        lines += _lines_of(event)
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


def _lines_of(event: CalendarEvent) -> Iterator[str]:
    changed_at = _utc(event.changed_at)
    yield "BEGIN:VEVENT"
    yield f"UID:{event.uid}"
    yield f"SUMMARY:{_escaped(event.summary)}"
    if isinstance(event.at, datetime):
        # Without an end, the event ends when it starts (RFC 5545, section 3.6.1). An end must be
        # later than the start.
        yield f"DTSTART:{_utc(event.at)}"
    else:
        yield f"DTSTART;VALUE=DATE:{event.at:%Y%m%d}"
        yield f"DTEND;VALUE=DATE:{event.at + timedelta(days=1):%Y%m%d}"
    yield f"DTSTAMP:{changed_at}"
    yield f"LAST-MODIFIED:{changed_at}"
    yield f"SEQUENCE:{event.sequence}"
    yield f"STATUS:{'CANCELLED' if event.is_cancelled else 'CONFIRMED'}"
    yield "TRANSP:TRANSPARENT"
    yield f"CATEGORIES:{_escaped(event.category)}"
    yield "DESCRIPTION:" + "\\n".join(_escaped(line) for line in event.description)
    yield f"URL:{event.url}"
    yield "END:VEVENT"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", one_line(text))


def _folded(line: str) -> bytes:
    """Return a line in UTF-8, folded after at most 75 bytes and never within a character."""
    content = line.encode()
    if len(content) <= _LONGEST_LINE:
        return content + b"\r\n"
    parts = []
    while len(content) > _LONGEST_LINE:
        end = _LONGEST_LINE
        while content[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(content[:end])
        content = b" " + content[end:]
    return b"\r\n".join((*parts, content, b""))
