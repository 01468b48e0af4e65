"""Sign-in with a provider of OpenID Connect whose answers are not what the protocol demands."""

from __future__ import annotations

import http.server
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from structlog.testing import capture_logs

from compliance.models import User
from config import identity_providers
from config.env import environment

pytestmark = pytest.mark.django_db

LOGIN = "/account/sso/oidc/sso/login/"
SENTENCE = "The identity provider is not reachable. Try again later."


class Provider:
    """Answers each path with what a test wants, and is in order until then."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.configuration: Any = {
            "issuer": address,
            "authorization_endpoint": f"{address}/authorize",
            "token_endpoint": f"{address}/token",
            "userinfo_endpoint": f"{address}/userinfo",
            "jwks_uri": f"{address}/keys",
        }
        self.person: Any = {"sub": "1", "email": "ana@example.org", "email_verified": True}
        self.tokens: Any = {"access_token": "x", "id_token": self.id_token()}
        self.status = 200

    def id_token(self, **claims: Any) -> str:
        found = {"iss": self.address, "aud": "pacta", "exp": 2**33, "sub": "1", **claims}
        return jwt.encode(found, "x" * 32, algorithm="HS256")

    def answer(self, path: str) -> bytes:
        answers = {"/token": self.tokens, "/userinfo": self.person}
        return json.dumps(answers.get(path, self.configuration)).encode()


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    """A provider that is configured in Pacta."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = found.answer(self.path)
            self.send_response(found.status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        found = Provider(f"http://127.0.0.1:{server.server_port}")
        configured = replace(
            environment, oidc_issuer=found.address, oidc_client_id="pacta", oidc_client_secret="x"
        )
        settings.SOCIALACCOUNT_PROVIDERS = identity_providers.providers(configured)
        cache.clear()
        yield found
        server.shutdown()


def come_back(client: Client) -> Any:
    """Begin to sign in, and come back from the provider."""
    [state] = parse_qs(urlsplit(client.post(LOGIN)["Location"]).query)["state"]
    return client.get(f"{LOGIN}callback/", {"code": "x", "state": state})


def test_a_provider_in_order_signs_in(provider: Provider) -> None:
    User.objects.create_user("ana@example.org")
    client = Client()
    assert come_back(client)["Location"] == "/admin/"
    assert client.get("/account/sessions/").status_code == 200


def changed(answer: dict[str, Any], change: Any) -> Any:
    """Return an answer with other values, or something else instead of it."""
    return answer | change if isinstance(change, dict) and change else change


def test_a_slash_at_the_end_of_the_issuer_makes_no_difference(provider: Provider) -> None:
    provider.configuration["issuer"] += "/"
    assert Client().post(LOGIN).status_code == 302


NAMES = ("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
CONFIGURATIONS: list[Any] = [
    [], {}, None, 5, "x", *({name: None} for name in NAMES), *({name: 5} for name in NAMES),
    {"issuer": "https://other.example"},
    {"authorization_endpoint": "javascript:alert(1)"}, {"token_endpoint": ""},
    {"userinfo_endpoint": ["https://idp.example/"]}, {"token_endpoint": "http://[/"},
    {"token_endpoint_auth_methods_supported": None}, {"token_endpoint_auth_methods_supported": 5},
]  # fmt: skip


@pytest.mark.parametrize("change", CONFIGURATIONS, ids=repr)
def test_an_unusable_configuration_is_reported_as_an_outage(
    provider: Provider, change: Any
) -> None:
    provider.configuration = changed(provider.configuration, change)
    with capture_logs() as entries:
        response = Client().post(LOGIN)
    assert response.status_code == 503
    assert SENTENCE in response.content.decode()
    assert [each["event"] for each in entries] == ["identity provider not reachable"]


TOKENS: list[Any] = [
    [], 5, ["access_token"], "access_token", {"access_token": None, "expires_in": "soon"},
    {"access_token": "x", "expires_in": 10**30}, {"access_token": "x", "expires_in": [5]},
    {"access_token": 5},
]  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("tokens", TOKENS, ids=repr)
def test_unusable_tokens_sign_nobody_in(provider: Provider, tokens: Any) -> None:
    provider.tokens = tokens
    client = Client()
    assert come_back(client).status_code in {401, 503}
    assert client.get("/account/sessions/").status_code == 302


CLAIMS: list[Any] = [
    [], {}, None, 5, "x", {"sub": None}, {"sub": ""}, {"sub": 5}, {"sub": "2"}, {"sub": "1" * 300},
    {"email": 5}, {"email": ["ana@example.org"]}, {"given_name": {"a": 1}}, {"family_name": 5},
    {"name": "a\0"}, {"other": ["\0"]}, {"other": {"\ud800": 1}}, {"preferred_username": 5},
]  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("claims", CLAIMS, ids=repr)
def test_unusable_claims_sign_nobody_in_and_stop_nobody_else(
    provider: Provider, claims: Any
) -> None:
    User.objects.create_user("ana@example.org")
    stored = provider.person
    provider.person = changed(stored, claims)
    client = Client()
    response = come_back(client)
    assert response.status_code == 401
    assert "did not confirm who you are" in response.content.decode()
    assert client.get("/account/sessions/").status_code == 302
    provider.person = stored
    assert come_back(client)["Location"] == "/admin/"


@pytest.mark.parametrize(
    "claims", [{"aud": "other"}, {"iss": "https://other.example"}, {"exp": 1}, {"aud": None}]
)
def test_an_id_token_for_somebody_else_signs_nobody_in(
    provider: Provider, claims: dict[str, Any]
) -> None:
    User.objects.create_user("ana@example.org")
    provider.tokens["id_token"] = provider.id_token(**claims)
    client = Client()
    assert come_back(client).status_code == 401
    assert client.get("/account/sessions/").status_code == 302


@pytest.mark.exhaustive
@pytest.mark.parametrize("groups", [5, True, None, {"a": 1}, [5, None, ["x"]], "x"])
def test_groups_of_any_form_are_read(provider: Provider, groups: Any) -> None:
    User.objects.create_user("ana@example.org")
    provider.person["groups"] = groups
    assert come_back(Client())["Location"] == "/admin/"


def test_a_provider_that_fails_during_a_sign_in_is_reported_as_such(provider: Provider) -> None:
    provider.configuration["token_endpoint"] = "http://127.0.0.1:1/"
    response = come_back(Client())
    assert response.status_code == 503
    assert SENTENCE in response.content.decode()


def test_a_provider_whose_tokens_fail_counts_as_unreachable(provider: Provider) -> None:
    client = Client()
    [state] = parse_qs(urlsplit(client.post(LOGIN)["Location"]).query)["state"]
    provider.status = 500
    response = client.get(f"{LOGIN}callback/", {"code": "x", "state": state})
    assert response.status_code == 503
    assert SENTENCE in response.content.decode()


@pytest.mark.parametrize("name", ["process", "next"])
def test_nothing_long_is_stored_for_a_sign_in(provider: Provider, name: str) -> None:
    long = f"/{secrets.token_hex(20_000)}"
    assert Client().post(LOGIN, {name: long}).status_code in {302, 400}
    assert all(len(each.session_data) < 2_000 for each in Session.objects.all())
