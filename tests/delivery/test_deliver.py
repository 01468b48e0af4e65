"""Every alert reaches its recipient: once if nothing fails, and at least once whatever fails."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections

from compliance.delivery import DeliveryReport, deliver, messages, outbox, rendering, run, senders
from compliance.delivery.contents import Contents
from compliance.domain.vocabulary import AttemptOutcome, MessageState
from compliance.models import Alert, Deadline, DeliveryAttempt, Message, Subscription
from tests.delivery.conftest import DUE, HANG_UP, NOW, READER, STALL, Desk, Sink
from tests.delivery.test_webhooks import raw_server

MINUTE = timedelta(minutes=1)


def test_a_missed_deadline_is_announced_once_over_many_runs(desk: Desk, sink: Sink) -> None:
    desk.follow()
    desk.deadline(desk.agreement(), title="Deliver the first lot")
    assert desk.pass_to(DUE - MINUTE) == DeliveryReport()

    assert desk.pass_to(DUE) == DeliveryReport(formed=1, sent=1)
    for hours in range(1, 5):
        assert desk.pass_to(DUE + timedelta(hours=hours)) == DeliveryReport()

    [mail] = sink.received
    assert mail["Subject"] == "Missed: Deliver the first lot (China)"
    assert sink.recipients == [READER]
    message = Message.objects.get()
    assert message.state == MessageState.SENT
    assert message.message_id == mail["Message-ID"]
    assert message.sent_at is not None
    attempt = DeliveryAttempt.objects.get()
    assert attempt.outcome == AttemptOutcome.SENT
    assert DUE <= attempt.started_at <= attempt.ended_at == message.sent_at


def test_each_recipient_gets_one_message_per_agreement(desk: Desk, sink: Sink) -> None:
    desk.follow()
    for ref in ("metals", "grain"):
        agreement = desk.agreement(ref, title=f"Agreement on {ref}")
        for number in range(3):
            desk.deadline(agreement, title=f"Send {ref} {number}")
    desk.follow("second@example.org", "metals")

    assert desk.pass_to(DUE) == DeliveryReport(formed=3, sent=3)

    found = sorted((str(mail["To"]), str(mail["Subject"])) for mail in sink.received)
    assert found == [
        (READER, "3 missed: Agreement on grain"),
        (READER, "3 missed: Agreement on metals"),
        ("second@example.org", "3 missed: Agreement on metals"),
    ]
    assert Alert.objects.filter(message__isnull=True).count() == 0
    assert sink.connections == 1


def test_no_email_is_sent_without_followers(desk: Desk, sink: Sink) -> None:
    desk.deadline(desk.agreement())
    assert desk.pass_to(DUE) == DeliveryReport()


def test_a_temporary_refusal_is_retried_after_growing_delays(desk: Desk, sink: Sink) -> None:
    desk.follow()
    desk.deadline(desk.agreement())
    sink.answers = lambda number: "250 OK" if number > 6 else "451 4.7.1 Greylisted"

    at = DUE
    for wait in (*senders.BACK_OFF, senders.BACK_OFF[-1]):
        assert desk.pass_to(at).deferred == 1
        assert desk.deliver(at + wait - timedelta(seconds=1)) == DeliveryReport()
        at += wait + timedelta(seconds=2)
    assert desk.deliver(at).sent == 1

    answers = list(DeliveryAttempt.objects.values_list("outcome", "answer"))
    assert answers == [("deferred", "451 4.7.1 Greylisted")] * 6 + [("sent", "")]
    assert len({mail["Message-ID"] for mail in sink.received}) == 1


def test_a_permanently_refused_recipient_does_not_delay_others(desk: Desk, sink: Sink) -> None:
    for email in ("gone@example.org", READER):
        desk.follow(email)
    desk.deadline(desk.agreement())
    sink.recipient_answers = lambda address: (
        "550 5.1.1 No such user" if address == "gone@example.org" else "250 OK"
    )

    assert desk.pass_to(DUE) == DeliveryReport(formed=2, sent=1, refused=1)
    assert desk.deliver(DUE + timedelta(days=2)) == DeliveryReport()

    refused = Message.objects.get(state=MessageState.FAILED)
    assert refused.recipient == "gone@example.org"
    assert refused.attempts.get().answer == "550 5.1.1 No such user"
    assert sink.recipients == [READER]


def test_a_permanent_refusal_of_an_email_is_recorded(desk: Desk, sink: Sink) -> None:
    desk.follow()
    desk.deadline(desk.agreement())
    sink.answers = lambda _: "554 5.6.0 We do not like this"
    assert desk.pass_to(DUE).refused == 1
    assert Message.objects.get().attempts.get().answer == "554 5.6.0 We do not like this"


def test_a_server_that_requires_authentication_refuses_no_recipient(desk: Desk, sink: Sink) -> None:
    desk.follow()
    desk.follow("second@example.org")
    desk.deadline(desk.agreement())
    sink.recipient_answers = lambda _: "530 5.7.0 Authentication required"

    assert desk.pass_to(DUE) == DeliveryReport(formed=2, deferred=1)

    sink.recipient_answers = lambda _: "250 OK"
    assert desk.deliver(DUE + MINUTE).sent == 2


def test_an_email_accepted_before_a_lost_connection_is_repeated_with_its_message_id(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    desk.deadline(desk.agreement())
    sink.answers = lambda number: HANG_UP if number == 1 else "250 OK"

    assert desk.pass_to(DUE).deferred == 1
    assert desk.deliver(DUE + MINUTE).sent == 1

    assert len(sink.received) == 2
    assert sink.received[0]["Message-ID"] == sink.received[1]["Message-ID"]


def test_a_connection_closed_between_two_emails_is_opened_again(desk: Desk, sink: Sink) -> None:
    desk.follow()
    for number in range(5):
        desk.deadline(desk.agreement(f"a-{number}"))
    sink.recipient_answers = lambda _: (
        "421 Too many mails" if sink.connections == 1 and len(sink.received) == 2 else "250 OK"
    )

    assert desk.pass_to(DUE) == DeliveryReport(formed=5, sent=5)
    assert sink.connections == 2
    assert len({mail["Message-ID"] for mail in sink.received}) == len(sink.received) == 5


def test_a_stalling_server_ends_the_run_and_releases_all_claims(
    desk: Desk, sink: Sink, settings: Any
) -> None:
    settings.EMAIL_TIMEOUT = 0.3
    desk.follow()
    for number in range(3):
        desk.deadline(desk.agreement(f"a-{number}"))
    sink.answers = lambda number: STALL if number == 1 else "250 OK"

    assert desk.pass_to(DUE) == DeliveryReport(formed=3, deferred=1)
    assert "timed out" in DeliveryAttempt.objects.get().answer
    assert desk.deliver(DUE + timedelta(seconds=2)).sent == 2
    assert desk.deliver(DUE + MINUTE).sent == 1


def smtp_server(greeting: bytes, **replies: bytes) -> Callable[[socket.socket], None]:
    """Return an SMTP server that gives these replies to commands, and 250 to all others.

    It closes the connection where its reply is empty.
    """

    def speak(line: socket.socket) -> None:
        line.sendall(greeting)
        for command in line.makefile("rb"):
            reply = replies.get(command[:4].decode(errors="replace").strip().upper(), b"250 OK\r\n")
            if not reply:
                return
            line.sendall(reply)

    return speak


HELLO = b"220 here\r\n"
ODD_SERVERS = {
    "garbage": smtp_server(b"\x00\xff\xfe garbage\r\n" * 50),
    "garbage for an answer": smtp_server(HELLO, MAIL=b"\x00\xff\r\n"),
    "hangs up at once": lambda _line: None,
    "hangs up at EHLO": smtp_server(HELLO, EHLO=b"", HELO=b""),
    "demands STARTTLS": smtp_server(
        HELLO, MAIL=b"530 5.7.0 Must issue a STARTTLS command first\r\n"
    ),
    "a line of 10 MB": smtp_server(b"220 " + b"x" * 10_000_000 + b"\r\n"),
    "10 MB for an answer": smtp_server(HELLO, MAIL=b"250 " + b"x" * 10_000_000 + b"\r\n"),
    "1 MB in lines": smtp_server(HELLO, RCPT=b"450-\x00\xff x\r\n" * 100_000 + b"450 x\r\n"),
    "silence": lambda _line: time.sleep(3),
    "refuses the greeting": smtp_server(b"554 go away\r\n"),
    "421 everywhere": smtp_server(HELLO, MAIL=b"421 closing\r\n", RCPT=b"421 closing\r\n"),
}


@pytest.mark.parametrize("case", ODD_SERVERS)
def test_odd_servers_neither_hang_the_run_nor_lose_a_message(
    desk: Desk, sink: Sink, settings: Any, case: str
) -> None:
    settings.EMAIL_TIMEOUT = 1
    desk.follow()
    for ref in ("metals", "grain"):
        desk.deadline(desk.agreement(ref))
    desk.sweep(DUE)
    with raw_server(ODD_SERVERS[case]) as (settings.EMAIL_PORT, _):
        begun = time.monotonic()
        report = desk.deliver(DUE)
        assert time.monotonic() - begun < 8
    assert (report.sent, report.refused) == (0, 0)
    assert Message.objects.filter(state=MessageState.WAITING).count() == 2
    for answer in DeliveryAttempt.objects.values_list("answer", flat=True):
        assert 0 < len(answer) <= 1000
    settings.EMAIL_PORT = sink.port
    assert desk.deliver(DUE + timedelta(hours=7)).sent == 2


def test_a_refusal_in_invalid_bytes_is_recorded(desk: Desk, sink: Sink, settings: Any) -> None:
    desk.follow()
    desk.deadline(desk.agreement())
    desk.sweep(DUE)
    odd = b"550-\x00\xff\xed\xa0\x80 no\r\n" * 5000 + b"550 such\r\n"
    with raw_server(smtp_server(HELLO, RCPT=odd, QUIT=b"221 bye\r\nand more\r\n")) as found:
        settings.EMAIL_PORT = found[0]
        assert desk.deliver(DUE).refused == 1
    attempt = DeliveryAttempt.objects.get()
    assert attempt.answer.startswith("550 ")
    assert len(attempt.answer) <= 1000


def test_a_message_with_invalid_data_does_not_delay_others(desk: Desk, sink: Sink) -> None:
    desk.follow()
    bad = desk.deadline(desk.agreement("metals"))
    desk.deadline(desk.agreement("grain", title="Grain"))
    desk.sweep(DUE)
    # The last instant has no day in a zone that is ahead of UTC.
    last = datetime.max.replace(tzinfo=UTC)
    Deadline.objects.filter(pk=bad.pk).update(due_at=last, unmet_at=last, timezone="Asia/Shanghai")
    report = desk.deliver(DUE)
    assert (report.sent, report.deferred) == (1, 1)
    attempt = DeliveryAttempt.objects.get(outcome=AttemptOutcome.DEFERRED)
    assert "date value out of range" in attempt.answer
    Deadline.objects.filter(pk=bad.pk).update(due_at=DUE, unmet_at=DUE, timezone="UTC")
    assert desk.deliver(DUE + MINUTE).sent == 1


def test_a_recipient_in_a_zone_that_no_longer_exists_is_notified(desk: Desk, sink: Sink) -> None:
    desk.follow(timezone="Europe/Berlin")
    Subscription.objects.update(timezone="Europe/Atlantis")
    desk.deadline(desk.agreement())
    assert desk.pass_to(DUE).sent == 1


def test_an_unreachable_server_is_tried_once_per_run_and_gets_everything_later(
    desk: Desk, sink: Sink, settings: Any
) -> None:
    desk.follow()
    for number in range(3):
        desk.deadline(desk.agreement(f"a-{number}"))
    settings.EMAIL_PORT = 1  # nothing listens there
    at = DUE
    desk.sweep(at)
    for _ in range(30):
        report = desk.deliver(at)
        assert (report.sent, report.refused) == (0, 0)
        assert report.deferred <= 1
        at += timedelta(seconds=20)

    settings.EMAIL_PORT = sink.port
    assert desk.deliver(at + senders.MAX_WAIT_FOR_SERVER).sent == 3


def test_a_worker_killed_after_sending_repeats_only_that_email(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is killed between the answer of the server and the record, by an exception."""
    desk.follow()
    for number in range(4):
        desk.deadline(desk.agreement(f"a-{number}"))
    desk.sweep()
    record = outbox.record

    class KilledError(BaseException):
        pass

    def raise_at_the_third(*args: Any, **kwargs: Any) -> None:
        if len(sink.received) == 3:
            raise KilledError
        record(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "record", raise_at_the_third)
        with pytest.raises(KilledError):
            desk.deliver()
    assert desk.deliver(DUE + outbox.LEASE / 2) == DeliveryReport(), "still leased"

    assert desk.deliver(DUE + outbox.LEASE + MINUTE).sent == 2
    ids = [mail["Message-ID"] for mail in sink.received]
    assert len(ids) == 5
    assert len(set(ids)) == 4


