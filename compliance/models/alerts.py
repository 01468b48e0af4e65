"""The outbox: who wants to be told, what they are to be told, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.db import models

from compliance.domain.vocabulary import AlertKind, AttemptOutcome, MessageState
from compliance.models.agreements import Agreement
from compliance.models.choices import choice_field, one_of
from compliance.models.deadlines import Deadline
from compliance.models.history import tracked


@tracked
class Subscription(models.Model):
    """An address that is told of missed deadlines: of one agreement, or of all."""

    email = models.EmailField()
    agreement = models.ForeignKey(
        Agreement, null=True, blank=True, on_delete=models.CASCADE, related_name="subscriptions"
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=["email", "agreement"], name="subscription_once", nulls_distinct=False
            ),
        )

    def __str__(self) -> str:
        return self.email


class MessageQuerySet(models.QuerySet["Message"]):
    """Row predicates of messages."""

    def deliverable(self, as_of: datetime) -> Self:
        """Which may be sent now: still waiting, their time come, and in nobody's hands."""
        return self.filter(state=MessageState.WAITING.value, next_attempt_at__lte=as_of)


class Message(models.Model):
    """One mail to one recipient about one agreement. Sent again, it is the same message."""

    recipient = models.EmailField()
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="messages", db_index=False
    )
    message_id = models.CharField(max_length=255, unique=True)
    state = choice_field(MessageState, default=MessageState.WAITING)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(
        help_text="Not before this. A claim moves it on by the length of the lease."
    )
    attempt_count = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Message]] = MessageQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (one_of("state", MessageState),)
        indexes = (
            # Read by delivery when it claims, and by the health page.
            models.Index(
                fields=["next_attempt_at"],
                name="message_waiting",
                condition=models.Q(state=MessageState.WAITING.value),
            ),
        )

    def __str__(self) -> str:
        return self.message_id


class AlertQuerySet(models.QuerySet["Alert"]):
    """Row predicates of alerts."""

    def unassigned(self) -> Self:
        """Which are in no message yet and are still true."""
        return self.filter(message__isnull=True, withdrawn_at__isnull=True)


class Alert(models.Model):
    """One thing to tell one recipient about one deadline."""

    deadline = models.ForeignKey(
        Deadline, on_delete=models.PROTECT, related_name="alerts", db_index=False
    )
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="alerts", db_index=False
    )
    kind = choice_field(AlertKind)
    occasion = models.DateTimeField(
        help_text="The instant at which the breach that it tells of occurred."
    )
    recipient = models.EmailField()
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    message = models.ForeignKey(Message, null=True, on_delete=models.PROTECT, related_name="alerts")

    objects: ClassVar[models.Manager[Alert]] = AlertQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            one_of("kind", AlertKind),
            # What makes an alert exist once, whoever finds the breach and however often.
            models.UniqueConstraint(
                fields=["deadline", "kind", "occasion", "recipient"], name="alert_once"
            ),
        )
        indexes = (
            # Read by delivery when it puts alerts into messages.
            models.Index(
                fields=["id"],
                name="alert_unassigned",
                condition=models.Q(message__isnull=True, withdrawn_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"


class DeliveryAttempt(models.Model):
    """One try at sending a message, and what the other side answered."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attempts")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    outcome = choice_field(AttemptOutcome)
    answer = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("id",)
        constraints = (one_of("outcome", AttemptOutcome),)

    def __str__(self) -> str:
        return f"{self.outcome} at {self.ended_at:%Y-%m-%d %H:%M:%S}Z"
