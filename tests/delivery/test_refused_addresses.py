"""An address that refuses email is marked and reported; a failing server is not held against it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from compliance.models import Message, Subscription, User
from tests.delivery.conftest import DUE, READER, Desk, Sink

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_an_email_deferred_for_five_days_is_given_up(desk: Desk, sink: Sink) -> None:
    User.objects.create_superuser("admin@example.org", "x")
    desk.follow()
    sink.recipient_answers = lambda address: "452 full" if address == READER else "250 OK"
    desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    at = DUE
    while Message.objects.get().state == "waiting" and at < DUE + 10 * DAY:
        at = Message.objects.get().next_attempt_at
        desk.deliver(at)
    assert Message.objects.get().state == "failed"
    assert 4 * DAY < at - DUE < 6 * DAY
    assert Subscription.objects.get().refusal == "452 full"
    assert [mail["To"] for mail in sink.received] == ["admin@example.org"]


def test_failures_of_the_mail_server_do_not_count_as_attempts_of_a_message(
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


def test_a_refused_address_is_marked_and_reported_to_administrators_once(
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
