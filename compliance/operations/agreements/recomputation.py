"""Recompute milestones that follow from others, and then the deadlines of all agreements.

When the data of zones or holidays or a custom calendar changes, the dates that rules give to
milestones change too, and with them the deadlines that count from these.
"""

from __future__ import annotations

from datetime import datetime

import structlog
from django.db import transaction

from compliance.domain.problems import Invalid
from compliance.models import Agreement, Deadline, JobRun
from compliance.models.locks import lock_agreement
from compliance.operations.agreements import milestones
from compliance.operations.deadlines import recomputation

log = structlog.get_logger(__name__)


def run(*, as_of: datetime, batch: int = recomputation.BATCH) -> JobRun | None:
    """Recompute everything that is outdated by `as_of`; return None if nothing is.

    A milestone whose rule can no longer be resolved keeps its date.
    """
    if not recomputation.is_due(as_of=as_of):
        return None
    ruled = Agreement.objects.filter(milestones__due__isnull=False).distinct().order_by("pk")
    for pk in ruled.values_list("pk", flat=True):
        try:
            _date_again(pk, as_of=as_of)
        except Invalid as error:
            log.error("milestones not recomputed", agreement=pk, error=str(error))
    return recomputation.run(as_of=as_of, batch=batch)


@transaction.atomic
def _date_again(pk: int, *, as_of: datetime) -> None:
    agreement = lock_agreement(pk)
    moved = milestones.date_again(agreement=agreement, as_of=as_of)
    if moved:
        log.warning("milestones moved", agreement=pk, refs=sorted(moved))
        # The deadlines that count from them are recomputed with those that use the data.
        Deadline.objects.filter(
            obligation__dependencies__milestone__ref__in=moved, agreement=agreement
        ).update(data_version="")
