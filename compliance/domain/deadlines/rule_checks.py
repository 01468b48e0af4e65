"""Checks of due rules before they are stored, and the dates of recurrences up to a horizon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from itertools import islice, takewhile
from typing import TypeVar

from pydantic import ValidationError

from compliance.domain.civil_time import UnknownTimeZone
from compliance.domain.drafts import problems_of
from compliance.domain.due_dates.contexts import (
    GraceUnresolvable,
    ResolutionContext,
    Unresolvable,
)
from compliance.domain.due_dates.due_instants import Resolved
from compliance.domain.due_dates.due_rules import DueRule, awaited_event, event_path
from compliance.domain.due_dates.periods import Event
from compliance.domain.due_dates.resolution import resolve
from compliance.domain.due_dates.rule_parts import TriggerEvent
from compliance.domain.due_dates.rule_types import RecurrenceRule, TriggerRule
from compliance.domain.problems import Invalid, Problem, refusal

T = TypeVar("T")

MOST_DEADLINES = 2_000
"""The maximum number of deadlines of one obligation. A longer list would be useless."""


def horizon_of(as_of: datetime, *, months: int) -> date:
    """Return the day up to which deadlines of recurrences are created: `months` after `as_of`."""
    month = as_of.month - 1 + months
    return date(as_of.year + month // 12, month % 12 + 1, min(as_of.day, 28))


def recurrence_dates(
    rule: RecurrenceRule,
    context: ResolutionContext,
    *,
    until: date,
    event: Event | None = None,
) -> list[Resolved]:
    """Return the dates of a recurrence up to `until`; `event` is what starts it.

    Raises:
        Invalid: it cannot be resolved, or has more than `MOST_DEADLINES` dates (at `due`).
    """
    with rejecting_at("due"):
        upcoming = takewhile(
            lambda each: each.due.due_on <= until, resolve(rule, context, event=event)
        )
        return at_most_deadlines(upcoming, until=until)


def at_most_deadlines(found: Iterable[T], *, until: date, path: str = "due/rrule") -> list[T]:
    """Return the dates of a rule up to `until`, or its deadlines.

    Raises:
        Invalid: there are more than `MOST_DEADLINES` (at `path`). Nobody would hear of those that
            are left out.
    """
    dates = list(islice(found, MOST_DEADLINES + 1))
    if len(dates) > MOST_DEADLINES:
        raise too_many_dates(until=until, path=path)
    return dates


def too_many_dates(*, until: date, path: str = "due/rrule") -> Invalid:
    """Return the refusal of a rule that yields more than `MOST_DEADLINES`."""
    sentence = (
        f"This rule yields more than {MOST_DEADLINES} dates up to {until}: "
        "start it later, or make it recur less often."
    )
    return refusal(path, sentence)


def check_rules(
    *,
    due: DueRule | None,
    starts: DueRule | None,
    context: ResolutionContext,
    as_of: datetime,
    until: date,
) -> int:
    """Reject rules that cannot yield a date, and return how many deadlines `due` yields.

    Milestones and deadlines that have no date yet are given that of `as_of` for the check.

    Raises:
        Invalid: at `due`, `starts` or `grace`.
    """
    today = Event(on=as_of.date(), at=as_of)
    dated = replace(
        context,
        milestones={ref: event or today for ref, event in context.milestones.items()},
        deadlines={ref: event or today for ref, event in context.deadlines.items()},
    )
    count = 0 if due is None else 1
    for path, rule in (("due", due), ("starts", starts)):
        awaited = awaited_event(rule)
        if awaited is not None:
            _reject_unknown_event(rule, awaited, dated, path)
        if isinstance(rule, RecurrenceRule):
            event = today if awaited is not None else None
            count = len(recurrence_dates(rule, dated, until=until, event=event))
        elif rule is not None:
            event = today if isinstance(rule, TriggerRule) else None
            with rejecting_at(path):
                next(resolve(rule, dated, event=event), None)
    return count


def _reject_unknown_event(
    rule: DueRule | None, awaited: TriggerEvent, context: ResolutionContext, path: str
) -> None:
    path += f"/{event_path(rule)}"
    for name, known, kind in (
        ("milestone", context.milestones, "milestone"),
        ("breach_of", context.deadlines, "obligation"),
        ("met", context.deadlines, "obligation"),
    ):
        ref = getattr(awaited, name)
        if ref is not None and ref not in known:
            sentence = f"There is no {kind} {ref} here: add it to the agreement, or correct it."
            raise refusal(f"{path}/{name}", sentence)


@contextmanager
def rejecting_at(path: str) -> Iterator[None]:
    """Turn the errors of a resolution in the block into `Invalid`, with their path below `path`."""
    try:
        yield
    except Unresolvable as error:
        raise refusal(f"{path}/{error.path}", str(error)) from None
    except GraceUnresolvable as error:
        raise refusal("grace/count", str(error)) from None
    except UnknownTimeZone as error:
        raise refusal(f"{path}/timezone", str(error)) from None


def problems_of_stored_rule(error: Exception) -> list[Problem] | None:
    """Return the problems of a stored rule; None if the error is not about a rule."""
    if isinstance(error, ValidationError):
        # It names a zone or calendar that the libraries no longer have.
        return [each.below("due") for each in problems_of(error)]
    if isinstance(error, UnknownTimeZone):
        return [Problem(path="due/timezone", detail=str(error))]
    return list(error.problems) if isinstance(error, Invalid) else None
