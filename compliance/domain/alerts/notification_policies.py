"""Notification policies: how long before a due date people are reminded, and how long after a miss
they are told again.

Every instant follows from the due date or from when the miss was first told, so that a run that
did not happen loses none: whoever looks later sees which step was passed last.
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
class PolicyStep:
    """One step of a notification policy: a number of days or business days."""

    count: int
    unit: PeriodUnit = PeriodUnit.DAYS


@dataclass(frozen=True, kw_only=True, slots=True)
class NotificationPolicy:
    """Reminders are counted back from the due day, escalations on from when the miss was told."""

    reminders: tuple[PolicyStep, ...]
    escalations: tuple[PolicyStep, ...]

    @property
    def needs_calendar(self) -> bool:
        """Whether business days have to be counted."""
        steps = (*self.reminders, *self.escalations)
        return any(step.unit is PeriodUnit.BUSINESS_DAYS for step in steps)


DEFAULT = NotificationPolicy(
    reminders=(PolicyStep(count=30), PolicyStep(count=7), PolicyStep(count=1)),
    escalations=(PolicyStep(count=1), PolicyStep(count=7), PolicyStep(count=30)),
)


def load_notification_policy(value: Mapping[str, Any] | None) -> NotificationPolicy:
    """Read a stored policy; None is the default policy. Steps that it lacks are not taken."""
    if value is None:
        return DEFAULT
    return NotificationPolicy(
        reminders=_steps(value.get("reminders", ())),
        escalations=_steps(value.get("escalations", ())),
    )


def reminders(
    notification_policy: NotificationPolicy, due: Due, business_days: BusinessDays | None = None
) -> list[datetime]:
    """The instants (UTC) at which people are reminded of a due date, in order."""
    found = set()
    for step in notification_policy.reminders:
        day = _shifted(due.due_on, -step.count, step.unit, business_days)
        at = civil_time.instant_or_jump(day, REMINDED_AT, due.timezone)
        if at < due.due_at:
            found.add(at)
    return sorted(found)


def escalations(
    notification_policy: NotificationPolicy,
    notified_at: datetime,
    timezone: str,
    business_days: BusinessDays | None = None,
) -> list[datetime]:
    """The instants at which a miss first told at `notified_at` is told again, in order.

    Days are of 24 hours; business days are counted in `timezone` and keep the time of day.
    """
    found = []
    for step in notification_policy.escalations:
        if step.unit is PeriodUnit.BUSINESS_DAYS:
            local = civil_time.wall_clock(notified_at, timezone)
            day = _shifted(local.date(), step.count, step.unit, business_days)
            found.append(civil_time.instant_or_jump(day, local.time(), timezone))
        else:
            found.append(notified_at + timedelta(days=step.count))
    return sorted(found)


def _steps(values: Any) -> tuple[PolicyStep, ...]:
    return tuple(PolicyStep(count=each["count"], unit=PeriodUnit(each["unit"])) for each in values)


def _shifted(day: date, count: int, unit: PeriodUnit, business_days: BusinessDays | None) -> date:
    if unit is PeriodUnit.BUSINESS_DAYS and business_days is not None:
        try:
            return business_days(day, count)
        except (NoBusinessDay, civil_time.DayOutOfRange):
            # Calendars that leave no business day must not keep anybody from being told.
            pass
    return day + timedelta(days=count)
