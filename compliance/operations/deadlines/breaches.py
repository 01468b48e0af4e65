"""Acknowledge breaches, which pauses their escalations."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models, transaction

from compliance.domain.alerts.drafts import AcknowledgementDraft
from compliance.domain.problems import refusal
from compliance.models import Alert, Breach, Subscription, User
from compliance.models.alerts.entitlements import receivable_agreements
from compliance.models.locks import lock_deadline, lock_deadlines
from compliance.operations.deadlines import projection

ACKNOWLEDGED_FOR = timedelta(days=7)
LONGEST = timedelta(days=90)


@transaction.atomic
def acknowledge(
    *, breach: Breach, draft: AcknowledgementDraft, by: User, as_of: datetime
) -> Breach:
    """Acknowledge a breach for a user. Escalations pause until `until_at`, then continue.

    Raises:
        Invalid: the breach has ended, or `until_at` is in the past or more than 90 days ahead.
    """
    deadline = breach.deadline
    lock_deadline(deadline.pk)
    breach = Breach.objects.get(pk=breach.pk)
    if breach.ended_at is not None:
        raise refusal("", "This breach has ended, so it cannot be acknowledged.")
    until = draft.until_at or as_of + ACKNOWLEDGED_FOR
    if not as_of < until <= as_of + LONGEST:
        sentence = f"Give an instant within the next {LONGEST.days} days."
        raise refusal("until_at", sentence)
    _acknowledge(breach, as_of=as_of, until=until, name=by.email, by=by)
    projection.refresh([deadline.pk], as_of=as_of)
    return breach


@transaction.atomic
def acknowledge_by_mail(
    *, message_id: int, deadline_id: int | None, as_of: datetime
) -> list[Breach]:
    """Acknowledge the open breaches that a message reported, for its recipient.

    Used by the signed link in the message. Breaches that are already acknowledged do not change.
    Later breaches of the same deadlines are not acknowledged.

    Args:
        message_id: the message.
        deadline_id: limits this to one deadline of the message.

    Returns:
        The open breaches that the message reported.
    """
    reported = breach_alerts_of(message_id=message_id, deadline_id=deadline_id)
    rows = list(reported.order_by().values_list("deadline_id", "breach_at", "recipient"))
    if not rows:
        return []
    keys = {(pk, breach_at) for pk, breach_at, _ in rows}
    locked = lock_deadlines(pk for pk, _ in keys)
    breaches = [
        breach
        for breach in Breach.objects.filter(deadline__in=list(locked), ended_at__isnull=True)
        .select_related("deadline__obligation")
        .order_by("id")
        if (breach.deadline_id, breach.occurred_at) in keys
    ]
    acknowledged = set()
    for breach in breaches:
        until = breach.acknowledged_until
        if until is None or until <= as_of:
            _acknowledge(
                breach, as_of=as_of, until=as_of + ACKNOWLEDGED_FOR, name=rows[0][2], by=None
            )
            acknowledged.add(breach.deadline_id)
    projection.refresh(acknowledged, as_of=as_of)
    return breaches


def breach_alerts_of(*, message_id: int, deadline_id: int | None) -> models.QuerySet[Alert]:
    """Return the alerts of a message that report breaches, or those of one deadline.

    Returns none if the recipient has no active subscription, so that the links in old messages stop
    working for people who have left; and none about agreements that the recipient may not see.
    """
    followers = Subscription.objects.active()
    found = Alert.objects.filter(
        message=message_id,
        breach_at__isnull=False,
        recipient__in=followers.values("email"),
        agreement__in=receivable_agreements(message_id),
    )
    return found if deadline_id is None else found.filter(deadline=deadline_id)


def _acknowledge(
    breach: Breach, *, as_of: datetime, until: datetime, name: str, by: User | None
) -> None:
    breach.acknowledged_at = as_of
    breach.acknowledged_until = until
    breach.acknowledged_as = name
    breach.acknowledged_by = by
    breach.save(
        update_fields=[
            "acknowledged_at", "acknowledged_until", "acknowledged_as", "acknowledged_by",
        ]
    )  # fmt: skip
