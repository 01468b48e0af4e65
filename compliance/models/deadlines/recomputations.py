"""Recomputations of due dates, and the due dates that they moved."""

from __future__ import annotations

from django.db import models

from compliance.models.deadlines.deadlines import Deadline


class Recomputation(models.Model):
    """One recomputation of open deadlines, and its results."""

    as_of = models.DateTimeField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    data_version = models.CharField(max_length=100)
    horizon = models.DateField(help_text="The day up to which recurring deadlines are created.")
    examined = models.PositiveIntegerField(default=0)
    moved = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.moved} of {self.examined} moved with {self.data_version}"


class Move(models.Model):
    """A due date that a recomputation moved, or could not compute."""

    recomputation = models.ForeignKey(Recomputation, on_delete=models.CASCADE, related_name="moves")
    deadline = models.ForeignKey(Deadline, on_delete=models.PROTECT, related_name="+")
    from_due_at = models.DateTimeField(null=True)
    to_due_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.from_due_at} to {self.to_due_at}"
