"""Alerts, messages and subscriptions have exactly one recipient: an address or a webhook."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from compliance.models import Alert, Deadline, Message, Subscription, Webhook
from tests.samples import create_agreement, obligation

pytestmark = pytest.mark.django_db


def webhook() -> Webhook:
    return Webhook.objects.create(
        name="Cases", url="https://example.org/", secret="whsec_eA==", created_at=timezone.now()
    )


def store(model: type[Any], deadline: Deadline, **recipient: Any) -> Any:
    now = timezone.now()
    columns: dict[type[Any], dict[str, Any]] = {
        Alert: {
            "deadline": deadline, "agreement": deadline.agreement, "kind": "missed",
            "occasion": deadline.due_at, "created_at": now,
        },
        Message: {"message_id": "<1@pacta>", "created_at": now, "next_attempt_at": now},
        Subscription: {},
    }  # fmt: skip
    return model.objects.create(**columns[model], **recipient)


@pytest.mark.parametrize("model", [Alert, Message, Subscription])
@pytest.mark.parametrize("has_both", [True, False])
def test_nothing_has_two_recipients_or_none(model: type[Any], has_both: bool) -> None:
    recipient = {"email": "ana@example.org", "webhook": webhook()} if has_both else {}
    with pytest.raises(IntegrityError, match="of_one_recipient"):
        store(model, create_agreement(obligation()), **recipient)


@pytest.mark.parametrize("model", [Alert, Message, Subscription])
def test_all_that_goes_to_one_recipient_has_the_same_key(model: type[Any]) -> None:
    hook, deadline = webhook(), create_agreement(obligation())
    subscription = Subscription.objects.create(webhook=hook, tag="trade")

    assert store(model, deadline, webhook=hook).recipient == subscription.recipient
    found = model.objects.filter(recipient=subscription.recipient)
    assert {each.webhook for each in found} == {hook}


@pytest.mark.parametrize("is_webhook", [True, False])
def test_an_alert_exists_once_for_each_recipient(is_webhook: bool) -> None:
    deadline = create_agreement(obligation())
    recipient = {"webhook": webhook()} if is_webhook else {"email": "ana@example.org"}
    store(Alert, deadline, **recipient)
    store(Alert, deadline, email="li@example.org")
    with pytest.raises(IntegrityError, match="alert_once"):
        store(Alert, deadline, **recipient)
