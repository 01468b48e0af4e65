"""Signing in: where it leads, what is counted, and when it is locked."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.domain.people.lockouts import Attempt, Proof
from compliance.models import AttemptCount, User
from compliance.operations.people import lockouts

LIMIT = 10
PASSWORD = "correct-horse-battery"
LOGIN = "/account/login/"


def sign_in(
    email: str,
    password: str,
    *,
    address: str = "192.0.2.1",
    client: Client | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    """Return the response to the login form, sent by a new client unless one is given."""
    form = {"login": email, "password": password}
    return (client or Client()).post(LOGIN, form, REMOTE_ADDR=address, headers=headers)


def lock_out(email: str, *, address: str = "192.0.2.1", **options: Any) -> Any:
    """Send as many wrong passwords as are counted, and return the response to one more."""
    responses = [sign_in(email, f"wrong {n}", address=address, **options) for n in range(LIMIT)]
    assert {each.status_code for each in responses} == {200}
    return sign_in(email, "wrong", address=address, **options)


# --- Where it leads ---------------------------------------------------------------------------


def test_sign_in_without_next_leads_to_the_first_page(ana: User) -> None:
    response = sign_in(ana.email, PASSWORD)
    assert (response.status_code, response["Location"]) == (302, reverse("admin:index"))


def test_the_admin_leads_to_the_sign_in_page_and_back(ana: User) -> None:
    client = Client()
    page = client.get("/admin/compliance/deadline/?status__exact=unmet", follow=True)
    assert page.request["PATH_INFO"] == LOGIN
    assert b'name="next"' in page.content
    follow = "/admin/compliance/deadline/?status__exact=unmet"
    response = client.post(LOGIN, {"login": ana.email, "password": PASSWORD, "next": follow})
    assert response["Location"] == follow


@pytest.mark.parametrize("follow", ["https://evil.example/", "//evil.example", "javascript:x()"])
def test_sign_in_never_leads_to_another_site(ana: User, follow: str) -> None:
    form = {"login": ana.email, "password": PASSWORD, "next": follow}
    assert Client().post(LOGIN, form)["Location"] == reverse("admin:index")


def test_an_address_is_the_same_in_any_case(ana: User) -> None:
    assert sign_in("ANA@Example.org", PASSWORD).status_code == 302


def test_an_inactive_account_is_refused_like_a_wrong_password(ana: User) -> None:
    wrong = sign_in(ana.email, "wrong")
    User.objects.update(is_active=False)
    right = sign_in(ana.email, PASSWORD)
    assert without_tokens(right) == without_tokens(wrong)


def test_an_unknown_account_is_refused_like_a_wrong_password(ana: User) -> None:
    known, unknown = sign_in(ana.email, "wrong"), sign_in("bob@example.org", "wrong")
    assert without_tokens(unknown).replace(b"bob@", b"ana@") == without_tokens(known)


def without_tokens(response: Any) -> bytes:
    assert response.status_code == 200
    return re.sub(rb'csrfmiddlewaretoken" value="\w+"', b"", response.content)


@pytest.mark.parametrize(
    "path", ["signup/", "confirm-email/x/", "login/code/", "social/signup/",
             "3rdparty/", "2fa/webauthn/signup/", "password/reset/key/1-x/"],
)  # fmt: skip
def test_pages_that_pacta_does_not_use_do_not_exist(db: None, path: str) -> None:
    assert Client().get(f"/account/{path}").status_code == 404


def test_the_sign_in_page_holds_no_inline_script(db: None) -> None:
    response = Client().get(LOGIN)
    scripts = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", response.content.decode())
    assert all('type="application/json"' in each for each in scripts)
    assert "script-src" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"
    assert "no-cache" in response["Cache-Control"]


# --- One account from one address -------------------------------------------------------------


def test_the_right_password_does_not_sign_in_after_ten_wrong_ones(ana: User) -> None:
    assert lock_out(ana.email).status_code == 429
    assert sign_in(ana.email, PASSWORD).status_code == 429


@pytest.mark.parametrize("email", ["ana@example.org", "nobody@example.org"])
def test_a_locked_sign_in_does_not_look_at_the_password(
    ana: User, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel("2026-03-02T09:10:20Z", tick=False):
        lock_out(email)
        checked: list[str] = []
        monkeypatch.setattr(User, "check_password", lambda _, text: checked.append(text))
        monkeypatch.setattr(User, "set_password", lambda _, text: checked.append(text))
        right, wrong = sign_in(email, PASSWORD), sign_in(email, "wrong")
    assert right.content == wrong.content
    del right["X-Request-ID"], wrong["X-Request-ID"]
    assert dict(right.items()) == dict(wrong.items())
    assert right.cookies.output() == wrong.cookies.output()
    assert checked == []


def test_an_unknown_account_locks_like_a_known_one(ana: User) -> None:
    with time_machine.travel("2026-03-02T09:10:20Z", tick=False):
        known, unknown = lock_out(ana.email), lock_out("nobody@example.org")
    assert (unknown.status_code, unknown.content) == (known.status_code, known.content)


def test_a_name_longer_than_any_account_locks_like_an_unknown_one(ana: User) -> None:
    name = f"{'x' * 100_000}@example.org"
    assert {sign_in(name, "wrong").status_code for _ in range(LIMIT)} <= {200, 429}
    assert sign_in(ana.email, PASSWORD).status_code == 302


def test_a_changing_browser_does_not_get_more_guesses(ana: User) -> None:
    for n in range(LIMIT):
        sign_in(
            ana.email, "wrong", headers={"User-Agent": f"browser {n}", "X-Forwarded-For": f"::{n}"}
        )
    assert sign_in(ana.email, PASSWORD, headers={"User-Agent": "other"}).status_code == 429


def test_spelling_the_address_differently_does_not_get_more_guesses(ana: User) -> None:
    for n in range(LIMIT):
        sign_in(" Ana@Example.ORG" if n % 2 else ana.email, "wrong")
    assert sign_in(ana.email, PASSWORD).status_code == 429


def test_ipv6_addresses_of_one_network_count_together(ana: User) -> None:
    for n in range(LIMIT):
        sign_in(ana.email, "wrong", address=f"2001:db8:0:1::{n:x}")
    assert sign_in(ana.email, PASSWORD, address="2001:db8:0:1:ffff::1").status_code == 429
    assert sign_in(ana.email, PASSWORD, address="2001:db8:0:2::1").status_code == 302


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
    assert "Try again after Monday, 2 March 2026, 10:11 UTC, or" in page
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


# --- Many accounts, many addresses, known browsers ----------------------------------------------


def guesses_from_many(email: str) -> None:
    """Guess from so many addresses that the account is locked for unknown browsers."""
    for n in range(10):
        fail(email, f"198.51.100.{n}", times=LIMIT)


def fail(email: str, address: str, *, times: int = 1) -> None:
    """Count wrong passwords without requests."""
    attempt = Attempt(proof=Proof.PASSWORD, account=email, address=address)
    for _ in range(times):
        lockouts.count(attempt, as_of=timezone.now())


def test_guesses_from_many_addresses_end_at_a_hundred_a_day(ana: User) -> None:
    guesses_from_many(ana.email)
    assert sign_in(ana.email, PASSWORD, address="203.0.113.9").status_code == 429
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=False):
        assert sign_in(ana.email, PASSWORD, address="203.0.113.9").status_code == 302


def test_strangers_cannot_lock_the_owner_out_of_a_known_browser(ana: User) -> None:
    browser = Client()
    assert sign_in(ana.email, PASSWORD, client=browser).status_code == 302
    browser.post("/account/logout/")
    guesses_from_many(ana.email)
    assert sign_in(ana.email, PASSWORD, client=browser, address="203.0.113.9").status_code == 302


def test_a_known_browser_has_few_guesses_too(ana: User) -> None:
    browser = Client()
    sign_in(ana.email, PASSWORD, client=browser)
    browser.post("/account/logout/")
    assert lock_out(ana.email, client=browser).status_code == 429
    assert sign_in(ana.email, PASSWORD, client=browser).status_code == 429


def test_the_browser_of_one_account_is_not_known_to_another(ana: User) -> None:
    mallory = User.objects.create_user("mallory@example.org", PASSWORD)
    browser = Client()
    sign_in(mallory.email, PASSWORD, client=browser)
    browser.post("/account/logout/")
    [cookie] = [each for name, each in browser.cookies.items() if name.startswith("device_")]
    forged = Client()
    name = next(iter(client_of(ana).cookies.keys() - {"sessionid", "csrftoken", "messages"}))
    forged.cookies[name] = cookie.value
    guesses_from_many(ana.email)
    assert sign_in(ana.email, PASSWORD, client=forged, address="203.0.113.9").status_code == 429


def client_of(user: User) -> Client:
    client = Client()
    sign_in(user.email, PASSWORD, client=client, address="203.0.113.200")
    return client


def test_one_address_guesses_for_many_accounts_a_hundred_times_an_hour(ana: User) -> None:
    for n in range(100):
        fail(f"user{n}@example.org", "192.0.2.1")
    assert sign_in(ana.email, PASSWORD).status_code == 429
    assert sign_in(ana.email, PASSWORD, address="192.0.2.2").status_code == 302


def test_signing_in_to_an_account_of_ones_own_gets_no_more_guesses(ana: User) -> None:
    mallory = User.objects.create_user("mallory@example.org", PASSWORD)
    for n in range(100):
        fail(f"user{n}@example.org", "192.0.2.1")
        if n % 20 == 0:
            assert sign_in(mallory.email, PASSWORD).status_code == 302
    assert sign_in(mallory.email, PASSWORD).status_code == 429


def test_attempts_at_a_locked_account_do_not_use_up_its_attempts_elsewhere(ana: User) -> None:
    fail(ana.email, "192.0.2.1", times=3 * LIMIT)
    assert max(AttemptCount.objects.values_list("count", flat=True)) == LIMIT


# --- Behind proxies ------------------------------------------------------------------------------


@pytest.fixture
def proxy(settings: Any) -> str:
    """The address of a trusted proxy."""
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.5")]
    return "10.0.0.5"


def test_a_trusted_proxy_reports_the_client(ana: User, proxy: str) -> None:
    for _ in range(LIMIT):
        sign_in(ana.email, "wrong", address=proxy, headers={"X-Forwarded-For": "192.0.2.1"})
    for client, status in (("192.0.2.1", 429), ("192.0.2.2", 302)):
        headers = {"X-Forwarded-For": f"8.8.8.8, {client}"}
        assert sign_in(ana.email, PASSWORD, address=proxy, headers=headers).status_code == status


def test_other_clients_are_not_believed(ana: User, proxy: str) -> None:
    for n in range(LIMIT):
        sign_in(ana.email, "wrong", headers={"X-Forwarded-For": f"192.0.2.{n}"})
    headers = {"X-Forwarded-For": "203.0.113.1"}
    assert sign_in(ana.email, PASSWORD, headers=headers).status_code == 429


# --- Elsewhere --------------------------------------------------------------------------------


def test_a_stolen_session_cannot_guess_the_password_without_limit(ana: User) -> None:
    client = Client()
    client.force_login(ana)
    url = reverse("account_change_password")
    for n in range(LIMIT):
        form = {"oldpassword": f"wrong {n}", "password1": "x", "password2": "x"}
        assert client.post(url, form).status_code == 200
    form = {"oldpassword": PASSWORD, "password1": "new-horse-9!", "password2": "new-horse-9!"}
    assert client.post(url, form).status_code == 429
    assert User.objects.get().check_password(PASSWORD)


def test_expired_counts_are_deleted(ana: User) -> None:
    sign_in(ana.email, "wrong")
    lockouts.prune(as_of=timezone.now())
    assert AttemptCount.objects.exists()
    lockouts.prune(as_of=timezone.now() + timedelta(days=2))
    assert not AttemptCount.objects.exists()


@pytest.mark.parametrize("kind", ["Basic", "Token"])
def test_the_api_takes_no_password(ana: User, kind: str) -> None:
    client = Client(headers={"Authorization": f"{kind} YW5hQGV4YW1wbGUub3JnOmNvcnJlY3Q="})
    assert client.get("/api/v1/parties/").status_code == 401
    for name in ("login", "auth/login", "token", "api-auth/login"):
        response = client.post(f"/api/v1/{name}/", {"username": ana.email, "password": PASSWORD})
        assert response.status_code == 404, name
