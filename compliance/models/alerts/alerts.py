"""Alerts: the outbox from which messages are formed."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone as clock

from compliance.domain.phrases import label
from compliance.domain.vocabulary import (
    AlertKind,
    Reason,
)
from compliance.models.agreements.agreements import Agreement
from compliance.models.alerts.messages import Message
from compliance.models.alerts.recipients import one_recipient, recipient_key
from compliance.models.alerts.silences import Silence
from compliance.models.alerts.webhooks import Webhook
from compliance.models.choices import choice_field, one_of
from compliance.models.deadlines.deadlines import Deadline
from compliance.models.system.jobs import WAITED_FOR


class AlertQuerySet(models.QuerySet["Alert"]):
    """Row predicates for alerts."""

    def unassigned(self) -> Self:
        """Alerts that are not in a message yet and have not been withdrawn."""
        return self.filter(message__isnull=True, withdrawn_at__isnull=True)

    def releasable(self, as_of: datetime) -> Self:
        """Unassigned alerts that may be sent now: they are due, and nothing holds them back.

        A silence holds alerts back, and so does the archiving of an agreement. A running sweep that
        will add more alerts does so for at most `WAITED_FOR`: all batches of a burst then become
        one message. Digests collect alerts for hours anyway and do not wait for a sweep.
        """
        silences = Silence.objects.in_force(as_of).filter(
            models.Q(deadline__isnull=True) | models.Q(deadline=models.OuterRef("deadline")),
            agreement=models.OuterRef("agreement"),
        )
        being_swept = Deadline.objects.being_swept(as_of).order_by().values("agreement").distinct()
        return self.unassigned().filter(
            ~models.Exists(silences),
            ~models.Q(agreement__in=Agreement.objects.archived()),
            models.Q(is_digest=True)
            | models.Q(created_at__lte=as_of - WAITED_FOR)
            | ~models.Q(agreement__in=being_swept),
            not_before__lte=as_of,
        )


class Alert(models.Model):
    """One notification for one recipient about one deadline."""

    # One composite key, `alert_same_agreement`, enforces both and is checked once per row.
    deadline = models.ForeignKey(
        Deadline, on_delete=models.PROTECT, related_name="alerts", db_index=False,
        db_constraint=False,
    )  # fmt: skip
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="alerts", db_index=False,
        db_constraint=False,
    )  # fmt: skip
    kind = choice_field(AlertKind)
    occasion = models.DateTimeField(help_text="The instant of the event. Part of the unique key.")
    breach_at = models.DateTimeField(
        null=True, help_text="When the breach that it reports occurred."
    )
    due_at = models.DateTimeField(
        null=True, help_text="The due date of a reminder, or the due date before a change."
    )
    reason = choice_field(Reason, null=True)
    level = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="The escalation step that was reached."
    )
    email = models.EmailField(blank=True, default="", db_default="")
    webhook = models.ForeignKey(
        Webhook, null=True, on_delete=models.PROTECT, related_name="alerts", db_index=False
    )
    recipient = recipient_key()
    created_at = models.DateTimeField()
    not_before = models.DateTimeField(
        default=clock.now,
        db_default=Now(),
        help_text="The recipient's next digest, or the end of their quiet hours.",
    )
    is_digest = models.BooleanField(default=False, db_default=False)
    predates_entry = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The breach began before its deadline was entered: part of a summary.",
    )
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
            one_recipient("alert"),
            # An alert exists once, regardless of how many workers detect the breach, and how often.
            models.UniqueConstraint(
                fields=["deadline", "kind", "occasion", "recipient"], name="alert_once"
            ),
        )
        indexes = (
            # Read by delivery when it forms messages.
            models.Index(
                fields=["not_before", "id"],
                name="alert_releasable",
                condition=models.Q(message__isnull=True, withdrawn_at__isnull=True),
            ),
            # Read by delivery when it claims and renders messages.
            models.Index(
                fields=["message"],
                name="alert_in_message",
                condition=models.Q(message__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{label(self.kind).capitalize()}, to {self.recipient}"
