"""API tokens over HTTP: create, use, limit, rotate and revoke."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from compliance.api.authentication import bearer_token
from compliance.domain.people.token_format import is_token, token_digest
from compliance.models import Agreement, AgreementTeam, ApiToken, Membership, Team, User
from compliance.operations.people import tokens as operations
from tests.api.answers import BASE, JSON, get, post
from tests.api.conftest import client_of
from tests.samples import create_agreement
from tests.shared_worlds import in_one_world

RIGHTS = [f"{verb}_apitoken" for verb in ("view", "add", "change", "delete")]


def with_key(key: str, **more: Any) -> Client:
    """Return a client that sends this key."""
    return Client(headers={"Authorization": f"Bearer {key}"}, **more)


@pytest.fixture
def ana(db: None) -> User:
    """A user who may manage her own tokens and view parties."""
    user = User.objects.create_user("ana@example.org", "secret")
    user.user_permissions.set(Permission.objects.filter(codename__in=[*RIGHTS, "view_party"]))
    return user


@pytest.fixture
def hers(ana: User) -> Client:
    """A client with a token of Ana."""
    return client_of(ana)


@pytest.fixture
def robot(db: None) -> User:
    """A service account."""
    return User.objects.create_user("robot@example.org", is_service_account=True)


def status(key: str, **more: Any) -> int:
    """Return the status of a request with a key."""
    return with_key(key, **more).get(f"{BASE}parties/").status_code


def test_the_key_is_in_the_response_to_its_creation_and_nowhere_else(
    hers: Client, ana: User, caplog: Any
) -> None:
    response = hers.post(f"{BASE}tokens/", {"name": "board"}, content_type="application/json")
    assert (response.status_code, response["Cache-Control"]) == (201, "no-store")
    row = response.json()
    key = row.pop("token")
    assert is_token(key)
    assert status(key) == 200
    shown = get(hers, f"tokens/{row['id']}/")
    assert shown.pop("last_used_at") is not None
    assert row.pop("last_used_at") is None
    assert shown == row
    assert response["Location"].endswith(f"/api/v1/tokens/{row['id']}/")
    assert row["user"] == "ana@example.org"
    assert (row["state"], row["is_read_only"], row["networks"]) == ("active", False, None)
    assert key not in json.dumps(get(hers, "tokens/"))
    assert key not in caplog.text
    secrets = (key, key[6:], token_digest(key).hex())
    for table in connection.introspection.table_names():
        if table != ApiToken._meta.db_table:
            with connection.cursor() as cursor:
                cursor.execute(f'SELECT t::text FROM "{table}" AS t')
                stored = str(cursor.fetchall())
            assert not any(each in stored for each in secrets), table


@pytest.mark.parametrize(
    "key",
    ["", "x", "pacta_", "pacta_" + "0" * 36, "pacta_" + "0" * 100_000, "pacta_\xe9", "a b",
     "pacta_" + "0" * 30 + "000000 x", "\x00", "0" * 64],
)  # fmt: skip
def test_what_is_not_a_token_is_refused_without_a_query(
    client: Client, django_assert_num_queries: Any, db: None, key: str
) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    with django_assert_num_queries(0), pytest.raises(AuthenticationFailed):
        bearer_token(RequestFactory().get("/", headers=headers))
    response = client.get(f"{BASE}parties/", headers=headers)
    assert response.status_code == 401
    assert "copy all of it" in response.json()["detail"]
    assert response["WWW-Authenticate"] == "Bearer"


def test_an_unknown_token_costs_one_query_and_is_refused_like_a_revoked_one(
    hers: Client, ana: User, django_assert_num_queries: Any
) -> None:
    row = post(hers, "tokens/", {"name": "x"})
    assert hers.delete(f"{BASE}tokens/{row['id']}/").status_code == 204
    unknown = operations._new_key()
    answers = []
    for key in (unknown, row["token"]):
        request = RequestFactory().get("/", headers={"Authorization": f"Bearer {key}"})
        with django_assert_num_queries(1), pytest.raises(AuthenticationFailed):
            bearer_token(request)
        answers.append(with_key(key).get(f"{BASE}parties/"))
    assert [each.status_code for each in answers] == [401, 401]
    assert answers[0].content == answers[1].content


def test_revoked_and_expired_tokens_stay_listed(hers: Client, ana: User) -> None:
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    dead = post(hers, "tokens/", {"name": "dead"})
    old = post(hers, "tokens/", {"name": "old", "expires_at": until})
    assert status(old["token"]) == 200
    ApiToken.objects.filter(name="old").update(expires_at=timezone.now())
    hers.delete(f"{BASE}tokens/{dead['id']}/")
    assert [status(each["token"]) for each in (old, dead)] == [401, 401]
    states = {each["name"]: each["state"] for each in get(hers, "tokens/")["results"]}
    assert states == {"ana@example.org 0": "active", "dead": "revoked", "old": "expired"}
    for state, name in (("revoked", "dead"), ("expired", "old")):
        [row] = get(hers, f"tokens/?state={state}")["results"]
        assert row["name"] == name
    # The name is free again.
    post(hers, "tokens/", {"name": "dead"})
    problem = post(hers, "tokens/", {"name": "dead"}, 400)
    assert "already exists" in problem["detail"]
    assert "past" in post(hers, "tokens/", {"name": "y", "expires_at": "2020-01-01T00:00:00Z"},
                          400)["detail"]  # fmt: skip


def test_the_last_use_is_stored_once_a_minute(ana: User, django_assert_num_queries: Any) -> None:
    key = operations.create_token(name="x", user=ana, is_read_only=True)
    assert status(key) == 200
    token = ApiToken.objects.get()
    assert token.last_used_at is not None
    assert status(key) == 200
    assert ApiToken.objects.get().last_used_at == token.last_used_at
    before = timezone.now() - timedelta(seconds=61)
    ApiToken.objects.update(last_used_at=before)
    status(key)
    last = ApiToken.objects.get().last_used_at
    assert last is not None
    assert last > before + timedelta(seconds=60)


@pytest.mark.django_db(transaction=True)
def test_a_token_in_use_never_waits_for_its_row(ana: User) -> None:
    key = operations.create_token(name="x", user=ana, is_read_only=True)

    def ask() -> int:
        try:
            return status(key)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("UPDATE compliance_apitoken SET revoked_at = now()")
        # Not yet revoked: the other transaction has not committed.
        assert pool.submit(ask).result(timeout=30) == 200
        cursor.execute("COMMIT")
        assert pool.submit(ask).result(timeout=30) == 401
    assert ApiToken.objects.get().last_used_at is None


@pytest.mark.django_db(transaction=True)
def test_a_use_that_cannot_be_stored_fails_no_request(ana: User, caplog: Any) -> None:
    key = operations.create_token(name="x", user=ana, is_read_only=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE compliance_apitoken ADD CONSTRAINT x CHECK (last_used_at IS NULL)"
        )
        try:
            assert status(key) == 200
        finally:
            cursor.execute("ALTER TABLE compliance_apitoken DROP CONSTRAINT x")
    assert "use of a token not noted" in caplog.text


def test_a_token_works_only_from_its_networks(hers: Client, settings: Any) -> None:
    row = post(hers, "tokens/", {"name": "x", "networks": ["192.0.2.0/24", "2001:db8::/32"]})
    answers = {
        address: status(row["token"], REMOTE_ADDR=address)
        for address in (
            "192.0.2.200",
            "2001:db8::1",
            "::ffff:192.0.2.1",
            "127.0.0.1",
            "",
            "192.0.3.1",
        )
    }
    assert list(answers.values()) == [200, 200, 200, 401, 401, 401]
    outside = with_key(row["token"], REMOTE_ADDR="203.0.113.9").get(f"{BASE}parties/")
    assert "203.0.113.9" in outside.json()["detail"]
    forged = {"REMOTE_ADDR": "203.0.113.9", "HTTP_X_FORWARDED_FOR": "192.0.2.1"}
    assert status(row["token"], **forged) == 401


def test_nobody_sees_or_changes_the_tokens_of_others(hers: Client, api: Client, desk: User) -> None:
    [desks] = [each for each in get(api, "tokens/")["results"] if each["user"] == desk.email]
    assert {each["user"] for each in get(hers, "tokens/")["results"]} == {"ana@example.org"}
    assert get(hers, f"tokens/?user={desk.email}")["results"] == []
    for ask in (hers.get, hers.delete):
        found, missing = ask(f"{BASE}tokens/{desks['id']}/"), ask(f"{BASE}tokens/999999/")
        assert (found.status_code, found.content) == (404, missing.content)
    rotations = [
        hers.post(f"{BASE}tokens/{each}/rotate/", {}, content_type=JSON)
        for each in (desks["id"], 999_999)
    ]
    assert [each.status_code for each in rotations] == [404, 404]
    assert rotations[0].content == rotations[1].content
    assert ApiToken.objects.get(pk=desks["id"]).revoked_at is None


def test_administrators_revoke_but_never_act_as_somebody_else(
    hers: Client, api: Client, ana: User, robot: User
) -> None:
    [row] = get(api, f"tokens/?user={ana.email}")["results"]
    assert post(api, f"tokens/{row['id']}/rotate/", {}, 403)
    for email in (ana.email, "nobody@example.org"):
        problem = post(api, "tokens/", {"name": "x", "user": email}, 400)
        assert problem["errors"][0]["path"] == "user"
    refused = post(hers, "tokens/", {"name": "x", "user": robot.email}, 400)
    assert refused == post(hers, "tokens/", {"name": "x", "user": "nobody@example.org"}, 400)
    made = post(api, "tokens/", {"name": "x", "user": "Robot@example.org"})
    assert made["user"] == robot.email
    assert status(made["token"]) == 403
    assert post(api, f"tokens/{made['id']}/rotate/", {}, 200)["token"] != made["token"]
    assert api.delete(f"{BASE}tokens/{row['id']}/").status_code == 204
    get(hers, "parties/", 401)


def test_a_read_only_token_creates_rotates_and_revokes_nothing(ana: User) -> None:
    reader = client_of(ana, is_read_only=True)
    token = ApiToken.objects.get()
    get(reader, "tokens/")
    assert "read-only" in post(reader, "tokens/", {"name": "x"}, 403)["detail"]
    assert "read-only" in post(reader, f"tokens/{token.pk}/rotate/", {}, 403)["detail"]
    assert reader.delete(f"{BASE}tokens/{token.pk}/").status_code == 403


def test_a_token_creates_no_wider_token_and_rotates_none(hers: Client) -> None:
    until = (timezone.now() + timedelta(days=1)).isoformat()
    wide = post(hers, "tokens/", {"name": "wide"})
    limits = {"networks": ["127.0.0.0/8"], "expires_at": until}
    narrow = post(hers, "tokens/", {"name": "narrow", **limits})
    client = with_key(narrow["token"])
    child = post(client, "tokens/", {"name": "child"})
    assert (child["networks"], child["expires_at"]) == (limits["networks"], narrow["expires_at"])
    problem = post(client, "tokens/", {"name": "wider", "networks": ["0.0.0.0/0"]}, 400)
    assert problem["errors"][0]["path"] == "networks"
    assert post(client, f"tokens/{wide['id']}/rotate/", {}, 403)
    assert post(client, f"tokens/{narrow['id']}/rotate/", {}, 200)


# --- Rotation ------------------------------------------------------------------------------------


def test_both_keys_work_until_the_end_of_the_overlap(hers: Client) -> None:
    first = post(hers, "tokens/", {"name": "x"})
    second = post(hers, f"tokens/{first['id']}/rotate/", {"overlap_minutes": 60}, 200)
    assert second["id"] == first["id"]
    assert [status(each["token"]) for each in (first, second)] == [200, 200]
    ApiToken.objects.filter(pk=first["id"]).update(former_until=timezone.now())
    assert [status(each["token"]) for each in (first, second)] == [401, 200]


def test_without_an_overlap_all_former_keys_end(hers: Client) -> None:
    first = post(hers, "tokens/", {"name": "x"})
    path = f"tokens/{first['id']}/rotate/"
    second = post(hers, path, {}, 200)
    problem = post(hers, path, {"overlap_minutes": 1}, 400)
    assert problem["errors"][0]["path"] == "overlap_minutes"
    third = post(hers, path, {"overlap_minutes": 0}, 200)
    keys = [each["token"] for each in (first, second, third)]
    assert [status(each) for each in keys] == [401, 401, 200]
    hers.delete(f"{BASE}tokens/{first['id']}/")
    assert post(hers, path, {}, 400)
    assert status(keys[-1]) == 401


def test_a_former_key_creates_rotates_and_revokes_no_token(hers: Client) -> None:
    first = post(hers, "tokens/", {"name": "x"})
    path = f"tokens/{first['id']}/rotate/"
    post(hers, path, {}, 200)
    former = with_key(first["token"])
    get(former, "parties/")
    for place, body in ((path, {"overlap_minutes": 0}), ("tokens/", {"name": "y"})):
        assert "new key" in post(former, place, body, 403)["detail"]
    assert former.delete(f"/api/v1/tokens/{first['id']}/").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_two_rotations_at_once_one_keeps_its_overlap(ana: User) -> None:
    first = operations.create_token(name="x", user=ana, is_read_only=False)
    token = ApiToken.objects.get()

    def rotate(_: int) -> Any:
        try:
            path = f"{BASE}tokens/{token.pk}/rotate/"
            return with_key(first).post(path, {}, content_type=JSON).json()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(rotate, range(2)))
    [new] = [each["token"] for each in answers if "token" in each]
    assert [status(first), status(new)] == [200, 200]
    assert len([each for each in answers if each.get("status") in {400, 403}]) == 1


# --- Service accounts ----------------------------------------------------------------------------


def test_a_service_account_cannot_sign_in(robot: User, client: Client) -> None:
    assert not robot.has_usable_password()
    for password in ("", "!", robot.password):
        form = {"login": robot.email, "password": password}
        assert client.post(reverse("account_login"), form).status_code == 200
    assert "_auth_user_id" not in client.session


def test_the_number_of_tokens_of_a_user_is_bounded(hers: Client, ana: User) -> None:
    ApiToken.objects.bulk_create(
        ApiToken(name=f"t{number}", user=ana, digest=number.to_bytes(32))
        for number in range(operations.MOST_PER_USER - 1)
    )
    assert "Revoke one" in post(hers, "tokens/", {"name": "x"}, 400)["detail"]


# --- Restriction to teams and agreements ---------------------------------------------------------


@pytest.fixture
def two(desk: User) -> Team:
    """Agreements `open`, for everyone, and `asian`, reserved for the team `asia`."""
    team = Team.objects.create(slug="asia", name="Asia")
    create_agreement(ref="open")
    asian = create_agreement(ref="asian").agreement
    AgreementTeam.objects.create(agreement=asian, team=team)
    Agreement.objects.filter(pk=asian.pk).update(visibility="teams")
    return team


def refs_seen(client: Client) -> set[str]:
    """Return the agreements that a client sees, by every kind of read."""
    lists = [
        {row["ref"] for row in get(client, "agreements/")["results"]},
        {row["agreement"] for row in get(client, "deadlines/")["results"]},
        {row["agreement"] for row in get(client, "obligations/")["results"]},
    ]
    assert lists[0] == lists[1] == lists[2]
    pages = {client.get(f"{BASE}agreements/{ref}/").status_code for ref in ("open", "asian")}
    assert pages == ({200} if len(lists[0]) == 2 else {200, 404} if lists[0] else {404})
    return lists[0]


@in_one_world(
    ("limits", "seen"),
    [
        ({}, {"open", "asian"}),
        ({"teams": ["asia"]}, {"asian"}),
        ({"agreements": ["open"]}, {"open"}),
        ({"agreements": ["open"], "teams": ["asia"]}, set()),
    ],
)
def test_a_restricted_token_sees_only_its_agreements(
    api: Client, two: Team, limits: dict[str, Any], seen: set[str]
) -> None:
    row = post(api, "tokens/", {"name": "x", **limits})
    assert (row["teams"], row["agreements"]) == (limits.get("teams"), limits.get("agreements"))
    assert refs_seen(with_key(row["token"])) == seen


def test_a_restriction_is_never_wider_than_the_rights_of_the_user(
    ana: User, hers: Client, two: Team
) -> None:
    ana.groups.set(Group.objects.filter(name="viewer"))
    Membership.objects.create(user=ana, team=two)
    row = post(hers, "tokens/", {"name": "x", "teams": ["asia"]})
    client = with_key(row["token"])
    assert refs_seen(client) == {"asian"}
    Membership.objects.all().delete()
    assert refs_seen(client) == set()
    for limits in ({"teams": ["asia"]}, {"teams": ["none"]}, {"agreements": ["asian"]},
                   {"agreements": ["none"]}):  # fmt: skip
        [(field, [name])] = limits.items()
        problem = post(hers, "tokens/", {"name": "y", **limits}, 400)
        assert problem["errors"][0]["path"] == f"{field}/0"
        assert problem["detail"].replace(name, "?") in {
            "The user of the token has no team ?.", "Agreement ? does not exist.",
        }  # fmt: skip


def test_a_token_whose_team_is_gone_sees_nothing(api: Client, two: Team) -> None:
    row = post(api, "tokens/", {"name": "x", "teams": ["asia"]})
    AgreementTeam.objects.all().delete()
    two.delete()
    assert refs_seen(with_key(row["token"])) == set()
    assert get(api, f"tokens/{row['id']}/")["teams"] == []


def test_a_restricted_token_does_nothing_beyond_its_agreements(api: Client, two: Team) -> None:
    row = post(api, "tokens/", {"name": "x", "agreements": ["open"]})
    client = with_key(row["token"])
    for path in ("users/", "teams/", "tokens/", "webhooks/", "subscriptions/", "calendar-feeds/",
                 "seals/", "tombstones/", f"tokens/{row['id']}/"):  # fmt: skip
        assert "limited to some agreements" in get(client, path, 403)["detail"]
    for path, body in (
        ("agreements/", {"ref": "new", "title": "x", "kind": "treaty"}),
        ("agreements/import/", {}),
        ("parties/", {"code": "FRA"}),
        ("tokens/", {"name": "wide"}),
        (f"tokens/{row['id']}/rotate/", {}),
        ("agreements/open/purge/", {"reason": "x"}),
    ):
        assert "limited to some agreements" in post(client, path, body, 403)["detail"]
    assert get(client, "users/me/")["email"] == "desk@example.org"
    deadline = get(client, "deadlines/")["results"][0]["id"]
    other = get(api, "deadlines/?agreement=asian")["results"][0]["id"]
    fact = {"type": "performance", "on": "2026-03-01"}
    post(client, "facts/", {"deadline": deadline, **fact})
    refused = [post(client, "facts/", {"deadline": each, **fact}, 400) for each in (other, 99_999)]
    assert str(refused[0]).replace(str(other), "?") == str(refused[1]).replace("99999", "?")
