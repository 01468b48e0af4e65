"""Numbers of deadlines: what identifies a deadline within its obligation.

A number follows from what the deadline is for, and from nothing else: not from the horizon, from
other deadlines, or from the order in which events became known. Facts therefore stay with their
deadline when dates move, and when a rule becomes stricter or events are corrected.
"""

from __future__ import annotations

from compliance.domain.due_dates.rule_types import MOST_TIMES

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


def source_of_occurrence(number: int) -> int:
    """Return the source of a deadline that `occurrence_number` numbered, if it has one series."""
    series = (number - 1) // (MOST_OCCURRENCES * MOST_TIMES) + 1
    return (series + 1) // 2


def is_first_occurrence(number: int) -> bool:
    """Return whether a number from `occurrence_number` stands for the first date."""
    return number % MOST_OCCURRENCES == 1


_MOST_SOURCES = 1_000_000


def event_number(*, source: int, place: int) -> int | None:
    """Return the number of the deadline for one event of a source, such as its second breach.

    The first event of each source has the number of that source.

    Returns:
        None if the number would be too large to be stored.
    """
    if place == 1:
        return source
    number = source + _MOST_SOURCES * (place - 1)
    return number if source < _MOST_SOURCES and number <= LARGEST_NUMBER else None


def source_of_event(number: int) -> int:
    """Return the number of the source of a deadline that `event_number` numbered."""
    return number % _MOST_SOURCES or _MOST_SOURCES


def series_number(*, source: int, place: int) -> int | None:
    """Return the number of the series of dates that starts with one event of a source.

    Series for the first events of sources and those for later events alternate. The latter are
    numbered along the diagonals of a table of sources and events, so that both may be many.

    Returns:
        None if its deadlines could not be numbered.
    """
    if place == 1:
        series = 2 * source - 1
    else:
        row, column = source - 1, place - 2
        diagonal = row + column
        series = 2 * (diagonal * (diagonal + 1) // 2 + column + 1)
    return series if series * MOST_TIMES * MOST_OCCURRENCES <= LARGEST_NUMBER else None
