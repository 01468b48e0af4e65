"""Ten thousand attempts to add a header or a recipient to an email, none of which succeeds.

Every attempt is written directly to the tables, past the validation of drafts. The seed of a run is
printed; set `SEED` to it to repeat the run.
"""

from __future__ import annotations

import os
import random
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import chain, count, islice
from typing import Any

import pytest
from django.db import models

from compliance.delivery import (
    administrator_mails,
    deliver,
    integrity_mails,
    messages,
    outbox,
    rendering,
)
from compliance.delivery.mailer import Mailer
from compliance.domain.agreements.drafts import AgreementDraft, ObligationDraft, PartyDraft
from compliance.domain.alerts.drafts import SubscriptionDraft, WebhookDraft
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models import (
    Agreement,
    AgreementParty,
    Deadline,
    JobRun,
    Message,
    Obligation,
    ObligationParty,
    Party,
    User,
)
from tests.delivery.conftest import DUE, NOW, READER, Desk, Sink

SEED = int(os.environ.get("SEED") or secrets.randbits(32))
ATTEMPTS = 10_000
AGREEMENTS = 1_334

COMMON_HEADERS = [
    "Content-Type", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID",
    "Auto-Submitted", "X-Auto-Response-Suppress",
]  # fmt: skip
ALERT_HEADERS = sorted(
    [*COMMON_HEADERS, "In-Reply-To", "References", "List-Unsubscribe", "List-Unsubscribe-Post"]
)
ADMINISTRATOR_HEADERS = sorted([*COMMON_HEADERS, "Content-Transfer-Encoding"])

THIEF = "thief@example.org"
_BREAKS = [
    "\r\n", "\n", "\r", "\r\n ", "\n\t", "\r\n\r\n", "\n\n", "\r\r\n", "\x0b", "\x0c", "\x1c",
    "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "%0D%0A", "%0a", "\\r\\n", "\\u000a", "&#10;",
    "=0D=0A", "=\r\n", "\x00", "\x7f", "\u560a\u560d", "\ufeff", "\u200b", " ", "",
]  # fmt: skip
_HEADERS = [
    f"Bcc: {THIEF}", f"To: {THIEF}", f"Cc: <{THIEF}>", f"bcc:{THIEF}", "Subject: other",
    "Content-Type: text/html", f"Reply-To: {THIEF}", f"RCPT TO:<{THIEF}>",
    f".\r\nMAIL FROM:<{THIEF}>", f"X-A: b\r\nBcc: {THIEF}", f"Resent-To: {THIEF}",
    f", {THIEF}", f"> <{THIEF}>", f"\" <{THIEF}>, \"", f"; {THIEF}", "\u202eorg.elpmaxe@feiht",
    "MIME-Version: 2.0", "--===============", f"Disposition-Notification-To: {THIEF}",
]  # fmt: skip
_WORDS = ["Deliver", "中", "é", "🚢", "a" * 70, "Lot 4", "=?", "?=", "()", "\\", "<", ">", ",", ":"]
_LINE_BREAK = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029\x00]")


def generate_injections(seed: int) -> Iterator[str]:
    """Yield texts that try to be more than text; the same ones for the same seed."""
    dice = random.Random(seed)
    while True:
        parts = [dice.choice(_WORDS), dice.choice(_BREAKS), dice.choice(_HEADERS)]
        if dice.random() < 0.4:
            parts += [dice.choice(_BREAKS), dice.choice(_WORDS)]
        text = "".join(parts)
        match dice.randrange(6):
            case 0:
                coded = "".join(f"={byte:02X}" for byte in text.encode()[:50])
                text = f"=?utf-8?q?{coded}?="
            case 1:
                text = f"=?us-ascii?Q?x=0ABcc:_{THIEF}?= {text}"
            case 2:
                text = "x" * dice.randrange(60, 1200) + text
            case 3:
                text = f'"{text}" <{THIEF}>'
            case _:
                pass
        yield text


@pytest.fixture
def injections() -> Iterator[str]:
    print(f"SEED={SEED}")
    return generate_injections(SEED)


