"""Who receives which alerts, and when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.utils import timezone as clock

from compliance.domain.vocabulary import (
    NotificationFrequency,
    Severity,
)
from compliance.models.agreements.agreements import Agreement
from compliance.models.agreements.parties import Party
from compliance.models.alerts.entitlements import may_receive
from compliance.models.alerts.recipients import one_recipient, recipient_key
from compliance.models.alerts.webhooks import Webhook
from compliance.models.choices import choice_field, one_of
from compliance.models.history import tracked
from compliance.models.people.teams import Team


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """Row predicates for subscriptions. `followers` defines who follows an alert."""

    def active(self) -> Self:
        """Subscriptions that receive alerts."""
        return self.filter(is_active=True)

    def concerning(self, agreement: int | models.OuterRef) -> Self:
        """Subscriptions to an agreement, or to all agreements."""
        return self.filter(models.Q(agreement__isnull=True) | models.Q(agreement=agreement))

    def of_owner(self, user_id: int | None) -> Self:
        """Subscriptions of this user; all of them for None."""
        return self if user_id is None else self.filter(owner=user_id)

    def receivable(self) -> Self:
        """Those whose recipients may see the agreement to which they are limited, if any."""
        return self.filter(
            models.Q(agreement__isnull=True) | models.Q(pk__in=RawSQL(_RECEIVABLE, ()))  # noqa: S611  no parameters
        )

    def of_recipients(self, recipients: Iterable[str]) -> Self:
        """Subscriptions of these recipients."""
        return self.filter(recipient__in=list(recipients))


_RECEIVABLE = f"""
    SELECT s.id FROM compliance_subscription AS s
    JOIN compliance_agreement AS g ON g.id = s.agreement_id WHERE {may_receive("s", "g")}
"""


@tracked
class Subscription(models.Model):
    """A recipient (an email address or a webhook), what it follows, and when it is notified.

    It follows deadlines that match all of agreement, party, tag, severity and
    responsible. An empty field matches everything.

    It has an owner, and reports only what the owner may see when a message is sent. The owner of a
    subscription of an account is that account.
    """

    email = models.EmailField(blank=True)
    webhook = models.ForeignKey(
        Webhook, null=True, blank=True, on_delete=models.PROTECT, related_name="subscriptions"
    )
    recipient = recipient_key()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="subscriptions",
        help_text="Without one, it reports only agreements that everyone sees.",
    )
    agreement = models.ForeignKey(
        Agreement, null=True, blank=True, on_delete=models.CASCADE, related_name="subscriptions"
    )
    party = models.ForeignKey(
        Party, null=True, blank=True, on_delete=models.CASCADE, related_name="subscriptions"
    )
    tag = models.CharField(max_length=64, blank=True, default="", db_default="")
    min_severity = choice_field(Severity, default=Severity.LOW, db_default=Severity.LOW)
    is_mine = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Only obligations for which the recipient, or a team of theirs, is responsible.",
    )
    responsible_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Only obligations for which this user is responsible.",
    )
    responsible_team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Only obligations for which this team is responsible.",
    )
    kinds = ArrayField(
        models.CharField(max_length=32),
        default=list,
        db_default=[],
        blank=True,
        help_text="The kinds of alert to send. Empty: all kinds.",
    )
    from_escalation = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="0: notified immediately. 1: only from the first escalation on, and so on.",
    )
    frequency = choice_field(
        NotificationFrequency,
        default=NotificationFrequency.IMMEDIATE,
        db_default=NotificationFrequency.IMMEDIATE,
    )
    digest_hour = models.PositiveSmallIntegerField(default=8, db_default=8)
    digest_weekday = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="The weekday of a weekly digest; 0 is Monday."
    )
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    timezone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    is_active = models.BooleanField(default=True)
    since = models.DateTimeField(
        default=clock.now,
        db_default=Now(),
        help_text="Breaches found before this are not reported.",
    )
    refused_at = models.DateTimeField(
        null=True, blank=True, help_text="When mail to this address was last permanently refused."
    )
    refusal = models.TextField(blank=True, default="", db_default="")

    objects: ClassVar[models.Manager[Subscription]] = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            one_of("min_severity", Severity),
            one_of("frequency", NotificationFrequency),
            models.UniqueConstraint(
                fields=[
                    "email",
                    "webhook",
                    "agreement",
                    "party",
                    "tag",
                    "min_severity",
                    "is_mine",
                    "responsible_user",
                    "responsible_team",
                    "from_escalation",
                ],
                name="subscription_only_once",
                nulls_distinct=False,
            ),
            one_recipient("subscription"),
            models.CheckConstraint(
                name="subscription_of_one_responsible",
                condition=models.Q(responsible_user__isnull=True, responsible_team__isnull=True)
                | models.Q(is_mine=False, responsible_team__isnull=True)
                | models.Q(is_mine=False, responsible_user__isnull=True),
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
        indexes = (
            # Read by delivery, to decide what each recipient may receive.
            models.Index(fields=["recipient"], name="subscription_recipient"),
        )

    def __str__(self) -> str:
        return self.email or str(self.webhook)

    @property
    def follows(self) -> str:
        """A short description of what it follows."""
        parts = [
            str(self.agreement or "all agreements"),
            str(self.party) if self.party else "",
            f"tag {self.tag}" if self.tag else "",
            f"{self.min_severity} severity and up" if self.min_severity != "low" else "",
            f"only what {whose} is responsible for" if (whose := self._responsible) else "",
        ]
        return ", ".join(part for part in parts if part)

    @property
    def _responsible(self) -> str:
        if self.is_mine:
            return "the recipient"
        return self.responsible or ""

    @property
    def responsible(self) -> str | None:
        """Whose obligations it follows: `me` (the recipient), a user, a team, or None for all."""
        if self.is_mine:
            return "me"
        if self.responsible_team is not None:
            return f"team:{self.responsible_team.slug}"
        return None if self.responsible_user is None else self.responsible_user.email
