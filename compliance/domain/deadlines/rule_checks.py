"""Checks of due rules before they are stored, and the dates of recurrences within a horizon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice
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


class TooManyDates(Invalid):
    """A rule yields more than `MOST_DEADLINES`. They were computed, to find this out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Horizon:
    """Which deadlines of recurrences are created in advance.

    Those that are due up to `until`, and at least those of the next date after `today`, however far
    away it is: otherwise a report that is due every five years would mostly have no deadline.
    """

    today: date
    until: date


def horizon_of(as_of: datetime, *, months: int) -> Horizon:
    """Return the horizon `months` after `as_of`."""
    month = as_of.month - 1 + months
    until = date(as_of.year + month // 12, month % 12 + 1, min(as_of.day, 28))
    return Horizon(today=as_of.date(), until=until)


def created_in_advance(
    dates: Iterable[Resolved], *, horizon: Horizon, times: int, ends_on: date | None
) -> Iterator[Resolved]:
    """Yield those dates of a recurrence that have deadlines; each is given `times` times.

    No next date is sought after `ends_on`, the last day of the agreement.
    """
    has_next = False
    for place, each in enumerate(dates):
        is_new_date, day = place % times == 0, each.due.due_on
        is_after_end = ends_on is not None and day > ends_on
        if is_new_date and day > horizon.until and (has_next or is_after_end):
            return
        has_next = has_next or day > horizon.today
        yield each


def recurrence_dates(
    rule: RecurrenceRule,
    context: ResolutionContext,
    *,
    horizon: Horizon,
    event: Event | None = None,
) -> list[Resolved]:
    """Return the dates of a recurrence within the horizon; `event` is what starts it.

    Raises:
        Invalid: it cannot be resolved, or has more than `MOST_DEADLINES` dates (at `due`).
    """
    with rejecting_at("due"):
        dates = resolve(rule, context, event=event)
        upcoming = created_in_advance(
            dates, horizon=horizon, times=rule.times, ends_on=context.ends_on
        )
        return at_most_deadlines(upcoming, horizon=horizon)


def at_most_deadlines(found: Iterable[T], *, horizon: Horizon, path: str = "due/rrule") -> list[T]:
    """Return the dates of a rule within the horizon, or its deadlines.

    Raises:
        TooManyDates: there are more than `MOST_DEADLINES` (at `path`). Nobody would hear of those
            that are left out.
    """
    dates = list(islice(found, MOST_DEADLINES + 1))
    if len(dates) > MOST_DEADLINES:
        raise too_many_dates(horizon=horizon, path=path)
    return dates


def too_many_dates(*, horizon: Horizon, path: str = "due/rrule") -> TooManyDates:
    """Return the refusal of a rule that yields more than `MOST_DEADLINES`."""
    sentence = (
        f"This rule yields more than {MOST_DEADLINES} dates up to {horizon.until}: "
        "start it later, or make it recur less often."
    )
    return TooManyDates([Problem(path=path, detail=sentence)])


def check_rules(
    *,
    due: DueRule | None,
    starts: DueRule | None,
    context: ResolutionContext,
    as_of: datetime,
    horizon: Horizon,
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
            count = len(recurrence_dates(rule, dated, horizon=horizon, event=event))
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
