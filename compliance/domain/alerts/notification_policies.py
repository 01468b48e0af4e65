"""The alert ladder: how long before a due date people are reminded, and how long after a miss
they are told again.

Every instant follows from the due date or from when the miss was first told, so that a run that
did not happen loses none: whoever looks later sees which rung was passed last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from compliance.domain import civil_time
from compliance.domain.due_dates.calendars import NoBusinessDay
from compliance.domain.due_dates.due_rules import Due
from compliance.domain.vocabulary import PeriodUnit

# When in the day of a reminder it is sent, by the clocks of the deadline's zone.
REMINDED_AT = time(9)

# The day that lies so many business days after a day (before it, if negative).
BusinessDays = Callable[[date, int], date]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """One step of a ladder: `count` days, or business days, from the instant it is counted from."""

    count: int
    unit: PeriodUnit = PeriodUnit.DAYS


@dataclass(frozen=True, kw_only=True, slots=True)
class Ladder:
    """Reminders are counted back from the due day, escalations on from when the miss was told."""

    reminders: tuple[Rung, ...]
    escalations: tuple[Rung, ...]

    @property
    def needs_calendar(self) -> bool:
        """Whether business days have to be counted."""
        rungs = (*self.reminders, *self.escalations)
        return any(rung.unit is PeriodUnit.BUSINESS_DAYS for rung in rungs)


DEFAULT = Ladder(
    reminders=(Rung(count=30), Rung(count=7), Rung(count=1)),
    escalations=(Rung(count=1), Rung(count=7), Rung(count=30)),
)


def load_ladder(value: Mapping[str, Any] | None) -> Ladder:
    """A stored ladder; the default one for nothing. What is not named in it is not climbed."""
    if value is None:
        return DEFAULT
    return Ladder(
        reminders=_rungs(value.get("reminders", ())),
        escalations=_rungs(value.get("escalations", ())),
    )


def reminders(
    ladder: Ladder, due: Due, business_days: BusinessDays | None = None
) -> list[datetime]:
    """The instants (UTC) at which people are reminded of a due date, in order."""
    found = set()
    for rung in ladder.reminders:
        day = _shifted(due.due_on, -rung.count, rung.unit, business_days)
        at = civil_time.instant_or_jump(day, REMINDED_AT, due.timezone)
        if at < due.due_at:
            found.add(at)
    return sorted(found)


def escalations(
    ladder: Ladder, told_at: datetime, timezone: str, business_days: BusinessDays | None = None
) -> list[datetime]:
    """The instants at which a miss first told at `told_at` is told again, in order.

    Days are of 24 hours; business days are counted in `timezone` and keep the time of day.
    """
    found = []
    for rung in ladder.escalations:
        if rung.unit is PeriodUnit.BUSINESS_DAYS:
            local = civil_time.wall_clock(told_at, timezone)
            day = _shifted(local.date(), rung.count, rung.unit, business_days)
            found.append(civil_time.instant_or_jump(day, local.time(), timezone))
        else:
            found.append(told_at + timedelta(days=rung.count))
    return sorted(found)


def _rungs(values: Any) -> tuple[Rung, ...]:
    return tuple(Rung(count=each["count"], unit=PeriodUnit(each["unit"])) for each in values)


def _shifted(day: date, count: int, unit: PeriodUnit, business_days: BusinessDays | None) -> date:
    if unit is PeriodUnit.BUSINESS_DAYS and business_days is not None:
        try:
            return business_days(day, count)
        except (NoBusinessDay, civil_time.DayOutOfRange):
            # Calendars that leave no business day must not keep anybody from being told.
            pass
    return day + timedelta(days=count)
