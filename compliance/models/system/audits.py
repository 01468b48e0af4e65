"""What watches over the watchman: audits of the alerts, and outages that were told."""

from __future__ import annotations

from django.db import models


class Audit(models.Model):
    """One check that every breach has its alerts, and every alert its end."""

    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    breaches = models.PositiveIntegerField(help_text="How many open breaches were looked at.")
    alerts = models.PositiveIntegerField(help_text="How many unfinished alerts were looked at.")
    problems = models.JSONField(default=list)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"Audit of {self.started_at:%Y-%m-%d %H:%M}Z"


class Outage(models.Model):
    """A time in which a part of the service did not do its work, and who was told of it when."""

    part = models.CharField(max_length=32)
    began_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            # Of several web processes that see the same outage one writes it, and tells.
            models.UniqueConstraint(
                fields=["part"],
                name="outage_once",
                condition=models.Q(ended_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.part} from {self.began_at:%Y-%m-%d %H:%M}Z"
