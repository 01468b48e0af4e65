"""Messages to recipients, and every attempt to deliver them."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.db import models

from compliance.domain.vocabulary import (
    AttemptOutcome,
    MessageState,
)
from compliance.models.agreements.agreements import Agreement
from compliance.models.alerts.recipients import one_recipient, recipient_key
from compliance.models.alerts.webhooks import Webhook
from compliance.models.append_only import never_truncated
from compliance.models.choices import choice_field, one_of


class MessageQuerySet(models.QuerySet["Message"]):
    """Row predicates for messages."""

    def deliverable(self, as_of: datetime) -> Self:
        """Messages that may be sent now: waiting, due, and not leased to a worker."""
        return self.filter(state=MessageState.WAITING.value, next_attempt_at__lte=as_of)


class Message(models.Model):
    """One email or webhook call to one recipient. A retry sends the same message.

    It covers one agreement. A digest or summary has no `agreement` and covers any number of them.
    """

    email = models.EmailField(blank=True, default="", db_default="")
    webhook = models.ForeignKey(
        Webhook, null=True, on_delete=models.PROTECT, related_name="messages"
    )
    recipient = recipient_key()
    agreement = models.ForeignKey(
        Agreement, null=True, on_delete=models.PROTECT, related_name="messages", db_index=False
    )
    is_summary = models.BooleanField(
        default=False,
        db_default=False,
        help_text="It reports breaches that began before their deadlines were entered.",
    )
    message_id = models.CharField(max_length=255, unique=True)
    state = choice_field(MessageState, default=MessageState.WAITING)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(
        help_text="Not sent before this. A claim moves it by the length of the lease."
    )
    attempt_count = models.PositiveIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True, help_text="When a worker last claimed it.")
    sent_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Message]] = MessageQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (one_of("state", MessageState), one_recipient("message"))
        indexes = (
            # Read by delivery when it claims messages, and by the readiness check.
            models.Index(
                fields=["next_attempt_at"],
                name="message_waiting",
                condition=models.Q(state=MessageState.WAITING.value),
            ),
            # Read by delivery, to count the messages of each channel in the last minute.
            models.Index(fields=["claimed_at"], name="message_claimed"),
        )

    def __str__(self) -> str:
        return self.message_id


class DeliveryAttempt(models.Model):
    """One attempt to send a message, and the answer of the receiving server."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attempts")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    outcome = choice_field(AttemptOutcome)
    answer = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("id",)
        constraints = (one_of("outcome", AttemptOutcome),)
        triggers = (never_truncated(),)

    def __str__(self) -> str:
        return f"{self.outcome} at {self.ended_at:%Y-%m-%d %H:%M:%S}Z"
