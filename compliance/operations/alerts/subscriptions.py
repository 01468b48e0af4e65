"""Writing subscriptions: who is told of what, and when."""

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
    """Store a subscription.

    Raises:
        Invalid: the agreement, party or webhook is not there, or its recipient follows the same
            already.
    """
    columns = _columns(draft)
    _refuse_twice(columns, Subscription.objects.all())
    return Subscription.objects.create(**columns)


@transaction.atomic
def update(*, subscription: Subscription, draft: SubscriptionDraft) -> Subscription:
    """Change a subscription. Alerts made already are still sent; what was found before is not the
    concern of what it follows now.

    Raises:
        Invalid: as `create`.
    """
    columns = _columns(draft)
    _refuse_twice(columns, Subscription.objects.exclude(pk=subscription.pk))
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
    """End what brings an address mail about an agreement; about all of them, if none is named.

    Returns what was ended. What follows more than that agreement ends as a whole, and what waits
    to be sent is withdrawn: whoever asks for no more mail must not get the next one.
    """
    ended = list(for_update(following_of(email=email, agreement_id=agreement_id)))
    for subscription in ended:
        subscription.is_active = False
        subscription.save(update_fields=["is_active"])
    emails = {subscription.email for subscription in ended}
    concerned = Subscription.objects.active().concerning(models.OuterRef("agreement"))
    still = concerned.filter(email=models.OuterRef("recipient"))
    waiting = Alert.objects.filter(
        ~models.Exists(still), recipient__in=emails, withdrawn_at__isnull=True
    )
    waiting.filter(message__isnull=True).update(withdrawn_at=as_of)
    messages = Message.objects.filter(state=MessageState.WAITING.value, recipient__in=emails)
    waiting.filter(message__in=messages).update(withdrawn_at=as_of)
    return ended


def following_of(*, email: str, agreement_id: int | None) -> models.QuerySet[Subscription]:
    """What brings an address mail about an agreement, or any mail."""
    following = Subscription.objects.active().filter(email__iexact=email)
    if agreement_id is not None:
        following = following.concerning(agreement_id)
    return following.select_related("agreement", "party").order_by("id")


def _columns(draft: SubscriptionDraft) -> dict[str, Any]:
    return {
        "email": _spelt(draft.email or ""),
        "webhook": _named(Webhook, "webhook", pk=draft.webhook),
        "agreement": _named(Agreement, "agreement", ref=draft.agreement),
        "party": _named(Party, "party", code=draft.party),
        "tag": draft.tag or "",
        "min_severity": draft.min_severity.value,
        "is_owner": draft.is_owner,
        "kinds": [kind.value for kind in draft.kinds],
        "from_escalation": draft.from_escalation,
        "rhythm": draft.rhythm.value,
        "digest_hour": draft.digest_hour,
        "digest_weekday": draft.digest_weekday,
        "quiet_from": draft.quiet_from,
        "quiet_until": draft.quiet_until,
        "timezone": draft.timezone,
        "is_active": draft.is_active,
    }


def _spelt(email: str) -> str:
    """An address as it is spelt already: in another case it would be told everything twice."""
    known = Subscription.objects.filter(email__iexact=email).order_by("id")
    return known.values_list("email", flat=True).first() or email


def _named(model: type[ModelT], field: str, **key: object) -> ModelT | None:
    [(name, value)] = key.items()
    if value is None:
        return None
    found: ModelT | None = model._default_manager.filter(**{name: value}).first()
    if found is None:
        raise refusal(field, f"There is no {field} {value}.")
    return found


def _refuse_twice(columns: dict[str, Any], others: models.QuerySet[Subscription]) -> None:
    narrowing = {name: columns[name] for name in _NARROWING}
    same = {
        (f"{name}__isnull" if value is None else name): True if value is None else value
        for name, value in narrowing.items()
    }
    if others.filter(**same).exists():
        recipient = columns["email"] or columns["webhook"].name
        field = "email" if columns["email"] else "webhook"
        raise refusal(field, f"{recipient} follows this already.")


_NARROWING = (
    "email", "webhook", "agreement", "party", "tag", "min_severity", "is_owner", "from_escalation",
)  # fmt: skip
