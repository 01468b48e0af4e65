"""Webhooks, chats and messages in the admin."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from compliance.models import Deadline, DeliveryAttempt, Message, User, Webhook
from tests.admin.conftest import CHAT_URL, chat, message_of, standard_webhook
from tests.admin.pages import address, errors, filled_in
from tests.delivery.conftest import Receiver


def test_the_secret_of_a_webhook_is_shown_once(browser: Client, receiver: Receiver) -> None:
    values = {"name": "Cases", "kind": "standard", "url": receiver.url, "is_active": "on"}
    made = browser.post(address("webhook", "add"), values)
    webhook = Webhook.objects.get()
    assert webhook.secret in made.content.decode()
    assert "no-store" in made["Cache-Control"]

    rotate = address("webhook", "rotate", webhook.pk)
    assert webhook.secret not in browser.get(rotate).content.decode()
    rotated = browser.post(rotate).content.decode()
    former = webhook.secret
    webhook.refresh_from_db()
    assert webhook.former_secret == former != webhook.secret
    assert webhook.secret in rotated
    assert former not in rotated

    for page in (
        address("webhook", "changelist"),
        address("webhook", "change", webhook.pk),
        address("webhook", "history", webhook.pk),
        rotate,
    ):
        shown = browser.get(page).content.decode()
        assert webhook.secret not in shown
        assert former not in shown


def test_an_unsafe_url_is_reported_on_its_field(browser: Client) -> None:
    values = {"name": "Cases", "kind": "standard", "is_active": "on"}
    for url, kind, said in (
        ("https://127.0.0.1/hook", "standard", "private or local network"),
        ("http://example.org/hook", "standard", "https://"),
        ("", "standard", "required"),
        ("mailto://ana@example.org", "chat", "not the address of a chat"),
    ):
        response = browser.post(address("webhook", "add"), {**values, "url": url, "kind": kind})
        assert said in " ".join(errors(response)["url"]), url
    assert not Webhook.objects.exists()


def test_a_webhook_is_changed_and_deactivated(browser: Client, receiver: Receiver) -> None:
    webhook = standard_webhook(receiver.url)
    url = address("webhook", "change", webhook.pk)
    values = {**filled_in(browser, url), "name": "Case system"}
    del values["is_active"]
    assert browser.post(url, values).status_code == 302
    kept = Webhook.objects.get()
    assert (kept.name, kept.is_active, kept.secret) == ("Case system", False, webhook.secret)


def test_the_url_of_a_chat_is_never_shown_and_is_kept_if_left_empty(
    browser: Client, viewer: Client
) -> None:
    webhook = chat()
    Webhook.objects.update(owner=User.objects.get(email="viewer@example.org"))
    pages = [address("webhook", "changelist"), address("webhook", "change", webhook.pk)]
    for client in (browser, viewer):
        for page in pages:
            shown = client.get(page).content.decode()
            assert "T0000000A" not in shown
            assert "https://hooks.slack.com/…" in shown
    values = {**filled_in(browser, pages[1]), "name": "Contracts team"}
    assert values["url"] == ""
    assert browser.post(pages[1], values).status_code == 302
    webhook.refresh_from_db()
    assert (webhook.name, webhook.url) == ("Contracts team", CHAT_URL)


def test_a_chat_has_no_secret_to_rotate(browser: Client) -> None:
    webhook = chat()
    assert "rotate" not in browser.get(address("webhook", "change", webhook.pk)).content.decode()
    assert browser.post(address("webhook", "rotate", webhook.pk)).status_code == 403


def test_a_message_is_sent_again(browser: Client, missed: Deadline) -> None:
    message = message_of(missed, webhook=standard_webhook())
    url = address("message", "send_again", message.pk)
    assert "Cases" in browser.get(address("message", "changelist")).content.decode()
    browser.get(url)
    message.refresh_from_db()
    assert message.state == "sent"

    browser.post(url)
    message.refresh_from_db()
    assert message.state == "waiting"
    again = browser.post(url, follow=True)
    assert "This message is already waiting to be sent." in again.content.decode()


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("refused", "refused: 550 &lt;no&gt; such user"), ("deferred", "given up: 550 &lt;no&gt;")],
)
def test_a_failed_message_says_why_and_is_sent_again(
    browser: Client, missed: Deadline, outcome: str, reason: str
) -> None:
    message = message_of(missed, email="ana@example.org")
    Message.objects.update(state="failed")
    now = timezone.now()
    for each, answer in (("deferred", "450 later"), (outcome, "550 <no> such user")):
        DeliveryAttempt.objects.create(
            message=message, started_at=now, ended_at=now, outcome=each, answer=answer
        )
    assert reason in browser.get(address("message", "changelist")).content.decode()
    assert reason in browser.get(address("message", "change", message.pk)).content.decode()
    assert "could not be delivered" in browser.get("/admin/").content.decode()
    browser.post(address("message", "send_again", message.pk))
    message.refresh_from_db()
    assert message.state == "waiting"
