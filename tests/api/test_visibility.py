"""Who sees an agreement, over HTTP: foreign agreements do not exist."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from compliance.models import (
    Agreement,
    Breach,
    ImportBatch,
    Membership,
    Proposal,
    RecomputedDeadline,
    Team,
    User,
)
from compliance.operations.deadlines import recomputation
from compliance.operations.integrity import purges
from tests.api.conftest import client_of
from tests.reserved_agreement import (
    MARK,
    create_reserved,
    disable_predicates,
    disable_row_security,
    member,
)
from tests.samples import BUYER, create_agreement, document, load, obligation

pytestmark = pytest.mark.django_db
LISTS = (
    "agreements", "obligations", "deadlines", "facts", "positions", "evidence", "breaches",
    "alerts", "silences", "subscriptions", "proposals", "determinations", "changes", "summary",
    "imports",
)  # fmt: skip


def reviewer(email: str, *teams: str) -> User:
    user = member(email, *teams)
    user.groups.add(Group.objects.get(name="reviewer"))
    return user


@pytest.fixture(
    params=[
        "both barriers",
        pytest.param("the predicates alone", marks=pytest.mark.exhaustive),
        pytest.param("row-level security alone", marks=pytest.mark.exhaustive),
    ]
)
def barriers(request: pytest.FixtureRequest, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What hides foreign rows."""
    if request.param == "the predicates alone":
        disable_row_security()
    if request.param == "row-level security alone":
        disable_predicates(monkeypatch)


@pytest.fixture
def stranger() -> Client:
    return client_of(reviewer("stranger@example.org", "europe"))


@pytest.fixture
def insider() -> Client:
    return client_of(reviewer("insider@example.org", "asia"))


def _export(client: Client, url: str) -> str:
    """Return a list as CSV, which is read after the view has returned."""
    return b"".join(client.get(url, {"format": "csv"})).decode()


@pytest.mark.usefixtures("barriers")
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
            assert MARK.lower() in _export(insider, url).lower()
        assert MARK.lower() not in _export(stranger, url).lower()
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


@pytest.mark.usefixtures("barriers")
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


