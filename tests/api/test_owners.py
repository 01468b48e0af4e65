"""Users see and change only subscriptions and webhooks of their own; administrators, all."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from compliance.models import Membership, Subscription, Team, User, Webhook
from tests.api.answers import get, patch, post, rows
from tests.api.conftest import client_of
from tests.samples import create_agreement, obligation

ANA, LEE = "ana@example.org", "lee@example.org"


def client_with(email: str, role: str = "analyst") -> Client:
    """Return a client of a new user with a role."""
    user = User.objects.create_user(email)
    user.groups.add(Group.objects.get(name=role))
    return client_of(user)


@pytest.fixture
def ana(db: None) -> Client:
    return client_with(ANA)


@pytest.fixture
def lee(db: None) -> Client:
    return client_with(LEE)


def test_subscriptions_of_others_do_not_exist(api: Client, ana: Client, lee: Client) -> None:
    own = post(ana, "subscriptions/", {"email": ANA, "tag": "steel"})
    outside = post(api, "subscriptions/", {"email": "out@example.org"})
    assert (own["owner"], outside["owner"]) == (ANA, "desk@example.org")
    assert rows(lee, "subscriptions/") == []
    assert rows(ana, "subscriptions/") == [own]
    assert rows(api, "subscriptions/") == [own, outside]
    for pk in (own["id"], outside["id"], 987654):
        found = [
            lee.get(f"/api/v1/subscriptions/{pk}/"),
            lee.patch(f"/api/v1/subscriptions/{pk}/", {"tag": "x"}, "application/json"),
        ]
        assert [each.status_code for each in found] == [404, 404]
        assert len({each.content for each in found if each.request["REQUEST_METHOD"] == "GET"}) == 1
    assert patch(ana, f"subscriptions/{own['id']}/", {"tag": "goods"})["tag"] == "goods"
    for change in ({"email": LEE}, {"email": "out@example.org"}, {"owner": LEE, "email": LEE}):
        patch(ana, f"subscriptions/{own['id']}/", change, 400)
    # The owner of what an account receives is always this account.
    assert patch(api, f"subscriptions/{own['id']}/", {"owner": LEE})["owner"] == ANA
    moved = patch(api, f"subscriptions/{outside['id']}/", {"owner": LEE})
    assert moved["owner"] == LEE
    assert rows(lee, "subscriptions/") == [moved]


def test_webhooks_of_others_do_not_exist(api: Client, ana: Client, settings: Any) -> None:
    settings.WEBHOOKS_MAY_BE_PRIVATE = True
    hook = post(api, "webhooks/", {"name": "Desk", "url": "http://127.0.0.1:9/x"})
    assert hook["owner"] == "desk@example.org"
    assert rows(ana, "webhooks/") == []
    get(ana, f"webhooks/{hook['id']}/", 404)
    [foreign] = post(ana, "subscriptions/", {"webhook": hook["id"]}, 400)["errors"]
    [missing] = post(ana, "subscriptions/", {"webhook": 987654}, 400)["errors"]
    assert foreign["detail"].replace(str(hook["id"]), "") == missing["detail"].replace("987654", "")
    stored = post(api, "subscriptions/", {"webhook": hook["id"]})
    changed = patch(api, f"webhooks/{hook['id']}/", {"owner": ANA})
    assert changed["owner"] == ANA
    assert get(ana, f"subscriptions/{stored['id']}/")["owner"] == ANA
    assert [each["id"] for each in rows(ana, "webhooks/")] == [hook["id"]]
    patch(api, f"webhooks/{hook['id']}/", {"owner": "nobody@example.org"}, 400)


def test_me_stands_for_the_user_of_the_token(ana: Client, lee: Client) -> None:
    team = Team.objects.create(slug="asia", name="Asia")
    Membership.objects.create(team=team, user=User.objects.get(email=LEE))
    create_agreement(
        obligation("O-1", "2099-01-01", responsible=[ANA]),
        obligation("O-2", "2099-01-01", responsible=["team:asia", ANA]),
        obligation("O-3", "2099-01-01"),
        as_of=timezone.now(),
    )
    for client, refs in ((ana, ["O-1", "O-2"]), (lee, ["O-2"])):
        found = rows(client, "deadlines/", responsible="me")
        assert [each["obligation_ref"] for each in found] == refs
    assert Subscription.objects.filter(is_mine=True).count() == 2
    assert not Webhook.objects.exists()
