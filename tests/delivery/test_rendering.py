"""What an email says, how it looks on any screen, and what no input can make it say."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html import unescape
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.delivery import DeliveryReport, deliver
from compliance.domain.agreements.documents import read_agreement
from compliance.domain.vocabulary import Announcement
from compliance.models import Agreement, Deadline, Message, Obligation, Party, Subscription
from compliance.models.alerts import reported_alerts
from compliance.operations.agreements import documents
from config.env import BASE_DIR
from tests.delivery.conftest import DUE, NOW, READER, Desk, Sink
from tests.profiles import scaled

TODAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def sentences_of(mail: EmailMessage) -> str:
    """Return the plain text on one line."""
    return " ".join(text_of(mail).split())


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


@pytest.fixture
def geneva(db: None, sink: Sink) -> EmailMessage:
    """The email about the founding case, a year and a half after the deadline."""
    Subscription.objects.create(email=READER)
    document = (BASE_DIR / "examples/geneva-2025.yaml").read_bytes()
    documents.load(
        document=read_agreement(document, is_yaml=True),
        by=None,
        as_of=TODAY,
        announcement=Announcement.ALL,
    )
    assert deliver(as_of=TODAY) == DeliveryReport(formed=1, sent=1)
    [mail] = sink.received
    return mail


def test_the_geneva_email_states_what_was_due_when_and_how_late_it_is(geneva: EmailMessage) -> None:
    assert geneva["Subject"] == "Missed: Release rare-earth exports (China)"
    deadline = Deadline.objects.get(obligation__ref="CN-2d")
    for body in (sentences_of(geneva), unescape(html_of(geneva))):
        assert "It is 1 year 6 months late." in body
        assert "end of Wednesday, 14 May 2025 (Asia/Shanghai)" in body
        assert "Wednesday, 14 May 2025, 16:00 UTC" in body
        assert "China (CHN)" in body
        assert "United States (USA)" in body
        assert "Joint Statement on U.S.-China Economic and Trade Meeting in Geneva" in body
        assert "para. on China's non-tariff countermeasures" in body
        assert f"https://pacta.example/admin/compliance/deadline/{deadline.pk}/change/" in body
        assert "13 on record (2 for, 5 against, 6 context)" in body
        assert "nobody has confirmed it yet" in body
        sentences = " ".join(unescape(body).split())
        assert "What happened" in sentences
        assert "The due date passed without an accepted performance." in sentences
    assert "\n> Component: the export licensing of 4 April 2025" in text_of(geneva)


def test_the_geneva_email_quotes_both_sides(geneva: EmailMessage) -> None:
    assert (
        "What each side says (they contradict each other):\n"
        "- United States, 30 May 2025: not met\n"
        '  "HAS TOTALLY VIOLATED ITS AGREEMENT WITH US"\n'
        "- China, 2 June 2025: met\n"
        '  "groundless accusations"\n'
    ) in text_of(geneva)
    assert "they contradict each other" in html_of(geneva)


def test_headers_suppress_automatic_replies(geneva: EmailMessage) -> None:
    assert geneva["Auto-Submitted"] == "auto-generated"
    assert geneva["X-Auto-Response-Suppress"] == "All"
    assert geneva["From"] == "Pacta <pacta@desk.example>"
    assert re.fullmatch(r"<[0-9a-f]{32}@desk\.example>", geneva["Message-ID"])
    assert geneva["Date"] is not None


def test_emails_need_no_images_and_adapt_to_dark_mode_and_narrow_screens(
    geneva: EmailMessage,
) -> None:
    page = html_of(geneva)
    assert "<img" not in page
    assert "url(" not in page
    assert "prefers-color-scheme: dark" in page
    assert "max-width: 480px" in page


def test_a_due_time_is_shown_in_every_relevant_zone(desk: Desk, sink: Sink) -> None:
    desk.follow()
    due = {"type": "date", "on": "2026-07-01", "time": "17:00", "timezone": "Europe/Berlin"}
    desk.deadline(desk.agreement(), due=due)
    desk.pass_to(datetime(2026, 7, 1, 15, 0, tzinfo=UTC))
    text = text_of(sink.received[0])
    assert (
        "Was due:     Wednesday, 1 July 2026, 17:00 (Europe/Berlin)\n"
        "             Wednesday, 1 July 2026, 15:00 UTC\n"
        "             Wednesday, 1 July 2026, 23:00 (Asia/Shanghai)\n"
    ) in text
    assert "It is less than a minute late." in text


def test_an_email_shows_the_grace_period_and_the_original_date(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(
        desk.agreement(),
        due={"type": "date", "on": "2026-03-10"},
        grace={"count": 2, "unit": "days"},
    )
    extension = {"type": "extension", "due": {"type": "date", "on": "2026-03-20"}}
    desk.record(deadline, NOW, at=NOW.isoformat(), **extension)
    desk.pass_to(datetime(2026, 3, 22, 23, 0, tzinfo=UTC))
    text = text_of(sink.received[0])
    assert "Was due:     end of Friday, 20 March 2026 (Europe/Berlin)\n" in text
    assert "Originally:  end of Tuesday, 10 March 2026 (Europe/Berlin)\n" in text
    assert "Grace:       until Monday, 23 March 2026, 00:00 (Europe/Berlin)\n" in text
    assert "It is 2 days late." in text


def test_an_email_starts_with_a_summary_and_the_most_severe_deadlines(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    agreement = desk.agreement(title="Agreement on metals")
    for severity in ("low", "critical", "normal", "high"):
        desk.deadline(agreement, title=f"A {severity} matter", severity=severity)
    desk.pass_to(DUE)
    text = text_of(sink.received[0])
    assert text.startswith("4 missed\nAgreement on metals\n")
    assert re.findall(r"^Missed: A (\w+) matter$", text, re.M) == [
        "critical",
        "high",
        "normal",
        "low",
    ]


def test_a_long_email_counts_and_links_what_it_leaves_out(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reported_alerts, "MAX_LISTED", 3)
    desk.follow()
    agreement = desk.agreement()
    for number in range(5):
        desk.deadline(agreement, title=f"Lot {number}")
    desk.pass_to(DUE)
    [mail] = sink.received
    assert mail["Subject"] == "5 missed: Supply agreement"
    assert text_of(mail).count("\nMissed: Lot") == 3
    link = f"https://pacta.example/admin/compliance/deadline/?agreement__id__exact={agreement.pk}"
    assert f"And 2 more: {link}" in text_of(mail)
    assert link in html_of(mail)


def test_a_partly_met_deadline_is_announced_as_missed_in_part(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement(), target_quantity="100", unit="t")
    part = {"type": "performance", "quantity": "60"}
    desk.record(deadline, NOW, at=NOW.isoformat(), **part)
    desk.pass_to(DUE + timedelta(hours=5))
    assert sink.subjects == ["Missed in part: Deliver (China)"]
    assert "Part of it was done; the rest is 5 hours late." in text_of(sink.received[0])


def test_a_long_title_is_shortened_in_the_subject(desk: Desk, sink: Sink) -> None:
    desk.follow()
    desk.deadline(desk.agreement(), title="Deliver " + "very " * 35 + "much")
    desk.pass_to(DUE)
    [subject] = sink.subjects
    assert subject.startswith("Missed: Deliver very very")
    assert subject.endswith("… (China)")
    assert len(subject) < 110


def test_html_emails_escape_markup(desk: Desk, sink: Sink) -> None:
    desk.follow()
    attack = '<script>alert(1)</script><img src=x onerror="x">{{ 7 }}&amp;'
    desk.deadline(
        desk.agreement(title=attack), title=attack, text=attack, clause=attack, severity="low"
    )
    desk.pass_to(DUE)
    page = html_of(sink.received[0])
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 4
    assert attack in text_of(sink.received[0])


hostile_texts = st.text(
    alphabet=st.one_of(
        st.sampled_from('\r\n\t\x0b\x0c\x1f\x7f\x85\u2028\u2029\u202e\ufeff:<>@,;"\\=?() aZé中🚢'),
        st.characters(codec="utf-8", exclude_characters="\x00"),
    ),
    min_size=1,
    max_size=60,
) | st.sampled_from(
    [
        "x\r\nBcc: thief@example.org",
        "x\nSubject: other\n\nbody",
        "x\r\n.\r\nMAIL FROM:<thief@example.org>",
        "=?utf-8?q?x=0D=0ABcc:_thief@example.org?=",
        "x\u2028Bcc: thief@example.org",
    ]
)


@settings(max_examples=scaled(0.1), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=hostile_texts, name=hostile_texts, agreement_title=hostile_texts)
def test_no_stored_text_adds_a_header_or_a_recipient(
    desk: Desk, sink: Sink, title: str, name: str, agreement_title: str
) -> None:
    """The texts are written directly to the tables, past all validation."""
    sink.received.clear()
    sink.recipients.clear()
    number = Agreement.objects.count()
    agreement = desk.agreement(f"a-{number}")
    desk.deadline(agreement)
    desk.deadline(agreement)
    desk.follow(f"reader-{number}@example.org", agreement.ref)
    Agreement.objects.filter(pk=agreement.pk).update(title=agreement_title)
    Obligation.objects.filter(agreement=agreement).update(title=title)
    Party.objects.filter(code="CHN").update(name=name)
    if number % 2:  # the subject has the title of a single deadline, or that of the agreement
        deadline = agreement.deadlines.order_by("id")[0]
        desk.record(deadline, NOW, type="performance", at=NOW.isoformat())

    report = desk.pass_to(DUE)

    assert report == DeliveryReport(formed=1, sent=1)
    [mail] = sink.received
    assert sink.recipients == [f"reader-{number}@example.org"]
    assert sorted(mail.keys()) == sorted(
        ["Content-Type", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID",
         "In-Reply-To", "References", "List-Unsubscribe", "List-Unsubscribe-Post",
         "Auto-Submitted", "X-Auto-Response-Suppress"]
    )  # fmt: skip
    assert mail["To"] == f"reader-{number}@example.org"
    assert "\n" not in mail["Subject"]
    assert not mail.defects


@pytest.mark.parametrize(
    "address",
    ["x@example.org\r\nBcc: thief@example.org", "a@example.org,thief@example.org", "nobody", "@"],
)
def test_an_invalid_address_is_refused_and_does_not_delay_others(
    desk: Desk, sink: Sink, address: str
) -> None:
    Subscription.objects.create(email=address)
    desk.follow()
    desk.deadline(desk.agreement())
    assert desk.pass_to(DUE) == DeliveryReport(formed=2, sent=1, refused=1)
    assert sink.recipients == [READER]
    refused = Message.objects.get(recipient=address)
    assert refused.attempts.get().answer == "This is not an email address."


def test_without_a_mail_server_emails_are_stored_as_files(
    desk: Desk, settings: Any, tmp_path: Any
) -> None:
    settings.EMAIL_BACKEND = "config.mail_files.EmailBackend"
    settings.VAR_DIR = tmp_path
    desk.follow()
    desk.deadline(desk.agreement())
    assert desk.pass_to(DUE).sent == 1
    [path] = (tmp_path / "mail").iterdir()
    assert path.suffix == ".eml"
    assert b"Subject: Missed: Deliver (China)" in path.read_bytes()


def test_a_long_text_without_line_feeds_is_sent(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement())
    Obligation.objects.update(text=f"{'a' * 600}\u2028{'b' * 600}")
    assert desk.pass_to(DUE) == DeliveryReport(formed=1, sent=1)
    assert deadline.obligation.ref in text_of(sink.received[0])
