"""Numbers of deadlines: what identifies a deadline within its obligation.

A number follows from what the deadline is for, and from nothing else: not from the horizon, from
other deadlines, or from the order in which events became known. Facts therefore stay with their
deadline when dates move, and when a rule becomes stricter or events are corrected.
"""

from __future__ import annotations

from compliance.domain.due_dates.due_rules import MOST_TIMES

MOST_OCCURRENCES = 2_000
"""The maximum number of dates of one series of a recurrence."""

LARGEST_NUMBER = 2**31 - 1
"""The largest number that the database stores."""


def occurrence_number(*, occurrence: int, time: int = 1, series: int = 1) -> int | None:
    """Return the number of the deadline for one date of a recurrence.

    All arguments count from 1. The dates of the first series are numbered from 1, so that they
    keep their numbers when a rule comes to require several times.

    Args:
        occurrence: the place of the date in its series, at most `MOST_OCCURRENCES`.
        time: which of the times that are required by that date.
        series: the number of the series (see `series_number`).

    Returns:
        None if the number would be too large to be stored.
    """
    number = occurrence + MOST_OCCURRENCES * ((time - 1) + MOST_TIMES * (series - 1))
    return number if number <= LARGEST_NUMBER else None
