"""Let time pass: refresh every deadline that is due for a check.

A deadline that cannot be refreshed, in Python or in the database, is quarantined with its error
and delays no other. The sweep can run as often as you like, in as many workers as you like.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from django.db import transaction
from django.utils import timezone

from compliance.domain.vocabulary import JobKind
from compliance.models import JobRun
from compliance.models.bulk import fetch
from compliance.models.locks import is_contention
from compliance.models.system.jobs import SweepCounts
from compliance.operations.deadlines import (
    batches,
    deadline_rows,
    isolation,
    separate_refresh,
)
from compliance.operations.deadlines.batches import Refreshed

log = structlog.get_logger(__name__)

# Each batch is locked for about 0.3 s. Smaller ones spend more of their time on commits.
BATCH = 5_000


def run(*, as_of: datetime, batch: int = BATCH) -> JobRun:
    """Refresh every deadline that is due for a check at `as_of`, and return the record of it.

    Each batch is one transaction, and so is each agreement in which deadlines depend on others. A
    sweep that is killed loses at most its current batch, which the next sweep repeats. Deadlines
    that another worker holds are left to that worker.
    """
    record = JobRun.objects.create(kind=JobKind.SWEEP.value, as_of=as_of, started_at=timezone.now())
    total = Refreshed()
    while True:
        with _collector_paused():
            refreshed, is_last = _refresh_batch(as_of=as_of, limit=batch)
        total.add(refreshed)
        if is_last:
            break
    for (agreement_id,) in fetch(_AGREEMENTS_WITH_DEPENDENTS_DUE, as_of=as_of):
        total.add(_refresh_agreement(agreement_id, as_of=as_of))
    record.counts = SweepCounts(
        refreshed=total.deadlines, breaches=total.breaches, quarantined=total.quarantined
    )
    record.ended_at = timezone.now()
    record.save()
    return record


def _refresh_batch(*, as_of: datetime, limit: int) -> tuple[Refreshed, bool]:
    """Refresh the deadlines that are due first and that no other depends on.

    Returns what was done, and whether nothing more can be done.
    """
    try:
        refreshed = batches.refresh_due(as_of=as_of, limit=limit)
    except Exception as error:
        if not isolation.may_concern_one_row(error):
            raise
        log.warning("batch refreshed in parts", error=isolation.summary(error))
    else:
        return refreshed, refreshed.deadlines + refreshed.quarantined < limit
    with transaction.atomic():
        ids = deadline_rows.claim_due_ids(as_of=as_of, limit=limit)
        refreshed = separate_refresh.refresh(ids, as_of=as_of)
        # A deadline that cannot even be quarantined is due again at once.
        has_progressed = refreshed.deadlines + refreshed.quarantined > 0
        return refreshed, len(ids) < limit or not has_progressed


def _refresh_agreement(agreement_id: int, *, as_of: datetime) -> Refreshed:
    """Refresh the due deadlines of an agreement that others depend on, and those others.

    An agreement that another worker holds is left to it, and one that fails to the next sweep.
    """

    def claim() -> list[int]:
        if not fetch(_CLAIM_AGREEMENT, id=agreement_id):
            return []
        return [pk for (pk,) in fetch(_WITH_DEPENDENTS_DUE, as_of=as_of, id=agreement_id)]

    try:
        try:
            with transaction.atomic():
                return batches.refresh_with_dependents(claim(), as_of=as_of)
        except Exception as error:
            if not isolation.may_concern_one_row(error):
                raise
            reason = isolation.summary(error)
            log.warning("agreement refreshed in parts", agreement=agreement_id, error=reason)
        with transaction.atomic():
            return separate_refresh.refresh_with_dependents(claim(), as_of=as_of)
    except Exception as error:
        if not (isolation.may_concern_one_row(error) or is_contention(error)):
            raise
        reason = isolation.summary(error)
        log.exception("agreement not refreshed", agreement=agreement_id, error=reason)
    return Refreshed()


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the garbage collector of cycles during a batch.

    A batch makes some hundred thousand values and no cycles. Searching them repeatedly would take
    a fifth of its time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


_AGREEMENTS_WITH_DEPENDENTS_DUE = """
    SELECT DISTINCT agreement_id FROM compliance_deadline
    WHERE next_check_at <= %(as_of)s AND has_dependents
"""

_CLAIM_AGREEMENT = """
    SELECT id FROM compliance_agreement WHERE id = %(id)s FOR NO KEY UPDATE SKIP LOCKED
"""

_WITH_DEPENDENTS_DUE = """
    SELECT id FROM compliance_deadline
    WHERE agreement_id = %(id)s AND next_check_at <= %(as_of)s AND has_dependents
"""
