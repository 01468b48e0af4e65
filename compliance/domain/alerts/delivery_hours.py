"""When a subscriber is to be told: at once, with their next digest, or after their quiet hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from compliance.domain import civil_time
from compliance.domain.vocabulary import NotificationFrequency

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """A subscriber's hours, by the clocks of `timezone`.

    Digests come at `digest_hour`, weekly ones on `digest_weekday` (0 is Monday). Quiet hours last
    from `quiet_from` to before `quiet_until`, past midnight if that is the earlier one; equal
    times mean no quiet hours.
    """

    frequency: NotificationFrequency = NotificationFrequency.IMMEDIATE
    timezone: str = "UTC"
    digest_hour: int = 8
    digest_weekday: int = 0
    quiet_from: time | None = None
    quiet_until: time | None = None


def told_from(hours: Hours, at: datetime) -> datetime:
    """The first instant (UTC), `at` or later, at which the subscriber may be told.

    A digest has its own hour, so quiet hours do not move it.
    """
    local = civil_time.wall_clock(at, hours.timezone)
    if hours.frequency is not NotificationFrequency.IMMEDIATE:
        day = local.date()
        if hours.frequency is NotificationFrequency.WEEKLY:
            day += timedelta(days=(hours.digest_weekday - day.weekday()) % 7)
        step = _DAY if hours.frequency is NotificationFrequency.DAILY else 7 * _DAY
        found = civil_time.instant_or_jump(day, time(hours.digest_hour), hours.timezone)
        if found < at:
            found = civil_time.instant_or_jump(day + step, time(hours.digest_hour), hours.timezone)
        return found
    start, end = hours.quiet_from, hours.quiet_until
    if start is None or end is None or start == end:
        return at
    now = local.time()
    is_quiet = start <= now < end if start < end else now >= start or now < end
    if not is_quiet:
        return at
    day = local.date() + (_DAY if now >= end else timedelta())
    return max(at, civil_time.instant_or_jump(day, end, hours.timezone))
