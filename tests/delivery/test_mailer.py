"""The mailer sends every email over one connection and understands what the server answers."""

from __future__ import annotations

import itertools
import re
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage as ParsedMessage
from typing import Any

import pytest
from django.core.mail import BadHeaderError, EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend
from hypothesis import given
from hypothesis import strategies as st

from compliance.delivery import mailer as mailer_module
from compliance.delivery import outbox, run
from compliance.delivery.answers import Answer
from compliance.delivery.contents import Contents, Item, Row
from compliance.delivery.mailer import Mailer
from compliance.delivery.rendering import render_mail
from compliance.delivery.time_limits import ATTEMPT_LIMIT
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models import Message, User
from tests.delivery.conftest import DUE, HANG_UP, READER, Desk, Sink

SENT = Answer(outcome=AttemptOutcome.SENT)


def mail(subject: str, body: str = "b", to: str = READER, **headers: str) -> EmailMessage:
    return EmailMessage(subject=subject, body=body, to=[to], headers=headers)


@pytest.fixture
def server(settings: Any) -> Iterator[RawServer]:
    """A mail server that keeps the bytes that it receives."""
    with RawServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        yield server


class RawServer(socketserver.ThreadingTCPServer):
    """A mail server that accepts everything, with the commands and lines that it received."""

    daemon_threads = True
    # The answers to DATA, each given once.
    data_answers: list[bytes]

    def __init__(self) -> None:
        self.commands: list[bytes] = []
        self.received: list[bytes] = []
        self.data_answers = []
        super().__init__(("127.0.0.1", 0), _RawHandler)

    def __enter__(self) -> RawServer:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _RawHandler(socketserver.StreamRequestHandler):
    server: RawServer

    def handle(self) -> None:
        with suppress(ConnectionError):
            self._answer_commands()

    def _answer_commands(self) -> None:
        self.wfile.write(b"220 here\r\n")
        is_under_way = False
        for command in self.rfile:
            self.server.commands.append(command)
            match command[:4].upper():
                case b"EHLO":
                    self.wfile.write(b"250-here\r\n250 SIZE 1000000\r\n")
                case b"MAIL" if is_under_way:
                    self.wfile.write(b"503 Nested MAIL command\r\n")
                case b"MAIL":
                    is_under_way = True
                    self.wfile.write(b"250 OK\r\n")
                case b"DATA" if self.server.data_answers:
                    self.wfile.write(self.server.data_answers.pop())
                case b"DATA":
                    self.wfile.write(b"354 Go on\r\n")
                    lines = list(itertools.takewhile(lambda line: line != b".\r\n", self.rfile))
                    self.server.received.append(b"".join(lines))
                    is_under_way = False
                    self.wfile.write(b"250 OK\r\n")
                case b"QUIT":
                    self.wfile.write(b"221 Bye\r\n")
                    return
                case _:
                    is_under_way = is_under_way and command[:4].upper() != b"RSET"
                    self.wfile.write(b"250 OK\r\n")


def test_emails_share_one_connection(sink: Sink) -> None:
    with closing(Mailer()) as mailer:
        for subject in ("one", "two", "three"):
            assert mailer.send(mail(subject)) == SENT
    assert sink.subjects == ["one", "two", "three"]
    assert sink.connections == 1


def test_after_a_refused_email_the_next_one_is_accepted(sink: Sink) -> None:
    sink.recipient_answers = lambda address: "550 No" if address[0] == "n" else "250 OK"
    sink.answers = lambda number: "554 No" if number == 1 else "250 OK"
    with closing(Mailer()) as mailer:
        answers = [
            mailer.send(mail("refused for its recipient", to="nobody@example.org")),
            mailer.send(mail("refused itself")),
            mailer.send(mail("refused for its recipient", to="nobody@example.org")),
            mailer.send(mail("accepted")),
        ]
    assert [answer.outcome.value for answer in answers] == ["refused"] * 3 + ["sent"]
    assert [answer.text for answer in answers] == ["550 No", "554 No", "550 No", ""]


