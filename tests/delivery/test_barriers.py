"""Each of the two barriers suffices for everything that is sent or fetched without signing in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import structlog
import time_machine
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection
from django.test import Client

from compliance import delivery
from compliance.delivery import chats, messages, samples
from compliance.delivery.answers import Answer
from compliance.domain.alerts.drafts import CalendarFeedDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import AttemptOutcome
from compliance.models import (
    Agreement,
    DeliveryAttempt,
    Message,
    Proposal,
    Subscription,
    User,
    Webhook,
)
from compliance.models.people import readers
from compliance.operations.alerts import calendar_feeds
from compliance.queries.alerts.calendar_feeds import find
from tests.api.conftest import client_of
from tests.delivery.conftest import DUE, NOW, Desk, Receiver, Sink
from tests.delivery.test_earlier_breaches import SENT, enter, missed
from tests.reserved_agreement import disable_predicates, disable_row_security, member, reserve

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
INSIDE, OUTSIDE = "inside@example.org", "outside@example.org"
SECRET = "Zebra"
HIDDEN = "HiddenFromRecipient('row-level security hides some of what this message reports from "


@pytest.fixture(params=["the predicates alone", "row-level security alone"])
def barrier(request: pytest.FixtureRequest, db: None) -> Callable[[pytest.MonkeyPatch], None]:
    """Removes the other barrier."""

    def remove(patch: pytest.MonkeyPatch) -> None:
        if request.param == "the predicates alone":
            with connection.cursor() as cursor:
                # PostgreSQL alters no table while its deferred checks are pending.
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            disable_row_security()
        else:
            disable_predicates(patch)

    return remove


@pytest.fixture
def remove_one(
    barrier: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    return lambda: barrier(monkeypatch)


@pytest.fixture
def people(desk: Desk) -> dict[str, User]:
    """A viewer of each of two teams, by address."""
    found = {INSIDE: member(INSIDE, "asia"), OUTSIDE: member(OUTSIDE, "africa")}
    for user in found.values():
        user.groups.add(Group.objects.get(name="viewer"))
    return found


@pytest.fixture
def secret(desk: Desk) -> Agreement:
    agreement = desk.agreement("secret", f"{SECRET} accord")
    desk.deadline(agreement, f"{SECRET} delivery")
    return agreement


def informed(sink: Sink) -> dict[str, bool]:
    """Return whether the recipients of emails learned of the secret agreement."""
    found: dict[str, bool] = {}
    for mail in sink.received:
        address, text = str(mail["To"]), mail.as_string().lower()
        found[address] = found.get(address, False) or SECRET.lower() in text or "secret" in text
    sink.received.clear()
    return found


def test_alerts_escalations_and_their_ends_reach_only_those_who_see_the_agreement(
    desk: Desk, sink: Sink, people: Any, secret: Agreement, remove_one: Callable[[], None]
) -> None:
    for email in people:
        desk.follow(email)
    reserve(secret, "asia")
    remove_one()
    desk.pass_to(DUE)
    assert informed(sink) == {INSIDE: True}
    desk.pass_to(DUE + DAY)
    assert informed(sink) == {INSIDE: True}
    desk.record(secret.deadlines.get(), DUE + DAY, type="performance", at=DUE.isoformat())
    desk.pass_to(DUE + DAY)
    assert informed(sink) == {INSIDE: True}


def test_a_digest_reports_nothing_hidden(
    desk: Desk, sink: Sink, people: Any, secret: Agreement, remove_one: Callable[[], None]
) -> None:
    desk.deadline(desk.agreement("open", "Open accord"), "Report")
    for email in people:
        desk.follow(email, frequency="daily", digest_hour=12)
    reserve(secret, "asia")
    remove_one()
    desk.pass_to(DUE)
    desk.deliver(DUE + DAY)
    found = informed(sink)
    assert found[INSIDE]
    assert not found.get(OUTSIDE)


def test_a_summary_of_earlier_breaches_reports_nothing_hidden(
    desk: Desk, sink: Sink, people: Any, remove_one: Callable[[], None]
) -> None:
    for email in people:
        desk.follow(email)
    reserve(enter(*missed(), ref="secret")[0].agreement, "asia")
    remove_one()
    desk.pass_to(SENT)
    assert informed(sink) == {INSIDE: True}


@pytest.mark.parametrize("kind", ["standard", "chat"])
def test_webhooks_and_chats_receive_what_their_owners_see(
    kind: str,
    desk: Desk,
    people: dict[str, User],
    receiver: Receiver,
    secret: Agreement,
    remove_one: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chatted: list[str] = []

    def chat(*, url: str, title: str, body: str) -> Answer:
        chatted.extend([url, title, body])
        return Answer(outcome=AttemptOutcome.SENT, text="")

    monkeypatch.setattr(chats, "notify", chat)  # chats are at known hosts only
    for owner in (*people.values(), None):
        hook = Webhook.objects.create(
            name=str(owner), kind=kind, owner=owner, created_at=NOW,
            url=f"{receiver.url}&to={owner}", secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        )  # fmt: skip
        desk.follow(None, webhook=hook.pk)  # type: ignore[arg-type]  # a webhook has no address
    reserve(secret, "asia")
    remove_one()
    desk.pass_to(DUE)
    delivery.call_webhooks(as_of=DUE)
    if kind == "chat":
        assert chatted[0].endswith(f"to={INSIDE}")
        assert len(chatted) == 3
    else:
        [(_, body)] = receiver.received
        assert SECRET in body.decode()


def test_an_address_without_an_account_receives_what_an_owner_of_its_subscriptions_sees(
    desk: Desk, sink: Sink, people: Any, secret: Agreement, remove_one: Callable[[], None]
) -> None:
    desk.follow("a@elsewhere.example", owner=OUTSIDE)
    desk.follow("a@elsewhere.example", owner=INSIDE, agreement="secret")
    desk.follow("b@elsewhere.example", owner=OUTSIDE)
    desk.follow("c@elsewhere.example")
    reserve(secret, "asia")
    remove_one()
    desk.pass_to(DUE)
    assert informed(sink) == {"a@elsewhere.example": True}


@pytest.mark.parametrize("loss", ["inactive", "without a role"])
def test_who_may_see_nothing_any_more_receives_nothing(
    loss: str, desk: Desk, sink: Sink, people: dict[str, User], remove_one: Callable[[], None]
) -> None:
    desk.deadline(desk.agreement(), "Deliver")
    desk.follow(INSIDE)
    if loss == "inactive":
        User.objects.update(is_active=False)
    else:
        people[INSIDE].groups.clear()
    remove_one()
    desk.pass_to(DUE)
    assert not sink.received


def test_a_mail_about_a_proposal_reaches_only_approvers_who_see_its_agreement(
    desk: Desk, sink: Sink, people: dict[str, User], secret: Agreement,
    remove_one: Callable[[], None],
) -> None:  # fmt: skip
    for user in people.values():
        user.groups.set([Group.objects.get(name="reviewer")])
    proposal = Proposal.objects.create(
        agreement=secret, deadline=secret.deadlines.get(), kind="waiver", proposed_at=NOW,
        draft={"type": "waiver", "on": "2026-03-02"}, proposed_by=member("cy@example.org"),
    )  # fmt: skip
    for user in people.values():
        proposal.notifications.create(user=user, next_attempt_at=NOW)
    reserve(secret, "asia")
    remove_one()
    delivery.notify_approvers(as_of=NOW)
    assert informed(sink) == {INSIDE: True}


def test_a_calendar_feed_shows_what_its_owner_sees(
    client: Client, people: dict[str, User], secret: Agreement, remove_one: Callable[[], None]
) -> None:
    tokens = {}
    for email, user in people.items():
        draft = read(CalendarFeedDraft, {"name": "Mine"})
        _, tokens[email] = calendar_feeds.create(draft=draft, owner=user, as_of=NOW)
    reserve(secret, "asia")
    remove_one()
    shown = {}
    for email, token in tokens.items():
        assert find(token) is not None
        with time_machine.travel(DUE, tick=False):
            text = client.get(f"/calendar-feeds/{token}.ics").content.decode()
        shown[email] = SECRET in text
    assert shown == {INSIDE: True, OUTSIDE: False}


def test_links_in_old_messages_show_nothing_hidden(
    desk: Desk, sink: Sink, client: Client, people: Any, secret: Agreement,
    remove_one: Callable[[], None],
) -> None:  # fmt: skip
    for email in people:
        desk.follow(email, agreement="secret")
    desk.pass_to(DUE)
    links = {}
    for mail in sink.received:
        body = mail.get_body(("plain",))
        assert body is not None
        links[str(mail["To"])] = [
            word.removeprefix("https://pacta.example")
            for word in body.get_content().split()
            if word.startswith("https://pacta.example/") and "/admin/" not in word
        ]
    reserve(secret, "asia")
    remove_one()
    assert sum(SECRET in client.get(link).content.decode() for link in links[INSIDE]) == 2
    for link in links[OUTSIDE]:
        assert SECRET not in client.get(link).content.decode()
        assert SECRET not in client.post(link).content.decode()
    assert secret.deadlines.get().breaches.get().acknowledged_at is None


def test_a_preview_shows_what_the_recipient_sees(
    desk: Desk, people: Any, secret: Agreement, remove_one: Callable[[], None], sink: Sink
) -> None:
    for email in people:
        desk.follow(email, agreement="secret")
    desk.pass_to(DUE)
    reserve(secret, "asia")
    remove_one()
    for is_sent in (True, False):
        if not is_sent:
            DeliveryAttempt.objects.all().delete()
            secret.alerts.all().delete()
            Message.objects.all().delete()
        shown = {
            each.email: SECRET in samples.preview(each, as_of=DUE).text
            for each in Subscription.objects.order_by("email")
        }
        assert shown == {INSIDE: True, OUTSIDE: False}


def test_exports_contain_nothing_hidden(
    people: dict[str, User], secret: Agreement, remove_one: Callable[[], None]
) -> None:
    deadline = secret.deadlines.get()
    reserve(secret, "asia")
    remove_one()
    clients = {email: client_of(user) for email, user in people.items()}
    for path in (
        "changes/", "changes/between/?since=2026-01-01T00:00:00Z", "summary/?group_by=agreement",
        f"deadlines/{deadline.pk}/history/", "deadlines/", "agreements/secret/",
    ):  # fmt: skip
        for email, client in clients.items():
            text = client.get(f"/api/v1/{path}").content.decode()
            assert SECRET not in text or email == INSIDE, path
    for kind in ("csv", "ndjson"):
        for client in clients.values():
            assert client.get(f"/api/v1/audit/?format={kind}").status_code == 403


def test_a_message_that_only_row_security_stops_is_held_and_reported(
    desk: Desk, sink: Sink, people: Any, secret: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.deadline(desk.agreement("open", "Open accord"), "Report")
    desk.follow(OUTSIDE, frequency="daily", digest_hour=12)
    reserve(secret, "asia")
    desk.sweep(DUE)
    with monkeypatch.context() as patch, structlog.testing.capture_logs() as logs:
        disable_predicates(patch)
        assert desk.deliver(DUE + DAY).deferred == 1
    assert {"message could not be rendered"} == {
        each["event"] for each in logs if each["log_level"] == "error"
    }
    assert DeliveryAttempt.objects.get().answer.startswith(HIDDEN)
    # Nothing that the recipient may see is lost.
    assert desk.deliver(DUE + 2 * DAY).sent == 1
    assert informed(sink) == {OUTSIDE: False}


def test_nothing_is_sent_if_the_database_does_not_change_the_reader(
    desk: Desk, sink: Sink, secret: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.follow()
    desk.sweep(DUE)

    def refuse() -> None:
        raise DatabaseError('permission denied to set role "pacta_reader"')

    with monkeypatch.context() as patch:
        patch.setattr(readers, "tell_database", refuse)
        with pytest.raises(DatabaseError, match="pacta_reader"):
            desk.deliver(DUE)
    assert not sink.received
    assert desk.deliver(DUE + DAY).sent == 1


def test_recipients_who_see_the_same_are_read_together(
    desk: Desk, sink: Sink, secret: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, team in enumerate(["asia", "asia", "africa", "administrators", "administrators"]):
        user = member(f"u{number}@example.org", *([] if team == "administrators" else [team]))
        role = "administrator" if team == "administrators" else "viewer"
        user.groups.add(Group.objects.get(name=role))
        desk.follow(user.email)
    for number in range(3):
        desk.follow(f"elsewhere{number}@example.org")
    loaded = []
    load = messages.load

    def counted(ids: Any, **values: Any) -> Any:
        loaded.append(len(ids))
        return load(ids, **values)

    monkeypatch.setattr(messages, "load", counted)
    desk.pass_to(DUE)
    assert len(sink.received) == 8
    assert sorted(loaded) == [1, 2, 2, 3]
