"""Sign-in with a real SAML identity provider."""

from __future__ import annotations

import re
import shutil
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.socialaccount.providers import registry
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from compliance.domain.people.group_rules import read_group_rules
from compliance.domain.vocabulary import Role
from compliance.models import Membership, Team, User
from compliance.operations.people import sessions
from config import identity_providers
from config.env import environment

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.exhaustive,
    pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="the provider signs with xmlsec1"),
]

HOST = "pacta.example.org"
HERE = "/account/sso/saml/saml/"
RULES = ("desk=analyst", "leads=reviewer", "asia=team:asia")


class SingleSignOn:
    """Signs people in with the provider, as a browser does."""

    def __init__(self, provider: Any, impostor: Any) -> None:
        self.provider, self.impostor = provider, impostor
        self.service = browser().get(f"{HERE}metadata/").content.decode()

    def request(self, client: Client) -> str:
        """Begin to sign in, and return the address of the provider with the request."""
        response = client.post(f"{HERE}login/")
        assert response.status_code == 302, response.content
        return str(response["Location"])

    def answer(self, client: Client, person: str, *, by: Any = None, **options: Any) -> str:
        """Begin to sign in, and return what the provider answers."""
        provider = by or self.provider
        return str(provider.respond(self.request(client), self.service, person, **options))

    def sign_in(self, person: str, groups: list[str] | None = None) -> tuple[Client, Any]:
        client = browser()
        values = {"groups": groups} if groups else {}
        return client, finish(client, self.answer(client, person, values=values))


def browser() -> Client:
    return Client(HTTP_HOST=HOST)


def finish(client: Client, answer: str) -> Any:
    """Return the response of Pacta to an answer that the browser posts from the provider's page."""
    client.handler.enforce_csrf_checks = True
    received = client.post(
        f"{HERE}acs/", {"SAMLResponse": answer}, headers={"Origin": "https://idp.example"}
    )
    client.handler.enforce_csrf_checks = False
    return client.get(received["Location"]) if received.status_code == 302 else received


@pytest.fixture(scope="module")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """The provider, and another one that pretends to be it."""
    from tests.web.saml_provider import Provider, running

    with running(tmp_path_factory.mktemp("saml")) as provider:
        address = provider.entity_id.removesuffix("/metadata")
        yield provider, Provider(tmp_path_factory.mktemp("impostor"), address)


