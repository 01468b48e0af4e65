"""A mail that comes back marks its address, and nobody can mark one by inventing a report."""

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

NOTHING = "Nothing was changed.\n"


def whole_mail_back(
    message_id: str,
    recipient: str = READER,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    said: str = "smtp; 550 5.1.1 <reader@example.org>: no mailbox\n  here by that name",
) -> bytes:
    """A report with all of our mail in it, about an alias that leads elsewhere."""
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
Diagnostic-Code: {said}

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


def headers_back(message_id: str, recipient: str = READER) -> bytes:
    """A report with two recipients, CRLF, no diagnostic, and only the headers of our mail."""
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


def hand_in(mail: bytes, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the command says of a mail that is piped to it."""
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


def as_it_stands() -> tuple[object, ...]:
    return (
        list(Message.objects.values("state", "sent_at")),
        list(Subscription.objects.values("refused_at", "refusal")),
        DeliveryAttempt.objects.count(),
    )


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (whole_mail_back, "550 5.1.1 <reader@example.org>: no mailbox here by that name"),
        (headers_back, "5.7.1"),
        (
            lambda own: whole_mail_back(own, status="4.4.7"),
            "550 5.1.1 <reader@example.org>: no mailbox here by that name",
        ),
    ],
)
def test_a_bounce_marks_the_address_and_the_administrators_hear_of_it(
    report: object, said: str, desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(report)
    message = sent_message(desk)
    line = hand_in(report(message.message_id), monkeypatch)
    assert line == f"{READER} is marked: email to it bounced.\n"
    marked = Subscription.objects.get()
    assert (marked.refusal, marked.is_active) == (said, True)
    assert marked.refused_at is not None
    message.refresh_from_db()
    assert message.state == MessageState.REFUSED
    sent, back = message.attempts.all()
    assert (sent.outcome, back.outcome) == (AttemptOutcome.SENT, AttemptOutcome.REFUSED)
    assert back.answer == said
    assert sink.recipients == [READER, "admin@example.org"]
    assert sink.subjects[1] == f"Pacta: email to {READER} is refused"
    assert said in " ".join(sink.received[1].get_content().split())


def test_the_same_bounce_once_more_changes_nothing(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = whole_mail_back(sent_message(desk).message_id)
    hand_in(report, monkeypatch)
    before = as_it_stands()
    assert hand_in(report, monkeypatch) == f"The message to {READER} is already refused. {NOTHING}"
    assert as_it_stands() == before
    assert len(sink.received) == 2


def test_the_administrators_hear_once_of_an_address_whose_mails_all_come_back(
    desk: Desk, sink: Sink
) -> None:
    def comes_back(message: Message, minutes: int) -> int:
        at = DUE + timedelta(minutes=minutes)
        bounces.record(mail=whole_mail_back(message.message_id), as_of=at)
        assert Subscription.objects.get().refused_at == at
        return sink.subjects.count(f"Pacta: email to {READER} is refused")

    def is_sent(ref: str, minutes: int) -> Message:
        desk.deadline(desk.agreement(ref))
        desk.pass_to(DUE + timedelta(minutes=minutes))
        return Message.objects.latest("pk")

    assert comes_back(sent_message(desk), 1) == 1
    assert comes_back(is_sent("second", 2), 3) == 1
    is_sent("arrives", 4)
    assert comes_back(is_sent("fourth", 5), 6) == 2


def test_a_bounce_that_is_taken_in_while_others_are_sent_still_counts(
    desk: Desk, sink: Sink
) -> None:
    message, at = sent_message(desk), DUE + timedelta(seconds=5)
    bounces.record(mail=whole_mail_back(message.message_id), as_of=at)
    outbox.mark_reached({READER: at - timedelta(seconds=1)})
    assert Subscription.objects.get().refused_at == at
    outbox.mark_reached({READER: at + timedelta(seconds=1)})
    assert Subscription.objects.get().refused_at is None


def test_an_address_that_takes_mail_again_is_marked_no_more(desk: Desk, sink: Sink) -> None:
    message = sent_message(desk)
    bounces.record(mail=whole_mail_back(message.message_id), as_of=DUE)
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


@pytest.mark.parametrize(
    ("mail", "said"),
    [
        (lambda own: whole_mail_back(own, action="delayed"), "a permanent failure"),
        (lambda own: whole_mail_back(own, action="delivered"), "a permanent failure"),
        (lambda own: whole_mail_back(own, status="2.0.0"), "a permanent failure"),
        (lambda own: whole_mail_back(own, status=""), "a permanent failure"),
        (lambda own: whole_mail_back(own, "somebody@example.org"), "No email with this Message-ID"),
        (lambda own: whole_mail_back("<invented@desk.example>"), "No email with this Message-ID"),
        (lambda own: whole_mail_back(f"<{'x' * 9_000}@y>"), "does not name the email"),
        (lambda own: whole_mail_back(""), "does not name the email"),
        (lambda own: whole_mail_back("<a\0b@y>"), "does not name the email"),
        (lambda own: AUTOMATIC_REPLY % own.strip("<>").encode(), "not contain a delivery report"),
        (lambda own: b"", "not contain a delivery report"),
        (lambda own: b"\0\xff\xfe" * 1_000, "not contain a delivery report"),
        (lambda own: b"Content-Type: message/rfc822\n\n" * 3_000, "malformed"),
    ],
)  # fmt: skip
def test_what_is_no_final_refusal_of_a_mail_of_ours_changes_nothing(
    mail: object, said: str, desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(mail)
    before_sending = sent_message(desk)
    before = as_it_stands()
    line = hand_in(mail(before_sending.message_id), monkeypatch)
    assert said in line
    assert line.endswith(NOTHING)
    assert as_it_stands() == before
    assert sink.recipients == [READER]


def test_a_mail_made_to_take_long_does_not() -> None:
    nested = b"".join(
        b"Content-Type: multipart/x; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(900)
    )
    begun = time.process_time()
    with pytest.raises(NoBounce):
        bounces.record(mail=nested + b"\n" * 1_000_000, as_of=DUE)
    assert time.process_time() - begun < 5


def test_without_the_database_the_mail_server_is_asked_to_hand_it_in_again() -> None:
    nowhere = "postgresql://nobody:nothing@127.0.0.1:1/none"
    ended = subprocess.run(
        [sys.executable, "manage.py", "record_bounce"],
        input=whole_mail_back("<any@desk.example>") + b"x" * 3_000_000,
        env={**os.environ, "DATABASE_URL": nowhere, "DJANGO_SETTINGS_MODULE": "config.settings"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )
    assert ended.returncode == os.EX_TEMPFAIL
    assert b"Retry the bounce later" in ended.stderr
    assert b"Traceback" not in ended.stderr
