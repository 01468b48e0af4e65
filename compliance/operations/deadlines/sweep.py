"""Let time pass: refresh every deadline that is due for a check.

It can run as often as you like, in as many workers as you like.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils import timezone

from compliance.domain.vocabulary import JobKind
from compliance.models import JobRun
from compliance.models.system.jobs import SweepCounts
from compliance.operations.deadlines import projection

# Each batch is locked for about 0.3 s. Smaller ones spend more of their time on commits.
BATCH = 5_000
KEEP_IDLE_RUNS = timedelta(days=2)


def run(*, as_of: datetime, batch: int = BATCH) -> JobRun:
    """Refresh every deadline that is due for a check at `as_of`, and return the record of it.

    Each batch is one transaction. A sweep that is killed loses at most its current batch, which the
    next sweep repeats. Deadlines that another worker holds are left to that worker.
    """
    record = JobRun.objects.create(kind=JobKind.SWEEP.value, as_of=as_of, started_at=timezone.now())
    total = projection.Refreshed()
    while True:
        with _collector_paused():
            refreshed = projection.refresh_due(as_of=as_of, limit=batch)
        total.add(refreshed)
        if refreshed.deadlines + refreshed.quarantined < batch:
            break
    total.add(projection.refresh_due_with_dependents(as_of=as_of))
    record.counts = SweepCounts(
        refreshed=total.deadlines, breaches=total.breaches, quarantined=total.quarantined
    )
    record.ended_at = timezone.now()
    record.save()
    finished = JobRun.objects.finished(JobKind.SWEEP)
    idle = finished.filter(counts__refreshed=0, counts__quarantined=0)
    idle.filter(ended_at__lt=as_of - KEEP_IDLE_RUNS).delete()
    return record


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
