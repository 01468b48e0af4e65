"""Permissions are checked before the body of a request is read."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from compliance.api import urls
from compliance.api.views import Views
from compliance.domain.deadlines.drafts import FactDraft
from compliance.models import Proposal, User
from compliance.operations.agreements import proposals
from tests.api.answers import BASE, JSON
from tests.api.conftest import client_of
from tests.samples import create_agreement, obligation, utc

WRITING = ("POST", "PUT", "PATCH", "DELETE")
BODIES = {
    "not JSON": (b"{", JSON),
    "huge": (b"[" * 12_000_000, JSON),
    "YAML": (b"a: 1e60000000", "application/yaml"),
    "of another kind": (b"x", "text/plain"),
    "a form": (b"csrfmiddlewaretoken=x", "application/x-www-form-urlencoded"),
    "a form with a file": (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-',
        "multipart/form-data; boundary=x",
    ),
}


class Untouchable(BytesIO):
    """A body that must not be read."""

    def read(self, size: int | None = -1, /) -> bytes:
        pytest.fail("the body was read")

    def readline(self, size: int | None = -1, /) -> bytes:
        pytest.fail("the body was read")


EXAMPLES = {
    "id:id": "1",
    "id:revision": "1",
    "agreement_ref:ref": "geneva-2025",
    "party_code:code": "CHN",
    "team_slug:slug": "asia",
}


Address = tuple[str, str, type[Views] | None]


def addresses() -> Iterator[Address]:
    """Yield each address of the API with a method that writes, and its views."""
    for pattern in urls.urlpatterns:
        address = str(pattern.pattern)
        for kind, value in EXAMPLES.items():
            address = address.replace(f"<{kind}>", value)
        assert "<" not in address
        views = getattr(pattern.callback, "cls", None)
        for method in WRITING:
            yield method, address, views


ADDRESSES = list(addresses())

# Every day the body that a framework is most eager to read, to one in five addresses and all
# methods; `make test-exhaustive` sends every body to every address.
EVERY_BODY = pytest.mark.parametrize(
    ("body", "kind", "to"),
    [
        pytest.param(*BODIES["a form with a file"], ADDRESSES[::5], id="a few"),
        *(
            pytest.param(*value, ADDRESSES, id=name, marks=pytest.mark.exhaustive)
            for name, value in BODIES.items()
        ),
    ],
)


def send(client: Client, method: str, address: str, body: bytes, kind: str, **more: Any) -> int:
    """Return the response status of a request whose body must not be read."""
    environ = {
        "wsgi.input": Untouchable(body),
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": kind,
        **more,
    }
    return client.generic(method, BASE + address, **environ).status_code


@pytest.fixture
def lee(db: None) -> User:
    """A user without permissions."""
    return User.objects.create_user("lee@example.org", "secret")


def test_there_are_addresses_that_accept_bodies() -> None:
    assert len({address for _, address, _ in ADDRESSES}) > 40


@EVERY_BODY
def test_an_anonymous_request_is_refused_before_its_body_is_read(
    client: Client, db: None, body: bytes, kind: str, to: list[Address]
) -> None:
    for method, address, _ in to:
        assert send(client, method, address, body, kind) in {401, 405}, (method, address)


@EVERY_BODY
def test_a_user_without_permissions_is_refused_before_the_body_is_read(
    lee: User, body: bytes, kind: str, to: list[Address]
) -> None:
    client = client_of(lee)
    for method, address, _ in to:
        assert send(client, method, address, body, kind) in {403, 405}, (method, address)


@EVERY_BODY
def test_a_read_only_token_is_refused_before_the_body_is_read(
    desk: User, body: bytes, kind: str, to: list[Address]
) -> None:
    client = client_of(desk, is_read_only=True)
    for method, address, views in to:
        if method == "POST" and getattr(views, "stores_nothing", False):
            continue  # it stores nothing, so read-only tokens may use it
        assert send(client, method, address, body, kind) in {403, 405}, (method, address)


@pytest.mark.parametrize("token", [pytest.param(None, marks=pytest.mark.exhaustive), "x"])
@EVERY_BODY
def test_a_session_without_permissions_is_refused_before_the_body_is_read(
    lee: User, body: bytes, kind: str, to: list[Address], token: str | None
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(lee, backend="django.contrib.auth.backends.ModelBackend")
    more = {} if token is None else {"HTTP_X_CSRFTOKEN": token}
    for method, address, _ in to:
        assert send(browser, method, address, body, kind, **more) in {403, 405}, (method, address)


@pytest.mark.exhaustive
def test_a_session_with_csrf_token_but_without_permissions_is_refused_before_the_body_is_read(
    lee: User,
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(lee, backend="django.contrib.auth.backends.ModelBackend")
    browser.get("/account/password/change/")
    token = browser.cookies["csrftoken"].value
    for body, kind in BODIES.values():
        for method, address, _ in ADDRESSES:
            status = send(browser, method, address, body, kind, HTTP_X_CSRFTOKEN=token)
            assert status in {403, 405}, (method, address)


@pytest.mark.parametrize(
    ("chunked", "to"),
    [
        pytest.param("chunked", ADDRESSES[::5], id="a few"),
        pytest.param("chunked", ADDRESSES, id="chunked", marks=pytest.mark.exhaustive),
        pytest.param("gzip, Chunked", ADDRESSES, id="gzip", marks=pytest.mark.exhaustive),
    ],
)
def test_a_chunked_body_is_not_read_either(lee: User, chunked: str, to: list[Address]) -> None:
    client = client_of(lee)
    for method, address, _ in to:
        status = send(
            client, method, address, b"", JSON, HTTP_TRANSFER_ENCODING=chunked, CONTENT_LENGTH=""
        )
        assert status in {403, 405}, (method, address)


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_a_user_who_may_not_decide_on_a_proposal_is_refused_before_the_body_is_read(
    desk: User, lee: User, verb: str
) -> None:
    lee.user_permissions.set(Permission.objects.exclude(codename="approve_proposal"))
    proposal = propose(by=desk)
    status = send(client_of(lee), "POST", f"proposals/{proposal.pk}/{verb}/", b"{", JSON)
    assert status == 403
    # The response does not reveal whether the proposal exists.
    assert send(client_of(lee), "POST", f"proposals/9999999/{verb}/", b"{", JSON) == 403


def test_approving_ones_own_proposal_is_refused_before_the_body_is_read(desk: User) -> None:
    proposal = propose(by=desk)
    assert send(client_of(desk), "POST", f"proposals/{proposal.pk}/approve/", b"{", JSON) == 403


def propose(*, by: User) -> Proposal:
    """Return a proposed waiver."""
    past = utc("2026-02-01T00:00")
    deadline = create_agreement(obligation(), as_of=past, requires_approval=True)
    draft = FactDraft.model_validate({"type": "waiver", "on": "2026-03-01"})
    proposal = proposals.submit(deadline=deadline, draft=draft, by=by, as_of=timezone.now())
    assert isinstance(proposal, Proposal)
    return proposal
