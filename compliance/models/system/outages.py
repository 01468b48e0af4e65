"""Outages of parts of the service."""

from __future__ import annotations

from django.db import models

from compliance.domain.phrases import label


class Outage(models.Model):
    """A period during which a part of the service did not work, and when it was reported."""

    part = models.CharField(max_length=32)
    began_at = models.DateTimeField()
    notified_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            # If several web processes see an outage, only one records and reports it.
            models.UniqueConstraint(
                fields=["part"],
                name="outage_once",
                condition=models.Q(ended_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{label(self.part).capitalize()} from {self.began_at:%Y-%m-%d %H:%M}Z"
