"""Second factors: setting them up, signing in with them, and who must have one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.test import Client

from compliance.domain.vocabulary import Role
from compliance.models import User
from compliance.operations.people.roles import set_roles
from tests.web.test_sign_in import LIMIT, LOGIN, PASSWORD, sign_in

ACTIVATE = "/account/2fa/totp/activate/"
AUTHENTICATE = "/account/2fa/authenticate/"
ADMIN = "/admin/"
API = "/api/v1/parties/"


@pytest.fixture(autouse=True)
def _within_one_step() -> Iterator[None]:
    """Stop the clock: on a busy machine, a code could expire before it is used."""
    with time_machine.travel(time.time(), tick=False):
        yield


def code_of(secret: str, *, steps: int = 0) -> str:
    """Return the current code of an authenticator app, or one so many steps away."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps)))


def signed_in(user: User, **options: Any) -> Client:
    client = Client()
    assert sign_in(user.email, PASSWORD, client=client, **options).status_code == 302
    return client


def set_up(client: Client) -> str:
    """Add an authenticator app, and return its secret."""
    assert client.get(ACTIVATE).status_code == 200
    secret = str(client.session["mfa.totp.secret"])
    response = client.post(ACTIVATE, {"code": code_of(secret, steps=-1)})
    assert response.status_code == 302, response.content
    return secret


def recovery_codes(client: Client) -> list[str]:
    page = client.get("/account/2fa/recovery-codes/")
    return list(page.context["unused_codes"])


def test_signing_in_takes_a_password_and_a_code(
    ana: User, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        secret = set_up(signed_in(ana))
    assert {tuple(each.to) for each in mail.outbox} == {(ana.email,)}
    assert any("An authenticator app was added." in each.body for each in mail.outbox)
    stored = Authenticator.objects.get(type="totp")
    assert secret not in str(stored.data)

    client = Client()
    response = sign_in(ana.email, PASSWORD, client=client)
    assert response["Location"] == AUTHENTICATE
    assert client.get(ADMIN).status_code == 302
    assert client.get(API).status_code == 401
    assert client.post(AUTHENTICATE, {"code": "000000"}).status_code == 200
    used = code_of(secret, steps=-1)
    assert client.post(AUTHENTICATE, {"code": used}).status_code == 200, "it set up the app"
    code = code_of(secret)
    assert client.post(AUTHENTICATE, {"code": code}).status_code == 302
    assert client.get(ADMIN).status_code == 200

    again = Client()
    sign_in(ana.email, PASSWORD, client=again)
    assert again.post(AUTHENTICATE, {"code": code}).status_code == 200, "a code works once"


def test_a_recovery_code_works_once(ana: User) -> None:
    client = signed_in(ana)
    set_up(client)
    code = recovery_codes(client)[0]
    for status in (302, 200):
        other = Client()
        sign_in(ana.email, PASSWORD, client=other)
        assert other.post(AUTHENTICATE, {"code": code}).status_code == status


def test_codes_cannot_be_guessed_without_limit(ana: User) -> None:
    owner = signed_in(ana)
    secret = set_up(owner)
    thief = Client()
    sign_in(ana.email, PASSWORD, client=thief, address="192.0.2.66")
    for n in range(LIMIT):
        assert present(thief, f"{n:06}").status_code == 200
    right = present(thief, code_of(secret))
    wrong = present(thief, "123456")
    assert (right.status_code, wrong.status_code) == (429, 429)
    assert right.content == wrong.content
    # Neither a new session nor the right password helps; the owner is not locked out.
    assert sign_in(ana.email, PASSWORD, address="192.0.2.66").status_code == 429
    owner.post("/account/logout/")
    sign_in(ana.email, PASSWORD, client=owner)
    assert owner.post(AUTHENTICATE, {"code": code_of(secret)}).status_code == 302


def present(client: Client, code: str) -> Any:
    """Return the response to a code that comes from the address of the thief."""
    return client.post(AUTHENTICATE, {"code": code}, REMOTE_ADDR="192.0.2.66")


def test_adding_a_factor_needs_a_recent_sign_in(ana: User) -> None:
    client = Client()
    client.force_login(ana)  # which proves nothing to allauth
    response = client.get(ACTIVATE)
    assert response["Location"].startswith("/account/reauthenticate/")
    response = client.post(response["Location"], {"password": "wrong"})
    assert response.status_code == 200
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    assert client.get(ACTIVATE).status_code == 200


# --- Who must have one ------------------------------------------------------------------------


def test_without_the_setting_nobody_must(ana: User) -> None:
    assert signed_in(ana).get(ADMIN).status_code == 200


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.VIEWER])
@pytest.mark.parametrize("required", [frozenset(Role), frozenset({Role.ADMINISTRATOR})])
def test_the_setting_applies_to_everyone_or_to_roles(
    ana: User, settings: Any, role: Role, required: frozenset[Role]
) -> None:
    settings.REQUIRE_MFA = required
    set_roles(user=ana, roles=[role], by=None)
    client = signed_in(ana)
    statuses = (client.get(ADMIN).status_code, client.get(API).status_code)
    assert statuses == ((302, 403) if role in required else (200, 200))


