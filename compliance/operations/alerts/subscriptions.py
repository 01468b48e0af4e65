"""Create, change and end subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models.functions import Now

from compliance.domain.alerts.drafts import SubscriptionDraft
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import MessageState
from compliance.models import Agreement, Party, Subscription, Webhook
from compliance.models.alerts.followers import follows
from compliance.models.bulk import fetch
from compliance.models.locks import for_update
from compliance.models.people.readers import SYSTEM, reading_as

ModelT = TypeVar("ModelT", bound=models.Model)


@transaction.atomic
def create(*, draft: SubscriptionDraft) -> Subscription:
    """Create a subscription.

    Raises:
        Invalid: the agreement, party or webhook does not exist, or the recipient already has a
            subscription to the same alerts.
    """
    columns = _columns(draft)
    _refuse_duplicate(columns, Subscription.objects.all())
    return Subscription.objects.create(**columns)


@transaction.atomic
def update(*, subscription: Subscription, draft: SubscriptionDraft) -> Subscription:
    """Change a subscription.

    Alerts created before the change are still sent. What it now follows applies only to changes
    detected from now on.

    Raises:
        Invalid: as `create`.
    """
    columns = _columns(draft)
    _refuse_duplicate(columns, Subscription.objects.exclude(pk=subscription.pk))
    if all(getattr(subscription, name) == value for name, value in columns.items()):
        return subscription
    if columns["email"] != subscription.email:
        columns |= {"refused_at": None, "refusal": ""}
    for name, value in columns.items():
        setattr(subscription, name, value)
    subscription.since = Now()
    subscription.save()
    subscription.refresh_from_db(fields=["since"])
    return subscription


@transaction.atomic
@reading_as(SYSTEM)
def end(*, email: str, subscription_ids: Sequence[int], as_of: datetime) -> list[Subscription]:
    """End subscriptions of an address.

    Alerts that have not been sent are withdrawn unless another subscription of the address follows
    them, so that nobody receives another email after unsubscribing.

    Args:
        email: the address, in any case.
        subscription_ids: those of other addresses are left alone.

    Returns:
        The subscriptions that ended.
    """
    ended = list(for_update(subscriptions_of(email=email, subscription_ids=subscription_ids)))
    for subscription in ended:
        subscription.is_active = False
        subscription.save(update_fields=["is_active"])
    recipients = list({subscription.recipient for subscription in ended})
    fetch(_WITHDRAW_UNFOLLOWED, recipients=recipients, as_of=as_of)
    return ended


def subscriptions_of(
    *, email: str, subscription_ids: Sequence[int]
) -> models.QuerySet[Subscription]:
    """Return those of the given subscriptions that are active and belong to an address."""
    found = Subscription.objects.active().filter(email__iexact=email, pk__in=subscription_ids)
    return found.select_related("agreement", "party").order_by("id")


_FOLLOWED = follows(
    "s", kind="a.kind", level="a.level", agreement="a.agreement_id", obligation="d.obligation_id"
)

_WITHDRAW_UNFOLLOWED = f"""
    UPDATE compliance_alert AS a SET withdrawn_at = %(as_of)s
    FROM compliance_deadline AS d
    WHERE d.id = a.deadline_id AND a.recipient = ANY(%(recipients)s) AND a.withdrawn_at IS NULL
      AND (a.message_id IS NULL OR EXISTS (
          SELECT FROM compliance_message AS m
          WHERE m.id = a.message_id AND m.state = '{MessageState.WAITING}'))
      AND NOT EXISTS (
          SELECT FROM compliance_subscription AS s
          WHERE s.recipient = a.recipient AND {_FOLLOWED})
    RETURNING a.id
"""


def _columns(draft: SubscriptionDraft) -> dict[str, Any]:
    return {
        "email": _known_spelling(draft.email or ""),
        "webhook": _find(Webhook, "webhook", pk=draft.webhook),
        "agreement": _find(Agreement, "agreement", ref=draft.agreement),
        "party": _find(Party, "party", code=draft.party),
        "tag": draft.tag or "",
        "min_severity": draft.min_severity.value,
        "is_owner": draft.is_owner,
        "kinds": [kind.value for kind in draft.kinds],
        "from_escalation": draft.from_escalation,
        "frequency": draft.frequency.value,
        "digest_hour": draft.digest_hour,
        "digest_weekday": draft.digest_weekday,
        "quiet_from": draft.quiet_from,
        "quiet_until": draft.quiet_until,
        "timezone": draft.timezone,
        "is_active": draft.is_active,
    }


def _known_spelling(email: str) -> str:
    """Return an address in the case already stored, so that it is not notified twice."""
    known = Subscription.objects.filter(email__iexact=email).order_by("id")
    return known.values_list("email", flat=True).first() or email


def _find(model: type[ModelT], field: str, **key: object) -> ModelT | None:
    [(name, value)] = key.items()
    if value is None:
        return None
    found: ModelT | None = model._default_manager.filter(**{name: value}).first()
    if found is None:
        raise refusal(field, f"{field.capitalize()} {value} does not exist.")
    return found


def _refuse_duplicate(columns: dict[str, Any], others: models.QuerySet[Subscription]) -> None:
    scope = {name: columns[name] for name in _SCOPE}
    same = {
        (f"{name}__isnull" if value is None else name): True if value is None else value
        for name, value in scope.items()
    }
    if others.filter(**same).exists():
        recipient = columns["email"] or columns["webhook"].name
        field = "email" if columns["email"] else "webhook"
        raise refusal(field, f"{recipient} already has a subscription to these alerts.")


_SCOPE = (
    "email", "webhook", "agreement", "party", "tag", "min_severity", "is_owner", "from_escalation",
)  # fmt: skip
