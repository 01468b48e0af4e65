"""Writing subscriptions: who is told of what."""

from __future__ import annotations

from django.db import transaction

from compliance.domain.drafts import SubscriptionDraft
from compliance.domain.problems import refusal
from compliance.models import Agreement, Subscription


@transaction.atomic
def create(*, draft: SubscriptionDraft) -> Subscription:
    """Store a subscription.

    Raises:
        Invalid: the agreement is not there, or the address follows it already.
    """
    agreement = _agreement(draft)
    if Subscription.objects.filter(email=draft.email, agreement=agreement).exists():
        raise refusal("email", f"{draft.email} follows this already.")
    return Subscription.objects.create(
        email=draft.email, agreement=agreement, is_active=draft.is_active
    )


@transaction.atomic
def update(*, subscription: Subscription, draft: SubscriptionDraft) -> Subscription:
    """Change a subscription. Alerts made already are still sent.

    Raises:
        Invalid: as `create`.
    """
    agreement = _agreement(draft)
    others = Subscription.objects.exclude(pk=subscription.pk)
    if others.filter(email=draft.email, agreement=agreement).exists():
        raise refusal("email", f"{draft.email} follows this already.")
    subscription.email = draft.email
    subscription.agreement = agreement
    subscription.is_active = draft.is_active
    subscription.save()
    return subscription


def _agreement(draft: SubscriptionDraft) -> Agreement | None:
    if draft.agreement is None:
        return None
    agreement = Agreement.objects.filter(ref=draft.agreement).first()
    if agreement is None:
        raise refusal("agreement", f"There is no agreement {draft.agreement}.")
    return agreement
