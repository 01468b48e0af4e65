"""Nobody alone lets further people see an agreement that requires approval, and so approve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from compliance.models import Agreement, Proposal, User
from tests.admin.pages import address, filled_in
from tests.api.answers import BASE, JSON, get, post
from tests.api.conftest import client_of
from tests.reserved_agreement import member, reserve
from tests.samples import create_agreement, document, obligation

pytestmark = pytest.mark.django_db


def person(email: str, role: str, *teams: str, **fields: Any) -> User:
    user = member(email, *teams, **fields)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def agreement() -> Agreement:
    """An agreement of one team, which requires approval."""
    found = create_agreement(obligation(), as_of=timezone.now(), requires_approval=True).agreement
    reserve(found, "asia")
    return found


@pytest.fixture
def ana(agreement: Agreement) -> User:
    """An analyst of two teams."""
    return person("ana@example.org", "analyst", "asia", "africa", is_staff=True)


def by_correction(user: User, value: dict[str, Any]) -> None:
    response = client_of(user).patch(f"{BASE}agreements/supply/", value, content_type=JSON)
    assert response.status_code == 202, response.content


def by_import(user: User, value: dict[str, Any]) -> None:
    sent = document("supply", obligation(), **value)
    response = client_of(user).post(f"{BASE}agreements/import/?mode=update", sent, JSON)
    assert response.status_code == 202, response.content


def by_form(user: User, value: dict[str, Any]) -> None:
    client = Client()
    client.force_login(user)
    page = address("agreement", "change", Agreement.objects.get().pk)
    form = filled_in(client, page)
    response = client.post(page, {**form, "reason": "", **value}, follow=True)
    assert Proposal.objects.exists(), response.content.decode()


@pytest.mark.parametrize("entry", [by_correction, by_import, by_form])
@pytest.mark.parametrize(
    ("value", "effect"),
    [
        ({"visibility": "everyone"}, "visibility of agreement supply would change."),
        (
            {"visibility": "teams", "teams": ["asia", "africa"]},
            "Team africa would see agreement supply, and could approve its proposals.",
        ),
    ],
)
def test_letting_others_see_it_waits_for_somebody_who_sees_it_already(
    entry: Callable[[User, dict[str, Any]], None],
    value: dict[str, Any],
    effect: str,
    agreement: Agreement,
    ana: User,
) -> None:
    entry(ana, value)
    proposal = Proposal.objects.get()
    assert effect in proposal.effect
    agreement.refresh_from_db()
    assert (agreement.visibility, agreement.teams.count()) == ("teams", 1)
    url = f"proposals/{proposal.pk}/approve/"
    stranger = client_of(person("cy@example.org", "reviewer", "africa"))
    assert get(stranger, "proposals/")["results"] == []
    post(stranger, url, {}, 404)
    post(client_of(person("bo@example.org", "reviewer", "asia")), url, {}, 200)
    get(stranger, "agreements/supply/")


def test_without_the_requirement_it_is_done_at_once(agreement: Agreement, ana: User) -> None:
    Agreement.objects.update(requires_approval=False)
    response = client_of(ana).patch(
        f"{BASE}agreements/supply/", {"teams": ["asia", "africa"]}, content_type=JSON
    )
    assert response.status_code == 200
    assert not Proposal.objects.exists()
