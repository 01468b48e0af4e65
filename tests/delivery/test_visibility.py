"""Emails, webhooks and feeds report only what their owners may see when they are sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.test import Client

from compliance import delivery
from compliance.delivery import outbox
from compliance.domain.alerts.drafts import CalendarFeedDraft, SubscriptionDraft, WebhookDraft
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.models import (
    Agreement,
    Alert,
    Membership,
    Message,
    Subscription,
    Team,
    User,
    Webhook,
)
from compliance.operations.alerts import calendar_feeds, subscriptions, webhooks
from compliance.queries.system.audit import audit
from tests.delivery.conftest import DUE, NOW, Desk, Receiver, Sink

pytestmark = pytest.mark.django_db

ANA, LEE = "ana@example.org", "lee@example.org"
HOUR = timedelta(hours=1)
SECRET = "Zebra"


def member(email: str, team: Team | None = None, role: str = "viewer") -> User:
    """Return a user with a role, in a team."""
    user = User.objects.create_user(email)
    user.groups.add(Group.objects.get(name=role))
    if team is not None:
        Membership.objects.create(user=user, team=team)
    return user


@pytest.fixture
def asia(db: None) -> Team:
    return Team.objects.create(slug="asia", name="Asia")


@pytest.fixture
def ana(asia: Team) -> User:
    """A viewer in the team."""
    return member(ANA, asia)


@pytest.fixture
def lee(db: None) -> User:
    """A viewer in another team."""
    return member(LEE, Team.objects.create(slug="africa", name="Africa"))


@pytest.fixture
def secret(desk: Desk, asia: Team) -> Agreement:
    """An agreement of the team, with one deadline."""
    agreement = desk.agreement("secret", f"{SECRET} accord")
    desk.deadline(agreement, f"{SECRET} delivery")
    restrict(agreement, asia)
    return agreement


def restrict(agreement: Agreement, *teams: Team) -> None:
    agreement.visibility = "teams"
    agreement.save()
    for team in teams:
        agreement.team_links.create(team=team)


def recipients(sink: Sink) -> list[str]:
    return [str(each["To"]) for each in sink.received]


def test_only_those_who_see_an_agreement_are_notified(
    desk: Desk, sink: Sink, secret: Agreement, ana: User, lee: User
) -> None:
    admin = member("admin@example.org", role="administrator")
    for user in (ana, lee, admin):
        desk.follow(user.email)
    desk.follow("outside@example.org")
    desk.pass_to(DUE)
    sent = {str(each["To"]) for each in sink.received}
    assert sent == {ANA, "admin@example.org"}
    assert not Message.objects.filter(state="sent", email=LEE).exists()


LOSSES: dict[str, Callable[[User], object]] = {
    "removed from the team": lambda user: user.team_memberships.all().delete(),
    "deactivated": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "without a role": lambda user: user.groups.clear(),
    "team removed from the agreement": lambda _: Agreement.objects.get().team_links.all().delete(),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("is_formed", [False, True])
def test_who_loses_access_between_queueing_and_sending_gets_nothing_and_it_is_reported(
    desk: Desk, sink: Sink, secret: Agreement, ana: User, loss: str, is_formed: bool
) -> None:
    desk.follow(ANA)
    desk.sweep(DUE)
    assert audit(as_of=DUE + HOUR / 8).problems == []
    if is_formed:
        outbox.form(as_of=DUE, domain="desk.example")
    LOSSES[loss](ana)
    report = desk.deliver(DUE)
    assert (sink.received, report.sent, report.withdrawn) == ([], 0, 1)
    [problem] = audit(as_of=DUE + HOUR).problems
    assert problem["detail"] == "Nobody who may see it has been notified of it (O-1 of secret)."


def test_a_retry_is_decided_again(desk: Desk, sink: Sink, secret: Agreement, ana: User) -> None:
    desk.follow(ANA)
    sink.answers = lambda _number: "451 Later"
    desk.pass_to(DUE)
    assert len(sink.received) == 1
    ana.team_memberships.all().delete()
    sink.answers = lambda _number: "250 OK"
    assert desk.deliver(DUE + HOUR).sent == 0
    assert len(sink.received) == 1


def test_a_retraction_of_what_was_mailed_reaches_only_those_who_still_see_it(
    desk: Desk, sink: Sink, secret: Agreement, ana: User, asia: Team
) -> None:
    bo = member("bo@example.org", asia)
    for user in (ana, bo):
        desk.follow(user.email)
    desk.pass_to(DUE)
    assert len(sink.received) == 2
    sink.received.clear()
    ana.team_memberships.all().delete()
    desk.record(secret.deadlines.get(), DUE + HOUR, type="performance", at=NOW.isoformat())
    desk.pass_to(DUE + HOUR)
    assert [str(each["To"]) for each in sink.received] == ["bo@example.org"]


def test_a_digest_counts_and_lists_only_what_its_recipient_sees(
    desk: Desk, sink: Sink, secret: Agreement, ana: User, lee: User
) -> None:
    public = desk.agreement("open", "Open accord")
    desk.deadline(public, "Report")
    for user in (ana, lee):
        desk.follow(user.email, frequency="daily", digest_hour=12)
        desk.follow(user.email, agreement="secret", frequency="daily", digest_hour=12)
    desk.pass_to(DUE)
    desk.deliver(DUE + timedelta(days=1))
    mails = {str(each["To"]): each for each in sink.received}
    assert set(mails) == {ANA, LEE}
    assert "2" in str(mails[ANA]["Subject"])
    assert "2" not in str(mails[LEE]["Subject"])
    text = mails[LEE].as_string()
    assert SECRET not in text
    assert "secret" not in text


def test_who_is_responsible_is_decided_when_the_message_is_sent(
    desk: Desk, sink: Sink, ana: User, lee: User, asia: Team
) -> None:
    agreement = desk.agreement()
    desk.deadline(agreement, responsible=["team:asia", LEE])
    desk.sweep(DUE)
    ana.team_memberships.all().delete()
    desk.deliver(DUE)
    assert recipients(sink) == [LEE]


def test_an_address_outside_receives_what_the_owner_of_its_subscription_sees(
    desk: Desk, sink: Sink, secret: Agreement, ana: User, lee: User
) -> None:
    for email, owner in (("a@outside.example", ANA), ("b@outside.example", LEE)):
        desk.follow(email, owner=owner)
    desk.pass_to(DUE)
    assert [str(each["To"]) for each in sink.received] == ["a@outside.example"]


def test_a_webhook_receives_what_its_owner_sees(
    desk: Desk, receiver: Receiver, secret: Agreement, ana: User, lee: User
) -> None:
    hooks = []
    for owner in (ana, lee):
        draft = {"name": owner.email, "url": receiver.url}
        hook = webhooks.create(draft=read(WebhookDraft, draft), by=owner, as_of=NOW)
        desk.follow(None, webhook=hook.pk)  # type: ignore[arg-type]  # a webhook has no address
        hooks.append(hook)
    desk.pass_to(DUE)
    delivery.call_webhooks(as_of=DUE)
    [(_, body)] = receiver.received
    assert json.loads(body)["data"]["agreement"] == "secret"
    assert Message.objects.get(webhook=hooks[1]).state == "withdrawn"
    ana.team_memberships.all().delete()
    desk.record(secret.deadlines.get(), DUE + HOUR, type="performance", at=DUE.isoformat())
    desk.pass_to(DUE + HOUR)
    delivery.call_webhooks(as_of=DUE + HOUR)
    assert len(receiver.received) == 1


def test_a_calendar_feed_shows_what_its_owner_sees(
    desk: Desk, client: Client, secret: Agreement, ana: User, lee: User
) -> None:
    tokens = {}
    for user in (ana, lee):
        draft = read(CalendarFeedDraft, {"name": "Mine"})
        _, tokens[user.email] = calendar_feeds.create(draft=draft, owner=user, as_of=NOW)

    def text(email: str) -> str:
        with time_machine.travel(DUE, tick=False):
            return client.get(f"/calendar-feeds/{tokens[email]}.ics").content.decode()

    assert SECRET in text(ANA)
    assert SECRET not in text(LEE)
    ana.team_memberships.all().delete()
    assert SECRET not in text(ANA)
    ana.groups.set([Group.objects.get(name="administrator")])
    assert SECRET in text(ANA)


def test_links_in_old_messages_show_nothing_to_those_who_lost_access(
    desk: Desk, sink: Sink, client: Client, secret: Agreement, ana: User
) -> None:
    desk.follow(ANA, agreement="secret")
    desk.pass_to(DUE)
    [mail] = sink.received
    body = mail.get_body(("plain",))
    assert body is not None
    links = [
        word.removeprefix("https://pacta.example")
        for word in body.get_content().split()
        if word.startswith("https://pacta.example/") and "/admin/" not in word
    ]
    assert any(SECRET in client.get(link).content.decode() for link in links)
    ana.team_memberships.all().delete()
    for link in links:
        assert SECRET not in client.get(link).content.decode()
        assert SECRET not in client.post(link).content.decode()
    assert Alert.objects.get().deadline.breaches.get().acknowledged_at is None


@pytest.mark.parametrize(
    ("draft", "path"),
    [
        ({"email": "outside@example.org"}, "email"),
        ({"email": LEE}, "email"),
        ({"email": ANA, "owner": LEE}, ""),
        ({"webhook": 1}, "webhook"),
    ],
)
def test_only_administrators_subscribe_others(
    ana: User, lee: User, draft: dict[str, Any], path: str
) -> None:
    Webhook.objects.create(pk=1, name="Desk", url="https://hook.example", created_at=NOW)
    admin = member("admin@example.org", role="administrator")
    value = read(SubscriptionDraft, draft)
    if path:
        with pytest.raises(Invalid) as caught:
            subscriptions.create(draft=value, by=ana)
        assert [each.path for each in caught.value.problems] == [path]
    else:
        assert subscriptions.create(draft=value, by=ana).owner == ana
        Subscription.objects.all().delete()
    stored = subscriptions.create(draft=value, by=admin)
    assert stored.owner == {LEE: lee, ANA: ana}.get(stored.email, None if stored.webhook else admin)
