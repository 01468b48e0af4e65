"""Breaches that began before their deadlines were entered bring one summary, and no escalations."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.alerts.drafts import SilenceDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import Announcement
from compliance.models import Alert, Breach, Deadline, Message, User
from compliance.operations.agreements import documents
from compliance.operations.alerts import alerts, silences
from compliance.operations.alerts.alerts import COLLECTED_FOR
from compliance.queries.system.audit import audit
from tests.delivery.conftest import NOW, READER, Desk, Sink
from tests.samples import BUYER, SUPPLIER, document, obligation

SENT = NOW + COLLECTED_FOR
REOPENED = (
    "It had ended, but that was retracted or corrected on Wednesday, 4 March 2026, 09:00 UTC. "
    "It was already missed when it was entered in Pacta on 2 March 2026."
)
OLD = datetime(1987, 3, 15, tzinfo=NOW.tzinfo)


def enter(
    *obligations: dict[str, Any],
    ref: str = "supply",
    as_of: datetime = NOW,
    announcement: Announcement = Announcement.SUMMARY,
) -> list[Deadline]:
    """Import an agreement of 1987, and return its deadlines."""
    parties = [{**each, "country": None} if each["code"] == "CHN" else each
               for each in (BUYER, SUPPLIER)]  # fmt: skip
    value = document(ref, *obligations, signed_on="1987-01-01", parties=parties)
    loaded = documents.load(
        document=read(AgreementDocument, value), by=None, as_of=as_of, announcement=announcement
    )
    return list(loaded.agreement.deadlines.order_by("obligation_id"))


def missed(count: int = 3) -> list[dict[str, Any]]:
    return [obligation(f"O-{number}", f"1987-03-{number:02}") for number in range(1, count + 1)]


def bodies(sink: Sink) -> list[str]:
    return [
        message.get_body((kind,)).get_content()  # type: ignore[union-attr]  # each has both parts
        for message in sink.received
        for kind in ("plain", "html")
    ]


def test_an_import_brings_one_summary_and_nothing_later(desk: Desk, sink: Sink) -> None:
    desk.follow()
    enter(*missed())
    for days in (0, 1, 7, 30, 60):
        desk.pass_to(SENT + timedelta(days=days))
    assert sink.subjects == ["3 missed before entry: Agreement supply"]
    for body in bodies(sink):
        assert "late" not in body
        assert "39 years" not in body
        assert "These breaches began before they were entered in Pacta." in " ".join(body.split())
    assert set(Alert.objects.values_list("kind", "predates_entry")) == {("missed", True)}
    assert not audit(as_of=SENT + timedelta(days=60)).problems


def test_several_imports_in_succession_bring_one_summary(desk: Desk, sink: Sink) -> None:
    desk.follow()
    desk.follow("other@example.org")
    for number in range(4):
        at = NOW + number * COLLECTED_FOR / 2
        enter(*missed(2), ref=f"agreement-{number}", as_of=at)
        desk.deliver(at)
    desk.deliver(at + COLLECTED_FOR)
    assert sink.subjects == ["8 missed before entry: several agreements"] * 2
    assert sorted(sink.recipients) == ["other@example.org", READER]


def test_a_summary_waits_for_further_entries_only_for_a_while(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_most = COLLECTED_FOR * 5
    assert at_most < alerts.COLLECTED_AT_MOST
    monkeypatch.setattr(alerts, "COLLECTED_AT_MOST", at_most)
    desk.follow()
    at, number = NOW, 0
    while not sink.received:
        enter(*missed(1), ref=f"agreement-{number}", as_of=at)
        desk.deliver(at)
        at, number = at + COLLECTED_FOR / 2, number + 1
    assert at_most <= at - NOW <= at_most + 2 * COLLECTED_FOR


def test_a_single_earlier_breach_is_reported_in_full(desk: Desk, sink: Sink) -> None:
    desk.follow()
    enter(*missed(1))
    desk.deliver(SENT)
    assert sink.subjects == ["Missed before entry: Deliver lot O-1 (China)"]
    text = bodies(sink)[0]
    assert "It was already missed when it was entered in Pacta on 2 March 2026." in text
    assert "It is reported only once, and there are no escalations." in text


def test_what_is_newly_due_is_announced_and_escalated_as_usual(desk: Desk, sink: Sink) -> None:
    desk.follow()
    enter(*missed(2), obligation("O-9", "2026-03-15"))
    desk.deliver(SENT)
    sink.received.clear()
    due = datetime(2026, 3, 15, 16, 0, tzinfo=NOW.tzinfo)
    desk.pass_to(due)
    desk.pass_to(due + timedelta(days=2))
    assert [subject.partition(":")[0] for subject in sink.subjects] == ["Missed", "Still missed"]


def test_announcing_all_brings_alerts_with_escalations(desk: Desk, sink: Sink) -> None:
    desk.follow()
    enter(*missed(2), announcement=Announcement.ALL)
    desk.deliver(NOW)
    desk.pass_to(NOW + timedelta(days=2))
    assert sink.subjects == ["2 missed: Agreement supply", "2 still missed: Agreement supply"]


def test_announcing_none_brings_nothing_and_satisfies_the_audit(desk: Desk, sink: Sink) -> None:
    desk.follow()
    enter(*missed(2), announcement=Announcement.NONE)
    for days in (0, 2, 40):
        desk.pass_to(SENT + timedelta(days=days))
    assert not sink.received
    assert Breach.objects.filter(ended_at__isnull=True).count() == 2
    assert not audit(as_of=SENT + timedelta(days=40)).problems


def test_a_breach_that_ends_before_the_summary_is_sent_is_not_reported(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    first, *_ = enter(*missed(2))
    desk.record(first, NOW + timedelta(seconds=5), type="performance", on="1988-05-01")
    desk.deliver(SENT + timedelta(seconds=5))
    assert sink.subjects == ["Missed before entry: Deliver lot O-2 (China)"]


def test_the_end_of_a_breach_in_a_summary_is_reported_without_its_length(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    first, *_ = enter(*missed(2))
    desk.deliver(SENT)
    later = SENT + timedelta(days=1)
    desk.record(first, later, type="performance", on="2026-03-03")
    desk.deliver(later)
    assert sink.subjects[1] == "Met late: Deliver lot O-1 (China)"
    text = " ".join(bodies(sink)[2].split())
    assert "It was done on Tuesday, 3 March 2026 (Asia/Shanghai), after it had been missed." in text
    assert "years" not in text


def test_a_breach_that_reopens_is_reported_even_if_history_was_not_announced(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    done = {"type": "performance", "on": "1988-05-01"}
    [deadline] = enter(obligation("O-1", "1987-03-15", facts=[done]),
                       announcement=Announcement.NONE)  # fmt: skip
    fact = deadline.facts.get()
    later = NOW + timedelta(days=3)
    desk.record(deadline, later, type="retraction", supersedes=fact.pk)
    desk.deliver(later + COLLECTED_FOR)
    assert sink.subjects == ["Open again: Deliver lot O-1 (China)"]


def reopen(desk: Desk, deadlines: list[Deadline]) -> datetime:
    """Report breaches, end them a day later, reopen them after another, and return that instant."""
    desk.deliver(SENT)
    later = SENT + timedelta(days=1)
    done = [desk.record(each, later, type="performance", on="2026-03-03") for each in deadlines]
    desk.deliver(later)
    later += timedelta(days=1)
    for deadline, fact in zip(deadlines, done, strict=True):
        desk.record(deadline, later, type="retraction", supersedes=fact.pk)
    return later


def test_a_breach_that_reopens_is_reported_as_open_again(desk: Desk, sink: Sink) -> None:
    desk.follow()
    later = reopen(desk, enter(*missed(1)))
    desk.deliver(later + COLLECTED_FOR)
    assert sink.subjects[2:] == ["Open again: Deliver lot O-1 (China)"]
    for text in bodies(sink)[4:]:
        words = " ".join(text.split())
        assert REOPENED in words
        assert "There are no escalations." in words
        assert "only once" not in words


def test_a_summary_says_which_of_its_breaches_are_open_again(desk: Desk, sink: Sink) -> None:
    deadlines = enter(*missed(2))
    desk.follow()
    desk.follow("other@example.org", agreement="supply")
    later = reopen(desk, deadlines)
    sink.received.clear()
    enter(obligation("N-1", "1987-03-01"), ref="other", as_of=later)
    desk.deliver(later + COLLECTED_FOR)
    assert sorted(sink.subjects) == [
        "2 open again, 1 missed before entry: several agreements",
        "2 open again: Agreement supply",
    ]
    for text in bodies(sink):
        shown = " ".join(re.sub("<[^>]*>", " ", text).split())
        for number in (1, 2):
            assert f"Open again: Deliver lot O-{number} (China)" in shown
        assert shown.count("Open again: ") == shown.count(REOPENED) == 2
        assert ("Deliver lot N-1 (China)" in shown) == ("1 missed before entry" in shown)
        assert "only once" not in shown


def test_an_obligation_entered_singly_follows_the_same_rule(desk: Desk, sink: Sink) -> None:
    desk.follow()
    desk.deadline(desk.agreement(), due_at=OLD)
    desk.deliver(SENT)
    desk.pass_to(SENT + timedelta(days=40))
    assert sink.subjects == ["Missed before entry: Deliver (China)"]


def test_a_violation_recorded_late_is_news_if_the_obligation_was_tracked(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    [tracked] = enter(
        obligation("O-1", "2030-12-31", kind="refrain", starts={"type": "date", "on": "1987-01-01"})
    )
    week = timedelta(days=7)
    desk.record(tracked, NOW + 2 * week, type="violation", on="2026-03-10")
    desk.deliver(NOW + 2 * week)
    assert [subject.partition(":")[0] for subject in sink.subjects] == ["Violated"]
    desk.record(tracked, NOW + 3 * week, type="violation", on="1990-03-10", until="1990-03-20")
    desk.deliver(NOW + 4 * week)
    assert [subject.partition(":")[0] for subject in sink.subjects] == [
        "Violated", "Still violated",
    ]  # fmt: skip


def test_a_digest_contains_earlier_breaches_and_lists_news_first(desk: Desk, sink: Sink) -> None:
    desk.follow(frequency="daily", digest_hour=18)
    enter(*missed(2), obligation("O-9", "2026-03-02"))
    desk.sweep(datetime(2026, 3, 2, 17, tzinfo=NOW.tzinfo))
    desk.deliver(datetime(2026, 3, 2, 19, tzinfo=NOW.tzinfo))
    assert sink.subjects == ["1 missed, 2 missed before entry: your digest"]
    assert Message.objects.get().is_summary is False


def test_a_silence_holds_a_summary_back_and_then_adds_nothing(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadlines = enter(*missed(2))
    draft = {
        "agreement": deadlines[0].agreement.ref,
        "until_at": NOW + timedelta(days=1),
        "reason": "Being entered",
    }
    by = User.objects.create_user(email="analyst@example.org", password="x")
    silences.create(draft=read(SilenceDraft, draft), by=by, as_of=NOW)
    desk.deliver(SENT)
    assert not sink.received
    after = NOW + timedelta(days=1, hours=1)
    silences.end_due(as_of=after)
    desk.deliver(after)
    assert sink.subjects == ["2 missed before entry: Agreement supply"]
