"""Refresh deadlines that cannot be refreshed together, and quarantine those that fail alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Q

from compliance.models import Deadline
from compliance.models.locks import lock_deadline_columns
from compliance.operations.deadlines import batches, deadline_rows, isolation, judged, schedule
from compliance.operations.deadlines.batches import USUAL, Manner, Refreshed
from compliance.operations.deadlines.deadline_rows import Failure
from compliance.operations.deadlines.rescheduled import Rescheduled

log = structlog.get_logger(__name__)


def refresh(deadline_ids: Sequence[int], *, as_of: datetime, manner: Manner = USUAL) -> Refreshed:
    """Refresh locked deadlines without their dependents, and quarantine those that fail."""
    total = Refreshed()

    def work(part: Sequence[int]) -> Refreshed:
        return batches.refresh_alone(part, as_of=as_of, manner=manner)

    def fail(pk: int, error: Exception) -> None:
        _quarantine(pk, error, total, as_of=as_of)

    for refreshed in isolation.process(deadline_ids, work, fail=fail):
        total.add(refreshed)
    return total


def refresh_with_dependents(
    deadline_ids: Sequence[int],
    *,
    as_of: datetime,
    manner: Manner = USUAL,
    is_isolating_given: bool = True,
) -> Refreshed:
    """Refresh deadlines and, level by level, their dependents; quarantine those that fail.

    The caller holds the lock of their agreement.

    Args:
        is_isolating_given: whether to quarantine also those of the given deadlines that fail and
            depend on none of the others; otherwise their error is raised.
    """
    by_obligation: dict[int, list[int]] = defaultdict(list)
    given = Deadline.objects.filter(pk__in=deadline_ids)
    for obligation_id, pk in given.values_list("obligation_id", "id"):
        by_obligation[obligation_id].append(pk)
    levels = schedule.levels(by_obligation)
    lock_deadlines_of([pk for level in levels for pk in level])
    total = Refreshed()
    for number, level in enumerate(levels):
        ids = {pk for each in level for pk in by_obligation.get(each, ())}
        failures: dict[int, Exception | str] = {}
        # See `batches.refresh_with_dependents`.
        outdated = level if number else deadline_rows.unscheduled(ids)
        if outdated:
            keeps_closed = manner.keeps_closed or not number
            touched, failures = reschedule(
                outdated, as_of=as_of, manner=replace(manner, keeps_closed=keeps_closed)
            )
            ids |= touched
            if manner.keeps_closed and failures:
                rows = Deadline.objects.order_by().filter(pk__in=failures)
                failed = set(rows.values_list("obligation_id", flat=True))
                judged.keep(pk for each in schedule.levels(failed) for pk in each)
        if number or is_isolating_given:
            total.add(refresh(sorted(ids), as_of=as_of, manner=manner))
        else:
            total.add(batches.refresh_alone(ids, as_of=as_of, manner=manner))
        # Last, because a refresh clears the error. By its previous due date, one may be missed now.
        for pk, error in failures.items():
            _quarantine(pk, error, total, as_of=as_of, is_unscheduled=True)
    return total


def lock_deadlines_of(obligation_ids: Sequence[int]) -> None:
    """Lock all deadlines of obligations.

    Needed before they are refreshed in several parts: the first part locks the ledger, and a
    writer that then waits for a row may wait for one that waits for the ledger.
    """
    deadlines = Deadline.objects.filter(obligation__in=obligation_ids)
    lock_deadline_columns("id", deadlines.values_list("id", flat=True))


def reschedule(
    obligation_ids: Sequence[int], *, as_of: datetime, manner: Manner
) -> tuple[set[int], dict[int, Exception | str]]:
    """Reschedule obligations, as far as their rules can be resolved.

    Returns the ids of the deadlines that were created or changed, and the errors of those whose
    rules cannot be resolved, by id.
    """
    failures: dict[int, Exception | str] = {}
    touched: set[int] = set()

    def work(part: Sequence[int]) -> Rescheduled:
        return schedule.reschedule(
            part,
            as_of=as_of,
            is_forgiving=True,
            keeps_closed=manner.keeps_closed,
            keeps_judged=manner.keeps_judged,
            keeps_former=manner.keeps_former,
        )

    def fail(obligation_id: int, error: Exception) -> None:
        deadlines = Deadline.objects.filter(obligation=obligation_id, is_withdrawn=False)
        if manner.keeps_closed:
            deadlines = deadlines.filter(Q(is_closed=False) | Q(data_version=""))
        ids = deadlines.values_list("id", flat=True)
        failures.update(dict.fromkeys(ids, error))

    for rescheduled in isolation.process(obligation_ids, work, fail=fail):
        touched |= rescheduled.touched
        failures |= rescheduled.failed
    return touched, failures


def _quarantine(
    pk: int,
    error: Exception | str,
    total: Refreshed,
    *,
    as_of: datetime,
    is_unscheduled: bool = False,
) -> None:
    """Quarantine a deadline, and count it in `total` as quarantined or refused.

    Args:
        is_unscheduled: whether its rule could not be resolved.
    """
    store = deadline_rows.quarantine_unscheduled if is_unscheduled else deadline_rows.quarantine
    reason = error if isinstance(error, str) else isolation.summary(error)
    # The traceback of an error of the database would show the values of the row.
    traceback = None if isinstance(error, str | DatabaseError) else error
    log.error("deadline quarantined", deadline=pk, error=reason, exc_info=traceback)
    try:
        with transaction.atomic():
            store([Failure(pk, reason)], as_of=as_of)
    except DatabaseError as refusal:
        if not isolation.may_concern_one_row(refusal):
            raise
        log.error("deadline not quarantined", deadline=pk, error=isolation.summary(refusal))
        total.refused.append(pk)
    else:
        total.quarantined += 1
