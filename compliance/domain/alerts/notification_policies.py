"""Notification policies: when reminders are sent before a due date, and escalations after a breach.

Every instant follows from the due date, or from when the breach was first announced. A missed sweep
therefore loses nothing: the next one sees which step passed last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from compliance.domain import civil_time
from compliance.domain.due_dates.calendars import NoBusinessDay
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import PeriodUnit

# The time of day at which reminders are sent, in the deadline's zone.
REMINDED_AT = time(9)

# Returns the day that is this many business days after a day, or before it if negative.
BusinessDays = Callable[[date, int], date]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyStep:
    """A reminder or escalation step: `count` days or business days before or after an instant."""

    count: int
    unit: PeriodUnit = PeriodUnit.DAYS


@dataclass(frozen=True, kw_only=True, slots=True)
class NotificationPolicy:
    """Reminder steps count back from the due day, escalation steps from the notice of a breach."""

    reminders: tuple[PolicyStep, ...]
    escalations: tuple[PolicyStep, ...]

    @property
    def needs_calendar(self) -> bool:
        """Whether any step counts business days."""
        steps = (*self.reminders, *self.escalations)
        return any(step.unit is PeriodUnit.BUSINESS_DAYS for step in steps)


DEFAULT = NotificationPolicy(
    reminders=(PolicyStep(count=30), PolicyStep(count=7), PolicyStep(count=1)),
    escalations=(PolicyStep(count=1), PolicyStep(count=7), PolicyStep(count=30)),
)


def load_notification_policy(value: Mapping[str, Any] | None) -> NotificationPolicy:
    """Return a stored policy, or the default policy for None. A missing list has no steps."""
    if value is None:
        return DEFAULT
    return NotificationPolicy(
        reminders=_steps(value.get("reminders", ())),
        escalations=_steps(value.get("escalations", ())),
    )


def reminders(
    notification_policy: NotificationPolicy, due: Due, business_days: BusinessDays | None = None
) -> list[datetime]:
    """Return the instants (UTC) at which reminders of a due date are sent, in ascending order."""
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
    """Return the instants of the escalations of a breach that was announced at `notified_at`.

    They are in ascending order. Days are 24 hours long; business days are counted in `timezone` and
    keep the time of day.
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
            # A calendar without business days must not keep anyone from being notified.
            pass
    return day + timedelta(days=count)
