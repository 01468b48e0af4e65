"""Test messages and previews bypass the outbox and store nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import time_machine
from standardwebhooks import Webhook as Verifier

from compliance.delivery import samples, webhooks
from compliance.domain.alerts.drafts import SubscriptionDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models import Alert, DeliveryAttempt, Message, Subscription, Webhook
from compliance.operations.alerts import subscriptions
from tests.delivery.conftest import DUE, NOW, READER, Desk, Receiver, Sink


def _row_counts() -> list[int]:
    return [model.objects.count() for model in (Alert, Message, DeliveryAttempt)]


def _subscribed_webhook(url: str, **more: Any) -> Subscription:
    webhook = Webhook.objects.create(
        name="Cases", url=url, secret=webhooks.new_secret(), created_at=NOW, **more
    )
    return subscriptions.create(draft=read(SubscriptionDraft, {"webhook": webhook.pk}), by=None)


def test_a_test_email_is_labelled_as_a_test_and_stores_nothing(desk: Desk, sink: Sink) -> None:
    subscription = desk.follow()
    before = _row_counts()

    answer = samples.send(subscription, as_of=NOW)

    assert answer.outcome is AttemptOutcome.SENT
    assert sink.recipients == [READER]
    [mail] = sink.received
    assert mail["Subject"].startswith("Test: ")
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "Nothing was missed: this is only a test that Pacta can reach you." in text
    assert "/unsubscribe/" in mail["List-Unsubscribe"]
    assert _row_counts() == before


def test_an_address_that_accepts_a_test_is_no_longer_marked_as_refused(
    desk: Desk, sink: Sink
) -> None:
    subscription = desk.follow()
    Subscription.objects.update(refused_at=NOW, refusal="550 no such user")

    sink.recipient_answers = lambda _address: "550 no such user"
    answer = samples.send(subscription, as_of=NOW)
    subscription.refresh_from_db()
    assert (answer.outcome, answer.text) == (AttemptOutcome.REFUSED, "550 no such user")
    assert subscription.refused_at is not None

    sink.recipient_answers = lambda _address: "250 OK"
    assert samples.send(subscription, as_of=NOW).outcome is AttemptOutcome.SENT
    subscription.refresh_from_db()
    assert not Subscription.objects.exclude(refused_at=None, refusal="").exists()


def test_a_test_call_is_signed_and_has_the_type_test(desk: Desk, receiver: Receiver) -> None:
    subscription = _subscribed_webhook(receiver.url)
    now = datetime.now(UTC)

    assert samples.send(subscription, as_of=now).outcome is AttemptOutcome.SENT

    [(headers, body)] = receiver.received
    assert subscription.webhook is not None
    with time_machine.travel(now, tick=False):
        Verifier(subscription.webhook.secret).verify(body, headers)
    assert json.loads(body)["type"] == "test"


def test_no_test_is_sent_to_an_inactive_webhook(desk: Desk, receiver: Receiver) -> None:
    subscription = _subscribed_webhook(receiver.url, is_active=False)
    answer = samples.send(subscription, as_of=NOW)
    assert (answer.outcome, receiver.received) == (AttemptOutcome.REFUSED, [])


def test_a_preview_shows_the_newest_message_without_its_links(desk: Desk, sink: Sink) -> None:
    subscription = desk.follow()
    desk.deadline(desk.agreement(), title="Deliver the first lot")
    desk.pass_to(DUE)
    before = _row_counts()

    shown = samples.preview(subscription, as_of=DUE)

    assert shown.subject == "Missed: Deliver the first lot (China)"
    for each in (shown.text, shown.html):
        assert "Deliver the first lot" in each
        assert "/acknowledge/" not in each
        assert "/unsubscribe/" not in each
    assert _row_counts() == before
    assert len(sink.received) == 1


def test_a_preview_is_about_the_followed_agreement(desk: Desk) -> None:
    for ref in ("first", "second"):
        desk.deadline(desk.agreement(ref, title=f"Agreement {ref}"), title=f"Deliver {ref}")
    first = desk.follow(agreement="first")
    desk.follow(agreement="second")
    desk.sweep()
    shown = samples.preview(first, as_of=DUE)
    assert "Deliver first" in shown.text
    assert "Deliver second" not in shown.text


def test_without_messages_a_preview_shows_the_latest_breach(desk: Desk) -> None:
    agreement = desk.agreement()
    desk.deadline(agreement, title="Deliver", severity="low", tags=["goods"], responsible=[READER])
    desk.sweep()
    before = _row_counts()
    follows: list[tuple[dict[str, Any], bool]] = [
        ({}, True),
        ({"min_severity": "high"}, False),
        ({"tag": "goods"}, True),
        ({"tag": "services"}, False),
        ({"responsible": "me", "party": "CHN"}, True),
        ({"email": "else@example.org", "responsible": "me"}, False),
        ({"frequency": "weekly", "from_escalation": 1}, True),
    ]
    for values, is_followed in follows:
        shown = samples.preview(desk.follow(**values), as_of=DUE)
        assert ("Missed: Deliver" in f"{shown.subject}{shown.text}") is is_followed, values
        assert ("An example" in shown.origin) is not is_followed, values
    assert _row_counts() == before


def test_a_webhook_preview_shows_the_posted_json(desk: Desk) -> None:
    subscription = _subscribed_webhook("https://example.org/hook")
    shown = samples.preview(subscription, as_of=NOW)
    assert shown.html == ""
    assert json.loads(shown.text)["data"]["alerts"][0]["kind"] == "missed"
