"""Create, change and end subscriptions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models.functions import Now

from compliance.domain.alerts.drafts import SubscriptionDraft
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import MessageState
from compliance.models import Agreement, Alert, Message, Party, Subscription, Webhook
from compliance.models.locks import for_update

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
def end(*, email: str, agreement_id: int | None, as_of: datetime) -> list[Subscription]:
    """End the subscriptions through which an address receives email about an agreement.

    A subscription to several agreements ends entirely. Alerts that have not been sent are
    withdrawn, so that nobody receives another email after unsubscribing.

    Args:
        email: the address, in any case.
        agreement_id: the agreement; None ends all subscriptions of the address.

    Returns:
        The subscriptions that ended.
    """
    ended = list(for_update(subscriptions_of(email=email, agreement_id=agreement_id)))
    for subscription in ended:
        subscription.is_active = False
        subscription.save(update_fields=["is_active"])
    emails = {subscription.email for subscription in ended}
    concerned = Subscription.objects.active().concerning(models.OuterRef("agreement"))
    remaining = concerned.filter(email=models.OuterRef("recipient"))
    waiting = Alert.objects.filter(
        ~models.Exists(remaining), recipient__in=emails, withdrawn_at__isnull=True
    )
    waiting.filter(message__isnull=True).update(withdrawn_at=as_of)
    messages = Message.objects.filter(state=MessageState.WAITING.value, recipient__in=emails)
    waiting.filter(message__in=messages).update(withdrawn_at=as_of)
    return ended


def subscriptions_of(*, email: str, agreement_id: int | None) -> models.QuerySet[Subscription]:
    """Return the active subscriptions of an address, or those that cover an agreement."""
    found = Subscription.objects.active().filter(email__iexact=email)
    if agreement_id is not None:
        found = found.concerning(agreement_id)
    return found.select_related("agreement", "party").order_by("id")


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
