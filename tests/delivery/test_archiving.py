"""Nothing is sent about an archived agreement. Restoring it loses and repeats nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from compliance.delivery import outbox
from compliance.models import Alert, Message, User
from compliance.operations.agreements import archiving
from compliance.queries.system.audit import audit
from tests.delivery.conftest import DUE, HANG_UP, NOW, READER, Desk, Sink

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def archive(agreement: Any, as_of: Any, by: User | None = None) -> None:
    archiving.archive(agreement=agreement, reason="A mistake", by=by, as_of=as_of)


def restore(agreement: Any, as_of: Any) -> None:
    archiving.restore(agreement=agreement, reason="No mistake", by=None, as_of=as_of)


def test_nothing_is_sent_about_an_archived_agreement(desk: Desk, sink: Sink) -> None:
    desk.follow()
    desk.follow("digest@example.org", frequency="daily", digest_hour=8)
    agreement = desk.agreement()
    desk.deadline(agreement)
    archive(agreement, NOW)
    for days in range(40):
        desk.pass_to(DUE + days * DAY)
    assert sink.subjects == []
    assert Message.objects.count() == 0
    assert audit(as_of=DUE + 40 * DAY).problems == []


def test_what_became_unmet_while_archived_is_reported_once_after_restoring(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    agreement = desk.agreement()
    before = desk.deadline(agreement)
    desk.deadline(agreement, title="Report", due={"type": "date", "on": "2026-12-31"})
    desk.pass_to(DUE)
    assert sink.subjects == ["Missed: Deliver (China)"]
    archive(agreement, DUE + HOUR)
    done = DUE + 2 * DAY
    desk.pass_to(done)
    restore(agreement, DUE + 3 * DAY)
    desk.pass_to(DUE + 3 * DAY)
    subjects = sink.subjects
    desk.pass_to(DUE + 3 * DAY + HOUR)
    assert sink.subjects == subjects
    assert not any(subject.startswith("Missed") for subject in subjects[1:])
    desk.record(before, DUE + 4 * DAY, type="performance", at=(DUE + 4 * DAY).isoformat())
    desk.deliver(DUE + 4 * DAY)
    assert len(sink.subjects) == len(subjects) + 1


def test_a_breach_that_began_while_archived_is_reported_on_restoring(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    agreement = desk.agreement()
    desk.deadline(agreement)
    archive(agreement, NOW)
    desk.pass_to(DUE)
    restore(agreement, DUE + HOUR)
    desk.pass_to(DUE + HOUR)
    desk.pass_to(DUE + 2 * HOUR)
    assert sink.subjects == ["Missed: Deliver (China)"]


def test_alerts_in_a_message_that_waits_are_held_back(desk: Desk, sink: Sink) -> None:
    desk.follow()
    desk.follow("digest@example.org", frequency="daily", digest_hour=8)
    agreement, other = desk.agreement(), desk.agreement(ref="other-2026")
    desk.deadline(agreement)
    desk.deadline(other, title="Report")
    desk.pass_to(DUE - 40 * DAY)
    desk.sweep(DUE)
    outbox.form(as_of=DUE + DAY, domain="example.org")
    assert Message.objects.count() >= 3
    archive(agreement, DUE + DAY)
    desk.deliver(DUE + DAY)
    assert all("Report" in subject for subject in sink.subjects)
    restore(agreement, DUE + 2 * DAY)
    desk.deliver(DUE + 2 * DAY)
    desk.deliver(DUE + 4 * DAY)
    about = list(Alert.objects.filter(agreement=agreement, kind="missed"))
    assert {each.message.state for each in about if each.message} == {"sent"}
    assert len(about) == 2
    assert READER in {mail["To"] for mail in sink.received}


def test_a_message_that_somebody_may_have_read_is_not_replaced_after_restoring(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    agreement = desk.agreement()
    desk.deadline(agreement)
    # The server received all of it, but its answer was lost.
    sink.answers = lambda number: HANG_UP if number == 1 else "250 OK"
    desk.pass_to(DUE)
    assert sink.subjects == ["Missed: Deliver (China)"]
    archive(agreement, DUE + HOUR)
    desk.pass_to(DUE + DAY)
    restore(agreement, DUE + 2 * DAY)
    desk.pass_to(DUE + 3 * DAY)
    missed = [mail for mail in sink.received if mail["Subject"].startswith("Missed")]
    assert len({mail["Message-ID"] for mail in missed}) == 1
    reported = Alert.objects.filter(kind="missed")
    first = sink.received[0]["Message-ID"]
    assert list(reported.values_list("message__state", "message__message_id")) == [("sent", first)]
