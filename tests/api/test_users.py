"""Users and teams over HTTP: inviting, roles, memberships, and the last administrator."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.db import connection
from django.test import Client

from compliance.models import Team, User
from compliance.operations.people.roles import store_roles
from compliance.operations.people.tokens import create_token
from tests.api.answers import BASE, JSON, get, patch, paths, post
from tests.api.conftest import client_of
from tests.shared_worlds import in_one_world

pytestmark = pytest.mark.django_db

LEE = {"email": "lee@example.org", "name": "李 Lee", "roles": ["analyst"], "teams": ["asia"]}


@pytest.fixture
def asia() -> Team:
    """A team."""
    return Team.objects.create(slug="asia", name="Asia")


@pytest.fixture
def admin(db: None) -> Client:
    """A client with a token of an administrator who is not a superuser."""
    return client_of(person("admin@example.org", "administrator"))


@in_one_world("value", ["false", "true", 1, 0, None])
def test_only_true_and_false_are_accepted_where_yes_or_no_is_asked(
    admin: Client, value: object
) -> None:
    sent = {**LEE, "teams": [], "is_service_account": value}
    assert paths(post(admin, "users/", sent, 400)) == {"is_service_account"}
    other = person("kim@example.org", "viewer")
    assert paths(patch(admin, f"users/{other.pk}/", {"is_active": value}, 400)) == {"is_active"}


def person(email: str, *roles: str) -> User:
    """Create a user with roles."""
    store_roles()
    user = User.objects.create_user(email, "secret")
    user.groups.set(Group.objects.filter(name__in=roles))
    return user


def test_a_new_user_is_invited_to_choose_a_password(admin: Client, asia: Team) -> None:
    row = post(admin, "users/", LEE)
    assert {name: row[name] for name in LEE} == LEE
    assert (row["is_active"], row["is_service_account"], row["warnings"]) == (True, False, [])
    [message] = mail.outbox
    assert message.to == ["lee@example.org"]
    assert "/password/" in message.body
    user = User.objects.get(pk=row["id"])
    assert not user.has_usable_password()
    assert list(asia.members.all()) == [user]
    shown = get(admin, f"users/{row['id']}/")
    assert shown == {name: value for name, value in row.items() if name != "warnings"}
    post(admin, f"users/{row['id']}/invite/", {}, 200)
    assert len(mail.outbox) == 2


def test_a_user_exists_once_in_any_spelling(admin: Client, asia: Team) -> None:
    post(admin, "users/", LEE)
    problem = post(admin, "users/", {"email": "LEE@Example.org"}, 400)
    assert paths(problem) == {"email"}
    row = post(admin, "users/", {"email": "bo@BÜCHER.example"})
    assert row["email"] == "bo@xn--bcher-kva.example"


@in_one_world(
    ("body", "path"),
    [
        ({"email": "x"}, "email"),
        ({"email": "a@example.org\nBcc: b@example.org"}, "email"),
        ({}, "email"),
        ({"email": "a@example.org", "roles": ["owner"]}, "roles/0"),
        ({"email": "a@example.org", "roles": ["viewer", "viewer"]}, "roles"),
        ({"email": "a@example.org", "teams": ["asia", "nowhere"]}, "teams/1"),
        ({"email": "a@example.org", "name": "a\nb"}, "name"),
        ({"email": "a@example.org", "name": "x" * 151}, "name"),
        ({"email": "a@example.org", "password": "x"}, "password"),
        ({"email": "a@example.org", "is_superuser": True}, "is_superuser"),
    ],
)
def test_what_is_not_a_user_is_refused_as_a_whole(
    admin: Client, asia: Team, body: dict[str, Any], path: str
) -> None:
    assert paths(post(admin, "users/", body, 400)) == {path}
    assert not User.objects.filter(email="a@example.org").exists()
    assert not mail.outbox


def test_a_mail_server_that_is_down_is_a_warning(admin: Client, asia: Team, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    row = post(admin, "users/", LEE)
    assert "could not be sent" in row["warnings"][0]["detail"]
    assert User.objects.filter(pk=row["id"]).exists()


def test_roles_teams_and_activity_are_changed(admin: Client, asia: Team) -> None:
    pk = post(admin, "users/", LEE)["id"]
    changed = patch(admin, f"users/{pk}/", {"roles": ["viewer"], "teams": [], "name": "Lee"})
    assert (changed["roles"], changed["teams"], changed["name"]) == (["viewer"], [], "Lee")
    # A response can be sent back as it is.
    assert patch(admin, f"users/{pk}/", changed) == changed
    key = create_token(name="x", user=User.objects.get(pk=pk), is_read_only=True)
    assert patch(admin, f"users/{pk}/", {"is_active": False})["is_active"] is False
    hers = Client(headers={"Authorization": f"Bearer {key}"})
    get(hers, "users/me/", 401)
    problem = patch(admin, f"users/{pk}/", {"email": "new@example.org"}, 400)
    assert paths(problem) == {"email"}
    assert [row["id"] for row in get(admin, "users/?is_active=false")["results"]] == [pk]
    assert get(admin, "users/?team=asia&role=viewer&q=Lee&email=LEE@example.org")["results"] == []


@pytest.mark.parametrize("role", ["viewer", "analyst", "reviewer"])
def test_only_administrators_see_users_and_teams(role: str, asia: Team) -> None:
    user = person("ana@example.org", role)
    client = client_of(user)
    for path in ("users/", f"users/{user.pk}/", "teams/", "teams/asia/", "users/9999/"):
        get(client, path, 403)
    post(client, "users/", LEE, 403)
    post(client, f"users/{user.pk}/invite/", {}, 403)
    patch(client, f"users/{user.pk}/", {"roles": ["administrator"]}, 403)
    patch(client, "teams/asia/", {"members": ["ana@example.org"]}, 403)
    me = get(client, "users/me/")
    assert (me["email"], me["roles"], me["teams"]) == ("ana@example.org", [role], [])


def test_nobody_grants_what_they_do_not_hold(desk: User, asia: Team) -> None:
    clerk = person("clerk@example.org", "viewer")
    verbs = Permission.objects.filter(
        codename__in=[f"{verb}_{model}" for verb in ("view", "add", "change")
                      for model in ("user", "team", "membership")]
    )  # fmt: skip
    clerk.user_permissions.set(verbs)
    client = client_of(clerk)
    assert "analyst" in post(client, "users/", {**LEE, "teams": []}, 403)["detail"]
    assert "asia" in post(client, "users/", {**LEE, "roles": []}, 403)["detail"]
    assert not User.objects.filter(email="lee@example.org").exists()
    post(client, "users/", {**LEE, "roles": ["viewer"], "teams": []})
    assert patch(client, f"users/{clerk.pk}/", {"teams": ["asia"]}, 403)
    assert patch(client, "teams/asia/", {"members": ["clerk@example.org"]}, 403)
    for change in ({"is_active": False}, {"name": "x"}):
        patch(client, f"users/{desk.pk}/", change, 403)
    post(client, f"users/{desk.pk}/invite/", {}, 403)


def test_an_administrator_cannot_change_a_superuser(admin: Client, desk: User) -> None:
    patch(admin, f"users/{desk.pk}/", {"is_active": False}, 403)


def test_the_last_administrator_stays(admin: Client) -> None:
    me = get(admin, "users/me/")["id"]
    for change in ({"is_active": False}, {"roles": ["reviewer"]}):
        assert "administrator" in patch(admin, f"users/{me}/", change, 400)["detail"]
    robot = {"email": "r@example.org", "is_service_account": True, "roles": ["administrator"]}
    post(admin, "users/", robot)
    patch(admin, f"users/{me}/", {"is_active": False}, 400)
    post(admin, "users/", {"email": "second@example.org", "roles": ["administrator"]})
    patch(admin, f"users/{me}/", {"is_active": False})


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_remove_each_other_at_once() -> None:
    people = [person(f"{name}@example.org", "administrator") for name in ("a", "b")]
    clients = [client_of(each) for each in people]

    def deactivate(number: int) -> int:
        try:
            path = f"{BASE}users/{people[1 - number].pk}/"
            return clients[number].patch(path, {"roles": []}, content_type=JSON).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        found = sorted(pool.map(deactivate, range(2)))
    assert found[0] == 200
    assert found[1] in {400, 403}
    assert User.objects.administrators().count() == 1


def test_a_service_account_is_not_invited_and_gets_tokens(admin: Client) -> None:
    robot = {"email": "robot@example.org", "is_service_account": True, "roles": ["viewer"]}
    row = post(admin, "users/", robot)
    assert not mail.outbox
    assert "service account" in post(admin, f"users/{row['id']}/invite/", {}, 400)["detail"]
    token = post(admin, "tokens/", {"name": "r", "user": "robot@example.org"})
    me = get(Client(headers={"Authorization": f"Bearer {token['token']}"}), "users/me/")
    assert (me["email"], me["is_service_account"]) == ("robot@example.org", True)


# --- Teams ---------------------------------------------------------------------------------------


def test_a_team_is_created_and_its_members_are_replaced(admin: Client) -> None:
    for name in ("ana", "bo"):
        person(f"{name}@example.org", "viewer")
    team = post(admin, "teams/", {"slug": "asia", "name": "Asia", "members": ["Ana@Example.org"]})
    assert (team["slug"], team["name"], team["members"]) == ("asia", "Asia", ["ana@example.org"])
    changed = patch(admin, "teams/asia/", {"members": ["bo@example.org"]})
    assert (changed["members"], changed["name"]) == (["bo@example.org"], "Asia")
    assert get(admin, "teams/asia/") == changed
    assert get(admin, "teams/?member=BO@example.org")["results"] == [changed]
    assert get(admin, "teams/?member=ana@example.org")["results"] == []
    problem = patch(admin, "teams/asia/", {"members": ["nobody@example.org"]}, 400)
    assert paths(problem) == {"members/0"}
    assert get(admin, "teams/asia/") == changed


@in_one_world(
    ("body", "path"),
    [
        ({"slug": "Asia", "name": "x"}, "slug"),
        ({"slug": "asia", "name": "x"}, "slug"),
        ({"slug": "x", "name": ""}, "name"),
        ({"slug": "x", "name": "x", "members": ["a@b.org", "A@b.org"]}, "members"),
        ({"slug": "x", "name": "x", "members": ["a@b.org"] * 1_001}, "members"),
    ],
)
def test_what_is_not_a_team_is_refused(
    admin: Client, asia: Team, body: dict[str, Any], path: str
) -> None:
    assert paths(post(admin, "teams/", body, 400)) == {path}
    assert Team.objects.count() == 1
