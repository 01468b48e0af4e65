"""Let time pass: refresh every deadline that is due for a check.

A deadline that cannot be refreshed, in Python or in the database, is quarantined with its error
and delays no other. The sweep can run as often as you like, in as many workers as you like.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator
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
from compliance.operations.deadlines.batches import PASSING, Refreshed
from compliance.operations.deadlines.deadline_rows import QUARANTINED_FOR

log = structlog.get_logger(__name__)

# Deadlines of which the database refuses every change, even the error, and until when this process
# leaves them out: to find them again in every sweep would cost a batch many attempts. The alert
# audit reports them.
_refused: dict[int, datetime] = {}

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
    for pk in [pk for pk, until in _refused.items() if until <= as_of]:
        del _refused[pk]
    left_out = [*_refused]
    while True:
        with _collector_paused():
            refreshed, is_last = _refresh_batch(as_of=as_of, limit=batch, left_out=left_out)
        total.add(refreshed)
        left_out += refreshed.refused
        if is_last:
            break
    for (agreement_id,) in fetch(_AGREEMENTS_WITH_DEPENDENTS_DUE, as_of=as_of, left_out=left_out):
        total.add(_refresh_agreement(agreement_id, as_of=as_of, left_out=left_out))
    _refused.update(dict.fromkeys(total.refused, as_of + QUARANTINED_FOR))
    record.counts = SweepCounts(
        refreshed=total.deadlines, breaches=total.breaches, quarantined=total.quarantined
    )
    record.ended_at = timezone.now()
    record.save()
    return record


def _refresh_batch(
    *, as_of: datetime, limit: int, left_out: Collection[int]
) -> tuple[Refreshed, bool]:
    """Refresh the deadlines that are due first and that no other depends on.

    Returns what was done, and whether nothing more can be done.
    """
    try:
        refreshed = batches.refresh_due(as_of=as_of, limit=limit, left_out=left_out)
    except Exception as error:
        if not isolation.may_concern_one_row(error):
            raise
        log.warning("batch refreshed in parts", error=isolation.summary(error))
    else:
        return refreshed, refreshed.deadlines + refreshed.quarantined < limit
    with transaction.atomic():
        ids = deadline_rows.claim_due_ids(as_of=as_of, limit=limit, left_out=left_out)
        return separate_refresh.refresh(ids, as_of=as_of), len(ids) < limit


def _refresh_agreement(
    agreement_id: int, *, as_of: datetime, left_out: Collection[int]
) -> Refreshed:
    """Refresh the due deadlines of an agreement that others depend on, and those others.

    Rules that could not be resolved are tried again first.

    An agreement that another worker holds is left to it, and one that fails to the next sweep.
    """

    def claim() -> list[int]:
        if not fetch(_CLAIM_AGREEMENT, id=agreement_id):
            return []
        rows = fetch(_WITH_DEPENDENTS_DUE, as_of=as_of, id=agreement_id, left_out=left_out)
        return [pk for (pk,) in rows]

    try:
        try:
            with transaction.atomic():
                return batches.refresh_with_dependents(claim(), as_of=as_of, manner=PASSING)
        except Exception as error:
            if not isolation.may_concern_one_row(error):
                raise
            reason = isolation.summary(error)
            log.warning("agreement refreshed in parts", agreement=agreement_id, error=reason)
        with transaction.atomic():
            return separate_refresh.refresh_with_dependents(claim(), as_of=as_of, manner=PASSING)
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
    WHERE next_check_at <= %(as_of)s AND has_dependents AND id <> ALL(%(left_out)s::bigint[])
    UNION
    SELECT agreement_id FROM compliance_deadline
    WHERE next_check_at <= %(as_of)s AND quarantine_error <> '' AND data_version = ''
      AND id <> ALL(%(left_out)s::bigint[])
"""

_CLAIM_AGREEMENT = """
    SELECT id FROM compliance_agreement WHERE id = %(id)s FOR NO KEY UPDATE SKIP LOCKED
"""

_WITH_DEPENDENTS_DUE = """
    SELECT id FROM compliance_deadline
    WHERE agreement_id = %(id)s AND next_check_at <= %(as_of)s
      AND (has_dependents OR (quarantine_error <> '' AND data_version = ''))
      AND id <> ALL(%(left_out)s::bigint[])
"""
