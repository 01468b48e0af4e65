"""A bounce marks its address, and nobody can mark an address with a forged bounce."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
from django.core.management import call_command

from compliance.delivery import outbox
from compliance.domain.alerts.bounces import NoBounce
from compliance.domain.vocabulary import AttemptOutcome, MessageState
from compliance.models import DeliveryAttempt, Message, Subscription, User
from compliance.operations.alerts import bounces
from tests.delivery.conftest import DUE, READER, Desk, Sink
from tests.shared_worlds import in_one_world

NOTHING = "Nothing was changed.\n"


def bounce_with_email(
    message_id: str,
    recipient: str = READER,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <reader@example.org>: no mailbox\n  here by that name",
) -> bytes:
    """Return a delivery report that contains our whole email, about an alias of another mailbox."""
    return f"""\
Return-Path: <>
From: Mail Delivery <postmaster@relay.example>
To: pacta@desk.example
Subject: Could not be delivered
Message-ID: <report-1@relay.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="cut-here"

--cut-here
Content-Type: text/plain; charset=utf-8

We are sorry.

--cut-here
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example
Arrival-Date: Mon, 2 Mar 2026 12:00:00 +0000

Original-Recipient: rfc822; {recipient}
Final-Recipient: rfc822; mailbox-77@inner.example
Action: {action}
Status: {status}
Diagnostic-Code: {diagnostic}

--cut-here
Content-Type: message/rfc822

From: Pacta <pacta@desk.example>
To: {recipient}
Message-ID: {message_id}
Subject: Missed: Deliver
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="inside"

--inside
Content-Type: text/plain

Deliver.

--inside--

--cut-here--
""".encode()


def bounce_with_headers(message_id: str, recipient: str = READER) -> bytes:
    """Return a report with two recipients, CRLF, no diagnostic and the headers of our email."""
    return f"""\
From: MAILER-DAEMON@mx.example
To: <pacta@desk.example>
Subject: failure notice
MIME-Version: 1.0
Content-Type: MULTIPART/REPORT; Report-Type="delivery-status";
 boundary="=_9"

--=_9

Not delivered.
--=_9
Content-Type: message/delivery-status

Reporting-MTA: dns;mx.example

Final-Recipient: rfc822;other@example.org
Action: delayed
Status: 4.2.0

Final-Recipient: RFC822;<{recipient.upper()}>
Action: Failed
Status: 5.7.1 (refused by policy)
--=_9
Content-Type: text/rfc822-headers

Subject: Missed: Deliver
Message-Id:
 {message_id}
To: {recipient}
--=_9--
""".replace("\n", "\r\n").encode()


def pipe_to_command(mail: bytes, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the output of the command for an email that is piped to it."""
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(mail)))
    out, err = StringIO(), StringIO()
    call_command("record_bounce", stdout=out, stderr=err)
    assert err.getvalue() == ""
    assert out.getvalue().count("\n") == 1
    return out.getvalue()


def sent_message(desk: Desk) -> Message:
    User.objects.create_superuser("admin@example.org", "x")
    desk.follow()
    desk.deadline(desk.agreement())
    assert desk.pass_to(DUE).sent == 1
    return Message.objects.get()


def stored_state() -> tuple[object, ...]:
    return (
        list(Message.objects.values("state", "sent_at")),
        list(Subscription.objects.values("refused_at", "refusal")),
        DeliveryAttempt.objects.count(),
    )


