"""Phrases for instants, durations, numbers and names in sentences."""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from compliance.domain.civil_time import DayOutOfRange, civil_day, day_end, zone

_BLANKS = re.compile(r"\s+")
# Format characters are kept for the scripts and emoji that need them, except those that change the
# direction of the text: they could make a title look like a different one.
_DIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Deadlines that are due at the same time are announced together, so instants repeat.
_KEPT = 1_000
_UNWANTED = frozenset({"Cc", "Cs", "Zl", "Zp"})


def one_line(text: str) -> str:
    """Return the text on one line: line breaks and control characters become single spaces."""
    if text.isascii() and text.isprintable():
        return _BLANKS.sub(" ", text).strip()
    kept = (
        " " if unicodedata.category(each) in _UNWANTED else each
        for each in text
        if each not in _DIRECTIONAL
    )
    return _BLANKS.sub(" ", "".join(kept)).strip()


def in_lines(text: str) -> str:
    """Return the text with `one_line` applied to each of its lines, separated by line feeds."""
    return "\n".join(one_line(line) for line in text.splitlines()).strip()


def shortened(text: str, length: int) -> str:
    """Return the text in at most `length` characters, cut at the end of a word if possible."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    word_end = cut.rfind(" ")
    if word_end > length * 2 // 3:
        cut = cut[:word_end]
    return cut.rstrip(" ,;:-") + "…"


def title(text: str) -> str:
    """Return the title of an agreement or obligation as messages show it."""
    return shortened(one_line(text), 200)


def joined(names: Sequence[str]) -> str:
    """Return `A`, `A and B` or `A, B and C`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, such as `1 deadline` or `3 deadlines`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


@lru_cache(maxsize=_KEPT)
def label(value: str) -> str:
    """Return a value of an enum as a label, such as `partly met` for `partly_met`."""
    return value.replace("_", " ")


def day(on: date) -> str:
    """Return a day as `14 May 2025`."""
    return f"{on.day} {on:%B %Y}"


@lru_cache(maxsize=_KEPT)
def local_instant(at: datetime, zone_name: str) -> str:
    """Return an instant in local time as `Thursday, 15 May 2025, 00:00`."""
    return f"{at.astimezone(zone(zone_name)):%A}, {local_time(at, zone_name)}"


def is_day_end(on: date, at: datetime, zone_name: str) -> bool:
    """Return whether `at` is the instant at which the day ends in the zone."""
    try:
        return at == day_end(on, zone_name)
    except DayOutOfRange:
        return False


@lru_cache(maxsize=_KEPT)
def local_due_date(due_on: date, due_at: datetime, zone_name: str) -> str:
    """Return the due instant in the deadline's zone: the end of a day, or a time of day."""
    if is_day_end(due_on, due_at, zone_name):
        return f"end of {due_on:%A}, {day(due_on)} ({zone_name})"
    return f"{local_instant(due_at, zone_name)} ({zone_name})"


def due_moment(due_at: datetime, zone_name: str) -> str:
    """Return a due instant as `the end of Friday, 20 March 2026`, or as a local time of day."""
    last_day = civil_day(due_at - timedelta(microseconds=1), zone_name)
    if is_day_end(last_day, due_at, zone_name):
        return f"the end of {last_day:%A}, {day(last_day)}"
    return local_instant(due_at, zone_name)


@lru_cache(maxsize=_KEPT)
def local_time(at: datetime, zone_name: str) -> str:
    """Return an instant in local time as `15 May 2025, 00:00`."""
    local = at.astimezone(zone(zone_name))
    shown = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    return f"{day(local.date())}, {shown}"


def in_utc(at: datetime) -> str:
    """Return an instant as `Wednesday, 14 May 2025, 16:00 UTC`."""
    return f"{local_instant(at, 'UTC')} UTC"


def instant_or_day(at: datetime, zone_name: str) -> str:
    """Return the day that begins at an instant in the zone, or else the instant in UTC.

    What is recorded by its day takes effect when that begins, often on the day before in UTC.
    """
    on = civil_day(at, zone_name)
    if not is_day_end(on - timedelta(days=1), at, zone_name):
        return in_utc(at)
    return f"{on:%A}, {day(on)} ({zone_name})"


@lru_cache(maxsize=_KEPT)
def elapsed(start: datetime, end: datetime, zone_name: str) -> str:
    """Return the time from `start` to `end` in its two largest units, in local time of the zone.

    For example `1 year 6 months`, `3 days 4 hours`, `5 minutes` or `less than a minute`; it is
    never negative.
    """
    length = max(end - start, timedelta())
    years = months = 0
    if length >= timedelta(days=1):
        tz = zone(zone_name)
        local_start = start.astimezone(tz).replace(tzinfo=None)
        local_end = end.astimezone(tz).replace(tzinfo=None)
        months = (local_end.year - local_start.year) * 12 + local_end.month - local_start.month
        if _months_after(local_start, months) > local_end:
            months -= 1
        length = max(local_end - _months_after(local_start, months), timedelta())
        years, months = divmod(months, 12)
    minutes = length.seconds // 60
    parts = (
        (years, "year"),
        (months, "month"),
        (length.days, "day"),
        (minutes // 60, "hour"),
        (minutes % 60, "minute"),
    )
    largest = next((index for index, (count, _) in enumerate(parts) if count), None)
    if largest is None:
        return "less than a minute"
    return " ".join(counted(count, unit) for count, unit in parts[largest : largest + 2] if count)


def _months_after(start: datetime, months: int) -> datetime:
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    last = monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last))
