"""Instants and days as the desk reads them: in UTC, with the zone that counts beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.html import format_html
from django.utils.safestring import SafeString

from compliance.models import Deadline

_DAY = timedelta(days=1)


def utc_text(at: datetime) -> str:
    """An instant in UTC, to the minute, or to the second where that matters."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at.second else f"{at:%Y-%m-%d %H:%M} UTC"


def local_text(at: datetime, timezone: str) -> str:
    """An instant as the clocks of a zone show it."""
    at = at.astimezone(ZoneInfo(timezone))
    clock = f"{at:%Y-%m-%d %H:%M:%S}" if at.second else f"{at:%Y-%m-%d %H:%M}"
    return f"{clock} {timezone}"


def utc(at: datetime | None, timezone: str | None = None) -> SafeString:
    """An instant in UTC; a zone's reading of it on pointing at it."""
    if at is None:
        return SafeString("-")
    return format_html(
        '<time datetime="{}" title="{}" class="pacta-time">{}</time>',
        at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        local_text(at, timezone) if timezone else "",
        utc_text(at),
    )


def due_text(deadline: Deadline) -> str:
    """The due day in the deadline's zone, and the time of day where there is one.

    A dormant deadline is not dated yet; what is kept without an end never is.
    """
    if deadline.due_on is None or deadline.due_at is None:
        return "not dated yet" if deadline.obligation.due else "without an end"
    local = deadline.due_at.astimezone(ZoneInfo(deadline.timezone))
    if local.date() != deadline.due_on:
        return f"{deadline.due_on:%Y-%m-%d}"
    return f"{deadline.due_on:%Y-%m-%d} {local:%H:%M}"


def distance(later: datetime, earlier: datetime) -> str:
    """How far apart two instants are, in the largest unit that says it."""
    apart = abs(later - earlier)
    if apart >= 2 * _DAY:
        return f"{apart.days} days"
    minutes = int(apart.total_seconds() // 60)
    if minutes >= 120:
        return f"{minutes // 60} hours"
    if minutes >= 2:
        return f"{minutes} minutes"
    return f"{int(apart.total_seconds())} seconds"
