"""A mail is handed over in two parts, and the server takes nothing before the second."""

from __future__ import annotations

import itertools
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.mail.backends.smtp import EmailBackend

from compliance.delivery import outbox
from compliance.delivery.carrier import Answer, Carrier
from compliance.delivery.mime import Mail, bare_address
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models import Message
from tests.delivery.conftest import DUE, HANG_UP, Desk, Sink

SENT = Answer(outcome=AttemptOutcome.SENT)


def mail(subject: str, body: str = "b", to: str = "reader@example.org") -> Mail:
    return Mail(subject=subject, body=body, to=[to])


@pytest.fixture(params=[True, False], ids=["all at once", "one by one"])
def either(sink: Sink, request: pytest.FixtureRequest) -> Sink:
    """A server that takes commands all at once, or one by one."""
    sink.is_pipelining = request.param
    return sink


def test_a_mail_is_taken_at_its_end_and_not_before(either: Sink) -> None:
    with Carrier() as carrier:
        for subject in ("one", "two"):
            before = list(either.received)
            assert carrier.begin(mail(subject)) is None
            assert carrier.proceed() is None
            assert either.received == before
            carrier.finish()
            assert carrier.conclude() == SENT
    assert either.subjects == ["one", "two"]
    assert either.connections == 1


def test_a_mail_that_was_begun_and_left_is_not_sent_and_holds_up_no_other(either: Sink) -> None:
    with Carrier() as carrier:
        for subject in ("sent", "sent as well"):
            assert carrier.send(mail(subject)) == SENT
            carrier.begin(mail("left"))
            carrier.close()
            assert carrier.send(mail(subject)) == SENT
            carrier.begin(mail("left"))
            carrier.proceed()
            carrier.close()
    assert either.subjects == ["sent", "sent", "sent as well", "sent as well"]
    assert either.connections == 4


def test_one_that_was_refused_leaves_the_connection_fit_for_the_next(either: Sink) -> None:
    either.recipient_answers = lambda address: "550 No" if address[0] == "n" else "250 OK"
    either.answers = lambda number: "554 No" if number == 1 else "250 OK"
    with Carrier() as carrier:
        answers = [
            carrier.send(mail("its recipient is refused", to="nobody@example.org")),
            carrier.send(mail("it is refused itself")),
            carrier.send(mail("its recipient is refused", to="nobody@example.org")),
            carrier.send(mail("it is taken")),
        ]
    assert [answer.outcome.value for answer in answers] == ["refused"] * 3 + ["sent"]
    assert [answer.text for answer in answers] == ["550 No", "554 No", "550 No", ""]
    assert either.connections == 1


def test_a_server_that_awaits_a_mail_to_nobody_is_left(settings: Any) -> None:
    with Naive() as naive:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = naive.server_address[:2]
        with Carrier() as carrier:
            assert carrier.send(mail("to nobody", to="nobody@example.org")).text == "550 No"
            assert carrier.send(mail("to somebody")) == SENT
    assert len(naive.received) == 2
    assert b"" in naive.received, "not a command that would be a line of a mail"


def test_no_sender_makes_a_command_of_its_own(settings: Any) -> None:
    with Naive() as naive:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = naive.server_address[:2]
        breaking = mail("one")
        breaking.from_email = '"a\\\r\nRCPT TO:<thief@example.org>"@desk.example'
        with Carrier() as carrier, pytest.raises(ValueError, match="one line"):
            carrier.send(breaking)
    assert not any(b"thief" in command for command in naive.commands)


class Naive(socketserver.ThreadingTCPServer):
    """A mail server that takes a mail without looking whether there is anybody to have it."""

    daemon_threads = True

    def __init__(self) -> None:
        self.commands: list[bytes] = []
        self.received: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _NaiveHandler)

    def __enter__(self) -> Naive:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _NaiveHandler(socketserver.StreamRequestHandler):
    server: Naive

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for command in self.rfile:
            self.server.commands.append(command)
            match command[:4].upper():
                case b"EHLO":
                    self.wfile.write(b"250-here\r\n250 PIPELINING\r\n")
                case b"RCPT" if b"nobody" in command:
                    self.wfile.write(b"550 No\r\n")
                case b"DATA":
                    self.wfile.write(b"354 Go on\r\n")
                    lines = list(itertools.takewhile(lambda line: line != b".\r\n", self.rfile))
                    self.server.received.append(b"".join(lines))
                    self.wfile.write(b"250 OK\r\n")
                case b"QUIT":
                    self.wfile.write(b"221 Bye\r\n")
                    return
                case _:
                    self.wfile.write(b"250 OK\r\n")


def test_a_connection_lost_before_the_end_is_made_anew_for_the_whole_mail(either: Sink) -> None:
    either.answers = lambda number: HANG_UP if number == 2 else "250 OK"
    with Carrier() as carrier:
        assert carrier.send(mail("one")) == SENT
        assert (carrier.begin(mail("two")) or carrier.proceed()) is None
        carrier.finish()
        assert carrier.conclude() is None, "handed over anew, but for its end"
        assert either.subjects == ["one", "two"]
        carrier.finish()
        assert carrier.conclude() == SENT
    assert either.subjects == ["one", "two", "two"]


