"""Warn about due dates before an obligation begins, or after its agreement ends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from compliance.domain.civil_time import civil_day, day_end
from compliance.domain.due_dates.dues import Due

# Sentences, each with the due instant that it is about.
Warnings = list[tuple[datetime, str]]


def due_before_beginning(on: date) -> str:
    """Return the warning about a due date before the day on which the obligation begins."""
    return (
        f"It is due before the obligation begins on {on}, so it is taken to have begun earlier. "
        "Correct the due date, or the day from which the obligation binds."
    )


def due_after_end(ends_on: date) -> str:
    """Return the warning about a due date after the last day of the agreement."""
    return (
        f"It is due after the agreement ends on {ends_on}, and will be cancelled then. "
        "Set survives_termination if it remains due."
    )


def warnings_before(stated: datetime | None, dues: Iterable[Due], timezone: str) -> Warnings:
    """Return the warnings about due dates that do not follow the stated beginning, if there is one.

    Args:
        timezone: the zone in which the day of the beginning is named.
    """
    if stated is None:
        return []
    sentence = due_before_beginning(civil_day(stated, timezone))
    return [(each.due_at, sentence) for each in dues if each.due_at <= stated]


def warnings_after(ends_on: date | None, dues: Iterable[Due], timezone: str) -> Warnings:
    """Return the warnings about due dates after the last day of the agreement, if that is known.

    Args:
        timezone: the zone in which that day ends.
    """
    if ends_on is None:
        return []
    ends_at, sentence = day_end(ends_on, timezone), due_after_end(ends_on)
    return [(each.due_at, sentence) for each in dues if each.due_at > ends_at]
