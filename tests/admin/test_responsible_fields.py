"""Who is responsible is chosen among the users and teams that the person may know of."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from compliance.models import Membership, Obligation, Subscription, Team, User
from tests.admin.conftest import logged_in
from tests.admin.pages import address, agreement_form, errors
from tests.samples import create_agreement, obligation


@pytest.fixture(autouse=True)
def people(db: None) -> None:
    for email, slug in (("ana@example.org", "asia"), ("lee@example.org", "africa")):
        user = User.objects.create_user(email, is_staff=True, first_name="Émile", last_name="Roy")
        user.groups.add(Group.objects.get(name="analyst"))
        team = Team.objects.create(slug=slug, name=slug.title())
        Membership.objects.create(user=user, team=team)


def analyst(email: str) -> Client:
    return logged_in(User.objects.get(email=email))


def found(client: Client, term: str = "", **more: str) -> list[str]:
    url = reverse("admin:compliance_obligation_responsible")
    return [each["id"] for each in client.get(url, {"term": term, **more}).json()["results"]]


def test_administrators_find_all_users_and_teams_by_name_and_address(browser: Client) -> None:
    assert found(browser, "EMILE") == ["ana@example.org", "lee@example.org"]
    assert found(browser, "asi") == ["team:asia"]
    assert {"team:africa", "lee@example.org"} <= {*found(browser)}


def test_others_find_themselves_their_teams_and_the_members_of_these() -> None:
    assert found(analyst("ana@example.org")) == ["team:asia", "ana@example.org"]
    Membership.objects.create(
        user=User.objects.get(email="lee@example.org"), team=Team.objects.get(slug="asia")
    )
    assert found(analyst("ana@example.org"), "lee") == ["lee@example.org"]
    assert found(analyst("ana@example.org"), "africa") == []


@pytest.mark.parametrize("term", ["x" * 201, "%", "_"])
def test_odd_searches_find_nobody(browser: Client, term: str) -> None:
    assert found(browser, term, me="1") == []


def test_without_permission_nobody_is_found() -> None:
    url = reverse("admin:compliance_obligation_responsible")
    powerless = logged_in(User.objects.create_user("nobody@example.org", is_staff=True))
    assert powerless.get(url).status_code == 403
    assert Client().get(url).status_code == 302


def test_several_are_chosen_for_an_obligation_and_shown_again(browser: Client) -> None:
    create_agreement(ref="other")
    names = ["ana@example.org", "team:asia", "new@example.com"]
    response = browser.post(
        address("agreement", "add"), agreement_form(**{"obligations-0-responsible": names})
    )
    assert response.status_code == 302, errors(response)
    stored = Obligation.objects.get(agreement__ref="supply-2026").responsibilities.all()
    assert [each.name for each in stored] == names
    page: Any = browser.get(address("agreement", "change", stored[0].obligation.agreement_id))
    text = page.content.decode()
    for name in names:
        assert f'<option value="{name}" selected>{name}</option>' in text
    assert 'data-ajax--url="/admin/compliance/obligation/responsible/"' in text
    assert "admin/js/autocomplete.js" in text


def test_a_subscription_can_follow_whoever_receives_it(browser: Client) -> None:
    create_agreement(obligation())
    assert found(browser, "", me="1")[0] == "me"
    Subscription.objects.create(email="ana@example.org", responsible_team=Team.objects.first())
    page = browser.get(address("subscription", "change", Subscription.objects.get().pk))
    assert '<option value="team:africa" selected>team:africa</option>' in page.content.decode()