def test_a_stopping_run_releases_its_claims(desk: Desk, sink: Sink) -> None:
    desk.follow()
    for number in range(4):
        desk.deadline(desk.agreement(f"a-{number}"))
    desk.sweep()

    report = deliver(as_of=DUE, is_stopping=lambda: len(sink.received) == 2)

    assert report.sent == 2
    assert desk.deliver(DUE + timedelta(seconds=1)).sent == 2
    assert set(Message.objects.values_list("attempt_count", flat=True)) == {1}


def test_an_email_that_cannot_be_rendered_is_deferred_and_does_not_delay_others(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.follow()
    desk.deadline(desk.agreement("good"), title="Good")
    desk.deadline(desk.agreement("bad"), title="Bad")
    whole = rendering.render_mail

    def faulty(contents: Any) -> Any:
        if contents.agreement_ref == "bad":
            raise KeyError("an error of ours")
        return whole(contents)

    with monkeypatch.context() as patched:
        patched.setattr(rendering, "render_mail", faulty)
        assert desk.pass_to(DUE) == DeliveryReport(formed=2, sent=1, deferred=1)
    assert desk.deliver(DUE + MINUTE).sent == 1


def test_sent_messages_are_recorded_although_a_later_one_fails(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.follow()
    for number in range(3):
        desk.deadline(desk.agreement(f"a-{number}", title=f"Agreement {number}"))
    desk.sweep()
    found: Any = Contents

    def faulty(**fields: Any) -> Any:
        if fields["agreement"] == "Agreement 1":
            raise LookupError("an error of ours\x00, which cannot even be stored")
        return found(**fields)

    monkeypatch.setattr(messages, "Contents", faulty)
    assert desk.deliver() == DeliveryReport(formed=3, sent=2, deferred=1)
    kept = list(DeliveryAttempt.objects.order_by("id").values_list("outcome", "answer"))
    assert kept[0] == ("sent", "")
    assert kept[1][1].startswith("LookupError(")
    assert kept[2] == ("sent", "")


def test_loaded_messages_are_rendered_without_further_queries(
    desk: Desk, sink: Sink, django_assert_num_queries: Any
) -> None:
    desk.follow()
    desk.follow("digest@example.org", frequency="daily", digest_hour=13)
    for number in range(2):
        agreement = desk.agreement(f"a-{number}")
        done = desk.deadline(agreement, "Done")
        desk.deadline(agreement, "Left")
        desk.record(
            done, DUE, type="extension", on="2026-03-01", due={"type": "date", "on": "2026-05-01"}
        )
    desk.sweep()
    outbox.form(as_of=DUE + timedelta(days=1), domain="desk.example")
    ids = list(Message.objects.values_list("id", flat=True))
    batch = messages.load(ids, as_of=DUE + timedelta(days=1))
    assert len(batch.messages) == 3
    with django_assert_num_queries(0):
        for message_id in ids:
            rendering.render_mail(batch.contents(message_id)).message().as_bytes()


def test_slow_sending_renews_the_lease(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "ATTEMPT_LIMIT", outbox.LEASE)
    desk.follow()
    for number in range(3):
        desk.deadline(desk.agreement(f"a-{number}"))
    assert desk.pass_to(DUE).sent == 3


def test_a_message_claimed_by_another_worker_is_not_sent(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "ATTEMPT_LIMIT", outbox.LEASE)
    desk.follow()
    for number in range(3):
        desk.deadline(desk.agreement(f"a-{number}"))

    claim = outbox.claim

    def claim_too_slowly(**kwargs: Any) -> Any:
        claims, withdrawn = claim(**kwargs)
        if claims:
            Message.objects.filter(id=claims[-1].message_id).update(attempt_count=7)
        return claims, withdrawn

    monkeypatch.setattr(outbox, "claim", claim_too_slowly)
    assert desk.pass_to(DUE).sent == 2


@pytest.mark.django_db(transaction=True)
def test_concurrent_workers_send_every_message_once(sink: Sink) -> None:
    desk = Desk()
    desk.follow()
    desk.follow("second@example.org")
    for number in range(40):
        desk.enter(2, f"a-{number}")
    desk.sweep()

    def work(_: int) -> DeliveryReport:
        try:
            return deliver(as_of=DUE)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(work, range(4)))
    reports.append(deliver(as_of=DUE + timedelta(seconds=1)))

    assert sum(report.formed for report in reports) == 80
    assert sum(report.sent for report in reports) == 80
    assert len({mail["Message-ID"] for mail in sink.received}) == len(sink.received) == 80
    assert Message.objects.exclude(state=MessageState.SENT).count() == 0


def test_a_burst_of_any_size_is_one_message(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "FORMED_AT_ONCE", 10)
    desk.follow()
    first = desk.enter(121, title="Large")
    desk.record(first, NOW, type="waiver", at=f"{NOW:%Y-%m-%dT%H:%M:%SZ}")
    assert desk.pass_to(DUE) == DeliveryReport(formed=1, sent=1)
    assert sink.subjects == ["120 missed, 1 waived: Large"]


def test_the_number_of_queries_does_not_grow_with_the_number_of_alerts(
    desk: Desk, sink: Sink, django_assert_max_num_queries: Any
) -> None:
    desk.follow()
    for number in range(5):
        desk.enter(10, f"a-{number}")
    desk.sweep()
    # Forming, claiming and loading take a fixed number of queries; recording takes one per message.
    with django_assert_max_num_queries(37 + 5, connection=connection):
        desk.deliver()
