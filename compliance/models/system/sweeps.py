"""Runs of the sweep."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models

# How long, at most, an alert waits for a sweep to end: longer than one takes that has half a
# million alerts to make on a busy machine. What was killed is made good by the next, soon after.
WAITED_FOR = timedelta(minutes=2)


class SweepRunQuerySet(models.QuerySet["SweepRun"]):
    """Row predicates of runs of the sweep."""

    def under_way(self, as_of: datetime) -> Self:
        """Which are not over at `as_of`. One that began long ago was killed, or is huge: nothing
        waits for it."""
        return self.filter(ended_at__isnull=True, as_of__gt=as_of - WAITED_FOR, as_of__lte=as_of)


class SweepRun(models.Model):
    """One run of the sweep: when, how much it settled, how much it had to set aside."""

    as_of = models.DateTimeField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    settled = models.PositiveIntegerField(default=0)
    breaches = models.PositiveIntegerField(default=0)
    set_aside = models.PositiveIntegerField(default=0)

    objects: ClassVar[models.Manager[SweepRun]] = SweepRunQuerySet.as_manager()

    class Meta:
        ordering = ("-started_at",)
        indexes = (
            # Read by the health page (the last run), by the clearing of old runs, and by
            # delivery (those under way).
            models.Index(fields=["-ended_at"], name="sweeprun_newest"),
        )

    def __str__(self) -> str:
        return f"Sweep of {self.started_at:%Y-%m-%d %H:%M:%S}Z"
