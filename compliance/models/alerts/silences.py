"""Periods during which alerts are held back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models

from compliance.models.agreements.agreements import Agreement
from compliance.models.deadlines.deadlines import Deadline
from compliance.models.history import tracked

# When a silence ends, the alerts that it held back are rescheduled to the delivery hours of each
# recipient. Until that has happened, the silence still holds them back, but no longer than this.
ENDED_WITHIN = timedelta(minutes=1)


class SilenceQuerySet(models.QuerySet["Silence"]):
    """Row predicates for silences."""

    def in_force(self, as_of: datetime) -> Self:
        """Silences that hold alerts back at `as_of`.

        They do so until a worker ends them, but at most `ENDED_WITHIN` after they expire.
        """
        return self.filter(ended_at__isnull=True, until_at__gt=as_of - ENDED_WITHIN)


@tracked
class Silence(models.Model):
    """A period that holds back alerts about an agreement or a deadline. No alert is lost."""

    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="silences", db_index=False
    )
    deadline = models.ForeignKey(
        Deadline, null=True, blank=True, on_delete=models.PROTECT, related_name="silences",
        db_index=False,
    )  # fmt: skip
    until_at = models.DateTimeField()
    reason = models.CharField(max_length=1000)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Silence]] = SilenceQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = (
            # Read by delivery when it forms messages, and by the job that ends silences.
            models.Index(
                fields=["agreement"],
                name="silence_open",
                condition=models.Q(ended_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"Silence until {self.until_at:%Y-%m-%d %H:%M}Z"