@pytest.mark.parametrize(
    ("report", "diagnostic"),
    [
        (bounce_with_email, "550 5.1.1 <reader@example.org>: no mailbox here by that name"),
        (bounce_with_headers, "5.7.1"),
        (
            lambda own: bounce_with_email(own, status="4.4.7"),
            "550 5.1.1 <reader@example.org>: no mailbox here by that name",
        ),
    ],
)
def test_a_bounce_marks_the_address_and_notifies_administrators(
    report: object, diagnostic: str, desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(report)
    message = sent_message(desk)
    line = pipe_to_command(report(message.message_id), monkeypatch)
    assert line == f"{READER} is marked: email to it bounced.\n"
    marked = Subscription.objects.get()
    assert (marked.refusal, marked.is_active) == (diagnostic, True)
    assert marked.refused_at is not None
    message.refresh_from_db()
    assert message.state == MessageState.FAILED
    sent, back = message.attempts.all()
    assert (sent.outcome, back.outcome) == (AttemptOutcome.SENT, AttemptOutcome.REFUSED)
    assert back.answer == diagnostic
    assert sink.recipients == [READER, "admin@example.org"]
    assert sink.subjects[1] == f"Pacta: email to {READER} is refused"
    assert diagnostic in " ".join(sink.received[1].get_content().split())


def test_a_repeated_bounce_changes_nothing(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = bounce_with_email(sent_message(desk).message_id)
    pipe_to_command(report, monkeypatch)
    before = stored_state()
    assert (
        pipe_to_command(report, monkeypatch)
        == f"The message to {READER} already has the state failed. {NOTHING}"
    )
    assert stored_state() == before
    assert len(sink.received) == 2


def test_administrators_are_notified_once_of_an_address_that_always_bounces(
    desk: Desk, sink: Sink
) -> None:
    def record_bounce(message: Message, minutes: int) -> int:
        at = DUE + timedelta(minutes=minutes)
        bounces.record(mail=bounce_with_email(message.message_id), as_of=at)
        assert Subscription.objects.get().refused_at == at
        return sink.subjects.count(f"Pacta: email to {READER} is refused")

    def send(ref: str, minutes: int) -> Message:
        desk.deadline(desk.agreement(ref))
        desk.pass_to(DUE + timedelta(minutes=minutes))
        return Message.objects.latest("pk")

    assert record_bounce(sent_message(desk), 1) == 1
    assert record_bounce(send("second", 2), 3) == 1
    send("arrives", 4)
    assert record_bounce(send("fourth", 5), 6) == 2


def test_a_bounce_recorded_during_a_delivery_run_still_counts(desk: Desk, sink: Sink) -> None:
    message, at = sent_message(desk), DUE + timedelta(seconds=5)
    bounces.record(mail=bounce_with_email(message.message_id), as_of=at)
    outbox.mark_reached({READER: at - timedelta(seconds=1)})
    assert Subscription.objects.get().refused_at == at
    outbox.mark_reached({READER: at + timedelta(seconds=1)})
    assert Subscription.objects.get().refused_at is None


def test_an_address_that_accepts_email_again_is_no_longer_marked(desk: Desk, sink: Sink) -> None:
    message = sent_message(desk)
    bounces.record(mail=bounce_with_email(message.message_id), as_of=DUE)
    desk.deadline(desk.agreement("second"))
    desk.pass_to(DUE + timedelta(minutes=1))
    marked = Subscription.objects.get()
    assert (marked.refused_at, marked.refusal) == (None, "")


AUTOMATIC_REPLY = b"""\
From: reader@example.org
To: pacta@desk.example
Subject: Out of office: Missed: Deliver
In-Reply-To: <%s>
Auto-Submitted: auto-replied

I am away until Monday. Action: failed. Status: 5.1.1
"""


@pytest.fixture
def sent(desk: Desk, sink: Sink) -> Message:
    """An email that was sent."""
    return sent_message(desk)


@in_one_world(
    ("mail", "reason"),
    [
        (lambda own: bounce_with_email(own, action="delayed"), "a permanent failure"),
        (lambda own: bounce_with_email(own, action="delivered"), "a permanent failure"),
        (lambda own: bounce_with_email(own, status="2.0.0"), "a permanent failure"),
        (lambda own: bounce_with_email(own, status=""), "a permanent failure"),
        (lambda own: bounce_with_email(own, "other@example.org"), "No email with this Message-ID"),
        (lambda own: bounce_with_email("<invented@desk.example>"), "No email with this Message-ID"),
        (lambda own: bounce_with_email(f"<{'x' * 9_000}@y>"), "does not name the email"),
        (lambda own: bounce_with_email(""), "does not name the email"),
        (lambda own: bounce_with_email("<a\0b@y>"), "does not name the email"),
        (lambda own: AUTOMATIC_REPLY % own.strip("<>").encode(), "not contain a delivery report"),
        (lambda own: b"", "not contain a delivery report"),
        (lambda own: b"\0\xff\xfe" * 1_000, "not contain a delivery report"),
        (lambda own: b"Content-Type: message/rfc822\n\n" * 3_000, "malformed"),
    ],
)  # fmt: skip
def test_anything_but_a_permanent_failure_of_our_own_email_changes_nothing(
    mail: object, reason: str, sent: Message, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(mail)
    before = stored_state()
    line = pipe_to_command(mail(sent.message_id), monkeypatch)
    assert reason in line
    assert line.endswith(NOTHING)
    assert stored_state() == before
    assert sink.recipients == [READER]


def test_a_deeply_nested_bounce_is_rejected_quickly() -> None:
    nested = b"".join(
        b"Content-Type: multipart/x; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(900)
    )
    begun = time.process_time()
    with pytest.raises(NoBounce):
        bounces.record(mail=nested + b"\n" * 1_000_000, as_of=DUE)
    assert time.process_time() - begun < 5


@pytest.mark.exhaustive
def test_without_a_database_the_mail_server_is_asked_to_retry() -> None:
    unreachable = "postgresql://nobody:nothing@127.0.0.1:1/none"
    ended = subprocess.run(
        [sys.executable, "manage.py", "record_bounce"],
        input=bounce_with_email("<any@desk.example>") + b"x" * 3_000_000,
        env={
            **os.environ,
            "DATABASE_URL": unreachable,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )
    assert ended.returncode == os.EX_TEMPFAIL
    assert b"Retry the bounce later" in ended.stderr
    assert b"Traceback" not in ended.stderr