@pytest.mark.parametrize("body", [".", "..\n.\nx", "a\n.\nMAIL FROM:<thief@example.org>\n."])
def test_a_line_that_is_a_dot_ends_nothing(sink: Sink, body: str) -> None:
    with Carrier() as carrier:
        assert carrier.send(mail("dots", body)) == SENT
    [received] = sink.received
    assert received.get_content().replace("\r\n", "\n") == f"{body}\n"


def test_the_domain_of_an_address_goes_out_in_the_letters_of_domain_names(sink: Sink) -> None:
    with Carrier() as carrier:
        assert carrier.send(mail("one", to="reader@b\u00fccher.example")) == SENT
    assert sink.recipients == ["reader@xn--bcher-kva.example"]
    assert sink.received[0]["To"] == "reader@xn--bcher-kva.example"


def test_a_message_that_came_into_other_hands_while_it_was_on_its_way_is_not_sent(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.follow()
    for number in range(3):
        desk.deadline(desk.agreement(f"a-{number}"))
    lost: list[int] = []
    recording = outbox.recording

    @contextmanager
    def recording_slowly(held: outbox.Claim, **outcome: Any) -> Iterator[None]:
        with recording(held, **outcome):
            yield
        if not lost:
            # The database took so long that the lease on the next one ran out.
            lost.append(Message.objects.filter(state="waiting").order_by("id")[0].pk)
            Message.objects.filter(pk=lost[0]).update(attempt_count=7)
            monkeypatch.setattr(outbox, "LEASE_FOR_ONE", outbox.LEASE)

    monkeypatch.setattr(outbox, "recording", recording_slowly)
    assert desk.pass_to(DUE).sent == 2
    assert Message.objects.get(pk__in=lost).sent_at is None
    assert len(sink.received) == 2


class Redirecting(EmailBackend):
    """Sends everything to a mailbox for trials."""

    def send_messages(self, email_messages: Any) -> int:
        for each in email_messages:
            each.to = ["trial@example.org"]
        return super().send_messages(email_messages)


def test_a_backend_that_sends_in_its_own_way_is_given_the_mails(sink: Sink, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Redirecting"
    with Carrier() as carrier:
        assert carrier.send(mail("one")) == SENT
    assert sink.recipients == ["trial@example.org"]
    assert sink.subjects == ["one"]


@pytest.mark.parametrize("sender", ["Pacta, Inc. <a@b.example>", "a@b.example, c@d.example", ""])
def test_a_sender_that_is_not_one_address_is_an_error_and_no_other_address(sender: str) -> None:
    with pytest.raises(ValueError, match="One address is needed"):
        bare_address(sender)


def test_a_message_behind_a_server_that_stalls_counts_as_never_tried(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that every claim is renewed.
    monkeypatch.setattr(outbox, "LEASE_FOR_ONE", outbox.LEASE)
    desk.follow()
    for number in range(2):
        desk.deadline(desk.agreement(f"a-{number}"))
    sink.answers = lambda _number: "421 Closing"
    assert desk.pass_to(DUE).deferred == 1
    _first, second = Message.objects.order_by("id")
    assert (second.attempt_count, second.claimed_at) == (0, None)


def test_a_mail_whose_beginning_took_longer_than_its_lease_is_not_ended(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.follow()
    desk.deadline(desk.agreement())
    slow: list[str] = []

    def slowly(address: str) -> str:
        if not slow:
            slow.append(address)
            time.sleep(0.6)
        return "250 OK"

    sink.recipient_answers = slowly
    monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=0.5))
    monkeypatch.setattr(outbox, "LEASE_FOR_ONE", timedelta(seconds=0.4))
    renewed: list[outbox.Claim] = []
    renew = outbox.renew

    def lost(held: outbox.Claim, *, now: datetime) -> outbox.Claim | None:
        renewed.append(held)
        Message.objects.update(attempt_count=7)
        return renew(held, now=now)

    monkeypatch.setattr(outbox, "renew", lost)
    assert desk.pass_to(DUE).sent == 0
    assert len(renewed) == 1
    assert sink.received == []


def test_what_a_server_dropped_at_its_end_is_sent_once_more_only_while_it_is_ours(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.follow()
    for number in range(2):
        desk.deadline(desk.agreement(f"a-{number}"))
    # So that every claim is renewed.
    monkeypatch.setattr(outbox, "LEASE_FOR_ONE", outbox.LEASE)
    sink.answers = lambda number: HANG_UP if number == 2 else "250 OK"
    renew = outbox.renew

    def lost(held: outbox.Claim, *, now: datetime) -> outbox.Claim | None:
        return None if len(sink.received) == 2 else renew(held, now=now)

    monkeypatch.setattr(outbox, "renew", lost)
    assert desk.pass_to(DUE).sent == 1
    assert len(sink.received) == 2
