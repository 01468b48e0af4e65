"""An identity provider that does not answer."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from config import identity_providers
from config.env import environment

pytestmark = pytest.mark.django_db

LOGIN = "/account/sso/oidc/sso/login/"
SENTENCE = "The identity provider is not reachable. Try again later."


@pytest.fixture
def hanging() -> Iterator[socket.socket]:
    """A server that accepts connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


def configure(settings: Any, address: str) -> None:
    configured = replace(environment, oidc_issuer=address)
    settings.SOCIALACCOUNT_PROVIDERS = identity_providers.providers(configured)
    settings.SOCIALACCOUNT_REQUESTS_TIMEOUT = 0.1
    cache.clear()


def connections(server: socket.socket) -> int:
    """Return how many connections were made since the last call."""
    count = 0
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://nowhere.invalid"])
def test_an_unreachable_provider_is_reported_as_such(settings: Any, address: str) -> None:
    configure(settings, address)
    response = Client().post(LOGIN)
    assert (response.status_code, response["Retry-After"]) == (503, "10")
    assert SENTENCE in response.content.decode()
    assert Client().get("/account/login/").status_code == 200


def test_nobody_waits_for_a_provider_that_did_not_answer_a_moment_ago(
    settings: Any, hanging: socket.socket
) -> None:
    configure(settings, f"http://127.0.0.1:{hanging.getsockname()[1]}")
    assert Client().post(LOGIN).status_code == 503
    assert connections(hanging) == 1
    for address in (LOGIN, f"{LOGIN}callback/?code=x&state=y"):
        assert Client().post(address).status_code == 503
    assert connections(hanging) == 0
    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        assert Client().post(LOGIN).status_code == 503
    assert connections(hanging) == 1


@contextmanager
def serving(status: int, body: str) -> Iterator[str]:
    """Run a provider with this answer to everything, and yield its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("status", "body"), [(500, "{}"), (404, ""), (200, "<html>")])
def test_a_provider_that_fails_counts_as_unreachable(settings: Any, status: int, body: str) -> None:
    with serving(status, body) as address:
        configure(settings, address)
        assert Client().post(LOGIN).status_code == 503


def test_a_sign_in_waits_three_seconds_for_each_provider(settings: Any) -> None:
    configured = replace(environment, saml_metadata_url="https://idp.example/", saml_entity_id="x")
    [app] = identity_providers.providers(configured)["saml"]["APPS"]
    assert settings.SOCIALACCOUNT_REQUESTS_TIMEOUT == 3
    assert app["settings"]["idp"]["metadata_request_timeout"] == 3
