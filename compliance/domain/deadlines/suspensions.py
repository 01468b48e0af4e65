"""How suspensions that stop the clock move a due date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol, TypeVar

from compliance.domain.civil_time import (
    LAST_DAY,
    civil_day,
    day_end,
    day_start,
    instant_or_jump,
    zone,
)
from compliance.domain.deadlines.facts import Fact
from compliance.domain.due_dates.dues import Due

# The smallest difference between two instants.
TICK = timedelta(microseconds=1)

_ONE_DAY = timedelta(days=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class _Lasting(Protocol):
    @property
    def until_at(self) -> datetime | None: ...


_AnyLasting = TypeVar("_AnyLasting", bound=_Lasting)


def longest(running: Sequence[_AnyLasting]) -> _AnyLasting:
    """Return the suspension or violation that ends last; the first of several that end together."""
    return max(running, key=lambda each: (each.until_at is None, each.until_at or _LONG_AGO))


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningSuspension:
    """A suspension in progress. `began_at` is not before the deadline existed."""

    fact_id: int
    began_at: datetime
    until_at: datetime | None
    tolls: bool


def whole_days(start: datetime, last_day: date, timezone: str) -> int | None:
    """Return the number of civil days from `start` to the end of `last_day`.

    None if `start` is not the first instant of a day in the zone.
    """
    first_day = civil_day(start, timezone)
    return (last_day - first_day).days + 1 if day_start(first_day, timezone) == start else None


def moved_by_suspension(
    due: Due, fact: Fact, *, start: datetime, until_at: datetime, stopped_at: datetime
) -> Due:
    """Return `due` moved by a suspension that stops the clock, from `start` until `until_at`.

    A suspension that is known by its days moves it by whole days.
    """
    days = None
    if fact.effective_on is not None and fact.until_on is not None:
        if start == fact.effective_at:
            days = (fact.until_on - fact.effective_on).days + 1
        else:
            days = whole_days(start, fact.until_on, due.timezone)
    if days is None:
        return moved_by_time(due, until_at - start, stopped_at=stopped_at)
    return moved_by_days(due, days, stopped_at=stopped_at)


def moved_by_days(due: Due, days: int, *, stopped_at: datetime) -> Due:
    """Return `due` moved by `days` civil days, keeping its time of day or the end of the day.

    Only instants after `stopped_at` move. If the grace period had already begun, it becomes longer,
    and the due instant before it stays where it is. No day moves past `LAST_DAY`.
    """
    shift = timedelta(days=days)

    def moved(day: date) -> date:
        return min(day + shift, LAST_DAY)

    def later(at: datetime) -> datetime:
        day = civil_day(at - TICK, due.timezone)
        if at == day_end(day, due.timezone):
            return day_end(moved(day), due.timezone)
        local = at.astimezone(zone(due.timezone))
        return instant_or_jump(moved(local.date()), _clock(local), due.timezone)

    if stopped_at >= due.due_at:
        return _due(due, due.due_on, due.due_at, later(due.unmet_at), due.earliest_due_at)
    if due.due_at == day_end(due.due_on, due.timezone):
        due_at = day_end(moved(due.due_on), due.timezone)
    else:
        due_at = later(due.due_at)
    unmet_at = due_at if due.unmet_at == due.due_at else later(due.unmet_at)
    is_before_window = due.earliest_due_at is not None and stopped_at < due.earliest_due_at
    earliest_due_at = (
        later(due.earliest_due_at)
        if due.earliest_due_at and is_before_window
        else due.earliest_due_at
    )
    return _due(due, moved(due.due_on), due_at, unmet_at, earliest_due_at)


def moved_by_time(due: Due, length: timedelta, *, stopped_at: datetime) -> Due:
    """Return `due` moved by an elapsed time. Only instants after `stopped_at` move.

    None moves past the end of `LAST_DAY`.
    """
    last = day_end(LAST_DAY, due.timezone)

    def later(at: datetime) -> datetime:
        return min(at + length, last)

    unmet_at = later(due.unmet_at)
    if stopped_at >= due.due_at:
        return _due(due, due.due_on, due.due_at, unmet_at, due.earliest_due_at)
    due_at = later(due.due_at)
    is_before_window = due.earliest_due_at is not None and stopped_at < due.earliest_due_at
    earliest_due_at = (
        later(due.earliest_due_at)
        if due.earliest_due_at and is_before_window
        else due.earliest_due_at
    )
    return _due(due, civil_day(due_at - TICK, due.timezone), due_at, unmet_at, earliest_due_at)


def _due(
    due: Due, due_on: date, due_at: datetime, unmet_at: datetime, earliest_due_at: datetime | None
) -> Due:
    # If clocks change in between, two instants that keep their times of day can become equal.
    return Due(
        due_on=due_on,
        due_at=due_at,
        unmet_at=max(unmet_at, due_at),
        timezone=due.timezone,
        earliest_due_at=earliest_due_at
        if earliest_due_at is not None and earliest_due_at < due_at
        else None,
    )


def _clock(local: datetime) -> time:
    return local.time().replace(fold=0)