@pytest.mark.usefixtures("barriers")
def test_what_is_about_a_foreign_object_responds_like_what_is_about_none(
    stranger: Client, insider: Client
) -> None:
    agreement = create_reserved(now=timezone.now())
    deadline = agreement.deadlines.get(obligation__ref=f"{MARK}-1")
    keys = {
        "deadlines": deadline.pk,
        "obligations": deadline.obligation_id,
        "breaches": Breach.objects.earliest("id").pk,
        "alerts": deadline.alerts.earliest("id").pk,
        "silences": agreement.silences.get().pk,
        "positions": deadline.positions.get().pk,
        "proposals": Proposal.objects.get().pk,
        "imports": ImportBatch.objects.earliest("id").pk,
        "evidence": agreement.evidence.get().pk,
    }
    for name, parts in {
        "deadlines": ("", "timeline/", "history/", "why/"),
        "obligations": ("", "consequences/"),
        "breaches": ("", "?as_of=2026-01-01T00:00:00Z"),
        "alerts": ("", "attempts/"),
        "evidence": ("", "files/", "files/1/"),
        **dict.fromkeys(("silences", "positions", "proposals", "imports"), ("",)),
    }.items():
        for part in parts:
            path = f"/api/v1/{name}/{{}}/{part}"
            assert insider.get(path.format(keys[name])).status_code == 200 or "?" in part, path
            foreign, nothing = (stranger.get(path.format(each)) for each in (keys[name], 999_999))
            assert (foreign.status_code, foreign.content) == (404, nothing.content), path
    yesterday = (timezone.now() - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    for name in ("agreements", "obligations", "deadlines", "breaches", "summary"):
        found = stranger.get(f"/api/v1/{name}/", {"as_of": yesterday})
        assert (found.status_code, found.json()["results"]) == (200, []), name
    for name, part, body in (
        ("deadlines", "what-if", {"facts": [{"type": "performance", "on": "2026-01-01"}]}),
        ("breaches", "acknowledge", {}),
        ("alerts", "redeliver", {}),
        ("silences", "end", {}),
        ("proposals", "approve", {}),
        ("proposals", "reject", {"reason": "No"}),
    ):
        found, nothing = (
            stranger.post(f"/api/v1/{name}/{each}/{part}/", body, content_type="application/json")
            for each in (keys[name], 999_999)
        )
        assert (found.status_code, found.content) == (nothing.status_code, nothing.content), part
    rule = {"rule": {"type": "date", "on": "2026-01-01"}, "agreement": agreement.ref}
    found = stranger.post("/api/v1/due-rules/preview/", rule, content_type="application/json")
    assert found.status_code == 400
    assert "does not exist" in found.content.decode()


@pytest.mark.usefixtures("barriers")
def test_a_foreign_obligation_that_replaces_a_visible_one_is_not_named(
    stranger: Client, insider: Client
) -> None:
    foreign = create_reserved(now=timezone.now())
    deadline = create_agreement(as_of=timezone.now())
    sent = insider.post(
        "/api/v1/facts/",
        {
            "deadline": deadline.pk, "type": "replacement", "on": "2026-01-01",
            "successor": f"{MARK}-2", "successor_agreement": foreign.ref,
        },
        content_type="application/json",
    )  # fmt: skip
    assert sent.status_code == 201
    for url in (f"deadlines/{deadline.pk}/", f"deadlines/{deadline.pk}/why/", "facts/"):
        assert MARK.lower() in insider.get(f"/api/v1/{url}").content.decode().lower()
        assert MARK.lower() not in stranger.get(f"/api/v1/{url}").content.decode().lower()


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


@pytest.mark.usefixtures("barriers")
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
    status, body = send({"teams": ["asia", "nowhere"]})
    assert (status, "There is no team nowhere, or you do not" in str(body)) == (400, True)
    # A team to which one does not belong is like one that does not exist.
    foreign = send({"teams": ["asia", "europe"]})
    assert (foreign[0], str(foreign[1]).replace("europe", "nowhere")) == (400, str(body))
    europe, user = Team.objects.get(slug="europe"), User.objects.get(email="insider@example.org")
    Membership.objects.create(team=europe, user=user)
    assert send({"teams": ["asia", "europe"]})[0] == 200
    Membership.objects.filter(team__slug="asia", user=user).delete()
    assert send({"teams": ["asia", "europe"]})[0] == 200  # stays
    status, body = send({"teams": ["asia"]})
    assert status == 400
    assert "You would no longer see" in str(body)
    assert stranger.get("/api/v1/agreements/mine/").json()["visibility"] == "teams"
    assert send({"visibility": "everyone"})[0] == 200
    assert Agreement.objects.get(ref="mine").teams.count() == 0
    Membership.objects.create(team=Team.objects.get(slug="asia"), user=user)
    value = document("imported", obligation(), visibility="teams", teams=["asia"])
    loaded = insider.post("/api/v1/agreements/import/", value, content_type="application/json")
    assert loaded.status_code == 201
    assert stranger.get("/api/v1/agreements/imported/").status_code == 404


GAP = {"type": "date", "on": "2027-03-14", "time": "02:30"}
MOVED = {"code": "GAPCO", "name": "Gapco", "kind": "company", "timezone": "UTC"}


def test_a_new_zone_of_a_party_reveals_no_due_date_of_a_foreign_agreement(
    stranger: Client, insider: Client
) -> None:
    hidden, own = ({**obligation(ref), "obligors": ["GAPCO"], "due": GAP} for ref in ("S-1", "O-1"))
    more = {"parties": [BUYER, MOVED], "visibility": "teams"}
    now = timezone.now()
    Team.objects.get_or_create(slug="europe", defaults={"name": "Europe"})
    member("nobody@example.org", "asia")
    secret = load(document("secret", hidden, **more, teams=["asia"]), as_of=now).deadlines.get()
    before = secret.due_at

    approver = client_of(reviewer("approver@example.org", "europe"))

    def move(client: Client, zone: str) -> tuple[int, str]:
        """Correct the party, and let somebody else approve it."""
        found = client.patch(
            "/api/v1/parties/GAPCO/", {"timezone": zone}, content_type="application/json"
        )
        if found.status_code == 202:
            url = f"/api/v1/proposals/{found.json()['id']}/approve/"
            found = approver.post(url, {}, content_type="application/json")
        return found.status_code, found.content.decode()

    # 02:30 does not exist there on that day.
    assert move(insider, "America/New_York")[0] == 400
    status, text = move(stranger, "America/New_York")
    assert (status, "02:30" in text) == (200, False)
    secret.refresh_from_db()
    assert secret.due_at == before
    recomputation.run(as_of=now)
    assert "02:30" in RecomputedDeadline.objects.get(deadline=secret).problem
    # What does exist moves, and in agreements that the user sees, an error says what does not.
    assert move(stranger, "Asia/Tokyo")[0] == 200
    secret.refresh_from_db()
    assert secret.timezone == "Asia/Tokyo"
    more["parties"] = [BUYER, MOVED | {"timezone": "Asia/Tokyo"}]
    load(document("open", own, **more, teams=["europe"]), as_of=now)
    assert "02:30" in move(stranger, "America/New_York")[1]


def test_only_administrators_merge_parties(stranger: Client, insider: Client) -> None:
    create_reserved(now=timezone.now())
    body = {"into": "ACME", "reason": "Twice"}
    answers = {
        (found.status_code, found.content)
        for client in (stranger, insider)
        for code in ("ZANZIBAR", "ACME")
        for more in ({}, {"dry_run": True})
        for found in [
            client.post(
                f"/api/v1/parties/{code}/merge/", body | more, content_type="application/json"
            )
        ]
    }
    [(status, _)] = answers
    assert status == 403


def test_nobody_weakens_a_foreign_agreement_that_requires_approval(stranger: Client) -> None:
    now = timezone.now()
    member("nobody@example.org", "asia")
    hidden = obligation(obligors=["GAPCO"], due={"type": "date", "on": "2027-03-14"})
    more = {"visibility": "teams", "teams": ["asia"], "requires_approval": True}
    secret = load(document("secret", hidden, parties=[BUYER, MOVED], **more), as_of=now)
    load(document("free", parties=[BUYER, MOVED | {"code": "FREECO"}], obligations=[]), as_of=now)
    west = MOVED | {"timezone": "Pacific/Honolulu"}
    own = document("own", parties=[BUYER, west], obligations=[])
    for send, url, body in (
        (stranger.patch, "parties/GAPCO/", {"timezone": west["timezone"]}),
        (stranger.post, "agreements/import/?mode=update", own),
    ):
        answers = []
        # It is answered in the same words whether or not the agreement requires approval, and
        # whether or not it names the party.
        for code, requires_approval in (("GAPCO", True), ("GAPCO", False), ("FREECO", False)):
            Agreement.objects.filter(pk=secret.pk).update(requires_approval=requires_approval)
            sent = orjson.dumps(body).replace(b"GAPCO", code.encode())
            found = send(
                f"/api/v1/{url.replace('GAPCO', code)}", sent, content_type="application/json"
            )
            assert found.status_code == 202, found.content
            assert "secret" not in found.content.decode()
            answer = found.json() | {"id": 0, "proposed_at": ""}
            answers.append(orjson.dumps(answer).replace(code.encode(), b"GAPCO"))
            assert secret.deadlines.get().timezone == "UTC"
        assert answers[0] == answers[1] == answers[2]


def test_without_teams_a_correction_of_a_party_takes_effect_at_once() -> None:
    create_agreement()
    analyst = client_of(reviewer("ana@example.org"))
    found = analyst.patch(
        "/api/v1/parties/ACME/", {"timezone": "Asia/Tokyo"}, content_type="application/json"
    )
    assert found.status_code == 200
