"""Corrections: what agreements, obligations and deadlines said before they were corrected."""

from __future__ import annotations

from django.db import models

from compliance.models.agreements.agreements import Agreement
from compliance.models.agreements.obligations import Obligation
from compliance.models.append_only import append_only_but_purgeable
from compliance.models.deadlines.deadlines import Deadline


class Correction(models.Model):
    """The terms that an agreement, obligation or deadline had until `recorded_at`.

    A row that was never corrected has none. What was known at an instant is the `before` of the
    first correction recorded later, and without one the row itself. `before` has the fields of the
    API, or the columns of a deadline.
    """

    agreement = models.ForeignKey(
        Agreement, null=True, on_delete=models.CASCADE, related_name="corrections", db_index=False
    )
    obligation = models.ForeignKey(
        Obligation, null=True, on_delete=models.CASCADE, related_name="corrections", db_index=False
    )
    deadline = models.ForeignKey(
        Deadline, null=True, on_delete=models.CASCADE, related_name="corrections", db_index=False
    )
    recorded_at = models.DateTimeField()
    before = models.JSONField()

    class Meta:
        ordering = ("id",)
        triggers = append_only_but_purgeable()
        constraints = (
            models.CheckConstraint(
                name="correction_of_one_thing",
                condition=models.Q(
                    agreement__isnull=False, obligation__isnull=True, deadline__isnull=True
                )
                | models.Q(agreement__isnull=True, obligation__isnull=False, deadline__isnull=True)
                | models.Q(agreement__isnull=True, obligation__isnull=True, deadline__isnull=False),
            ),
        )
        indexes = tuple(
            # Read by every answer as known at an instant.
            models.Index(
                fields=[name, "recorded_at", "id"],
                name=f"correction_of_{name}",
                condition=models.Q(**{f"{name}__isnull": False}),
            )
            for name in ("agreement", "obligation", "deadline")
        )

    def __str__(self) -> str:
        return f"corrected {self.recorded_at:%Y-%m-%d %H:%M}Z"
