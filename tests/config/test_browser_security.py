"""What browsers are instructed to do with responses and cookies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import User

_OVER_TLS = """
import json
import django
django.setup()
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from compliance.web.accounts.attempts import remember_device
marked = HttpResponse()
remember_device(marked, account="ana@example.org")
[device] = marked.cookies.values()
client = Client(SERVER_NAME="localhost")
def headers(path):
    return {name.lower(): value for name, value in client.get(path, secure=True).items()}
def cookie(kind):
    return [getattr(settings, f"{kind}_COOKIE_{each}") for each in ("NAME", "SECURE", "PATH")]
print(json.dumps({
    "cookies": [
        cookie("SESSION"),
        cookie("CSRF"),
        [device.key, device["secure"], device["path"]],
    ],
    "same_site": [
        settings.SESSION_COOKIE_SAMESITE, settings.CSRF_COOKIE_SAMESITE, device["samesite"],
    ],
    "http_only": [settings.SESSION_COOKIE_HTTPONLY, device["httponly"]],
    "domains": [settings.SESSION_COOKIE_DOMAIN, settings.CSRF_COOKIE_DOMAIN, device["domain"]],
    "page": headers("/healthz"),
    "missing": headers("/nowhere"),
    "style": headers("/static/admin/css/base.css"),
}))
"""


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Cookies and headers of an installation whose SITE_URL is https, without a database."""
    folder: Path = tmp_path_factory.mktemp("tls")
    finished = subprocess.run(
        [sys.executable, "-c", _OVER_TLS],
        env={
            **{name: value for name, value in os.environ.items() if name != "ALLOWED_HOSTS"},
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "SITE_URL": "https://pacta.example.org",
            "VAR_DIR": str(folder / "var"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    found: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return found


def test_cookies_belong_to_this_host_and_to_tls(over_tls: dict[str, Any]) -> None:
    for name, is_secure, path in over_tls["cookies"]:
        assert name.startswith("__Host-")
        assert (is_secure, path) == (True, "/")
    assert over_tls["domains"] == [None, None, ""]


def test_cookies_are_not_sent_from_other_sites_and_scripts_cannot_read_sessions(
    over_tls: dict[str, Any],
) -> None:
    assert over_tls["same_site"] == ["Lax"] * 3
    assert over_tls["http_only"] == [True, True]


@pytest.mark.parametrize("kind", ["page", "missing", "style"])
def test_every_response_carries_the_security_headers(over_tls: dict[str, Any], kind: str) -> None:
    headers = over_tls[kind]
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    policy = {part.strip() for part in headers["content-security-policy"].split(";")}
    assert {"default-src 'self'", "object-src 'none'", "base-uri 'none'"} <= policy
    assert {"form-action 'self'", "frame-ancestors 'none'"} <= policy


def test_nothing_but_static_files_is_stored_in_caches(over_tls: dict[str, Any]) -> None:
    assert over_tls["missing"]["cache-control"] == "no-store"
    assert over_tls["page"]["cache-control"] == "no-store"
    assert "max-age" in over_tls["style"]["cache-control"]


def test_pages_and_api_responses_are_not_stored_in_caches(db: None) -> None:
    ana = User.objects.create_superuser("ana@example.org", "secret")
    browser = Client()
    browser.force_login(ana)
    for path in (
        reverse("admin:index"),
        reverse("admin:compliance_agreement_changelist"),
        reverse("usersessions_list"),
        "/api/v1/agreements/",
        "/api/v1/agreements/unknown/",
    ):
        assert "no-store" in browser.get(path)["Cache-Control"], path


def test_messages_are_kept_in_the_session(db: None) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("ana@example.org", "secret"))
    browser.post("/account/logout/")
    assert "messages" not in {name for name, cookie in browser.cookies.items() if cookie.value}
