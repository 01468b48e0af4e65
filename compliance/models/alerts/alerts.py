"""Alerts: the outbox from which messages are formed."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone as clock

from compliance.domain.vocabulary import (
    AlertKind,
    Reason,
)
from compliance.models.agreements.agreements import Agreement
from compliance.models.alerts.messages import Message
from compliance.models.alerts.silences import Silence
from compliance.models.choices import choice_field, one_of
from compliance.models.deadlines.deadlines import Deadline
from compliance.models.system.sweeps import WAITED_FOR


class AlertQuerySet(models.QuerySet["Alert"]):
    """Row predicates of alerts."""

    def unassigned(self) -> Self:
        """Which are in no message yet and are still true."""
        return self.filter(message__isnull=True, withdrawn_at__isnull=True)

    def releasable(self, as_of: datetime) -> Self:
        """Which of those may be told now: their hour has come, and nothing holds them back.

        A silence does, and for `WAITED_FOR` at most a sweep that is about to make more of them: a
        burst is to be one message, however many batches it was found in. A digest has gathered
        long before it is told, and waits for none.
        """
        silences = Silence.objects.in_force(as_of).filter(
            models.Q(deadline__isnull=True) | models.Q(deadline=models.OuterRef("deadline")),
            agreement=models.OuterRef("agreement"),
        )
        being_swept = Deadline.objects.being_swept(as_of).order_by().values("agreement").distinct()
        return self.unassigned().filter(
            ~models.Exists(silences),
            models.Q(is_digest=True)
            | models.Q(created_at__lte=as_of - WAITED_FOR)
            | ~models.Q(agreement__in=being_swept),
            not_before__lte=as_of,
        )


class Alert(models.Model):
    """One thing to tell one recipient about one deadline."""

    # Both are kept by one composite key, `alert_same_agreement`, which is checked once a row.
    deadline = models.ForeignKey(
        Deadline, on_delete=models.PROTECT, related_name="alerts", db_index=False,
        db_constraint=False,
    )  # fmt: skip
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="alerts", db_index=False,
        db_constraint=False,
    )  # fmt: skip
    kind = choice_field(AlertKind)
    occasion = models.DateTimeField(help_text="The instant that makes it one of a kind.")
    breach_at = models.DateTimeField(
        null=True, help_text="When the breach occurred that it tells of."
    )
    due_at = models.DateTimeField(
        null=True, help_text="The due instant of a reminder, or that before a change."
    )
    reason = choice_field(Reason, null=True)
    level = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How many rungs were climbed when it was made."
    )
    recipient = models.EmailField(help_text="An address, or webhook: and its number.")
    created_at = models.DateTimeField()
    not_before = models.DateTimeField(
        default=clock.now,
        db_default=Now(),
        help_text="Its recipient's next digest, or the end of their quiet hours.",
    )
    is_digest = models.BooleanField(default=False, db_default=False)
    withdrawn_at = models.DateTimeField(null=True)
    message = models.ForeignKey(
        Message, null=True, on_delete=models.PROTECT, related_name="alerts", db_index=False
    )

    objects: ClassVar[models.Manager[Alert]] = AlertQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            one_of("kind", AlertKind),
            one_of("reason", Reason),
            # What makes an alert exist once, whoever finds the breach and however often.
            models.UniqueConstraint(
                fields=["deadline", "kind", "occasion", "recipient"], name="alert_once"
            ),
        )
        indexes = (
            # Read by delivery when it puts alerts into messages.
            models.Index(
                fields=["not_before", "id"],
                name="alert_releasable",
                condition=models.Q(message__isnull=True, withdrawn_at__isnull=True),
            ),
            # Read by delivery when it claims messages and reads what they tell.
            models.Index(
                fields=["message"],
                name="alert_in_message",
                condition=models.Q(message__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"
