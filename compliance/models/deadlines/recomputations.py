"""The due dates that recomputations moved or could not compute."""

from __future__ import annotations

from django.db import models

from compliance.models.deadlines.deadlines import Deadline
from compliance.models.system.jobs import JobRun


class RecomputedDeadline(models.Model):
    """A deadline whose due date a recomputation moved, or could not compute.

    If it could not be computed, it stays as it was and `problem` states why.
    """

    run = models.ForeignKey(JobRun, on_delete=models.CASCADE, related_name="recomputed_deadlines")
    deadline = models.ForeignKey(Deadline, on_delete=models.PROTECT, related_name="+")
    from_due_at = models.DateTimeField(null=True)
    to_due_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.from_due_at} to {self.to_due_at}"
