"""When reminders, escalations, digests and the alerts of a silence are emailed."""

from __future__ import annotations

from datetime import timedelta

from compliance.domain.alerts.drafts import SilenceDraft
from compliance.domain.drafts import read
from compliance.models import User
from compliance.operations.alerts import silences
from tests.delivery.conftest import DUE, NOW, READER, Desk, Sink
from tests.delivery.test_rendering import text_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_a_reminder_states_the_time_left(desk: Desk, sink: Sink) -> None:
    desk.follow()
    desk.deadline(desk.agreement(), due_at=DUE + 10 * DAY)
    desk.pass_to(NOW + 9 * DAY)
    desk.pass_to(NOW + 9 * DAY + HOUR)
    assert sink.subjects == ["Due in 1 day 3 hours: Deliver (China)"]
    assert "Nothing on record meets it yet." in text_of(sink.received[0])
    assert "Due: " in text_of(sink.received[0]).replace("Due:  ", "Due: ")


def test_a_reminder_of_a_deadline_that_has_been_met_is_not_sent(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement(), due_at=DUE + 10 * DAY)
    desk.sweep(NOW + 9 * DAY)
    at = NOW + 9 * DAY
    desk.record(deadline, at, type="performance", at=at.isoformat())
    desk.deliver(at)
    assert sink.subjects == []


def test_an_escalation_replies_to_the_first_alert(desk: Desk, sink: Sink) -> None:
    desk.follow()
    desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    desk.pass_to(DUE + DAY)
    missed, escalated = sink.received
    assert sink.subjects[1] == "Still missed: Deliver (China)"
    assert escalated["In-Reply-To"] == missed["Message-ID"]
    assert escalated["References"].split()[0] == missed["References"]


def test_an_extension_before_the_due_date_is_announced(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement(), due_at=DUE + 20 * DAY)
    due = {"type": "date", "on": "2026-04-30"}
    desk.record(deadline, NOW + DAY, type="extension", at=(NOW + DAY).isoformat(), due=due)
    desk.deliver(NOW + DAY)
    assert sink.subjects == ["Extended: Deliver (China)"]
    # Lines of an email end where they would be too long.
    assert (
        "It is now due by the end of Thursday, 30 April 2026 instead of Sunday, 22 March 2026, "
        "12:00 (UTC)."
    ) in " ".join(text_of(sink.received[0]).split())


def test_a_digest_combines_agreements_at_its_hour(desk: Desk, sink: Sink) -> None:
    desk.follow(frequency="daily", digest_hour=18, timezone="Europe/Berlin")
    desk.deadline(desk.agreement("a-1", "First"))
    desk.deadline(desk.agreement("a-2", "Second"))
    desk.pass_to(DUE)
    assert sink.subjects == []
    desk.deliver(DUE + 5 * HOUR)  # 18:00 in Berlin
    assert sink.subjects == ["2 missed: your digest"]
    text = " ".join(text_of(sink.received[0]).split())
    assert "Agreement: First" in text
    assert "Agreement: Second" in text
    assert "(Europe/Berlin, your time zone)" in text


def test_quiet_hours_delay_alerts_and_drop_none(desk: Desk, sink: Sink) -> None:
    desk.follow(quiet_from="12:00", quiet_until="14:00")
    desk.deadline(desk.agreement())
    desk.pass_to(DUE)  # at noon
    assert sink.subjects == []
    desk.deliver(DUE + 2 * HOUR)
    assert sink.subjects == ["Missed: Deliver (China)"]


def test_alerts_held_back_by_a_silence_are_sent_in_one_email_when_it_ends(
    desk: Desk, sink: Sink
) -> None:
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
    text = " ".join(text_of(sink.received[0]).split())
    assert "The reason for the silence was: A move" in text


def test_the_end_of_a_silence_respects_quiet_hours_and_digests(desk: Desk, sink: Sink) -> None:
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