def assert_not_injected(
    mail: EmailMessage, headers: Sequence[str], recipient: str = READER
) -> None:
    """Assert that an email has exactly these headers and this one recipient."""
    assert sorted(mail.keys()) == list(headers)
    assert str(mail["To"]) == recipient
    assert [each.addr_spec for each in mail["To"].addresses] == [recipient]
    assert str(mail["From"]) == "Pacta <pacta@desk.example>"
    assert not _LINE_BREAK.search(str(mail["Subject"]))
    assert not mail.defects


def parsed(sent: bytes) -> EmailMessage:
    mail = message_from_bytes(sent, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def store(injections: Iterator[str]) -> int:
    """Store agreements, parties and obligations named by injections; return how many were used."""
    used = count()

    def text(model: type[models.Model], field: str) -> str:
        next(used)
        # PostgreSQL stores no NUL.
        column = model._meta.get_field(field)
        assert isinstance(column, models.Field)
        return next(injections).replace("\x00", "\r\n")[: column.max_length]

    numbers = range(AGREEMENTS)
    terms = {"kind": "contract", "created_at": NOW}
    agreements = Agreement.objects.bulk_create(
        Agreement(ref=f"a-{number}", title=text(Agreement, "title"), **terms) for number in numbers
    )
    obligors, obligees = (
        Party.objects.bulk_create(
            Party(code=f"{side}{number}", name=text(Party, "name"), kind="state", timezone="UTC")
            for number in numbers
        )
        for side in ("OR", "EE")
    )
    pairs = list(zip(agreements, zip(obligors, obligees, strict=True), strict=True))
    AgreementParty.objects.bulk_create(
        AgreementParty(agreement=agreement, party=party)
        for agreement, sides in pairs
        for party in sides
    )
    # The subject has the title of a single deadline, or that of the agreement of two.
    owed = [
        (agreement, sides, place)
        for number, (agreement, sides) in enumerate(pairs)
        for place in range(1 + number % 2)
    ]
    obligations = Obligation.objects.bulk_create(
        Obligation(
            agreement=agreement,
            ref=f"O-{place}",
            title=text(Obligation, "title"),
            clause=text(Obligation, "clause"),
            text=text(Obligation, "text"),
            due={"type": "date", "on": "2026-03-02"},
        )
        for agreement, _, place in owed
    )
    ObligationParty.objects.bulk_create(
        ObligationParty(obligation=obligation, agreement=agreement, party=party, capacity=capacity)
        for obligation, (agreement, sides, _) in zip(obligations, owed, strict=True)
        for party, capacity in zip(sides, ("obligor", "obligee"), strict=True)
    )
    due = {"due_on": DUE.date(), "due_at": DUE, "unmet_at": DUE}
    Deadline.objects.bulk_create(
        Deadline(
            obligation=obligation,
            agreement_id=obligation.agreement_id,
            status="pending",
            status_since=NOW,
            begins_at=NOW,
            next_check_at=DUE,
            timezone="UTC",
            **due,
            **{f"original_{name}": value for name, value in due.items()},
        )
        for obligation in obligations
    )
    return next(used)


@pytest.mark.exhaustive
def test_no_title_name_or_clause_adds_a_header_or_a_recipient(
    desk: Desk, sink: Sink, injections: Iterator[str]
) -> None:
    assert store(injections) > ATTEMPTS
    desk.follow()
    desk.sweep()
    assert outbox.form(as_of=DUE, domain="desk.example") == AGREEMENTS
    ids = list(Message.objects.values_list("id", flat=True))
    mails = 0
    for first in range(0, AGREEMENTS, 100):
        batch = messages.load(ids[first : first + 100], as_of=DUE)
        for message_id in batch.messages:
            rendered = rendering.render_mail(batch.contents(message_id))
            assert_not_injected(parsed(rendered.message().as_bytes()), ALERT_HEADERS)
            mails += 1
    assert mails == AGREEMENTS

    # The mail server receives the same.
    report = deliver(as_of=DUE, is_stopping=lambda: len(sink.received) >= 300)
    assert (report.sent, report.deferred, report.refused) == (300, 0, 0)
    assert sink.recipients == [READER] * 300
    for mail in sink.received:
        assert_not_injected(mail, ALERT_HEADERS)


def test_no_address_reaches_another_recipient(
    desk: Desk, sink: Sink, injections: Iterator[str]
) -> None:
    """Invalid addresses are refused before sending; valid ones reach exactly one recipient."""
    desk.follow()
    desk.deadline(desk.agreement())
    desk.sweep()
    outbox.form(as_of=DUE, domain="desk.example")
    [message_id] = Message.objects.values_list("id", flat=True)
    contents = messages.load([message_id], as_of=DUE).contents(message_id)
    odd = ["x%0d%0aBcc=y@example.org", "a=0Ab?@example.org", "{}'`|$&@example.org"]
    likely = chain(
        odd,
        (
            shape.format(attempt)
            for attempt in injections
            for shape in ("{}", "{}@example.org", "a@example.org{}", '"{}"@example.org', "a@{}")
        ),
    )
    taken = 0
    with closing(Mailer()) as mailer:
        for address in islice(likely, 2_000):
            before = len(sink.received)
            answer = mailer.send(rendering.render_mail(replace(contents, recipient=address)))
            if answer.outcome is AttemptOutcome.REFUSED:
                assert len(sink.received) == before
                continue
            assert answer.outcome is AttemptOutcome.SENT, (address, answer)
            taken += 1
            assert len(sink.received) == before + 1
            assert sink.recipients[-1] == address
            assert_not_injected(sink.received[-1], ALERT_HEADERS, address)
    assert len(odd) <= taken == len(sink.recipients)
    assert THIEF not in sink.recipients


def accepted(model: Any, **fields: Any) -> bool:
    try:
        read(model, fields)
    except Invalid:
        return False
    return True


def test_drafts_reject_line_breaks_and_second_addresses(injections: Iterator[str]) -> None:
    terms = {"kind": "contract", "parties": [{"code": "CHN"}]}
    sides = {"obligors": ["CHN"], "obligees": ["USA"]}
    drafts: list[Callable[[str], bool]] = [
        lambda text: accepted(PartyDraft, code="CHN", name=text, kind="state", timezone="UTC"),
        lambda text: accepted(AgreementDraft, ref="a", title=text, **terms),
        lambda text: accepted(ObligationDraft, ref="O", title=text, **sides),
        lambda text: accepted(ObligationDraft, ref="O", title="T", clause=text, **sides),
        lambda text: accepted(WebhookDraft, name=text, url="https://example.org/"),
    ]
    for attempt in islice(injections, ATTEMPTS // len(drafts)):
        for accepts in drafts:
            assert not (accepts(attempt) and _LINE_BREAK.search(attempt)), attempt
        for address in (attempt, f"{attempt}@example.org", f"a@example.org{attempt}"):
            assert not (
                accepted(SubscriptionDraft, email=address) and re.search(r"[\s,<>;:]|=\?", address)
            ), address
        assert not accepted(AgreementDraft, ref=attempt, title="T", **terms)
        assert not accepted(ObligationDraft, ref=attempt, title="T", **sides)


def test_administrator_mails_and_check_reports_have_no_extra_headers(
    desk: Desk, sink: Sink, injections: Iterator[str]
) -> None:
    """They contain outside text as well: answers of servers, names and errors."""
    for number, attempt in enumerate(islice(injections, 200)):
        sent = administrator_mails.send(
            [READER], subject=attempt, paragraphs=[attempt], name=f"n{number}"
        )
        assert sent == 1
        assert administrator_mails.send([attempt], subject="x", paragraphs=["x"], name="x") == 0
    User.objects.all().delete()
    User.objects.create_superuser(READER, "x")
    check = JobRun.objects.create(
        kind="ledger_check",
        as_of=NOW,
        started_at=NOW,
        ended_at=NOW + timedelta(seconds=1),
        counts={"deadlines": 1, "facts": 1, "entries": 1},
        problems=[
            {"about": attempt.replace("\x00", "\n"), "id": 1, "detail": "x"}
            for attempt in islice(injections, 20)
        ],
    )
    assert integrity_mails.mail_check(check) == 1
    assert sink.recipients == [READER] * 201
    for mail in sink.received:
        assert_not_injected(mail, ADMINISTRATOR_HEADERS)
