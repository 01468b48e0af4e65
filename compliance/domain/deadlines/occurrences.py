"""The deadlines of recurrences: one for each date, and for each time that it requires."""

from __future__ import annotations

from datetime import date

from compliance.domain.deadlines.numbers import occurrence_number
from compliance.domain.deadlines.rule_checks import recurrence_dates
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.due_instants import Resolved
from compliance.domain.due_dates.due_rules import RecurrenceRule


def occurrences_of(
    rule: RecurrenceRule, context: ResolutionContext, *, until: date
) -> dict[int, Resolved]:
    """Return the dates of a recurrence up to `until`, by the number of their deadline.

    Raises:
        Invalid: it cannot be resolved, or has too many dates (at `due`).
    """
    found = {}
    for place, resolved in enumerate(recurrence_dates(rule, context, until=until)):
        number = occurrence_number(occurrence=1 + place // rule.times, time=1 + place % rule.times)
        if number is not None:
            found[number] = resolved
    return found
