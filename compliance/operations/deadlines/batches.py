"""Refresh deadlines in batches, so that the number of statements does not depend on their number.

A batch is refreshed as a whole or not at all: `separate_refresh` isolates the rows that fail.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.db import DatabaseError, connection, transaction

from compliance.domain.deadlines.terms import KnownHistory
from compliance.domain.vocabulary import BreachEnd
from compliance.models.bulk import overlapping
from compliance.operations.alerts import alerts, delivery_times, undone
from compliance.operations.alerts.alerts import AlertRow
from compliance.operations.deadlines import (
    breach_rows,
    deadline_rows,
    isolation,
    judged,
    ledger_rows,
    schedule,
    unfinished_imports,
)
from compliance.operations.deadlines.breach_rows import BreachRow
from compliance.operations.deadlines.deadline_rows import DeadlineRow, DeadlineState, Failure
from compliance.operations.deadlines.ledger_rows import LedgerRow
from compliance.operations.deadlines.projection_inputs import load
from compliance.operations.deadlines.projection_outcome import Outcome, decide
from compliance.operations.evidence import verification

log = structlog.get_logger(__name__)

# How many deadlines are decided before the first of them are stored.
_FIRST_PORTION = 250


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How deadlines are refreshed.

    Attributes:
        announce_ended: whether to announce breaches that were over before they were detected, and
            changes; False when history is loaded.
        keeps_closed: whether dependent deadlines that are closed keep the terms by which they
            were judged.
        keeps_judged: whether those of them keep these terms that kept them before, because only
            time passes or data changes.
        keeps_former: whether the former terms of dependent deadlines are kept, because they were
            known.
        known: the terms that were known of these deadlines, whose changes are recorded as they
            would have become known then.
    """

    announce_ended: bool = True
    keeps_closed: bool = False
    keeps_judged: bool = False
    keeps_former: bool = True
    known: Mapping[int, KnownHistory] = field(default_factory=dict)


USUAL = Manner()
PASSING = Manner(keeps_judged=True)
"""How deadlines are refreshed when time passes."""


@dataclass(kw_only=True, slots=True)
class Refreshed:
    """How many deadlines were refreshed and quarantined, and how many breaches were found.

    `refused` are the ids of those of which the database refuses every change, even the error.
    """

    deadlines: int = 0
    breaches: int = 0
    quarantined: int = 0
    refused: list[int] = field(default_factory=list)

    def add(self, other: Refreshed) -> None:
        """Add the counts of another refresh."""
        self.deadlines += other.deadlines
        self.breaches += other.breaches
        self.quarantined += other.quarantined
        self.refused += other.refused


@dataclass(kw_only=True, slots=True)
class _Changes:
    """The rows to be stored of several deadlines."""

    states: list[DeadlineState] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    begun: list[BreachRow] = field(default_factory=list)
    altered: list[BreachRow] = field(default_factory=list)
    alerts: list[AlertRow] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.states.append(outcome.state)
        self.ledger += outcome.ledger
        self.begun += outcome.begun
        self.altered += outcome.altered
        self.alerts += outcome.alerts


def refresh_alone(
    deadline_ids: Iterable[int], *, as_of: datetime, manner: Manner = USUAL
) -> Refreshed:
    """Refresh the given deadlines, but none that depend on them."""
    return refresh_rows(deadline_rows.lock(deadline_ids), as_of=as_of, manner=manner)


def refresh_rows(
    rows: Sequence[DeadlineRow], *, as_of: datetime, manner: Manner = USUAL
) -> Refreshed:
    """Refresh locked deadlines, but none that depend on them."""
    refreshed = Refreshed()
    ledger = _refresh(rows, refreshed, as_of=as_of, manner=manner)
    verification.refresh(row.id for row in rows)
    ledger_rows.append(ledger)
    return refreshed


def refresh_due(*, as_of: datetime, limit: int, left_out: Collection[int] = ()) -> Refreshed:
    """Refresh at most `limit` deadlines that are due for a check, oldest first.

    Deadlines that another worker holds are left to it. Those that others depend on are not
    included, nor are those in `left_out`.
    """
    with transaction.atomic():
        rows = deadline_rows.claim_due(as_of=as_of, limit=limit, left_out=left_out)
        refreshed = Refreshed()
        ledger_rows.append(_refresh(rows, refreshed, as_of=as_of, manner=USUAL))
        return refreshed


