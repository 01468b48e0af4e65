"""Acknowledging breaches: somebody is at it, so nobody else needs to be called for a while."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models, transaction

from compliance.domain.alerts.drafts import AcknowledgementDraft
from compliance.domain.problems import refusal
from compliance.models import Alert, Breach, Subscription, User
from compliance.models.locks import lock_deadline, lock_deadlines
from compliance.operations.deadlines import projection

ACKNOWLEDGED_FOR = timedelta(days=7)
LONGEST = timedelta(days=90)


@transaction.atomic
def acknowledge(
    *, breach: Breach, draft: AcknowledgementDraft, by: User, as_of: datetime
) -> Breach:
    """Note that a user is at a breach: escalations wait until then, and go on after it.

    Raises:
        Invalid: the breach is over, or `until_at` lies in the past or too far ahead.
    """
    deadline = breach.deadline
    lock_deadline(deadline.pk)
    breach = Breach.objects.get(pk=breach.pk)
    if breach.ended_at is not None:
        raise refusal("", "This breach is over: there is nothing to acknowledge any more.")
    until = draft.until_at or as_of + ACKNOWLEDGED_FOR
    if not as_of < until <= as_of + LONGEST:
        sentence = f"It must lie ahead, and within {LONGEST.days} days."
        raise refusal("until_at", sentence)
    _note(breach, as_of=as_of, until=until, name=by.email, by=by)
    projection.refresh([deadline.pk], as_of=as_of)
    return breach


@transaction.atomic
def acknowledge_by_mail(
    *, message_id: int, deadline_id: int | None, as_of: datetime
) -> list[Breach]:
    """Note that the recipient of a message is at the open breaches that it told of.

    For the holder of a signed link. Returns the breaches that go on; one that is acknowledged
    already is left as it is, and so is one that began after those of the message were over.
    """
    told = told_in(message_id=message_id, deadline_id=deadline_id)
    rows = list(told.order_by().values_list("deadline_id", "breach_at", "recipient"))
    if not rows:
        return []
    told_of = {(pk, breach_at) for pk, breach_at, _ in rows}
    locked = lock_deadlines(pk for pk, _ in told_of)
    breaches = [
        breach
        for breach in Breach.objects.filter(deadline__in=list(locked), ended_at__isnull=True)
        .select_related("deadline__obligation")
        .order_by("id")
        if (breach.deadline_id, breach.occurred_at) in told_of
    ]
    noted = set()
    for breach in breaches:
        until = breach.acknowledged_until
        if until is None or until <= as_of:
            _note(breach, as_of=as_of, until=as_of + ACKNOWLEDGED_FOR, name=rows[0][2], by=None)
            noted.add(breach.deadline_id)
    projection.refresh(noted, as_of=as_of)
    return breaches


def told_in(*, message_id: int, deadline_id: int | None) -> models.QuerySet[Alert]:
    """What a message told of breaches, or of those of one deadline; nothing if its recipient
    follows nothing any more: an old mail is no key for who has left."""
    followers = Subscription.objects.active()
    told = Alert.objects.filter(
        message=message_id, breach_at__isnull=False, recipient__in=followers.values("email")
    )
    return told if deadline_id is None else told.filter(deadline=deadline_id)


def _note(breach: Breach, *, as_of: datetime, until: datetime, name: str, by: User | None) -> None:
    breach.acknowledged_at = as_of
    breach.acknowledged_until = until
    breach.acknowledged_as = name
    breach.acknowledged_by = by
    breach.save(
        update_fields=[
            "acknowledged_at", "acknowledged_until", "acknowledged_as", "acknowledged_by",
        ]
    )  # fmt: skip
