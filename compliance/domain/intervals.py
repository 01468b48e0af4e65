"""Consecutive periods of the calendar in UTC, such as the points of a trend."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum


class Interval(StrEnum):
    """A period between two points of a trend. A week begins on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


def periods(interval: Interval, first: date, last: date) -> Iterator[tuple[str, datetime]]:
    """Yield the name and the end (exclusive, in UTC) of each period from `first` to `last`."""
    start = _start(interval, first)
    while start <= last:
        following = _following(interval, start)
        yield _name(interval, start), datetime.combine(following, time(), UTC)
        start = following


def _start(interval: Interval, day: date) -> date:
    match interval:
        case Interval.DAY:
            return day
        case Interval.WEEK:
            return day - timedelta(days=day.weekday())
        case Interval.MONTH:
            return day.replace(day=1)
        case Interval.QUARTER:
            return day.replace(day=1, month=day.month - (day.month - 1) % 3)
        case Interval.YEAR:
            return day.replace(day=1, month=1)


_LONGEST_DAYS = {Interval.DAY: 1, Interval.WEEK: 7, Interval.MONTH: 31, Interval.QUARTER: 92,
                 Interval.YEAR: 366}  # fmt: skip


def _following(interval: Interval, start: date) -> date:
    return _start(interval, start + timedelta(days=_LONGEST_DAYS[interval]))


def _name(interval: Interval, start: date) -> str:
    match interval:
        case Interval.DAY:
            return start.isoformat()
        case Interval.WEEK:
            year, week, _ = start.isocalendar()
            return f"{year}-W{week:02}"
        case Interval.MONTH:
            return f"{start:%Y-%m}"
        case Interval.QUARTER:
            return f"{start:%Y}-Q{(start.month + 2) // 3}"
        case Interval.YEAR:
            return f"{start:%Y}"
