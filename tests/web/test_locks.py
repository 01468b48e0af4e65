"""While something is locked, no answer depends on whether a password or code was right."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.domain.people.lockouts import Attempt, Proof
from compliance.models import User
from compliance.operations.people import lockouts
from tests.web.test_sign_in import LOGIN, PASSWORD

pytestmark = pytest.mark.django_db

HERE = "192.0.2.1"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NEW = "another-horse-battery-9"
PROOFS = (Proof.PASSWORD, Proof.CODE)


@pytest.fixture
def ana() -> User:
    user = User.objects.create_user("ana@example.org", PASSWORD)
    TOTP.activate(user, SECRET)
    return user


@pytest.fixture(autouse=True)
def _at_one_instant() -> Iterator[None]:
    with time_machine.travel("2026-03-02T09:10:20Z", tick=False):
        yield


def fail(proof: Proof, *, account: str, address: str, times: int) -> None:
    """Count failures without requests."""
    attempt = Attempt(proof=proof, account=account, address=address)
    for _ in range(times):
        lockouts.count(attempt, as_of=timezone.now())


def lock_the_account_here(proof: Proof) -> None:
    fail(proof, account="ana@example.org", address=HERE, times=10)


def lock_the_account(proof: Proof) -> None:
    for n in range(10):
        fail(proof, account="ana@example.org", address=f"198.51.100.{n}", times=10)


def lock_the_address(proof: Proof) -> None:
    for n in range(10):
        fail(proof, account=f"u{n}@example.org", address=HERE, times=10)


LOCKS: dict[str, tuple[Callable[[Proof], None], ...]] = {
    "the account here": (lock_the_account_here,),
    "the account": (lock_the_account,),
    "the address": (lock_the_address,),
    "both": (lock_the_account, lock_the_address),
}


def code() -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(SECRET, counter)))


def signed_in(user: User) -> Client:
    client = Client(REMOTE_ADDR=HERE)
    client.force_login(user)
    return client


def after_the_password(user: User) -> Client:
    client = Client(REMOTE_ADDR=HERE)
    response = client.post(LOGIN, {"login": user.email, "password": PASSWORD})
    assert response["Location"].endswith(reverse("mfa_authenticate"))
    return client


Place = tuple[Callable[[User], Client], str, Callable[[bool], dict[str, str]]]
PASSWORDS: dict[str, Place] = {
    "sign-in": (
        lambda _: Client(REMOTE_ADDR=HERE),
        "account_login",
        lambda is_right: {
            "login": "ana@example.org",
            "password": PASSWORD if is_right else "wrong",
        },
    ),
    "change of password": (
        signed_in,
        "account_change_password",
        lambda is_right: {
            "oldpassword": PASSWORD if is_right else "wrong",
            "password1": NEW,
            "password2": NEW,
        },
    ),
    "confirmation by password": (
        signed_in,
        "account_reauthenticate",
        lambda is_right: {"password": PASSWORD if is_right else "wrong"},
    ),
}
CODES: dict[str, Place] = {
    "second step": (
        after_the_password,
        "mfa_authenticate",
        lambda is_right: {"code": code() if is_right else "000000"},
    ),
    "confirmation by code": (
        signed_in,
        "mfa_reauthenticate",
        lambda is_right: {"code": code() if is_right else "000000"},
    ),
}


def answers(user: User, place: Place) -> tuple[Any, Any]:
    """Return the answers to a right and a wrong proof, by different browsers."""
    prepare, name, form = place
    found = []
    for is_right in (True, False):
        response = prepare(user).post(reverse(name), form(is_right))
        found.append(response)
    return found[0], found[1]


def check_equal(right: Any, wrong: Any) -> None:
    assert (right.status_code, wrong.status_code) == (429, 429)
    assert right.content == wrong.content
    for each in (right, wrong):
        del each["X-Request-ID"]
    assert dict(right.items()) == dict(wrong.items())
    assert right.cookies.output() == wrong.cookies.output()


@pytest.mark.parametrize("proof", PROOFS)
@pytest.mark.parametrize("lock", LOCKS)
def test_no_place_tells_whether_a_password_is_right_while_passwords_or_codes_are_locked(
    ana: User, lock: str, proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:
    for apply in LOCKS[lock]:
        apply(proof)
    looked_at: list[object] = []
    monkeypatch.setattr(User, "check_password", lambda *values: looked_at.append(values))
    monkeypatch.setattr(User, "set_password", lambda *values: looked_at.append(values))
    for place in PASSWORDS.values():
        check_equal(*answers(ana, place))
    assert not looked_at


@pytest.mark.parametrize("lock", LOCKS)
def test_no_place_tells_whether_a_code_is_right_while_codes_are_locked(
    ana: User, lock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = [after_the_password(ana) for _ in range(2)]
    for apply in LOCKS[lock]:
        apply(Proof.CODE)
    looked_at: list[object] = []
    monkeypatch.setattr(TOTP, "validate_code", lambda *values: looked_at.append(values))
    for name, (prepare, url, form) in CODES.items():
        waiting = iter(clients) if name == "second step" else map(prepare, [ana, ana])
        right, wrong = (
            client.post(reverse(url), form(is_right))
            for client, is_right in zip(waiting, (True, False), strict=True)
        )
        check_equal(right, wrong)
    assert not looked_at


def test_ten_wrong_codes_lock_the_password_step(ana: User) -> None:
    client = after_the_password(ana)
    for _ in range(10):
        assert client.post(reverse("mfa_authenticate"), {"code": "000000"}).status_code == 200
    check_equal(*answers(ana, PASSWORDS["sign-in"]))
    check_equal(*(client.post(reverse("mfa_authenticate"), {"code": each})
                  for each in (code(), "000000")))  # fmt: skip
    # Elsewhere, and after an hour, nothing is locked.
    form = {"login": ana.email, "password": PASSWORD}
    assert Client(REMOTE_ADDR="203.0.113.9").post(LOGIN, form).status_code == 302
    with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=False):
        assert Client(REMOTE_ADDR=HERE).post(LOGIN, form).status_code == 302


def test_a_passkey_is_refused_alike_whether_or_not_something_is_locked(ana: User) -> None:
    def refused() -> Any:
        response = Client(REMOTE_ADDR=HERE).post(
            reverse("mfa_login_webauthn"), {"credential": "{}"}
        )
        return response.status_code, response.headers.get("Location")

    before = refused()
    for apply in LOCKS["both"]:
        apply(Proof.CODE)
    assert refused() == before


def test_the_time_of_a_locked_answer_does_not_depend_on_the_password(ana: User) -> None:
    lock_the_account_here(Proof.CODE)
    taken: dict[bool, list[float]] = {True: [], False: []}
    _, name, form = PASSWORDS["sign-in"]
    for n in range(20):
        begun = time.perf_counter_ns()
        Client(REMOTE_ADDR=HERE).post(reverse(name), form(n % 2 == 0))
        taken[n % 2 == 0].append(time.perf_counter_ns() - begun)
    right, wrong = (statistics.median(taken[each]) for each in (True, False))
    # Checking a password takes far longer than everything else.
    assert 0.5 < right / wrong < 2
