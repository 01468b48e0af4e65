"""Links in emails acknowledge breaches and end subscriptions, but only for their recipient."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from compliance.models import Breach, Subscription
from tests.delivery.conftest import DUE, READER, Desk, Sink
from tests.delivery.test_rendering import html_of, text_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def link(mail: Any, label: str) -> str:
    """Return the path of the link with this label in the plain text."""
    [line] = [each for each in text_of(mail).splitlines() if each.startswith(f"{label}: ")]
    return str(line.partition("https://pacta.example")[2])


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_opening_a_link_changes_nothing(
    desk: Desk, sink: Sink, client: Client, method: str
) -> None:
    desk.follow()
    desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    for word in ("Acknowledge", "Unsubscribe"):
        answer = getattr(client, method)(link(sink.received[0], word))
        assert answer.status_code == 200
        assert answer["Referrer-Policy"] == "no-referrer"
    assert Breach.objects.get().acknowledged_at is None
    assert Subscription.objects.get().is_active


def test_the_button_behind_a_link_acknowledges_the_breach(
    desk: Desk, sink: Sink, client: Client
) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    path = link(sink.received[0], "Acknowledge")
    assert b"Acknowledge" in client.get(path).content
    answer = Client(enforce_csrf_checks=True).post(path)
    assert b"1 missed deadline acknowledged until" in answer.content
    breach = Breach.objects.get()
    assert breach.acknowledged_as == READER
    deadline.refresh_from_db()
    assert deadline.next_check_at == breach.acknowledged_until
    assert client.post(path[:-2]).status_code == 404


def test_a_link_acknowledges_its_own_breach_and_no_later_one(
    desk: Desk, sink: Sink, client: Client
) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    old = link(sink.received[0], "Acknowledge")
    due = {"type": "date", "on": f"{DUE + DAY:%Y-%m-%d}", "time": "12:00", "timezone": "UTC"}
    desk.record(deadline, DUE + HOUR, type="extension", at=(DUE + HOUR).isoformat(), due=due)
    desk.pass_to(DUE + 2 * HOUR)
    desk.pass_to(DUE + 2 * DAY)
    assert Breach.objects.filter(ended_at__isnull=True).count() == 1
    assert b"Nothing to acknowledge" in client.post(old).content
    assert not Breach.objects.filter(acknowledged_at__isnull=False).exists()
    new = link(sink.received[-1], "Acknowledge")
    assert b"1 missed deadline acknowledged" in client.post(new).content


def test_links_stop_working_when_the_subscription_ends(
    desk: Desk, sink: Sink, client: Client
) -> None:
    desk.follow()
    desk.follow("other@example.org")
    desk.deadline(desk.agreement(), title="Secret works")
    desk.pass_to(DUE)
    [mail] = [each for each in sink.received if each["To"] == READER]
    acknowledge, unsubscribe = link(mail, "Acknowledge"), link(mail, "Unsubscribe")
    assert b"Secret works" in client.get(acknowledge).content
    Subscription.objects.filter(email=READER).update(is_active=False)
    for answer in (client.get(acknowledge), client.post(acknowledge)):
        assert (answer.status_code, b"Secret works" in answer.content) == (404, False)
    assert b"Supply agreement" not in client.get(unsubscribe).content
    assert Breach.objects.get().acknowledged_at is None


def test_a_forged_link_changes_nothing_and_reveals_nothing(
    desk: Desk, sink: Sink, client: Client
) -> None:
    desk.follow()
    desk.deadline(desk.agreement(), title="Secret works")
    desk.pass_to(DUE)
    good = link(sink.received[0], "Acknowledge")
    other = link(sink.received[0], "Unsubscribe")
    token, other_token = good.rpartition("/")[2], other.rpartition("/")[2]
    body, at, signature = token.split(":")
    forged = [
        token[:-1], token[1:], token + "x", token.swapcase(), f"{body}:{at}",
        f"{body}::{signature}",
        f"{body}:{at}:{signature[:-1]}B", f".{token}", f"W10:{at}:{signature}",
        f"{body}:0:{signature}",
        other_token, "x", ":", "::", ":::", "\x00", "%00", "\u00e9", "%ff%fe", "%ed%a0%80",
        "a" * 100_000,
        "." + "A" * 4000, f"{token}%00", f"{token}%0a", "None", "-1",
    ]  # fmt: skip
    refused = set()
    for each in forged:
        for method in ("get", "head", "options", "post"):
            answer = getattr(client, method)(f"/acknowledge/{each}")
            assert answer.status_code == 404, (each, method)
            refused.add(answer.content if method != "head" else b"")
        if each != other_token:
            assert client.post(f"/unsubscribe/{each}").status_code == 404, each
    assert client.post(f"/unsubscribe/{token}").status_code == 404
    assert len(refused) == 2
    assert not any(b"Secret" in each for each in refused)
    assert Breach.objects.get().acknowledged_at is None
    assert Subscription.objects.get().is_active


def test_a_link_expires(desk: Desk, sink: Sink, client: Client) -> None:
    desk.follow()
    desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    path = link(sink.received[0], "Acknowledge")
    with time_machine.travel(datetime.now(UTC) + 91 * DAY):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404
    assert Breach.objects.get().acknowledged_at is None


def test_pages_behind_links_cannot_be_framed_cached_or_scripted(
    desk: Desk, sink: Sink, client: Client
) -> None:
    desk.follow()
    desk.deadline(desk.agreement(), title="<script>alert(1)</script>")
    desk.pass_to(DUE)
    for word in ("Acknowledge", "Unsubscribe"):
        for answer in (
            client.get(link(sink.received[0], word)),
            client.post(
                link(sink.received[0], word), b"\x00\xff{", content_type="multipart/form-data"
            ),
        ):
            assert answer.status_code == 200
            assert b"<script" not in answer.content
            assert answer["X-Frame-Options"] == "DENY"
            assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
            assert answer["Cache-Control"] == "no-store"
            assert not answer.cookies


def test_one_click_unsubscribe_ends_the_subscription(
    desk: Desk, sink: Sink, client: Client
) -> None:
    desk.follow()
    desk.follow("other@example.org")
    desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    [mail] = [each for each in sink.received if each["To"] == READER]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = mail["List-Unsubscribe"].strip().strip("<>").removeprefix("https://pacta.example")
    answer = client.post(path, "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded")
    assert answer.status_code == 200
    active = Subscription.objects.filter(is_active=True)
    assert [each.email for each in active] == ["other@example.org"]
    assert path in html_of(mail)
