"""What an address without an account may receive arrives, whichever owners see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import structlog
from django.contrib.auth.models import Group
from django.db import DatabaseError
from django.test import Client

from compliance.delivery import links, messages
from compliance.delivery.outbox import LEASE
from compliance.domain.vocabulary import MessageState
from compliance.models import Alert, Breach, DeliveryAttempt, Message
from tests.delivery.conftest import DUE, Desk, Sink
from tests.delivery.test_barriers import HIDDEN
from tests.delivery.test_earlier_breaches import SENT, enter, missed
from tests.reserved_agreement import disable_predicates, member, reserve

pytestmark = pytest.mark.django_db

ADDRESS = "a@elsewhere.example"
TEAMS = ("asia", "africa")
DAY = timedelta(days=1)


@pytest.fixture
def owners(desk: Desk) -> list[str]:
    """An owner in each team, through whom the address follows what the team sees."""
    emails = []
    for team in TEAMS:
        user = member(f"{team}@example.org", team)
        user.groups.add(Group.objects.get(name="viewer"))
        emails.append(user.email)
    return emails


@pytest.fixture
def digest(desk: Desk, owners: Sequence[str]) -> None:
    """One digest about an agreement of each team."""
    follow_daily(desk, owners)
    desk.sweep(DUE)


def follow_daily(desk: Desk, owners: Sequence[str]) -> None:
    for team, owner in zip(TEAMS, owners, strict=True):
        agreement = desk.agreement(team, f"Accord of {team}")
        desk.deadline(agreement, f"Report to {team}")
        reserve(agreement, team)
        desk.follow(ADDRESS, owner=owner, agreement=team, frequency="daily", digest_hour=12)


def reported(sink: Sink) -> list[list[str]]:
    """Return the teams whose agreements each email reports, and check that no email is repeated."""
    assert len({mail["Message-ID"] for mail in sink.received}) == len(sink.received)
    return sorted([team for team in TEAMS if team in mail.as_string()] for mail in sink.received)


@pytest.mark.usefixtures("digest")
def test_a_digest_that_no_owner_sees_as_a_whole_is_sent_in_parts(desk: Desk, sink: Sink) -> None:
    report = desk.deliver(DUE + DAY)
    assert (report.sent, report.deferred) == (2, 0)
    assert reported(sink) == [["africa"], ["asia"]]
    assert desk.deliver(DUE + 2 * DAY).sent == 0


def test_a_summary_that_no_owner_sees_as_a_whole_is_sent_in_parts(
    desk: Desk, sink: Sink, owners: Sequence[str]
) -> None:
    for party, owner in zip(("CHN", "USA"), owners, strict=True):
        desk.follow(ADDRESS, owner=owner, party=party)
    for team in TEAMS:
        reserve(enter(*missed(2), ref=team)[0].agreement, team)
    desk.deliver(SENT)
    assert reported(sink) == [["africa"], ["asia"]]


@pytest.mark.usefixtures("digest")
def test_a_part_that_is_tried_again_keeps_its_message_id(desk: Desk, sink: Sink) -> None:
    sink.answers = lambda _number: "451 later"
    for days in (1, 2):
        desk.deliver(DUE + days * DAY)
    sent = [mail["Message-ID"] for mail in sink.received]
    assert len(sent) == 4
    assert set(sent) == set(Message.objects.values_list("message_id", flat=True))


@pytest.mark.usefixtures("digest")
def test_a_worker_killed_after_a_split_loses_and_repeats_nothing(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(ids: Sequence[int], **values: Any) -> Any:
        if ids:
            raise DatabaseError("killed")
        return load(ids, **values)

    load = messages.load
    with monkeypatch.context() as patch:
        patch.setattr(messages, "load", killed)
        with pytest.raises(DatabaseError, match="killed"):
            desk.deliver(DUE + DAY)
    assert Message.objects.count() == 2
    desk.deliver(DUE + DAY + 2 * LEASE)
    assert reported(sink) == [["africa"], ["asia"]]
    assert set(Message.objects.values_list("state", flat=True)) == {MessageState.SENT}


def test_a_message_is_held_as_a_whole_if_some_of_it_is_hidden_from_all_owners(
    desk: Desk, sink: Sink, owners: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    follow_daily(desk, owners)
    europe = desk.agreement("europe", "Accord of europe")
    desk.deadline(europe, "Report")
    desk.follow(ADDRESS, agreement="europe", frequency="daily", digest_hour=12)
    reserve(europe, "europe")
    desk.sweep(DUE)
    with monkeypatch.context() as patch:
        disable_predicates(patch)
        assert desk.deliver(DUE + DAY).deferred == 1
    assert DeliveryAttempt.objects.get().answer.startswith(HIDDEN)
    desk.deliver(DUE + 2 * DAY)
    assert reported(sink) == [["africa"], ["asia"]]
    assert not any("europe" in mail.as_string() for mail in sink.received)


def test_a_message_is_sent_although_an_alert_is_withdrawn_while_it_is_read(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ref in TEAMS:
        desk.deadline(desk.agreement(ref, f"Accord of {ref}"), "Report")
    desk.follow(frequency="daily", digest_hour=12)
    desk.sweep(DUE)
    read = messages._load_as

    def withdraw(*values: Any, **more: Any) -> Any:
        Alert.objects.filter(agreement__ref="asia").update(withdrawn_at=DUE)
        return read(*values, **more)

    monkeypatch.setattr(messages, "_load_as", withdraw)
    with structlog.testing.capture_logs() as logs:
        assert desk.deliver(DUE + DAY).sent == 1
    assert not [each for each in logs if each["log_level"] == "error"]
    assert reported(sink) == [["africa"]]


def test_a_link_acknowledges_what_any_owner_sees(
    desk: Desk, sink: Sink, owners: Sequence[str], client: Client
) -> None:
    agreements = [desk.agreement(team, f"Accord of {team}") for team in TEAMS]
    for team, owner, agreement in zip(TEAMS, owners, agreements, strict=True):
        desk.deadline(agreement, f"Report to {team}")
        desk.follow(ADDRESS, owner=owner, agreement=team, frequency="daily", digest_hour=12)
    desk.sweep(DUE)
    assert desk.deliver(DUE + DAY).sent == 1
    for team, agreement in zip(TEAMS, agreements, strict=True):
        reserve(agreement, team)
    link = links.acknowledge_path(Message.objects.get().pk, None)
    for response in (client.get(link), client.post(link)):
        text = response.content.decode()
        assert "Report to asia" in text
        assert "Report to africa" in text
    assert not Breach.objects.filter(acknowledged_at__isnull=True).exists()
