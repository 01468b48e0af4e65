"""The outbox: who wants to be told, what they are to be told, and what became of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone as clock

from compliance.domain.vocabulary import (
    AlertKind,
    AttemptOutcome,
    MessageState,
    Reason,
    Rhythm,
    Severity,
    WebhookKind,
)
from compliance.models.agreements.agreements import Agreement, Party
from compliance.models.choices import choice_field, one_of
from compliance.models.deadlines.deadlines import WAITED_FOR, Deadline
from compliance.models.history import tracked


class Webhook(models.Model):
    """A web address that can be told of alerts: a receiver of webhooks, or a chat.

    Not tracked: its history would keep secrets that were rotated away.
    """

    name = models.CharField(max_length=200, unique=True)
    kind = choice_field(WebhookKind, default=WebhookKind.STANDARD)
    url = models.CharField(max_length=2000, help_text="Of a chat, it holds a secret.")
    secret = models.CharField(max_length=100, blank=True, default="")
    former_secret = models.CharField(
        max_length=100, blank=True, default="", help_text="Signs too, until `former_until`."
    )
    former_until = models.DateTimeField(null=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("name",)
        constraints = (one_of("kind", WebhookKind),)

    def __str__(self) -> str:
        return self.name


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """Row predicates of subscriptions. Who follows an alert is in `followers`."""

    def active(self) -> Self:
        """Which receive anything at all."""
        return self.filter(is_active=True)

    def concerning(self, agreement: int | models.OuterRef) -> Self:
        """Which are about an agreement, alone or among all."""
        return self.filter(models.Q(agreement__isnull=True) | models.Q(agreement=agreement))


@tracked
class Subscription(models.Model):
    """Who is told of what, and when: an address, or a webhook.

    What it names narrows it: it follows what fits all of agreement, party, tag, severity and
    owner, and everything if it names none.
    """

    email = models.EmailField(blank=True)
    webhook = models.ForeignKey(
        Webhook, null=True, blank=True, on_delete=models.PROTECT, related_name="subscriptions"
    )
    agreement = models.ForeignKey(
        Agreement, null=True, blank=True, on_delete=models.CASCADE, related_name="subscriptions"
    )
    party = models.ForeignKey(
        Party, null=True, blank=True, on_delete=models.CASCADE, related_name="subscriptions"
    )
    tag = models.CharField(max_length=64, blank=True, default="", db_default="")
    min_severity = choice_field(Severity, default=Severity.LOW, db_default=Severity.LOW)
    is_owner = models.BooleanField(
        default=False, db_default=False, help_text="Only obligations that this address owns."
    )
    kinds = ArrayField(
        models.CharField(max_length=32),
        default=list,
        db_default=[],
        blank=True,
        help_text="Which kinds of alert; all, if none is named.",
    )
    from_escalation = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="0: told from the start. 1: only from the first escalation on, and so forth.",
    )
    rhythm = choice_field(Rhythm, default=Rhythm.AT_ONCE, db_default=Rhythm.AT_ONCE)
    digest_hour = models.PositiveSmallIntegerField(default=8, db_default=8)
    digest_weekday = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Of a weekly digest; 0 is Monday."
    )
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    timezone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    is_active = models.BooleanField(default=True)
    since = models.DateTimeField(
        default=clock.now,
        db_default=Now(),
        help_text="What was found before it is not its concern.",
    )
    refused_at = models.DateTimeField(
        null=True, blank=True, help_text="When a mail to this address was last refused for good."
    )
    refusal = models.TextField(blank=True, default="", db_default="")

    objects: ClassVar[models.Manager[Subscription]] = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            one_of("min_severity", Severity),
            one_of("rhythm", Rhythm),
            models.UniqueConstraint(
                fields=[
                    "email",
                    "webhook",
                    "agreement",
                    "party",
                    "tag",
                    "min_severity",
                    "is_owner",
                    "from_escalation",
                ],
                name="subscription_only_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="subscription_of_one_recipient",
                condition=models.Q(webhook__isnull=True) ^ models.Q(email=""),
            ),
            models.CheckConstraint(
                name="subscription_hours",
                condition=models.Q(digest_hour__lte=23, digest_weekday__lte=6),
            ),
            models.CheckConstraint(
                name="subscription_quiet_whole",
                condition=models.Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.email or str(self.webhook)

    @property
    def recipient(self) -> str:
        """How its alerts and messages name it: an address, or `webhook:` and a number."""
        return self.email or f"webhook:{self.webhook_id}"

    @property
    def follows(self) -> str:
        """What it follows, in words."""
        parts = [
            str(self.agreement or "all agreements"),
            str(self.party) if self.party else "",
            f"tag {self.tag}" if self.tag else "",
            f"{self.min_severity} severity and up" if self.min_severity != "low" else "",
            "only what this address owns" if self.is_owner else "",
        ]
        return ", ".join(part for part in parts if part)


# Whoever ends a silence sets what it held back to the hours of its recipients.
ENDED_WITHIN = timedelta(minutes=1)


class SilenceQuerySet(models.QuerySet["Silence"]):
    """Row predicates of silences."""

    def in_force(self, as_of: datetime) -> Self:
        """Which hold alerts back at `as_of`: until they are ended, or should nobody do that in
        time, for a little longer than they were to last."""
        return self.filter(ended_at__isnull=True, until_at__gt=as_of - ENDED_WITHIN)


@tracked
class Silence(models.Model):
    """Holds back alerts about an agreement, or one deadline of it, until it ends. None is lost."""

    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="silences", db_index=False
    )
    deadline = models.ForeignKey(
        Deadline, null=True, blank=True, on_delete=models.PROTECT, related_name="silences",
        db_index=False,
    )  # fmt: skip
    until_at = models.DateTimeField()
    reason = models.CharField(max_length=1000)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Silence]] = SilenceQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = (
            # Read by delivery when it forms messages, and by what ends them.
            models.Index(
                fields=["agreement"],
                name="silence_open",
                condition=models.Q(ended_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"Silence until {self.until_at:%Y-%m-%d %H:%M}Z"


class MessageQuerySet(models.QuerySet["Message"]):
    """Row predicates of messages."""

    def deliverable(self, as_of: datetime) -> Self:
        """Which may be sent now: still waiting, their time come, and in nobody's hands."""
        return self.filter(state=MessageState.WAITING.value, next_attempt_at__lte=as_of)


class Message(models.Model):
    """One mail, or call of a webhook, to one recipient. Sent again, it is the same message.

    It is about one agreement; a digest, without `agreement`, about any number.
    """

    recipient = models.EmailField()
    agreement = models.ForeignKey(
        Agreement, null=True, on_delete=models.PROTECT, related_name="messages", db_index=False
    )
    webhook = models.ForeignKey(
        Webhook, null=True, on_delete=models.PROTECT, related_name="messages"
    )
    message_id = models.CharField(max_length=255, unique=True)
    state = choice_field(MessageState, default=MessageState.WAITING)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(
        help_text="Not before this. A claim moves it on by the length of the lease."
    )
    attempt_count = models.PositiveIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True, help_text="When it was last taken up to be sent.")
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
            # Read by delivery, to count what each channel has been given in the last minute.
            models.Index(fields=["claimed_at"], name="message_claimed"),
        )

    def __str__(self) -> str:
        return self.message_id


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
