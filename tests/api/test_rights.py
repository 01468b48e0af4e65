"""Who may do what: tokens, sessions, Django's model permissions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from compliance.models import ApiToken, User
from tests.api.answers import BASE, JSON, get, post
from tests.api.conftest import GENEVA, client_of

FRANCE = {"code": "FRA", "name": "France", "kind": "state", "timezone": "Europe/Paris"}


@pytest.fixture
def lee(db: None) -> User:
    """Somebody without any rights yet."""
    return User.objects.create_user("lee@example.org", "secret")


def allow(user: User, *names: str) -> None:
    """Give a user rights."""
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


@pytest.mark.parametrize(
    "address",
    ["parties/", "agreements/", "obligations/", "deadlines/", "facts/", "evidence/", "positions/",
     "breaches/", "alerts/", "subscriptions/", "summary/", "changes/", "deadlines/1/timeline/"],
)  # fmt: skip
def test_strangers_are_asked_who_they_are(client: Client, db: None, address: str) -> None:
    response = client.get(BASE + address)
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert response["Content-Type"] == "application/problem+json"


def test_strangers_may_see_what_the_api_is(client: Client) -> None:
    for address in ("", "schema/", "docs/", "document-schema/"):
        assert client.get(BASE + address).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a b",
        "Bearer " + "0" * 64,
        "Bearer " + "0" * 100_000,
        "Bearer \xff\xfe",
        "Bearer \u00e9" + "a" * 63,
        "Bearer a\x00b",
        "Token abc",
        "Basic eDp5",
        "",
    ],
)
def test_what_is_no_token_is_no_key(client: Client, db: None, header: str) -> None:
    response = client.get(f"{BASE}parties/", headers={"Authorization": header})
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"


def test_a_token_is_looked_up_in_one_query(
    api: Client, desk: User, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        client_of(desk)
    with django_assert_num_queries(2):
        get(api, "parties/")


def test_a_token_ends_with_its_expiry(api: Client, desk: User) -> None:
    get(api, "parties/")
    ApiToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    get(api, "parties/", 401)


def test_a_token_ends_with_its_user(api: Client, desk: User) -> None:
    get(api, "parties/")
    User.objects.update(is_active=False)
    get(api, "parties/", 401)
    # Not even one made meanwhile.
    late = client_of(desk)
    get(late, "parties/", 401)


def test_a_read_only_token_never_writes(desk: User) -> None:
    reader = client_of(desk, is_read_only=True)
    get(reader, "parties/")
    assert reader.head(f"{BASE}parties/").status_code == 200
    assert reader.options(f"{BASE}parties/").status_code == 200
    problem = post(reader, "parties/", FRANCE, 403)
    assert "read-only" in problem["detail"]


def test_each_verb_needs_its_right(lee: User) -> None:
    client = client_of(lee)
    assert "view parties" in get(client, "parties/", 403)["detail"]
    allow(lee, "view_party")
    get(client, "parties/")
    assert "add parties" in post(client, "parties/", FRANCE, 403)["detail"]
    allow(lee, "add_party")
    post(client, "parties/", FRANCE)
    response = client.patch(f"{BASE}parties/FRA/", {"name": "F"}, content_type=JSON)
    assert response.status_code == 403
    allow(lee, "change_party")
    response = client.patch(f"{BASE}parties/FRA/", {"name": "F"}, content_type=JSON)
    assert response.status_code == 200


def test_a_document_needs_the_right_to_everything_that_may_be_in_it(lee: User) -> None:
    client = client_of(lee)
    allow(lee, "add_agreement", "add_party", "add_obligation", "add_fact", "add_position")
    send: dict[str, Any] = {"data": GENEVA.read_bytes(), "content_type": "application/yaml"}
    assert client.post(f"{BASE}agreements/import/", **send).status_code == 403
    allow(lee, "add_evidence")
    assert client.post(f"{BASE}agreements/import/", **send).status_code == 201


def test_a_browser_session_reads_and_writes_only_with_its_csrf_token(desk: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(desk)
    get(browser, "parties/")
    problem = post(browser, "parties/", FRANCE, 403)
    assert "CSRF" in problem["detail"]


def test_a_body_is_not_looked_at_before_the_rights_are(client: Client, db: None) -> None:
    response = client.post(f"{BASE}parties/", b"{", content_type=JSON)
    assert response.status_code == 401
