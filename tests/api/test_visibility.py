"""Who sees an agreement, over HTTP: foreign agreements do not exist."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from compliance.models import Agreement, Team, User
from compliance.operations.integrity import purges
from tests.api.conftest import client_of
from tests.reserved_agreement import MARK, create_reserved, member
from tests.samples import create_agreement, document, obligation

pytestmark = pytest.mark.django_db
LISTS = (
    "agreements", "obligations", "deadlines", "facts", "positions", "evidence", "breaches",
    "alerts", "silences", "subscriptions", "proposals", "determinations", "changes", "summary",
)  # fmt: skip


def reviewer(email: str, *teams: str) -> User:
    user = member(email, *teams)
    user.groups.add(Group.objects.get(name="reviewer"))
    return user


@pytest.fixture
def stranger() -> Client:
    return client_of(reviewer("stranger@example.org", "europe"))


@pytest.fixture
def insider() -> Client:
    return client_of(reviewer("insider@example.org", "asia"))


def test_what_belongs_to_a_foreign_agreement_is_missing_everywhere(
    stranger: Client, insider: Client
) -> None:
    before = {name: stranger.get(f"/api/v1/{name}/").content for name in LISTS}
    agreement = create_reserved(now=timezone.now())
    deadline = agreement.deadlines.earliest("id")
    for name in LISTS:
        url = f"/api/v1/{name}/"
        found = stranger.get(url)
        assert found.status_code == 200, url
        if name != "changes":  # its cursor
            assert found.content == before[name], url
        assert MARK.lower() not in found.content.decode().lower()
        # A user sees only their own subscriptions.
        if name not in {"determinations", "summary", "subscriptions"}:
            assert MARK.lower() in insider.get(url).content.decode().lower()
    missing = 999_999
    for name, key, absent in (
        ("agreements", agreement.ref, "nowhere"),
        ("deadlines", deadline.pk, missing),
        ("obligations", deadline.obligation_id, missing),
        ("facts", deadline.facts.earliest("id").pk, missing),
        ("evidence", agreement.evidence.get().pk, missing),
    ):
        for send in (stranger.get, stranger.patch, stranger.post):
            foreign = send(f"/api/v1/{name}/{key}/", {}, content_type="application/json")
            nothing = send(f"/api/v1/{name}/{absent}/", {}, content_type="application/json")
            assert foreign.status_code == nothing.status_code
            assert foreign.content == nothing.content.replace(
                str(absent).encode(), str(key).encode()
            )
        assert insider.get(f"/api/v1/{name}/{key}/").status_code == 200


def test_bodies_cannot_name_foreign_objects(stranger: Client) -> None:
    agreement = create_reserved(now=timezone.now())
    until = {"until_at": "2099-01-01T00:00:00Z", "reason": "Audit"}
    for url, name, key, absent, more in (
        ("silences", "agreement", agreement.ref, "nowhere", until),
        ("subscriptions", "agreement", agreement.ref, "nowhere", {"email": "a@example.org"}),
        ("facts", "deadline", agreement.deadlines.earliest("id").pk, 999_999,
            {"type": "performance", "on": "2026-01-01"}),
    ):  # fmt: skip
        foreign, nothing = (
            stranger.post(f"/api/v1/{url}/", {name: each, **more}, content_type="application/json")
            for each in (key, absent)
        )
        assert nothing.status_code == foreign.status_code == 400
        assert foreign.content == nothing.content.replace(str(absent).encode(), str(key).encode())


def test_what_was_purged_exists_for_administrators_only(
    api: Client, desk: User, insider: Client
) -> None:
    agreement = create_reserved(now=timezone.now())
    before = insider.get("/api/v1/tombstones/").content
    purges.purge_agreement(agreement=agreement, reason=MARK, by=desk, as_of=timezone.now())
    [tombstone] = api.get("/api/v1/tombstones/").json()["results"]
    assert tombstone["ref"] == "zanzibar"
    assert insider.get("/api/v1/tombstones/").content == before
    for url in ("tombstones/{}/", "tombstones/{}/rows/"):
        assert api.get(f"/api/v1/{url.format(tombstone['id'])}").status_code == 200
        foreign = insider.get(f"/api/v1/{url.format(tombstone['id'])}")
        nothing = insider.get(f"/api/v1/{url.format(999_999)}")
        assert foreign.status_code == nothing.status_code == 404
        assert foreign.content == nothing.content


def test_a_taken_ref_is_refused_in_the_same_words_for_own_and_foreign_agreements(
    stranger: Client,
) -> None:
    create_reserved(now=timezone.now())
    create_agreement(ref="supply", as_of=timezone.now())
    parties = [{"code": "ACME"}]
    bodies = []
    for ref in ("zanzibar", "supply"):
        draft = {"ref": ref, "title": "T", "kind": "contract", "parties": parties}
        found = stranger.post("/api/v1/agreements/", draft, content_type="application/json")
        assert found.status_code == 400
        bodies.append(found.content.replace(ref.encode(), b"?"))
    assert bodies[0] == bodies[1]
    imported = stranger.post(
        "/api/v1/agreements/import/", document("zanzibar"), content_type="application/json"
    )
    assert imported.status_code == 400
    assert MARK not in imported.content.decode()


def test_visibility_is_set_by_creation_correction_and_import(
    insider: Client, stranger: Client
) -> None:
    create_agreement(as_of=timezone.now())
    draft = {"ref": "mine", "title": "T", "kind": "contract", "parties": [{"code": "ACME"}]}

    def send(body: dict[str, object], url: str = "agreements/mine/") -> tuple[int, object]:
        found = insider.patch(f"/api/v1/{url}", body, content_type="application/json")
        return found.status_code, found.json()

    reserved = {**draft, "visibility": "teams", "teams": ["asia"]}
    made = insider.post("/api/v1/agreements/", reserved, content_type="application/json")
    assert (made.status_code, made.json()["teams"]) == (201, ["asia"])
    assert stranger.get("/api/v1/agreements/mine/").status_code == 404
    Team.objects.get_or_create(slug="europe", defaults={"name": "Europe"})
    status, body = send({"teams": ["europe"]})
    assert status == 400
    assert "You would not see" in str(body)
    status, body = send({"teams": ["asia", "nowhere"]})
    assert (status, "Team nowhere does not exist" in str(body)) == (400, True)
    assert send({"teams": ["asia", "europe"]})[0] == 200
    assert stranger.get("/api/v1/agreements/mine/").json()["visibility"] == "teams"
    assert send({"visibility": "everyone"})[0] == 200
    assert Agreement.objects.get(ref="mine").teams.count() == 0
    value = document("imported", obligation(), visibility="teams", teams=["asia"])
    loaded = insider.post("/api/v1/agreements/import/", value, content_type="application/json")
    assert loaded.status_code == 201
    assert stranger.get("/api/v1/agreements/imported/").status_code == 404
