"""Signing in to the admin: where it leads, and when it is locked."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.models import User

LIMIT = 10
PASSWORD = "correct-horse-battery"


@pytest.fixture
def ana(db: None) -> User:
    """A user who may use the admin."""
    return User.objects.create_user("ana@example.org", PASSWORD, is_staff=True)


def sign_in(email: str, password: str, *, address: str = "192.0.2.1", **headers: str) -> Any:
    """Return the response to the login form, sent by a new client."""
    form = {"username": email, "password": password}
    return Client().post(reverse("admin:login"), form, REMOTE_ADDR=address, headers=headers)


def lock_out(email: str, *, address: str = "192.0.2.1") -> Any:
    """Send wrong passwords until the limit is reached, and return the last response."""
    responses = [sign_in(email, f"wrong {n}", address=address) for n in range(LIMIT)]
    assert {each.status_code for each in responses[:-1]} == {200}
    return responses[-1]


def test_sign_in_without_next_leads_to_the_first_page(ana: User) -> None:
    response = sign_in(ana.email, PASSWORD)
    assert (response.status_code, response["Location"]) == (302, reverse("admin:index"))


def test_the_right_password_does_not_sign_in_after_ten_wrong_ones(ana: User) -> None:
    assert lock_out(ana.email).status_code == 429
    assert sign_in(ana.email, PASSWORD).status_code == 429


def test_a_locked_sign_in_does_not_reveal_whether_the_password_is_right(ana: User) -> None:
    lock_out(ana.email)
    right, wrong = sign_in(ana.email, PASSWORD), sign_in(ana.email, "wrong")
    assert right.content == wrong.content
    assert dict(right.items()) == dict(wrong.items())


def test_an_unknown_account_locks_like_a_known_one(ana: User) -> None:
    known, unknown = lock_out(ana.email), lock_out("nobody@example.org")
    assert (unknown.status_code, unknown.content) == (known.status_code, known.content)


def test_a_name_longer_than_any_account_locks_like_an_unknown_one(ana: User) -> None:
    name = "x" * 100_000
    assert lock_out(name).status_code == 429
    assert sign_in(name, PASSWORD).status_code == 429
    assert sign_in(ana.email, PASSWORD).status_code == 302


def test_a_changing_browser_does_not_get_more_guesses(ana: User) -> None:
    for n in range(LIMIT):
        sign_in(ana.email, "wrong", **{"User-Agent": f"browser {n}", "X-Forwarded-For": f"::{n}"})
    assert sign_in(ana.email, PASSWORD, **{"User-Agent": "other"}).status_code == 429


def test_the_lock_holds_for_one_account_from_one_address(ana: User) -> None:
    ben = User.objects.create_user("ben@example.org", PASSWORD, is_staff=True)
    lock_out(ana.email)
    assert sign_in(ben.email, PASSWORD).status_code == 302
    assert sign_in(ana.email, PASSWORD, address="192.0.2.2").status_code == 302


def test_a_sign_in_forgets_the_failures_before_it(ana: User) -> None:
    for _ in range(2):
        for n in range(LIMIT - 1):
            assert sign_in(ana.email, f"wrong {n}").status_code == 200
        assert sign_in(ana.email, PASSWORD).status_code == 302


def test_the_locked_page_says_when_to_try_again(ana: User) -> None:
    with time_machine.travel("2026-03-02T09:10:20Z", tick=False):
        response = lock_out(ana.email)
    page = response.content.decode()
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert response["Retry-After"] == "3600"
    assert re.search(r"<h1>Too many failed sign-ins</h1>", page)
    assert "Try again after Monday, 2 March 2026, 10:11 UTC." in page
    assert "ana@example.org" not in page
    assert "no-store" in response["Cache-Control"]


def test_guesses_while_locked_do_not_lengthen_the_lock(ana: User) -> None:
    locked_at = timezone.now()
    with time_machine.travel(locked_at, tick=False):
        lock_out(ana.email)
    with time_machine.travel(locked_at + timedelta(minutes=59), tick=False):
        response = sign_in(ana.email, "wrong")
        assert (response.status_code, response["Retry-After"]) == (429, "60")
    with time_machine.travel(locked_at + timedelta(minutes=61), tick=False):
        assert sign_in(ana.email, PASSWORD).status_code == 302


@pytest.mark.parametrize("kind", ["Basic", "Token"])
def test_the_api_takes_no_password(ana: User, kind: str) -> None:
    client = Client(headers={"Authorization": f"{kind} YW5hQGV4YW1wbGUub3JnOmNvcnJlY3Q="})
    assert client.get("/api/v1/parties/").status_code == 401
    for name in ("login", "auth/login", "token", "tokens", "api-auth/login"):
        response = client.post(f"/api/v1/{name}/", {"username": ana.email, "password": PASSWORD})
        assert response.status_code == 404, name
