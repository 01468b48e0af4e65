"""When alerts are delivered to a subscriber: immediately, with a digest, or after quiet hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from compliance.domain import civil_time
from compliance.domain.vocabulary import NotificationFrequency

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """The delivery hours of a subscriber, in `timezone`.

    Digests are sent at `digest_hour`, and weekly ones on `digest_weekday` (0 is Monday). Quiet
    hours begin at `quiet_from` and end at `quiet_until`, on the next day if that is the earlier
    time. Equal times mean no quiet hours.
    """

    frequency: NotificationFrequency = NotificationFrequency.IMMEDIATE
    timezone: str = "UTC"
    digest_hour: int = 8
    digest_weekday: int = 0
    quiet_from: time | None = None
    quiet_until: time | None = None


def next_delivery_at(hours: Hours, at: datetime) -> datetime:
    """Return the first instant (UTC) from `at` on at which an alert may be delivered.

    Digests are sent at their own hour, regardless of quiet hours.
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