def refresh_with_dependents(
    deadline_ids: Iterable[int], *, as_of: datetime, manner: Manner = USUAL
) -> Refreshed:
    """Refresh the given deadlines and those that depend on them, or none of them."""
    refreshed = Refreshed()
    ledger: list[LedgerRow] = []
    marked: set[int] = set()
    by_obligation: dict[int, list[DeadlineRow]] = defaultdict(list)
    for row in deadline_rows.lock(deadline_ids):
        by_obligation[row.obligation_id].append(row)
    for number, level in enumerate(schedule.levels(by_obligation)):
        failures: list[Failure] = []
        given = [row for pk in level for row in by_obligation.get(pk, ())]
        # Above the first level, the deadlines that these depend on were refreshed, and may have
        # moved. On it, only rules that could not be resolved are tried again. Deadlines that were
        # closed then keep their terms, unless these are outdated, too.
        quarantined = [row.id for row in given if row.quarantine_error]
        outdated = level if number else deadline_rows.unscheduled(quarantined)
        if outdated:
            rescheduled = schedule.reschedule(
                outdated,
                as_of=as_of,
                is_forgiving=True,
                keeps_closed=manner.keeps_closed or not number,
                keeps_judged=manner.keeps_judged,
                keeps_former=manner.keeps_former,
            )
            if manner.keeps_closed and (failed := rescheduled.failed_obligations):
                judged.keep(pk for each in schedule.levels(failed) for pk in each)
            given = deadline_rows.lock({row.id for row in given} | rescheduled.touched)
            failures = [Failure(pk, error) for pk, error in rescheduled.failed.items()]
        marked |= {row.id for row in given}
        ledger += _refresh(given, refreshed, as_of=as_of, manner=manner)
        # Last, because a refresh clears the error. By its previous due date, one may be missed now.
        deadline_rows.quarantine_unscheduled(failures, as_of=as_of)
        refreshed.quarantined += len(failures)
    verification.refresh(marked)
    ledger_rows.append(ledger)
    return refreshed


def _refresh(
    rows: Sequence[DeadlineRow],
    refreshed: Refreshed,
    *,
    as_of: datetime,
    manner: Manner,
) -> list[LedgerRow]:
    """Store everything but the new ledger entries, and return those."""
    if not connection.in_atomic_block:
        sentence = "Refresh deadlines inside the transaction that changes them."
        raise RuntimeError(sentence)
    if not rows:
        return []
    unfinished = unfinished_imports.histories(rows, as_of=as_of)
    failed = {pk: error for pk, error in unfinished.failures.items() if pk not in manner.known}
    known = {**unfinished.known, **manner.known}
    inputs = load(rows, replayed=known)
    hours = delivery_times.delivery_hours(as_of=as_of)
    ledger: list[LedgerRow] = []
    with overlapping():
        for portion in _portions(rows):
            changes = _Changes()
            for row in portion:
                error = failed.get(row.id)
                # By the terms that are stored, it may be missed now.
                if error is None or row.recorded_at is not None:
                    try:
                        outcome = decide(
                            row,
                            inputs,
                            as_of=as_of,
                            announce_ended=manner.announce_ended,
                            known=known.get(row.id),
                        )
                    except Exception as fault:  # one bad row must never stop the others
                        error = fault
                    else:
                        changes.add(outcome)
                if error is not None:
                    changes.failures.append(_failure(row, error))
            _store(changes, hours, as_of=as_of)
            ledger += changes.ledger
            refreshed.deadlines += len(changes.states)
            refreshed.breaches += len(changes.begun)
            refreshed.quarantined += len(changes.failures)
    return ledger


def _failure(row: DeadlineRow, error: Exception) -> Failure:
    # The traceback of an error of the database would show the values of the row.
    is_traceable = not isinstance(error, DatabaseError)
    log.error("deadline quarantined", deadline=row.id, exc_info=error if is_traceable else None)
    return Failure(row.id, repr(error) if is_traceable else isolation.summary(error))


def _portions(rows: Sequence[DeadlineRow]) -> Iterator[Sequence[DeadlineRow]]:
    """Yield rows in growing portions: one is decided while the server stores the one before."""
    first, size = 0, _FIRST_PORTION
    while first < len(rows):
        yield rows[first : first + size]
        first += size
        size *= 2


def _store(changes: _Changes, hours: Sequence[Mapping[str, Any]], *, as_of: datetime) -> None:
    """Store everything but the ledger entries."""
    deadline_rows.update(changes.states, as_of=as_of)
    deadline_rows.quarantine(changes.failures, as_of=as_of)
    breach_rows.insert(changes.begun)
    breach_rows.update(changes.altered)
    void = [row for row in changes.altered if row.end_reason == BreachEnd.VOIDED]
    resumed = [row for row in changes.altered if row.ended_at is None]
    over = [row for row in changes.altered if row.ended_at is not None]
    alerts.withdraw_unsent(breaches=void)
    alerts.announce_resumption(breaches=resumed, hours=hours, as_of=as_of)
    alerts.create(changes.alerts, hours=hours, as_of=as_of)
    undone.announce(changes.alerts, hours=hours, as_of=as_of)
    alerts.announce_recovery(breaches=over, hours=hours, as_of=as_of)
