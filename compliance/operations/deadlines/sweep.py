"""Let time pass: refresh every deadline that is due for a check.

It can run as often as you like, in as many workers as you like.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils import timezone

from compliance.models import SweepRun
from compliance.operations.deadlines import projection

# Each batch is locked for about 0.3 s. Smaller ones spend more of their time on commits.
BATCH = 5_000
KEEP_IDLE_RUNS = timedelta(days=2)


def run(*, as_of: datetime, batch: int = BATCH) -> SweepRun:
    """Refresh every deadline that is due for a check at `as_of`, and return the record of it.

    Each batch is one transaction. A sweep that is killed loses at most its current batch, which the
    next sweep repeats. Deadlines that another worker holds are left to that worker.
    """
    record = SweepRun.objects.create(as_of=as_of, started_at=timezone.now())
    total = projection.Refreshed()
    while True:
        with _collector_paused():
            refreshed = projection.refresh_due(as_of=as_of, limit=batch)
        total.add(refreshed)
        if refreshed.deadlines + refreshed.quarantined < batch:
            break
    total.add(projection.refresh_due_with_dependents(as_of=as_of))
    record.settled = total.deadlines
    record.breaches = total.breaches
    record.quarantined = total.quarantined
    record.ended_at = timezone.now()
    record.save()
    SweepRun.objects.filter(ended_at__lt=as_of - KEEP_IDLE_RUNS, settled=0, quarantined=0).delete()
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
