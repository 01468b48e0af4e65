"""proposals/: a proposed fact takes effect once another person approves it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from compliance.delivery.deadlines import Histories
from compliance.models import Deadline, Fact, Proposal, User
from tests.api.answers import BASE, JSON, get, paths, post, rows
from tests.api.conftest import client_of
from tests.samples import create_agreement, obligation, utc
from tests.shared_worlds import in_one_world

PAST = utc("2026-02-01T00:00")


def person(name: str, *permissions: str) -> User:
    """Return a user with these permissions."""
    user = User.objects.create_user(f"{name}@example.org", "secret")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


@pytest.fixture
def ana(db: None) -> User:
    """A user who proposes, and may approve proposals of others."""
    names = ("add_fact", "view_proposal", "approve_proposal", "view_deadline", "view_fact")
    return person("ana", *names)


@pytest.fixture
def first(ana: User) -> Client:
    """The client of Ana."""
    return client_of(ana)


@pytest.fixture
def second(db: None) -> Client:
    """The client of a second user who may approve."""
    return client_of(person("bo", "view_proposal", "approve_proposal", "view_deadline"))


@pytest.fixture
def guarded(db: None) -> Deadline:
    """A deadline of an agreement that needs a second person."""
    return create_agreement(obligation(), as_of=PAST, requires_approval=True)


def propose(client: Client, deadline: Deadline, **more: Any) -> Any:
    """Propose a waiver."""
    sent = {"deadline": deadline.pk, "type": "waiver", "on": "2026-03-01", "note": "Given up."}
    proposed = post(client, "facts/", sent | more, 202)
    assert proposed.pop("warnings") == []
    return proposed


def status(client: Client, deadline: Deadline) -> str:
    return str(get(client, f"deadlines/{deadline.pk}/")["status"])


def test_a_waiver_needs_a_second_person(
    first: Client, second: Client, guarded: Deadline, ana: User
) -> None:
    before = status(first, guarded)
    row = propose(first, guarded)
    assert row == {
        "id": row["id"],
        "change": "fact",
        "deadline": guarded.pk,
        "agreement": "supply",
        "obligation_ref": "O-1",
        "type": "waiver",
        "draft": row["draft"],
        "effect": "This would change its status from unmet to waived.",
        "state": "open",
        "proposed_at": row["proposed_at"],
        "proposed_by": ana.email,
        "decided_at": None,
        "decided_by": None,
        "reason": "",
        "fact": None,
    }
    assert (row["draft"]["on"], row["draft"]["note"]) == ("2026-03-01", "Given up.")
    assert status(first, guarded) == before

    problem = post(first, f"proposals/{row['id']}/approve/", {}, 403)
    assert problem["detail"] == "You proposed this yourself. Another person must approve it."
    assert status(first, guarded) == before
    assert not Fact.objects.exists()

    approved = post(second, f"proposals/{row['id']}/approve/", {}, 200)
    assert (approved["state"], approved["decided_by"]) == ("approved", "bo@example.org")
    assert status(first, guarded) == "waived"
    fact = get(first, f"facts/{approved['fact']}/")
    assert (fact["recorded_by"], fact["approved_by"]) == (ana.email, "bo@example.org")


def test_creating_a_proposal_returns_its_address(first: Client, guarded: Deadline) -> None:
    sent = {"deadline": guarded.pk, "type": "waiver", "on": "2026-03-01"}
    response = first.post(f"{BASE}facts/", sent, content_type=JSON)
    assert response.status_code == 202
    assert first.get(response["Location"]).json() | {"warnings": []} == response.json()


def test_another_token_of_the_same_person_is_not_a_second_person(
    first: Client, guarded: Deadline, ana: User
) -> None:
    row = propose(first, guarded)
    post(client_of(ana), f"proposals/{row['id']}/approve/", {}, 403)
    assert not Fact.objects.exists()


def test_a_service_account_is_not_a_second_person(first: Client, guarded: Deadline) -> None:
    robot = User.objects.create_user(
        "robot@example.org", is_service_account=True, is_superuser=True
    )
    row = propose(first, guarded)
    for verb, body in (("approve", {}), ("reject", {"reason": "x"})):
        problem = post(client_of(robot), f"proposals/{row['id']}/{verb}/", body, 403)
        assert "service account" in problem["detail"]
    assert not Fact.objects.exists()


def test_not_even_an_administrator_can_approve_their_own_proposal(
    api: Client, guarded: Deadline
) -> None:
    row = propose(api, guarded)
    assert "yourself" in post(api, f"proposals/{row['id']}/approve/", {}, 403)["detail"]


def test_deciding_needs_the_permission_and_a_writable_token(
    first: Client, guarded: Deadline, desk: User
) -> None:
    row = propose(first, guarded)
    helper = client_of(person("cy", "add_fact", "add_proposal", "change_proposal"))
    reader = client_of(desk, is_read_only=True)
    for verb in ("approve", "reject"):
        address = f"proposals/{row['id']}/{verb}/"
        assert "lacks the permission" in post(helper, address, {}, 403)["detail"]
        assert "read-only" in post(reader, address, {}, 403)["detail"]
        assert Client().post(BASE + address).status_code == 401
    assert Proposal.objects.get().state == "open"


@pytest.mark.parametrize(
    ("verdict", "more"),
    [("partly_met", {"share": "0.4"}), ("undetermined", {}), ("met", {})],
)
def test_determinations_need_approval_too(
    first: Client, second: Client, guarded: Deadline, verdict: str, more: dict[str, str]
) -> None:
    determination = {
        "deadline": guarded.pk,
        "verdict": verdict,
        "on": "2026-03-01",
        "note": "Seen.",
    }
    row = post(first, "determinations/", determination | more, 202)
    assert rows(first, "determinations/") == []
    post(second, f"proposals/{row['id']}/approve/", {}, 200)
    [found] = rows(first, "determinations/")
    assert (found["verdict"], found["approved_by"]) == (verdict, "bo@example.org")


def test_an_approved_extension_sets_the_proposed_date(
    first: Client, second: Client, guarded: Deadline
) -> None:
    due = {"type": "offset", "from": {"date": "2026-03-15"}, "count": 1, "unit": "months"}
    row = propose(first, guarded, type="extension", due=due, confirm=True)
    post(second, f"proposals/{row['id']}/approve/", {}, 200)
    assert get(first, f"deadlines/{guarded.pk}/")["due_on"] == "2026-04-15"


def test_retracting_a_waiver_needs_approval_too(
    first: Client, second: Client, guarded: Deadline
) -> None:
    row = propose(first, guarded)
    fact = post(second, f"proposals/{row['id']}/approve/", {}, 200)["fact"]
    back = {"deadline": guarded.pk, "type": "retraction", "supersedes": fact, "confirm": True}
    row = post(first, "facts/", back, 202)
    assert status(first, guarded) == "waived"
    post(second, f"proposals/{row['id']}/approve/", {}, 200)
    assert status(first, guarded) != "waived"


def test_a_performance_needs_no_approval(first: Client, guarded: Deadline) -> None:
    sent = {"deadline": guarded.pk, "type": "performance", "on": "2026-03-01"}
    post(first, "facts/", sent, 201)
    assert status(first, guarded) == "met"


def test_others_reject_with_a_reason_and_the_proposer_can_withdraw(
    first: Client, second: Client, guarded: Deadline
) -> None:
    one, two = propose(first, guarded), propose(first, guarded)
    assert paths(post(second, f"proposals/{one['id']}/reject/", {}, 400)) == {"reason"}
    row = post(second, f"proposals/{one['id']}/reject/", {"reason": "Too early."}, 200)
    assert (row["state"], row["reason"], row["fact"]) == ("rejected", "Too early.", None)
    assert post(first, f"proposals/{two['id']}/reject/", {}, 200)["state"] == "withdrawn"
    for verb in ("approve", "reject"):
        problem = post(second, f"proposals/{one['id']}/{verb}/", {}, 400)
        assert problem["detail"] == "This proposal is already rejected."
    assert not Fact.objects.exists()


def test_an_outdated_proposal_is_refused_at_the_field(
    first: Client, second: Client, guarded: Deadline
) -> None:
    performed = {"deadline": guarded.pk, "type": "performance", "on": "2026-03-01"}
    fact = post(first, "facts/", performed)
    row = propose(first, guarded, supersedes=fact["id"])
    taken_back = {"deadline": guarded.pk, "type": "retraction", "supersedes": fact["id"]}
    post(first, "facts/", {**taken_back, "confirm": True})
    problem = post(second, f"proposals/{row['id']}/approve/", {}, 400)
    assert paths(problem) == {"draft/supersedes"}
    assert get(first, f"proposals/{row['id']}/")["state"] == "open"


def test_proposals_are_listed_newest_first_and_can_be_filtered(
    first: Client, second: Client, guarded: Deadline
) -> None:
    other = create_agreement(obligation("O-2"), ref="other", as_of=PAST, requires_approval=True)
    one, two = propose(first, guarded), propose(first, other)
    post(first, f"proposals/{two['id']}/reject/", {}, 200)
    assert [each["id"] for each in rows(second, "proposals/")] == [two["id"], one["id"]]
    for query in (
        {"agreement": "supply"}, {"deadline": guarded.pk}, {"obligation_ref": "O-1"},
        {"state": "open"},
    ):  # fmt: skip
        assert rows(second, "proposals/", **query) == [one], query
    assert rows(second, "proposals/", type="extension") == []


@in_one_world(
    ("verb", "sent", "path"),
    [
        ("approve", {"yes": True}, "yes"),
        ("reject", {"reason": "\u0007"}, "reason"),
        ("reject", {"reason": 5}, "reason"),
        ("reject", {"why": "No."}, "why"),
    ],
)
def test_an_invalid_decision_is_refused(
    first: Client, second: Client, guarded: Deadline, verb: str, sent: object, path: str
) -> None:
    row = propose(first, guarded)
    assert paths(post(second, f"proposals/{row['id']}/{verb}/", sent, 400)) == {path}
    post(second, f"proposals/4711/{verb}/", {"reason": "x"} if verb == "reject" else {}, 404)
    assert Proposal.objects.get().state == "open"


def test_a_fact_that_could_not_be_recorded_cannot_be_proposed(
    first: Client, guarded: Deadline
) -> None:
    sent = {"deadline": guarded.pk, "type": "waiver", "on": "2026-03-01", "evidence": ["E9"]}
    assert paths(post(first, "facts/", sent, 400)) == {"evidence/0"}
    assert rows(first, "proposals/") == []


def test_the_history_says_who_approved_a_fact(
    first: Client, second: Client, guarded: Deadline
) -> None:
    row = propose(first, guarded)
    post(second, f"proposals/{row['id']}/approve/", {}, 200)
    why = get(first, f"deadlines/{guarded.pk}/why/")
    assert "approved by bo@example.org)" in str(why)
    [paragraph] = {Histories.load([guarded.pk]).lines(Deadline.objects.get(pk=guarded.pk))}
    assert "approved by bo@example.org)" in paragraph
