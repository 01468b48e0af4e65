"""Sign-in with a real OpenID Connect provider in a second process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.test import Client

from compliance.domain.people.group_rules import read_group_rules
from compliance.domain.vocabulary import Role
from compliance.models import Membership, Team, User
from compliance.operations.people.roles import set_roles
from config.env import BASE_DIR
from tests.web.oidc_provider import CLIENT, SECRET

CALLBACK = "http://testserver/account/sso/oidc/sso/login/callback/"
RULES = ("desk=analyst", "leads=reviewer", "asia=team:asia")


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of the provider, and the file with the claims."""
    folder = tmp_path_factory.mktemp("oidc")
    command = [sys.executable, "-m", "tests.web.oidc_provider", str(folder), CALLBACK]
    with subprocess.Popen(command, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, "the provider did not start"
        yield address, folder / "claims.json"
        process.kill()


class SingleSignOn:
    """Signs people in with the provider, as a browser does."""

    def __init__(self, address: str, claims: Path) -> None:
        self.address, self.claims = address, claims
        self.client = Client()

    def sign_in(self, person: str, *, client: Client | None = None, **claims: Any) -> Any:
        """Return the response of Pacta to somebody about whom the provider says this."""
        self.client = client or Client()
        defaults = {"email": f"{person}@example.org", "email_verified": True}
        self.claims.write_text(json.dumps({person: {**defaults, **claims}}))
        start = self.client.post("/account/sso/oidc/sso/login/")
        browser = requests.Session()
        browser.get(f"{self.address}/log-in/", params={"person": person}, timeout=30)
        back = browser.get(start["Location"], allow_redirects=False, timeout=30)
        assert back.headers["Location"].startswith(CALLBACK), back.text
        return self.client.get(back.headers["Location"].removeprefix("http://testserver"))


@pytest.fixture
def sso(db: None, provider: tuple[str, Path], settings: Any) -> SingleSignOn:
    """The provider, configured in Pacta."""
    address, claims = provider
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": "sso",
                    "name": "Desk",
                    "client_id": CLIENT,
                    "secret": SECRET,
                    "settings": {"server_url": address},
                }
            ],
        }
    }
    settings.SSO_GROUPS = read_group_rules(RULES)
    Team.objects.create(slug="asia", name="Asia")
    return SingleSignOn(address, claims)


def test_a_member_of_a_known_group_gets_an_account_with_its_role_and_team(
    sso: SingleSignOn,
) -> None:
    assert b"Sign in with Desk" in Client().get("/account/login/").content
    response = sso.sign_in("ana", groups=["desk", "asia", "unknown"], given_name="Ana")
    assert (response.status_code, response["Location"]) == (302, "/admin/")
    user = User.objects.get()
    assert (user.email, user.first_name) == ("ana@example.org", "Ana")
    assert user.roles == {Role.ANALYST}
    assert not user.has_usable_password()
    assert Membership.objects.get().user == user
    assert sso.client.get("/admin/").status_code == 200


def test_leaving_a_group_takes_its_role_and_team_at_the_next_sign_in(sso: SingleSignOn) -> None:
    sso.sign_in("ana", groups=["desk", "leads", "asia"])
    ana = User.objects.get()
    assert ana.roles == {Role.ANALYST, Role.REVIEWER}
    # What no group maps to is given by administrators, and stays.
    Membership.objects.create(user=ana, team=Team.objects.create(slug="eu", name="EU"))
    set_roles(user=ana, roles=[*ana.roles, Role.VIEWER], by=None)
    sso.sign_in("ana", groups=["desk"])
    ana = User.objects.get()
    assert ana.roles == {Role.ANALYST, Role.VIEWER}
    assert [each.team.slug for each in Membership.objects.all()] == ["eu"]
    sso.sign_in("ana")  # without any groups
    assert User.objects.get().roles == {Role.VIEWER}


@pytest.mark.exhaustive
def test_a_verified_address_connects_an_invited_account(sso: SingleSignOn) -> None:
    invited = User.objects.create_user("Ana@example.org")
    assert sso.sign_in("ana").status_code == 302
    assert User.objects.get() == invited
    # The provider knows them by their number from now on.
    assert sso.sign_in("ana", email="new@example.org", email_verified=False).status_code == 302
    assert User.objects.get().email == "Ana@example.org"


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email": ""}])
def test_an_unverified_address_takes_over_no_account(
    sso: SingleSignOn, claims: dict[str, Any]
) -> None:
    root = User.objects.create_superuser("ana@example.org", "secret")
    response = sso.sign_in("ana", groups=["desk"], **claims)
    assert response.status_code == 403
    assert "has not verified" in response.content.decode()
    assert sso.client.get("/admin/").status_code == 302
    assert User.objects.get().password == root.password


@pytest.mark.exhaustive
def test_somebody_without_a_known_group_needs_an_invitation(sso: SingleSignOn) -> None:
    response = sso.sign_in("eve", groups=["sales"])
    assert (response.status_code, User.objects.count()) == (403, 0)


@pytest.mark.exhaustive
def test_inactive_and_service_accounts_cannot_sign_in(sso: SingleSignOn) -> None:
    User.objects.create_user("ana@example.org", is_active=False)
    User.objects.create_user("bot@example.org", is_service_account=True)
    for person in ("ana", "bot"):
        assert sso.sign_in(person, groups=["desk"]).status_code == 403
        assert sso.client.get("/admin/").status_code == 302


@pytest.mark.exhaustive
def test_nobody_connects_an_identity_to_the_session_of_somebody_else(sso: SingleSignOn) -> None:
    victim = User.objects.create_user("victim@example.org", "secret")
    session = Client()
    session.force_login(victim)
    sso.claims.write_text(json.dumps({"eve": {"email": "eve@example.org", "email_verified": True}}))
    start = session.post("/account/sso/oidc/sso/login/?process=connect")
    browser = requests.Session()
    browser.get(f"{sso.address}/log-in/", params={"person": "eve"}, timeout=30)
    back = browser.get(start["Location"], allow_redirects=False, timeout=30)
    response = session.get(back.headers["Location"].removeprefix("http://testserver"))
    assert response.status_code == 403
    assert not victim.socialaccount_set.exists()  # type: ignore[attr-defined]  # allauth's
