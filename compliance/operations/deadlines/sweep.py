"""Time passing: flags what fell due. Run as often as you like, by as many workers as you like."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils import timezone

from compliance.models import SweepRun
from compliance.operations.deadlines import projection as course

BATCH = 2_000
KEEP_IDLE_RUNS = timedelta(days=2)


def run(*, as_of: datetime, batch: int = BATCH) -> SweepRun:
    """Settle every deadline for which something fell due by `as_of`; leave a `SweepRun`.

    Each batch is one transaction, so a sweep that is killed loses at most the batch at hand,
    and the next one does it again. Deadlines that another worker holds are left to it.
    """
    record = SweepRun.objects.create(as_of=as_of, started_at=timezone.now())
    while True:
        with _collector_paused():
            settled = course.settle_due(as_of=as_of, limit=batch)
        record.settled += settled.deadlines
        record.breaches += settled.breaches
        record.set_aside += settled.set_aside
        if settled.deadlines + settled.set_aside < batch:
            break
    settled = course.settle_sources_due(as_of=as_of)
    record.settled += settled.deadlines
    record.breaches += settled.breaches
    record.set_aside += settled.set_aside
    record.ended_at = timezone.now()
    record.save()
    SweepRun.objects.filter(ended_at__lt=as_of - KEEP_IDLE_RUNS, settled=0, set_aside=0).delete()
    return record


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the collector of cycles out of a batch.

    A batch makes some hundred thousand values and no cycle among them; walking them again and
    again to find none takes a fifth of its time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
