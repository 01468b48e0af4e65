"""Authentication by token and session, and permissions."""

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
    """A user without permissions."""
    return User.objects.create_user("lee@example.org", "secret")


def allow(user: User, *names: str) -> None:
    """Give a user permissions."""
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


@pytest.mark.parametrize(
    "address",
    ["parties/", "agreements/", "obligations/", "deadlines/", "facts/", "evidence/", "positions/",
     "breaches/", "alerts/", "subscriptions/", "summary/", "changes/", "deadlines/1/timeline/"],
)  # fmt: skip
def test_anonymous_requests_must_authenticate(client: Client, db: None, address: str) -> None:
    response = client.get(BASE + address)
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert response["Content-Type"] == "application/problem+json"


def test_the_openapi_document_is_public(client: Client) -> None:
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
def test_an_invalid_token_is_refused(client: Client, db: None, header: str) -> None:
    response = client.get(f"{BASE}parties/", headers={"Authorization": header})
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"


def test_authentication_by_token_takes_one_query(
    api: Client, desk: User, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        client_of(desk)
    with django_assert_num_queries(2):
        get(api, "parties/")


def test_an_expired_token_is_refused(api: Client, desk: User) -> None:
    get(api, "parties/")
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    get(api, "parties/", 401)


def test_a_token_of_an_inactive_user_is_refused(api: Client, desk: User) -> None:
    get(api, "parties/")
    User.objects.update(is_active=False)
    get(api, "parties/", 401)
    # Nor can a token created after that.
    late = client_of(desk)
    get(late, "parties/", 401)


def test_a_read_only_token_cannot_write(desk: User) -> None:
    reader = client_of(desk, is_read_only=True)
    get(reader, "parties/")
    assert reader.head(f"{BASE}parties/").status_code == 200
    assert reader.options(f"{BASE}parties/").status_code == 200
    problem = post(reader, "parties/", FRANCE, 403)
    assert "read-only" in problem["detail"]


def test_each_method_needs_its_permission(lee: User) -> None:
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


def test_loading_a_document_needs_the_permissions_for_everything_in_it(lee: User) -> None:
    client = client_of(lee)
    allow(lee, "add_agreement", "add_party", "add_obligation", "add_fact", "add_position")
    send: dict[str, Any] = {"data": GENEVA.read_bytes(), "content_type": "application/yaml"}
    assert client.post(f"{BASE}agreements/import/", **send).status_code == 403
    allow(lee, "add_evidence")
    assert client.post(f"{BASE}agreements/import/", **send).status_code == 201


def test_a_browser_session_needs_its_csrf_token_to_write(desk: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(desk)
    get(browser, "parties/")
    problem = post(browser, "parties/", FRANCE, 403)
    assert "CSRF" in problem["detail"]


def test_permissions_are_checked_before_the_body(client: Client, db: None) -> None:
    response = client.post(f"{BASE}parties/", b"{", content_type=JSON)
    assert response.status_code == 401
