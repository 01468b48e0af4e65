"""Whoever was notified of a consequence is notified when it is corrected away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from compliance.models import Deadline
from tests.delivery.conftest import DUE, READER, Desk, Sink

DAY = timedelta(days=1)
CURE = {
    "type": "trigger",
    "on": {"breach_of": "O-1"},
    "then": {"type": "offset", "count": 10, "unit": "days"},
}


def with_remedy(desk: Desk) -> tuple[Deadline, Deadline]:
    """Create a deadline, and one that its breach activates."""
    agreement = desk.agreement()
    source = desk.deadline(agreement, title="Deliver")
    return source, desk.deadline(agreement, title="Cure", due=CURE)


def on_time(desk: Desk, deadline: Deadline, as_of: Any) -> None:
    desk.record(deadline, as_of, type="performance", at=(DUE - timedelta(hours=1)).isoformat())


def mails_to(sink: Sink, email: str) -> list[str]:
    return [str(mail["Subject"]) for mail in sink.received if mail["To"] == email]


def test_a_consequence_is_retracted_when_its_breach_never_happened(desk: Desk, sink: Sink) -> None:
    desk.follow()
    source, remedy = with_remedy(desk)
    desk.pass_to(DUE)
    sink.received.clear()
    on_time(desk, source, DUE + DAY)
    desk.pass_to(DUE + DAY)
    remedy.refresh_from_db()
    assert (remedy.status, remedy.due_at) == ("dormant", None)
    [mail] = sink.received
    assert str(mail["Subject"]) == "1 not missed after all, 1 no longer due: Supply agreement"
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has one
    assert "The event that made it due was corrected, so it is no longer due." in text


def test_whoever_only_read_a_reminder_is_notified_that_it_is_not_due(
    desk: Desk, sink: Sink
) -> None:
    desk.follow("reminded@example.org", kinds=["reminder"])
    source, _ = with_remedy(desk)
    desk.pass_to(DUE)
    desk.pass_to(DUE + 9 * DAY)
    assert [each.partition(" in ")[0] for each in mails_to(sink, "reminded@example.org")] == ["Due"]
    on_time(desk, source, DUE + 9 * DAY + timedelta(hours=1))
    desk.deliver(DUE + 9 * DAY + timedelta(hours=1))
    assert mails_to(sink, "reminded@example.org")[1:] == ["No longer due: Cure (China)"]


def test_the_consequence_of_a_consequence_is_retracted_from_whoever_read_an_escalation(
    desk: Desk, sink: Sink
) -> None:
    desk.follow("boss@example.org", from_escalation=1)
    desk.follow()
    source, _ = with_remedy(desk)
    desk.pass_to(DUE)
    for days in (10, 11, 12):
        desk.pass_to(DUE + days * DAY)
    sink.received.clear()
    on_time(desk, source, DUE + 13 * DAY)
    desk.deliver(DUE + 13 * DAY)
    for email in ("boss@example.org", READER):
        assert mails_to(sink, email) == ["2 not missed after all: Supply agreement"]


def test_an_email_names_every_subscription_that_caused_it_and_each_can_be_ended(
    desk: Desk, sink: Sink, client: Any
) -> None:
    agreement = desk.agreement()
    everything = desk.follow()
    tagged = desk.follow(tag="customs", agreement=agreement.ref)
    other_party = desk.follow(party="USA", tag="other")
    deadline = desk.deadline(agreement, tags=["customs"])
    desk.pass_to(DUE)
    [mail] = sink.received
    text = str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]  # it has one
    assert f"- {everything.follows}\n" in text.replace("\r", "")
    assert f"- {tagged.follows}\n" in text.replace("\r", "")
    assert other_party.follows not in text
    paths = [line.partition("https://pacta.example")[2] for line in text.splitlines()
             if "/unsubscribe/" in line]  # fmt: skip
    assert client.post(paths[1]).status_code == 200
    for each, is_active in ((everything, True), (tagged, False), (other_party, True)):
        each.refresh_from_db()
        assert each.is_active is is_active
    desk.record(deadline, DUE + DAY, type="performance", at=(DUE + timedelta(hours=2)).isoformat())
    desk.deliver(DUE + DAY)
    assert len(sink.received) == 2, "the other subscription is still active"
    assert client.post(paths[2]).status_code == 200
    everything.refresh_from_db()
    assert not everything.is_active
    other_party.refresh_from_db()
    assert other_party.is_active


def test_a_digest_names_the_subscriptions_that_caused_it(desk: Desk, sink: Sink) -> None:
    first, second = desk.agreement("a", "Agreement A"), desk.agreement("b", "Agreement B")
    desk.follow(agreement="a", frequency="daily", digest_hour=18)
    desk.follow(agreement="b", frequency="daily", digest_hour=18)
    desk.deadline(first)
    desk.pass_to(DUE)
    desk.deliver(DUE + DAY)
    [mail] = sink.received
    text = str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]  # it has one
    assert f"is subscribed to {first}." in text
    assert str(second) not in text