@pytest.fixture
def sso(
    db: None, providers: tuple[Any, Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> SingleSignOn:
    """The provider, configured in Pacta by its settings."""
    from allauth.socialaccount.providers.saml.provider import SAMLProvider

    name = providers[0].entity_id
    configured = replace(environment, saml_metadata_url=name, saml_entity_id=name)
    settings.SOCIALACCOUNT_PROVIDERS = identity_providers.providers(configured)
    settings.SSO_GROUPS = read_group_rules(RULES)
    settings.ROOT_URLCONF, settings.ALLOWED_HOSTS = "tests.web.saml_urls", [HOST]
    registry.get_class_list()
    monkeypatch.setitem(registry.provider_map, SAMLProvider.id, SAMLProvider)
    cache.clear()
    Team.objects.create(slug="asia", name="Asia")
    return SingleSignOn(*providers)


def test_groups_give_roles_and_teams_and_the_next_sign_in_updates_them(sso: SingleSignOn) -> None:
    client, response = sso.sign_in("ana", ["desk", "asia", "unknown"])
    assert (response.status_code, response["Location"]) == (302, "/admin/")
    user = User.objects.get()
    assert (user.email, user.first_name) == ("ana@example.org", "Ana")
    assert user.roles == {Role.ANALYST}
    assert not user.has_usable_password()
    assert Membership.objects.get().user == user
    assert client.get("/admin/").status_code == 200
    sso.sign_in("ana", ["leads"])
    assert User.objects.get().roles == {Role.REVIEWER}
    assert not Membership.objects.exists()


def test_somebody_without_a_known_group_gets_no_account(sso: SingleSignOn) -> None:
    for groups in (None, ["unknown"]):
        _, response = sso.sign_in("eve", groups)
        assert response.status_code == 403
    assert not User.objects.exists()


def is_signed_in(client: Client) -> bool:
    return client.get("/account/sessions/").status_code == 200


def is_refused(response: Any, client: Client) -> bool:
    return response.status_code < 500 and not is_signed_in(client)


def altered(change: Callable[[str], str]) -> Callable[[SingleSignOn, Client], str]:
    """Return what changes a signed answer."""

    def answer(sso: SingleSignOn, client: Client) -> str:
        text = b64decode(sso.answer(client, "eve")).decode()
        assert change(text) != text
        return b64encode(change(text).encode()).decode()

    return answer


def signed(**options: Any) -> Callable[[SingleSignOn, Client], str]:
    return lambda sso, client: sso.answer(client, "ana", **options)


def wrapped(text: str) -> str:
    """Put an unsigned assertion about somebody else before the signed one."""
    begin, end = text.index("<ns1:Assertion"), text.index("</ns1:Assertion>") + 16
    forged = text[begin:end].replace("eve@", "ana@").replace("id-of-eve", "id-of-ana")
    cut, rest = forged.index("<ns2:Signature"), forged.index("</ns2:Signature>") + 16
    forged = (forged[:cut] + forged[rest:]).replace('ID="', 'ID="x', 1)
    return text[:begin] + forged + text[begin:]


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
SHA_1 = {
    "sign_alg": "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    "digest_alg": "http://www.w3.org/2000/09/xmldsig#sha1",
}
SAMLP = "xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol'"
ANSWER = f"<p:Response {SAMLP} InResponseTo='a'/>"


def document(text: str) -> Callable[[SingleSignOn, Client], str]:
    return lambda _sso, _client: b64encode(text.encode()).decode()


BAD: dict[str, Callable[[SingleSignOn, Client], str]] = {
    "unsigned": signed(sign_assertion=False),
    "about somebody else": altered(lambda text: text.replace("eve@", "ana@")),
    "of somebody else": altered(lambda text: text.replace("id-of-eve", "id-of-ana")),
    "wrapped": altered(wrapped),
    "signed with SHA-1": signed(**SHA_1),
    "signed by an impostor": lambda sso, client: sso.answer(client, "ana", by=sso.impostor),
    "for another service": signed(audience="https://elsewhere.example/metadata/"),
    "to a request that was never made": signed(in_response_to="id-unknown"),
    "to no request": signed(in_response_to=None),
    "no XML": lambda _sso, _client: b64encode(b"<x").decode(),
    "no Base64": lambda _sso, _client: "%%%",
    "another document": lambda _sso, _client: b64encode(b"<x/>").decode(),
    "entities": lambda _sso, _client: b64encode(ENTITIES).decode(),
    "another document in answer to a request": document("<x InResponseTo='a'/>"),
    "a response to nothing": document(f"<p:Response {SAMLP} ID='a' Version='2.0'/>"),
    "too long": document(f"<p:Response {SAMLP} InResponseTo='a'>{'x' * 200_000}</p:Response>"),
    "nothing": lambda _sso, _client: "",
    "nobody signed it": document(ANSWER),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_response_signs_nobody_in(sso: SingleSignOn, kind: str) -> None:
    User.objects.create_user("ana@example.org")
    client = browser()
    assert is_refused(finish(client, BAD[kind](sso, client)), client)
    assert User.objects.count() == 1


def test_a_response_signs_in_once_and_only_the_browser_that_asked(sso: SingleSignOn) -> None:
    User.objects.create_user("ana@example.org")
    client = browser()
    answer = sso.answer(client, "ana")
    other = browser()
    sso.request(other)
    assert is_refused(finish(other, answer), other)
    assert finish(client, answer).status_code == 302
    assert is_signed_in(client)
    client.post("/account/logout/")
    assert is_refused(finish(client, answer), client)


def test_an_old_response_is_refused(sso: SingleSignOn) -> None:
    User.objects.create_user("ana@example.org")
    client = browser()
    answer = sso.answer(client, "ana")
    with time_machine.travel(timezone.now() + timedelta(minutes=30), tick=False):
        assert is_refused(finish(client, answer), client)


# Only the browser that comes back shows whether it has asked.
NOT_STORED = [kind for kind in BAD if kind != "to a request that was never made"]


@pytest.mark.parametrize("kind", NOT_STORED)
def test_what_cannot_be_a_response_is_not_stored(sso: SingleSignOn, kind: str) -> None:
    client = browser()
    answer = BAD[kind](sso, client)
    count = Session.objects.count()
    assert browser().post(f"{HERE}acs/", {"SAMLResponse": answer}).status_code == 401
    assert Session.objects.count() == count


def test_nothing_long_is_stored_beside_a_response(sso: SingleSignOn) -> None:
    form = {"SAMLResponse": b64encode(ANSWER.encode()).decode()}
    for name in ("RelayState", "other"):
        response = browser().post(f"{HERE}acs/", form | {name: "x" * 300_000})
        assert response.status_code == 401
    assert not Session.objects.exists()


def test_responses_are_only_posted(sso: SingleSignOn) -> None:
    for method in ("get", "head", "put", "patch", "delete", "options"):
        assert getattr(browser(), method)(f"{HERE}acs/").status_code == 405
    assert not Session.objects.exists()


def test_a_response_is_stored_for_ten_minutes(sso: SingleSignOn) -> None:
    answer = sso.answer(browser(), "ana", values={"groups": ["x" * 1_000] * 100})
    [state] = Session.objects.values_list("pk", flat=True)
    assert browser().post(f"{HERE}acs/", {"SAMLResponse": answer}).status_code == 302
    stored = Session.objects.exclude(pk=state)
    left = stored.get().expire_date - timezone.now()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    sessions.prune(as_of=timezone.now())
    assert stored.exists()
    sessions.prune(as_of=timezone.now() + left)
    assert not stored.exists()


@pytest.mark.parametrize("field", ["SAMLRequest", "SAMLResponse"])
def test_there_is_no_single_logout(sso: SingleSignOn, field: str) -> None:
    assert "SingleLogout" not in sso.service
    kind = "LogoutRequest" if field == "SAMLRequest" else "LogoutResponse"
    text = (
        f'<p:{kind} {SAMLP} xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion" ID="x" Version="2.0" '
        f'IssueInstant="{timezone.now():%Y-%m-%dT%H:%M:%SZ}">'
        f"<a:Issuer>{sso.provider.entity_id}</a:Issuer><a:NameID>x</a:NameID></p:{kind}>"
    )
    packed = zlib.compress(text.encode(), wbits=-15)
    client, _ = sso.sign_in("ana", ["desk"])
    for message in (b64encode(packed).decode(), "!!!", ""):
        form = {field: message, "RelayState": "https://evil.example/"}
        for anyone in (client, browser()):
            assert anyone.get(f"{HERE}sls/", form).status_code == 404
            assert anyone.post(f"{HERE}sls/", form).status_code == 404
    assert is_signed_in(client)


def test_an_unreachable_provider_is_reported_as_such(sso: SingleSignOn, settings: Any) -> None:
    client = browser()
    answer = sso.answer(client, "ana", values={"groups": ["desk"]})
    received = client.post(f"{HERE}acs/", {"SAMLResponse": answer})
    works = settings.SOCIALACCOUNT_PROVIDERS
    down = replace(environment, saml_metadata_url="http://127.0.0.1:1/x", saml_entity_id="x")
    settings.SOCIALACCOUNT_PROVIDERS = identity_providers.providers(down)
    for address in (f"{HERE}login/", f"{HERE}metadata/", received["Location"]):
        cache.clear()
        response = client.get(address)
        assert response.status_code == 503
        assert "is not reachable. Try again later." in response.content.decode()
    # The response is still there when the provider is.
    settings.SOCIALACCOUNT_PROVIDERS = works
    cache.clear()
    assert client.get(received["Location"]).status_code == 302
    assert is_signed_in(client)


def without(tag: str) -> Callable[[str], str]:
    """Return what removes the elements with this tag."""

    def change(metadata: str) -> str:
        changed = re.sub(rf"<ns\d+:{tag}[ >/].*?(</ns\d+:{tag}>|/>)", "", metadata, flags=re.DOTALL)
        assert changed != metadata
        return changed

    return change


UNUSABLE: dict[str, Callable[[str], str]] = {
    "of another provider": lambda text: re.sub('entityID="[^"]*"', 'entityID="other"', text),
    "without a role": lambda text: (
        "<m:EntitiesDescriptor xmlns:m='urn:oasis:names:tc:SAML:2.0:metadata'>"
        + without("IDPSSODescriptor")(text)
        + re.sub('entityID="[^"]*"', 'entityID="other"', text)
        + "</m:EntitiesDescriptor>"
    ),
    "without an address": without("SingleSignOnService"),
    "with another binding": lambda text: text.replace("HTTP-Redirect", "HTTP-POST"),
    "with no address of the web": lambda text: re.sub(
        'Location="[^"]*"', 'Location="javascript:alert(1)"', text
    ),
    "without a certificate": without("KeyDescriptor"),
    "with half of a certificate": lambda text: re.sub("(Certificate>.{99})[^<]*", r"\1", text),
    "no XML": lambda _text: "<html>",
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_unusable_metadata_are_reported_and_read_again(
    sso: SingleSignOn, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    provider = sso.provider
    cache.clear()
    with monkeypatch.context() as patched:
        patched.setattr(provider, "metadata", UNUSABLE[kind](provider.metadata))
        for address in (f"{HERE}login/", f"{HERE}acs/finish/"):
            assert browser().post(address).status_code == 503
    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        assert browser().post(f"{HERE}login/").status_code == 302
