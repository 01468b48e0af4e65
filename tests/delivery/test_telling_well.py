"""What the notification_policy, digests, silences and links make of the mails that people get."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from compliance.domain.alerts.drafts import SilenceDraft
from compliance.domain.drafts import read
from compliance.models import Breach, Message, Subscription, User
from compliance.operations.alerts import silences
from tests.delivery.conftest import DUE, NOW, READER, Desk, Sink
from tests.delivery.test_mail_texts import html_of, text_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def link(mail: Any, word: str) -> str:
    """The path of the link after a word in the plain text."""
    [line] = [each for each in text_of(mail).splitlines() if each.startswith(f"{word}: ")]
    return str(line.partition("https://pacta.example")[2])


def test_a_reminder_says_how_long_is_left(desk: Desk, sink: Sink) -> None:
    desk.follow()
    desk.deadline(desk.agreement(), due_at=DUE + 10 * DAY)
    desk.pass_to(NOW + 9 * DAY)
    desk.pass_to(NOW + 9 * DAY + HOUR)
    assert sink.subjects == ["Due in 1 day 3 hours: Deliver (China)"]
    assert "Nothing on record meets it yet." in text_of(sink.received[0])
    assert "Due: " in text_of(sink.received[0]).replace("Due:  ", "Due: ")


def test_a_reminder_that_waited_too_long_is_not_sent(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement(), due_at=DUE + 10 * DAY)
    desk.sweep(NOW + 9 * DAY)
    at = NOW + 9 * DAY
    desk.record(deadline, at, type="performance", at=at.isoformat())
    desk.deliver(at)
    assert sink.subjects == []


def test_an_escalation_stands_in_the_thread_of_the_miss(desk: Desk, sink: Sink) -> None:
    desk.follow()
    desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    desk.pass_to(DUE + DAY)
    missed, escalated = sink.received
    assert sink.subjects[1] == "Still missed: Deliver (China)"
    assert escalated["In-Reply-To"] == missed["Message-ID"]
    assert escalated["References"].split()[0] == missed["References"]


def test_an_extension_ahead_of_time_is_told(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement(), due_at=DUE + 20 * DAY)
    due = {"type": "date", "on": "2026-04-30"}
    desk.record(deadline, NOW + DAY, type="extension", at=(NOW + DAY).isoformat(), due=due)
    desk.deliver(NOW + DAY)
    assert sink.subjects == ["Extended: Deliver (China)"]
    assert "It is now due on" in text_of(sink.received[0])


def test_a_digest_gathers_agreements_at_its_hour(desk: Desk, sink: Sink) -> None:
    desk.follow(frequency="daily", digest_hour=18, timezone="Europe/Berlin")
    desk.deadline(desk.agreement("a-1", "First"))
    desk.deadline(desk.agreement("a-2", "Second"))
    desk.pass_to(DUE)
    assert sink.subjects == []
    desk.deliver(DUE + 5 * HOUR)  # 18:00 in Berlin
    assert sink.subjects == ["2 missed: your digest"]
    text = text_of(sink.received[0])
    assert "Agreement:  First" in text
    assert "Agreement:  Second" in text
    assert "(Europe/Berlin, your time zone)" in text


def test_quiet_hours_delay_and_drop_nothing(desk: Desk, sink: Sink) -> None:
    desk.follow(quiet_from="12:00", quiet_until="14:00")
    desk.deadline(desk.agreement())
    desk.pass_to(DUE)  # at noon
    assert sink.subjects == []
    desk.deliver(DUE + 2 * HOUR)
    assert sink.subjects == ["Missed: Deliver (China)"]


def test_what_a_silence_held_back_comes_in_one_mail_when_it_ends(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement = desk.agreement()
    desk.deadline(agreement)
    done = desk.deadline(agreement, title="Report")
    user = User.objects.create_superuser("lee@example.org", "x")
    draft = {"agreement": agreement.ref, "until_at": (DUE + DAY).isoformat(), "reason": "A move"}
    silence = silences.create(draft=read(SilenceDraft, draft), by=user, as_of=NOW)
    desk.pass_to(DUE)
    at = DUE + HOUR
    desk.record(done, at, type="performance", at=at.isoformat())
    assert desk.deliver(at).formed == 0
    silences.end(silence=silence, as_of=DUE + 2 * HOUR)
    desk.deliver(DUE + 2 * HOUR)
    assert sink.subjects == ["1 still missed, 1 met late: Supply agreement"]
    assert "The reason was: A move" in text_of(sink.received[0])


def test_the_end_of_a_silence_keeps_the_hours_of_those_who_are_told(desk: Desk, sink: Sink) -> None:
    desk.follow(quiet_from="13:00", quiet_until="20:00")
    desk.follow("digest@example.org", frequency="daily", digest_hour=8)
    agreement = desk.agreement()
    desk.deadline(agreement)
    user = User.objects.create_superuser("lee@example.org", "x")
    draft = {"agreement": agreement.ref, "until_at": (DUE + HOUR).isoformat(), "reason": "A move"}
    silences.create(draft=read(SilenceDraft, draft), by=user, as_of=NOW)
    desk.pass_to(DUE)  # at noon
    desk.deliver(DUE + HOUR)
    silences.end_due(as_of=DUE + HOUR)
    desk.deliver(DUE + 2 * HOUR)
    assert sink.subjects == []
    desk.deliver(DUE + 8 * HOUR)
    assert [mail["To"] for mail in sink.received] == [READER]
    desk.deliver(DUE + 20 * HOUR)
    assert [mail["To"] for mail in sink.received] == [READER, "digest@example.org"]
    desk.deliver(DUE + 40 * HOUR)
    assert len(sink.received) == 2


def test_a_mail_that_a_mailbox_never_takes_is_given_up_after_five_days(
    desk: Desk, sink: Sink
) -> None:
    User.objects.create_superuser("admin@example.org", "x")
    desk.follow()
    sink.recipient_answers = lambda address: "452 full" if address == READER else "250 OK"
    desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    at = DUE
    while Message.objects.get().state == "waiting" and at < DUE + 10 * DAY:
        at = Message.objects.get().next_attempt_at
        desk.deliver(at)
    assert Message.objects.get().state == "given_up"
    assert 4 * DAY < at - DUE < 6 * DAY
    assert Subscription.objects.get().refusal == "452 full"
    assert [mail["To"] for mail in sink.received] == ["admin@example.org"]


def test_what_the_mail_server_gives_cause_for_is_not_held_against_a_mail(
    desk: Desk, sink: Sink, settings: Any
) -> None:
    desk.follow()
    desk.deadline(desk.agreement())
    desk.sweep(DUE)
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    desk.deliver(DUE)
    for _ in range(39):
        desk.deliver(Message.objects.get().next_attempt_at)
    message = Message.objects.get()
    assert (message.state, message.attempt_count, message.attempts.count()) == ("waiting", 1, 40)
    settings.EMAIL_PORT = port
    assert desk.deliver(message.next_attempt_at).sent == 1


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_following_a_link_changes_nothing(
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


def test_the_button_behind_the_link_acknowledges(desk: Desk, sink: Sink, client: Client) -> None:
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


def test_a_link_is_good_for_the_breach_it_came_with_and_no_later_one(
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


def test_an_old_mail_is_no_key_for_who_has_left(desk: Desk, sink: Sink, client: Client) -> None:
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


def test_a_forged_link_does_nothing_and_tells_nothing(
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


def test_a_link_grows_old(desk: Desk, sink: Sink, client: Client) -> None:
    desk.follow()
    desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    path = link(sink.received[0], "Acknowledge")
    with time_machine.travel(datetime.now(UTC) + 91 * DAY):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404
    assert Breach.objects.get().acknowledged_at is None


def test_pages_behind_links_cannot_be_framed_kept_or_scripted(
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


def test_one_click_ends_the_subscription_as_the_header_says(
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


def test_a_refused_address_is_marked_and_the_administrators_hear_of_it_once(
    desk: Desk, sink: Sink
) -> None:
    User.objects.create_superuser("admin@example.org", "x")
    desk.follow()
    sink.recipient_answers = lambda address: "550 no such" if address == READER else "250 OK"
    desk.deadline(desk.agreement("a-1"))
    desk.deadline(desk.agreement("a-2"))
    assert desk.pass_to(DUE).refused == 2
    assert [mail["To"] for mail in sink.received] == ["admin@example.org"]
    assert sink.subjects == [f"Pacta: email to {READER} is refused"]
    assert Subscription.objects.get().refusal == "550 no such"
    sink.recipient_answers = lambda _address: "250 OK"
    desk.deadline(desk.agreement("a-3"))
    desk.pass_to(DUE + timedelta(minutes=1))
    assert Subscription.objects.get().refused_at is None
