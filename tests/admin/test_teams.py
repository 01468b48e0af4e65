"""The pages about teams."""

from __future__ import annotations

from django.test import Client

from compliance.domain.vocabulary import Role
from compliance.models import Membership, Team, User
from compliance.operations.people.roles import set_roles
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import errors

ADD = "/admin/compliance/team/add/"


def administrator() -> User:
    user = staff("lead@example.org")
    set_roles(user=user, roles=[Role.ADMINISTRATOR], by=None)
    return user


def test_administrators_create_a_team_and_replace_its_members(db: None) -> None:
    client, ana, ben = logged_in(administrator()), staff("ana@example.org"), staff("b@example.org")
    client.post(ADD, {"slug": "asia", "name": "Asia", "members": [ana.pk]})
    team = Team.objects.get(slug="asia")
    page = f"/admin/compliance/team/{team.pk}/change/"
    assert "Asia" in client.get(f"/admin/compliance/user/{ana.pk}/change/").content.decode()

    client.post(page, {"name": "Asia desk", "members": [ben.pk], "change_reason": "Handover"})

    team.refresh_from_db()
    assert team.name == "Asia desk"
    assert [each.user for each in Membership.objects.filter(team=team)] == [ben]
    assert "Handover" in client.get(f"/admin/compliance/team/{team.pk}/history/").content.decode()
    listed = client.get("/admin/compliance/team/").content.decode()
    assert f"team_memberships__team__id__exact={team.pk}" in listed


def test_a_second_team_with_the_same_slug_is_refused_at_its_field(db: None) -> None:
    client = logged_in(administrator())
    client.post(ADD, {"slug": "asia", "name": "Asia"})
    refused = client.post(ADD, {"slug": "asia", "name": "Asia again"})
    assert errors(refused)["slug"] == ["Team asia already exists. Choose another slug."]
    assert Team.objects.count() == 1


def test_only_administrators_see_teams(db: None) -> None:
    user = staff("rita@example.org")
    set_roles(user=user, roles=[Role.REVIEWER], by=None)
    client: Client = logged_in(user)
    assert client.get("/admin/compliance/team/").status_code == 403
    assert client.get(ADD).status_code == 403
