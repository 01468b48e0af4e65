"""When a deadline begins to exist: the instant from which its obligation binds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from compliance.domain.civil_time import day_start
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.terms import Move, Terms
from compliance.domain.due_dates.dues import Due


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """When a deadline begins.

    If the beginning is presumed, nothing states it: it is `at`, or the earliest fact if that is
    before (see `proven`).
    """

    at: datetime
    is_presumed: bool


def beginning_of(
    *,
    binds_on: date | None,
    starts_at: datetime | None,
    agreement_began_on: date | None,
    recorded_at: datetime,
    timezone: str,
    due: Due | None,
    moves: Sequence[Move],
) -> Beginning:
    """Return when a deadline begins.

    The first of these that is known decides: the day on which the obligation binds; the start of
    its period or the beginning of the agreement, whichever is earlier; the time at which it was
    recorded. The last one is only an upper bound, and so is any date that follows the due date:
    what was due, or changed, must have been binding by then.

    Args:
        binds_on: the day from which the obligation binds by its own terms.
        starts_at: when the period to maintain or refrain starts, if that is known.
        agreement_began_on: when the agreement entered into force or was signed.
        recorded_at: when the obligation was recorded.
        timezone: the zone in which days begin.
        due: the first due date.
        moves: changes of the terms that are caused elsewhere.
    """
    stated: datetime | None
    if binds_on is None and agreement_began_on is None and starts_at is not None:
        stated = _earlier(recorded_at, starts_at)
    else:
        stated = stated_beginning(binds_on, agreement_began_on, starts_at, timezone)
    earliest_due_at = min(_due_instants(due, moves), default=None)
    if stated is not None and (earliest_due_at is None or stated < earliest_due_at):
        return Beginning(at=stated, is_presumed=False)
    bounds = [stated or recorded_at, *(move.at for move in moves)]
    if due is not None:
        bounds.append(due.due_at)
    return Beginning(at=min(bounds), is_presumed=True)


def stated_beginning(
    binds_on: date | None,
    agreement_began_on: date | None,
    starts_at: datetime | None,
    timezone: str,
) -> datetime | None:
    """Return the beginning that the dates of an obligation and its agreement state, if they do.

    Takes the same arguments as `beginning_of`.
    """
    if binds_on is not None:
        return day_start(binds_on, timezone)
    if agreement_began_on is not None:
        return _earlier(day_start(agreement_began_on, timezone), starts_at)
    return None


def proven(terms: Terms, facts: Iterable[Fact]) -> Terms:
    """Return terms whose beginning is not after the earliest of these effective facts.

    Terms that state their beginning stay as they are. So facts that are recorded later, corrected
    or retracted move a presumed beginning, and what was known at some time follows from the facts
    that were recorded by then.
    """
    if not terms.is_start_presumed:
        return terms
    earliest_at = min((fact.effective_at for fact in facts), default=terms.begins_at)
    return terms if earliest_at >= terms.begins_at else terms._replace(begins_at=earliest_at)


def _due_instants(due: Due | None, moves: Sequence[Move]) -> Iterable[datetime]:
    dues = (due, *(move.due for move in moves))
    return (each.due_at for each in dues if each is not None)


def _earlier(at: datetime, other: datetime | None) -> datetime:
    return at if other is None or at <= other else other