def test_a_refused_recipient_leaves_the_connection_open(sink: Sink) -> None:
    sink.recipient_answers = lambda address: "550 No" if address[0] == "n" else "250 OK"
    with closing(Mailer()) as mailer:
        for recipient in ("nobody@example.org", READER, "nobody@example.org", READER):
            mailer.send(mail("subject", to=recipient))
    assert len(sink.received) == 2
    assert sink.connections == 1


def test_a_refused_data_command_does_not_spoil_the_next_email(server: RawServer) -> None:
    server.data_answers = [b"451 Not now\r\n"]
    with closing(Mailer()) as mailer:
        assert mailer.send(mail("one")).text == "451 Not now"
        assert mailer.send(mail("two")) == SENT
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "address", ['"a\\\r\nRCPT TO:<thief@example.org>"@desk.example', "a@b.example\r\nX: y"]
)
def test_a_line_break_in_the_sender_adds_no_command(server: RawServer, address: str) -> None:
    breaking = mail("one")
    breaking.from_email = address
    with closing(Mailer()) as mailer, pytest.raises(ValueError, match=r"(?i)invalid|newline"):
        mailer.send(breaking)
    assert not any(b"thief" in command for command in server.commands)
    assert server.received == []


@pytest.mark.parametrize(
    "address",
    ["a@example.org\r\nRCPT TO:<thief@example.org>", "a@example.org, thief@example.org", "a@b@c"],
)
def test_a_recipient_that_is_not_one_address_reaches_nobody(
    server: RawServer, address: str
) -> None:
    with closing(Mailer()) as mailer:
        assert mailer.send(mail("one", to=address)).outcome is AttemptOutcome.REFUSED
    assert server.commands == []


def test_a_connection_lost_at_the_end_of_an_email_is_opened_again_for_it(sink: Sink) -> None:
    sink.answers = lambda number: HANG_UP if number == 2 else "250 OK"
    with closing(Mailer()) as mailer:
        assert mailer.send(mail("one")) == SENT
        assert mailer.send(mail("two")) == SENT
    assert sink.subjects == ["one", "two", "two"]
    assert sink.connections == 2


def test_a_connection_lost_twice_defers_the_email(sink: Sink) -> None:
    sink.answers = lambda number: HANG_UP if number in {2, 3} else "250 OK"
    with closing(Mailer()) as mailer:
        assert mailer.send(mail("one")) == SENT
        answer = mailer.send(mail("two"))
    assert (answer.outcome, answer.is_server_fault) == (AttemptOutcome.DEFERRED, True)


@pytest.mark.parametrize("body", [".", "..\n.\nx", "a\n.\nMAIL FROM:<thief@example.org>\n."])
def test_a_line_with_only_a_dot_does_not_end_the_email(sink: Sink, body: str) -> None:
    with closing(Mailer()) as mailer:
        assert mailer.send(mail("dots", body)) == SENT
    [received] = sink.received
    assert received.get_content().replace("\r\n", "\n").rstrip("\n") == body


def test_the_domain_of_an_address_is_sent_in_ascii(sink: Sink) -> None:
    with closing(Mailer()) as mailer:
        assert mailer.send(mail("one", to="reader@b\u00fccher.example")) == SENT
    assert sink.recipients == ["reader@xn--bcher-kva.example"]
    assert sink.received[0]["To"] == "reader@xn--bcher-kva.example"


class Redirecting(EmailBackend):
    """Sends everything to a test mailbox."""

    def send_messages(self, email_messages: Any) -> int:
        for each in email_messages:
            each.to = ["trial@example.org"]
        return super().send_messages(email_messages)


