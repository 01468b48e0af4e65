"""Subscriptions in the admin, with their previews and test messages."""

from __future__ import annotations

import json
from datetime import time

import pytest
from django.test import Client
from django.utils import timezone

from compliance.models import (
    Deadline,
    Message,
    Subscription,
)
from compliance.models.people.readers import SYSTEM
from compliance.queries.alerts import subscriptions as queries
from tests.admin.conftest import message_of, standard_webhook
from tests.admin.pages import address, errors, filled_in
from tests.delivery.conftest import Receiver, Sink
from tests.samples import create_agreement, obligation, subscribe


def test_every_field_of_a_subscription_is_stored_and_shown_again(browser: Client) -> None:
    deadline = create_agreement(obligation(tags=["goods"]))
    values = {
        "email": "ana@example.org", "webhook": "", "agreement": deadline.agreement.ref,
        "party": "CHN", "tag": "goods", "min_severity": "high", "responsible": "me",
        "kinds": ["missed", "escalated"], "from_escalation": "2", "frequency": "weekly",
        "digest_hour": "17", "digest_weekday": "4", "quiet_from": "22:00",
        "quiet_until": "06:30", "timezone": "Europe/Berlin", "is_active": "on",
    }  # fmt: skip
    response = browser.post(address("subscription", "add"), values)
    assert response.status_code == 302, errors(response)

    pk = Subscription.objects.get().pk
    stored = queries.subscription(pk, reader=SYSTEM)
    assert stored is not None
    assert stored == {
        **stored, "email": "ana@example.org", "webhook": None, "agreement": "supply",
        "party": "CHN", "tag": "goods", "min_severity": "high", "responsible": "me",
        "owner": "desk@example.org",
        "kinds": ["missed", "escalated"], "from_escalation": 2, "frequency": "weekly",
        "digest_hour": 17, "digest_weekday": 4, "quiet_from": time(22), "quiet_until": time(6, 30),
        "timezone": "Europe/Berlin", "is_active": True,
    }  # fmt: skip
    url = address("subscription", "change", pk)
    assert browser.post(url, filled_in(browser, url)).status_code == 302
    assert queries.subscription(pk, reader=SYSTEM) == stored


@pytest.mark.parametrize(
    ("values", "place", "said"),
    [
        ({"email": "ana"}, "email", "Give one email address"),
        ({"timezone": "Berlin"}, "timezone", "Europe/Berlin"),
        ({"tag": "a,b"}, "tag", "Remove the comma"),
        ({"email": ""}, "", "Give either email"),
        ({"quiet_from": "22:00"}, "", "Give both quiet_from and quiet_until"),
        ({"quiet_from": "late", "quiet_until": "06:00"}, "quiet_from", "time"),
        ({"from_escalation": "99"}, "from_escalation", "valid choice"),
    ],
)
def test_problems_of_a_subscription_are_shown_on_their_field(
    browser: Client, values: dict[str, str], place: str, said: str
) -> None:
    asked = {"email": "ana@example.org", "timezone": "UTC", "is_active": "on", **values}
    response = browser.post(address("subscription", "add"), asked)
    assert said in " ".join(errors(response)[place])
    assert not Subscription.objects.exists()


def test_the_list_shows_refused_addresses_and_webhook_names(browser: Client) -> None:
    subscribe("lost@example.org")
    Subscription.objects.update(refused_at=timezone.now(), refusal="550 no such user")
    Subscription.objects.create(webhook=standard_webhook())
    page = browser.get(address("subscription", "changelist")).content.decode()
    assert "550 no such user" in page
    assert "is-refused" in page
    assert "Cases" in page


def test_a_test_mail_is_sent_immediately_and_the_response_is_shown(
    browser: Client, sink: Sink
) -> None:
    url = address("subscription", "send_test", subscribe("ana@example.org").pk)
    assert browser.get(url).status_code == 200
    assert sink.received == []

    taken = browser.post(url).content.decode()
    assert "server accepted it" in taken
    assert sink.recipients == ["ana@example.org"]
    assert not Message.objects.exists()

    sink.recipient_answers = lambda _address: "550 5.1.1 no such user"
    refused = browser.post(url).content.decode()
    assert "refused it permanently" in refused
    assert "550 5.1.1 no such user" in refused


def test_a_test_call_reaches_the_webhook(browser: Client, receiver: Receiver) -> None:
    webhook = standard_webhook(receiver.url)
    url = address("subscription", "send_test", Subscription.objects.create(webhook=webhook).pk)
    browser.get(url)
    assert receiver.received == []
    receiver.status = 500
    assert "500" in browser.post(url).content.decode()
    [(_, body)] = receiver.received
    assert json.loads(body)["type"] == "test"


def test_a_preview_shows_the_mail_in_a_sandbox(browser: Client, missed: Deadline) -> None:
    subscription = subscribe("ana@example.org")
    message_of(missed, email="ana@example.org")
    page = browser.get(address("subscription", "preview", subscription.pk)).content.decode()
    assert "<script>alert" not in page
    # Escaped once in the email, and again in the attribute that contains the email.
    assert "&amp;lt;script&amp;gt;alert(1)" in page
    frame = page.partition("<iframe")[2].partition(">")[0]
    assert " sandbox srcdoc=" in frame
    assert "allow" not in frame.partition("srcdoc")[0]
    assert "/acknowledge/" not in page
    assert "/unsubscribe/" not in page


def test_a_preview_without_any_message_shows_sample_data(browser: Client) -> None:
    page = browser.get(address("subscription", "preview", subscribe("ana@example.org").pk))
    shown = page.content.decode()
    assert "An example: nothing that this subscription follows has been missed yet." in shown


def test_a_subscription_is_added_only_once_and_can_be_deactivated(browser: Client) -> None:
    deadline = create_agreement()
    follows = {"email": "ana@example.org", "agreement": deadline.agreement.ref, "is_active": "on"}
    assert browser.post(address("subscription", "add"), follows).status_code == 302
    stored = Subscription.objects.get()
    assert stored.agreement == deadline.agreement

    again = browser.post(address("subscription", "add"), follows)
    assert "already has a subscription" in " ".join(errors(again)["email"])

    url = address("subscription", "change", stored.pk)
    off = {name: value for name, value in follows.items() if name != "is_active"}
    assert browser.post(url, off).status_code == 302
    stored.refresh_from_db()
    assert not stored.is_active
