"""Breaches: intervals in which a deadline is unmet."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models

from compliance.domain.vocabulary import Announcement, BreachEnd
from compliance.models.choices import choice_field, one_of
from compliance.models.deadlines.deadlines import Deadline


class BreachQuerySet(models.QuerySet["Breach"]):
    """Row predicates for breaches."""

    def news(self) -> Self:
        """Breaches that are announced one by one, and not in a summary of what was entered."""
        return self.exclude(
            ~models.Q(deadline__announcement=Announcement.ALL.value),
            deadline__entered_at__isnull=False,
            occurred_at__lt=models.F("deadline__entered_at"),
        )


class Breach(models.Model):
    """An interval during which a deadline is unmet. It can end, but is never erased."""

    deadline = models.ForeignKey(
        Deadline, on_delete=models.PROTECT, related_name="breaches", db_index=False
    )
    occurred_at = models.DateTimeField()
    detected_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = choice_field(BreachEnd, null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    acknowledged_as = models.CharField(
        max_length=254,
        blank=True,
        default="",
        db_default="",
        help_text="Who acknowledged the breach.",
    )
    acknowledged_until = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Breach]] = BreachQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "breaches"
        ordering = ("-occurred_at", "-id")
        constraints = (
            one_of("end_reason", BreachEnd),
            # Also read by the projection, which loads the breaches of the deadlines it refreshes.
            models.UniqueConstraint(fields=["deadline", "occurred_at"], name="breach_once"),
            models.CheckConstraint(
                name="breach_ends_after_it_began",
                condition=models.Q(ended_at__isnull=True)
                | models.Q(ended_at__gte=models.F("occurred_at")),
            ),
            models.CheckConstraint(
                name="breach_end_has_reason",
                condition=models.Q(ended_at__isnull=True, end_reason__isnull=True)
                | models.Q(ended_at__isnull=False, end_reason__isnull=False),
            ),
            models.CheckConstraint(
                name="breach_acknowledged_whole",
                condition=models.Q(
                    acknowledged_at__isnull=True,
                    acknowledged_by__isnull=True,
                    acknowledged_as="",
                    acknowledged_until__isnull=True,
                )
                | models.Q(acknowledged_at__isnull=False, acknowledged_until__isnull=False)
                & ~models.Q(acknowledged_as=""),
            ),
        )
        indexes = (
            # Read by the breach list, newest or oldest first.
            models.Index(fields=["-occurred_at", "-id"], name="breach_newest"),
            # Read by the filter `is_acknowledged`.
            models.Index(
                fields=["deadline"],
                name="breach_acknowledged",
                condition=models.Q(acknowledged_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"Breach from {self.occurred_at:%Y-%m-%d %H:%M}Z"
