"""Instants, due dates and durations as text: in UTC, and in the local zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from compliance.domain.civil_periods import period_phrase, period_text
from compliance.domain.civil_time import displayed_zone_name, wall_clock, zone_label
from compliance.domain.period_fields import precision_name
from compliance.domain.phrases import counted
from compliance.domain.vocabulary import Precision
from compliance.models import Deadline
from compliance.models.deadlines.terms import due_precision

_DAY = timedelta(days=1)


def utc_text(at: datetime) -> str:
    """Return an instant in UTC, to the minute, with seconds only if they are not zero."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at.second else f"{at:%Y-%m-%d %H:%M} UTC"


def local_text(at: datetime, timezone: str) -> str:
    """Return an instant as local time in a zone, with the zone's name."""
    at = wall_clock(at, displayed_zone_name(timezone))
    clock = f"{at:%Y-%m-%d %H:%M:%S}" if at.second else f"{at:%Y-%m-%d %H:%M}"
    return f"{clock} {zone_label(timezone)}"


def utc_html(at: datetime | None, timezone: str | None = None) -> SafeString:
    """Return a `<time>` element in UTC whose tooltip shows the local time in `timezone`."""
    if at is None:
        return SafeString("-")
    return format_html(
        '<time datetime="{}" title="{}" class="pacta-time">{}</time>',
        at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        local_text(at, timezone) if timezone else "",
        utc_text(at),
    )


def utc_column(name: str, label: str, *, zone: str = "") -> Callable[[Any, Any], SafeString]:
    """Return a sortable column that shows an instant of each row in UTC.

    Args:
        name: the attribute of the row that holds the instant.
        zone: the attribute that holds the zone of the tooltip, such as `deadline.timezone`.
    """

    @admin.display(description=label, ordering=name)
    def shown(_model_admin: Any, row: Any) -> SafeString:
        return utc_html(getattr(row, name), attrgetter(zone)(row) if zone else None)

    return shown


def period(day: date | None, precision: str | None) -> str:
    """Return a day, or the month, quarter or year that contains it; an empty text without one."""
    if day is None:
        return ""
    known = Precision(precision or Precision.DAY)
    return day.isoformat() if known is Precision.DAY else period_phrase(day, known)


def period_input(row: Any, name: str) -> str:
    """Return a date of a stored row as it is entered: `2007-06-15`, or `2007-Q2`."""
    day = getattr(row, name)
    return "" if day is None else period_text(day, Precision(getattr(row, precision_name(name))))


def due_text(deadline: Deadline) -> str:
    """Return the due date in the deadline's zone, with the time of day if it has one.

    Show `zone_label` beside it.

    A dormant deadline has no date yet. An obligation to maintain or refrain may have no end date.
    """
    if deadline.due_on is None or deadline.due_at is None:
        return "no date yet" if deadline.obligation.due else "no end date"
    precision = due_precision(deadline)
    if precision is not Precision.DAY:
        return period_phrase(deadline.due_on, precision)
    local = wall_clock(deadline.due_at, displayed_zone_name(deadline.timezone))
    if local.date() != deadline.due_on:
        return f"{deadline.due_on:%Y-%m-%d}"
    return f"{deadline.due_on:%Y-%m-%d} {local:%H:%M}"


def duration_text(later: datetime, earlier: datetime) -> str:
    """Return the time between two instants, in the largest unit of which there are at least two."""
    apart = abs(later - earlier)
    if apart >= 2 * _DAY:
        return f"{apart.days} days"
    minutes = int(apart.total_seconds() // 60)
    if minutes >= 120:
        return f"{minutes // 60} hours"
    if minutes >= 2:
        return f"{minutes} minutes"
    return counted(int(apart.total_seconds()), "second")


def run_time_text(started_at: datetime, ended_at: datetime | None) -> str:
    """Return how long a run of a job took, in seconds."""
    if ended_at is None:
        return "not finished"
    return f"{(ended_at - started_at).total_seconds():.2f} s"