def test_superusers_count_as_administrators(ana: User, settings: Any) -> None:
    settings.REQUIRE_MFA = frozenset({Role.ADMINISTRATOR})
    User.objects.update(is_superuser=True)
    assert signed_in(ana).get(ADMIN)["Location"] == "/account/2fa/"


def test_who_must_have_a_factor_can_do_nothing_before_it_is_set_up(
    ana: User, settings: Any
) -> None:
    settings.REQUIRE_MFA = frozenset(Role)
    User.objects.update(is_superuser=True)
    client = signed_in(ana)
    for page in (ADMIN, "/admin/compliance/deadline/", "/admin/compliance/user/add/"):
        response = client.get(page, follow=True)
        assert response.request["PATH_INFO"] == "/account/2fa/"
        assert "Your account needs a second factor" in response.content.decode()
    refused = client.post("/api/v1/parties/", {"code": "X"}, "application/json")
    assert refused.status_code == 403
    assert "second factor" in client.get(API).json()["detail"]
    set_up(client)
    assert client.get(ADMIN).status_code == 200
    assert client.get(API).status_code == 200
    # It cannot be removed again.
    client.post("/account/2fa/totp/deactivate/", {})
    assert Authenticator.objects.filter(type="totp").exists()


def test_api_tokens_need_no_second_factor(ana: User, settings: Any) -> None:
    from tests.api.conftest import client_of

    settings.REQUIRE_MFA = frozenset(Role)
    set_roles(user=ana, roles=[Role.VIEWER], by=None)
    assert client_of(User.objects.get(pk=ana.pk)).get(API).status_code == 200


# --- Sessions ---------------------------------------------------------------------------------


def test_people_see_and_end_their_sessions(ana: User) -> None:
    here, there = signed_in(ana), signed_in(ana, address="203.0.113.7")
    other = User.objects.create_user("bob@example.org", PASSWORD, is_staff=True)
    bob = signed_in(other)
    page = here.get("/account/sessions/").content.decode()
    assert "203.0.113.7" in page
    sessions = here.get("/account/sessions/").context["sessions"]
    assert len(sessions) == 2
    foreign = bob.get("/account/sessions/").context["sessions"][0]
    for number in (foreign.pk, "9" * 5_000, "٣" * 30, "1e6", "\x00"):
        assert here.post("/account/sessions/", {"session": number}).status_code == 404
    [target] = [each for each in sessions if each.ip == "203.0.113.7"]
    here.post("/account/sessions/", {"session": target.pk})
    assert [each.get(ADMIN).status_code for each in (here, there, bob)] == [200, 302, 200]


def test_ending_a_session_needs_a_recent_sign_in(ana: User) -> None:
    owner, thief = signed_in(ana), Client()
    thief.force_login(ana)  # which proves nothing to allauth
    response = thief.post("/account/sessions/")
    assert response["Location"].startswith("/account/reauthenticate/")
    assert owner.get(ADMIN).status_code == 200
    thief.post("/account/reauthenticate/", {"password": PASSWORD})
    thief.post("/account/sessions/")
    assert owner.get(ADMIN).status_code == 302


def test_the_pages_of_an_account_need_a_session(db: None) -> None:
    for page in ("2fa/", "sessions/", "password/change/", "2fa/totp/activate/"):
        assert Client().get(f"/account/{page}")["Location"].startswith(LOGIN)
