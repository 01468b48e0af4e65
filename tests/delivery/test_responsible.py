"""Those who are responsible for an obligation are notified about it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from compliance.models import Membership, Subscription, Team, User
from compliance.operations.alerts import subscriptions
from compliance.queries.system.audit import audit
from tests.delivery.test_followers import DUE_AT, follow, mailbox, read_mail, tick
from tests.samples import create_agreement, obligation, record, update_obligation

pytestmark = pytest.mark.django_db
__all__ = ["mailbox"]

ANA, LEE = "ana@example.org", "lee@example.org"
HOUR = timedelta(hours=1)


@pytest.fixture
def ana() -> User:
    return User.objects.create_superuser(ANA)


def sent_to() -> list[str]:
    return sorted(who for who, _ in read_mail())


def test_a_responsible_user_is_notified_without_a_subscription_of_their_own(ana: User) -> None:
    create_agreement(obligation(responsible=[ANA]), obligation("O-2"))
    tick(DUE_AT)
    assert read_mail() == [(ANA, "Missed")]


def test_the_members_of_a_responsible_team_are_notified_also_those_who_join_later(
    ana: User,
) -> None:
    team = Team.objects.create(slug="asia", name="Asia")
    create_agreement(obligation(responsible=["team:asia"]))
    Membership.objects.create(team=team, user=ana)
    tick(DUE_AT)
    assert read_mail() == [(ANA, "Missed")]
    lee = User.objects.create_superuser(LEE)
    Membership.objects.create(team=team, user=lee)
    assert audit(as_of=DUE_AT + HOUR).problems == []
    tick(DUE_AT + timedelta(days=1))
    assert sent_to() == [ANA, LEE]


def test_who_becomes_responsible_keeps_the_schedule_of_their_subscriptions(ana: User) -> None:
    follow(ANA, tag="steel", frequency="daily", digest_hour=6, timezone="Europe/Berlin")
    create_agreement(obligation(responsible=[ANA]))
    found = Subscription.objects.get(is_mine=True)
    assert (found.frequency, found.digest_hour, found.timezone) == ("daily", 6, "Europe/Berlin")
    tick(DUE_AT)
    assert read_mail() == []


def test_who_has_unsubscribed_is_not_subscribed_again(ana: User) -> None:
    create_agreement(obligation(responsible=[ANA]))
    [pk] = Subscription.objects.values_list("pk", flat=True)
    subscriptions.end(email=ANA, subscription_ids=[pk], as_of=DUE_AT - HOUR)
    update_obligation(obligation(responsible=[ANA, LEE]), as_of=DUE_AT - HOUR)
    tick(DUE_AT)
    assert read_mail() == []


def test_the_obligations_of_a_team_and_of_another_user_can_be_followed(ana: User) -> None:
    Team.objects.create(slug="asia", name="Asia")
    follow(LEE, responsible="team:asia")
    follow("kim@example.org", responsible=ANA)
    create_agreement(
        obligation(responsible=["team:asia"]), obligation("O-2", responsible=[ANA]),
        obligation("O-3"),
    )  # fmt: skip
    tick(DUE_AT)
    assert sent_to() == [ANA, "kim@example.org", LEE]


def test_who_takes_over_an_obligation_is_notified_of_its_open_breach_once(ana: User) -> None:
    deadline = create_agreement(obligation(responsible=[ANA]))
    tick(DUE_AT)
    assert read_mail() == [(ANA, "Missed")]
    User.objects.create_superuser(LEE)
    update_obligation(obligation(responsible=[LEE]), as_of=DUE_AT + HOUR)
    update_obligation(obligation(responsible=[ANA, LEE]), as_of=DUE_AT + HOUR)
    tick(DUE_AT + HOUR)
    assert read_mail() == [(LEE, "Missed")]
    record(deadline, as_of=DUE_AT + 2 * HOUR, type="performance", on="2026-03-16")
    tick(DUE_AT + 2 * HOUR)
    assert sorted(read_mail()) == [(ANA, "Met late"), (LEE, "Met late")]


def test_subscriptions_and_unsent_alerts_move_with_the_address_of_an_account(ana: User) -> None:
    follow(ANA, frequency="daily", digest_hour=20)
    follow("new@example.org", tag="steel")
    outside = Subscription.objects.get(email="new@example.org")
    create_agreement()
    tick(DUE_AT)
    outside.delete()
    ana.email = "new@example.org"
    ana.save()
    tick(DUE_AT + timedelta(days=1))
    assert [who for who, _ in read_mail()] == ["new@example.org"]


def test_the_account_that_gets_a_subscribed_address_owns_the_subscription(ana: User) -> None:
    follow(LEE, owner=ANA)
    lee = User.objects.create_superuser(LEE)
    assert Subscription.objects.get(email=LEE).owner == lee
    follow("new@example.org", owner=ANA)
    lee.email = "new@example.org"
    lee.save()
    assert set(Subscription.objects.values_list("email", "owner__email", "is_active")) == {
        ("new@example.org", "new@example.org", True),
        (LEE, "new@example.org", False),
    }
