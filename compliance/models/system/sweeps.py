"""Runs of the sweep."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models

# The longest time an alert waits for a sweep to end: longer than a sweep takes to create half a
# million alerts on a busy machine. After a kill, the next sweep soon makes up for the lost one.
WAITED_FOR = timedelta(minutes=2)


class SweepRunQuerySet(models.QuerySet["SweepRun"]):
    """Row predicates for sweep runs."""

    def under_way(self, as_of: datetime) -> Self:
        """Runs that have not ended at `as_of`.

        A run that began long ago was killed or is huge, and nothing waits for it.
        """
        return self.filter(ended_at__isnull=True, as_of__gt=as_of - WAITED_FOR, as_of__lte=as_of)


class SweepRun(models.Model):
    """One run of the sweep: when it ran, how much it refreshed and how much it quarantined."""

    as_of = models.DateTimeField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    settled = models.PositiveIntegerField(default=0)
    breaches = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)

    objects: ClassVar[models.Manager[SweepRun]] = SweepRunQuerySet.as_manager()

    class Meta:
        ordering = ("-started_at",)
        indexes = (
            # Read by the readiness check (the last run), by the removal of old runs, and by
            # delivery (the current runs).
            models.Index(fields=["-ended_at"], name="sweeprun_newest"),
        )

    def __str__(self) -> str:
        return f"Sweep of {self.started_at:%Y-%m-%d %H:%M:%S}Z"