def test_a_custom_email_backend_is_used(sink: Sink, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Redirecting"
    with closing(Mailer()) as mailer:
        assert mailer.send(mail("one")) == SENT
    assert sink.recipients == ["trial@example.org"]


@pytest.mark.parametrize("sender", ["Pacta, Inc. <a@b.example>", "a@b.example, c@d.example", ""])
def test_a_sender_that_is_not_one_address_is_an_error(server: RawServer, sender: str) -> None:
    breaking = mail("one")
    breaking.from_email = sender
    with closing(Mailer()) as mailer, pytest.raises(ValueError, match="Invalid address"):
        mailer.send(breaking)
    assert not any(command.startswith(b"MAIL") for command in server.commands)


@pytest.mark.exhaustive
def test_a_server_that_answers_slowly_is_cut_off_before_the_lease_ends(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(_address: str) -> str:
        time.sleep(5)
        return "250 OK"

    sink.recipient_answers = slowly
    monkeypatch.setattr(mailer_module, "ATTEMPT_LIMIT", timedelta(seconds=0.5))
    begun = time.monotonic()
    with closing(Mailer()) as mailer:
        answer = mailer.send(mail("one"))
    assert time.monotonic() - begun < 4.5
    assert (answer.outcome, answer.is_server_fault) == (AttemptOutcome.DEFERRED, True)
    time.sleep(5)
    assert sink.received == []


def test_a_lease_outlasts_an_attempt() -> None:
    assert outbox.LEASE > ATTEMPT_LIMIT


def test_a_message_claimed_by_another_worker_in_the_meantime_is_not_sent(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.follow()
    for number in range(3):
        desk.deadline(desk.agreement(f"a-{number}"))
    lost: list[int] = []
    record = outbox.record

    def record_slowly(claim: outbox.Claim, answer: Answer, **times: Any) -> None:
        record(claim, answer, **times)
        if not lost:
            # The database took so long that the lease on the next message ended.
            lost.append(Message.objects.filter(state="waiting").order_by("id")[0].pk)
            Message.objects.filter(pk=lost[0]).update(attempt_count=7)
            monkeypatch.setattr(run, "ATTEMPT_LIMIT", outbox.LEASE)

    monkeypatch.setattr(outbox, "record", record_slowly)
    assert desk.pass_to(DUE).sent == 2
    assert Message.objects.get(pk__in=lost).sent_at is None
    assert len(sink.received) == 2


def test_a_claim_whose_renewal_took_longer_than_the_lease_is_not_sent(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.follow()
    desk.deadline(desk.agreement())
    monkeypatch.setattr(run, "ATTEMPT_LIMIT", outbox.LEASE)
    monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=0.2))
    renew = outbox.renew

    def renew_slowly(claim: outbox.Claim, *, now: datetime) -> outbox.Claim | None:
        renewed = renew(claim, now=now)
        time.sleep(0.3)
        return renewed

    monkeypatch.setattr(outbox, "renew", renew_slowly)
    assert desk.pass_to(DUE).sent == 0
    assert sink.received == []


def test_messages_behind_a_server_that_closes_count_as_never_tried(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This renews every claim.
    monkeypatch.setattr(run, "ATTEMPT_LIMIT", outbox.LEASE)
    desk.follow()
    for number in range(2):
        desk.deadline(desk.agreement(f"a-{number}"))
    sink.answers = lambda _number: "421 Closing"
    assert desk.pass_to(DUE).deferred == 1
    _first, second = Message.objects.order_by("id")
    assert (second.attempt_count, second.claimed_at) == (0, None)


def test_administrators_are_notified_over_the_connection_in_use(desk: Desk, sink: Sink) -> None:
    User.objects.create_superuser("admin@example.org", "x")
    desk.follow("gone@example.org")
    desk.follow()
    desk.deadline(desk.agreement())
    sink.recipient_answers = lambda address: "550 No" if address[0] == "g" else "250 OK"
    assert desk.pass_to(DUE).sent == 1
    assert sorted(sink.recipients) == ["admin@example.org", READER]
    assert sink.connections == 1


# --- The bytes that the server receives -----------------------------------------------------------

words = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.sampled_from("é中.=?_- "),
    min_size=1,
    max_size=1_200,
)
texts = st.lists(words | st.sampled_from(["", ".", "..", "From here", "--", "=20"])).map("\n".join)


def rendered(title: str, quote: str, names: str) -> EmailMultiAlternatives:
    item = Item(
        deadline_id=1, kind="missed", label="missed", headline="Missed", tone="bad", title=title,
        ref="O-1", agreement=title, severity="high", obligors=names, obligors_short=names,
        obligees=names, dates=(Row("Was due", ("today",)),), situation="It is late.",
        evidence="none", path="/x", quote=quote,
    )  # fmt: skip
    return render_mail(
        Contents(
            recipient=READER,
            message_id="<m@desk.example>",
            thread="deadline-1",
            references=tuple(f"<{number:032}@desk.example>" for number in range(20)),
            agreement=title,
            agreement_ref="a-1",
            is_digest=False,
            counts={"missed": 1},
            items=(item,),
            list_path="/x",
            unsubscribe_path=f"/unsubscribe/{'t' * 100}",
        )
    )


def as_sent(mail: EmailMultiAlternatives) -> bytes:
    """Return an email as Django's SMTP backend sends it."""
    made: Any = mail.message()
    return bytes(made.as_bytes(linesep="\r\n"))


def parsed(lines: bytes) -> ParsedMessage:
    found = message_from_bytes(lines.replace(b"\r\n", b"\n"), policy=policy.default)
    assert isinstance(found, ParsedMessage)
    return found


@given(title=words, quote=texts, names=words)
def test_every_line_of_an_email_is_valid_and_short_enough(
    title: str, quote: str, names: str
) -> None:
    lines = as_sent(rendered(title, quote, names))
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", lines)
    assert max(map(len, lines.split(b"\r\n"))) <= 998
    head, _, _ = lines.partition(b"\r\n\r\n")
    assert head.isascii()


@given(title=words, quote=texts, names=words)
def test_a_received_email_has_the_rendered_subject_and_bodies(
    title: str, quote: str, names: str
) -> None:
    made = rendered(title, quote, names)
    found = parsed(as_sent(made))
    assert not found.defects
    assert found["Subject"].split() == str(made.subject).split()
    plain, html = found.get_body(["plain"]), found.get_body(["html"])
    assert plain is not None
    assert html is not None
    assert plain.get_content().rstrip("\n") == str(made.body).rstrip("\n")
    assert html.get_content().rstrip("\n") == str(made.alternatives[0][0]).rstrip("\n")
    assert found.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize("breaking", ["\n", "\r", "\r\n"])
def test_a_header_with_a_line_break_is_not_sent(server: RawServer, breaking: str) -> None:
    smuggling = mail("one", **{"X-Note": f"a{breaking}Bcc: thief@example.org"})
    with closing(Mailer()) as mailer, pytest.raises(BadHeaderError):
        mailer.send(smuggling)
    assert server.received == []


def test_the_server_receives_the_rendered_email(server: RawServer) -> None:
    made = rendered("\u00dcberf\u00e4llig (中国)", ".\n..\nZeile", "中国")
    with closing(Mailer()) as mailer:
        assert mailer.send(made) == SENT
    [lines] = server.received
    assert not re.search(rb"(?<!\r)\n", lines)
    assert not any(line.startswith(b".") for line in lines.replace(b"\r\n..", b"").split(b"\r\n"))
    found = parsed(re.sub(rb"(?m)^\.\.", b".", lines))
    assert "\u00dcberf\u00e4llig (中国)" in found["Subject"]
    plain = found.get_body(["plain"])
    assert plain is not None
    assert "> .\n> ..\n> Zeile" in plain.get_content()
