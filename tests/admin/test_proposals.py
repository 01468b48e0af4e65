"""Determinations and proposals in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.models import Deadline, Fact, Proposal, User
from compliance.operations.agreements import proposals
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import act, address, errors
from tests.samples import create_agreement, obligation, record, utc

OWN = "You proposed this yourself. Another person must approve it."
PAST = utc("2026-02-01T00:00")
TARGET: dict[str, Any] = {"target_quantity": 100, "unit": "t"}
EVIDENCE = {"ref": "E1", "title": "Customs record", "kind": "document", "stance": "for"}


@pytest.fixture
def ana(db: None) -> User:
    """A user who proposes, and may approve the proposals of others."""
    rights = ("view_deadline", "add_fact", "view_fact", "view_proposal", "approve_proposal")
    return staff("ana@example.org", *rights)


@pytest.fixture
def first(ana: User) -> Client:
    """The client of the proposer."""
    return logged_in(ana)


@pytest.fixture
def second(db: None) -> Client:
    """The client of another user who may approve."""
    return logged_in(staff("bo@example.org", "view_deadline", "view_proposal", "approve_proposal"))


@pytest.fixture
def guarded(db: None) -> Deadline:
    """A deadline of an agreement that requires approval."""
    return create_agreement(obligation(), as_of=PAST, requires_approval=True)


def propose(client: Client, deadline: Deadline) -> Proposal:
    """Propose a waiver with the form of the deadline."""
    act(client, deadline, "record_waiver", on="2026-03-01", note="Given up.")
    return Proposal.objects.latest("id")


def decide(client: Client, proposal: Proposal, verb: str, **values: Any) -> Any:
    """Post one of the two forms of a proposal."""
    return client.post(address("proposal", verb, proposal.pk), {"sent": "1", **values})


def status(deadline: Deadline) -> str:
    deadline.refresh_from_db()
    return str(deadline.status)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"verdict": "met"}, ("met_late", "confirmed")),
        ({"verdict": "met", "on": "2026-03-15", "time": "23:59"}, ("met", "confirmed")),
        ({"verdict": "partly_met", "share": "0.4"}, ("partly_met", "confirmed")),
        ({"verdict": "partly_met", "quantity": "40"}, ("partly_met", "confirmed")),
        ({"verdict": "not_met"}, ("unmet", "confirmed")),
        ({"verdict": "undetermined"}, ("unmet", "checked")),
    ],
)
def test_a_determination_is_recorded_from_the_page_of_its_deadline(
    browser: Client, db: None, values: dict[str, str], expected: tuple[str, str]
) -> None:
    deadline = create_agreement(obligation(**TARGET), as_of=PAST, evidence=[EVIDENCE])
    sent = {"on": "2026-03-18", "note": "On the records.", "evidence": ["E1"], **values}
    assert act(browser, deadline, "record_determination", **sent).status_code == 302
    deadline.refresh_from_db()
    assert (deadline.status, deadline.verification) == expected
    fact = Fact.objects.get()
    assert (fact.note, [each.ref for each in fact.evidence.all()]) == ("On the records.", ["E1"])
    page = browser.get(address("deadline", "change", deadline.pk))
    assert page.status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"verdict": ""}, "verdict"),
        ({"note": ""}, "note"),
        ({"share": "2"}, "share"),
        ({"verdict": "met", "share": "0.4"}, "__all__"),
        ({"verdict": "undetermined", "share": "", "is_final": "on"}, "__all__"),
        ({"on": "2099-01-01"}, "on"),
    ],
)
def test_problems_of_a_determination_are_shown_on_their_field(
    browser: Client, db: None, change: dict[str, str], field: str
) -> None:
    deadline = create_agreement(obligation(), as_of=PAST)
    good = {"verdict": "partly_met", "share": "0.4", "on": "2026-03-18", "note": "Seen."}
    response = act(browser, deadline, "record_determination", **(good | change))
    assert response.status_code == 200
    assert set(errors(response)) == {"" if field == "__all__" else field}
    assert not Fact.objects.exists()


def test_a_determination_offers_only_possible_conclusions(browser: Client, db: None) -> None:
    kept = create_agreement(obligation(kind="maintain"), ref="kept")
    counted = create_agreement(obligation(**TARGET), ref="counted")

    def asked(deadline: Deadline) -> Any:
        page = browser.get(address("deadline", "record_determination", deadline.pk))
        return page.context["form"].fields

    assert "quantity" not in asked(kept)
    words = [value for value, _ in asked(kept)["verdict"].choices]
    assert words == ["", "met", "partly_met", "not_met", "undetermined"]
    assert {"share", "quantity"} <= set(asked(counted))


def test_a_replaced_determination_is_marked_as_superseded(browser: Client, db: None) -> None:
    deadline = create_agreement(obligation(), as_of=PAST)
    sent = {"on": "2026-03-18", "note": "Seen."}
    act(browser, deadline, "record_determination", verdict="not_met", **sent)
    earlier = Fact.objects.get()
    act(browser, deadline, "record_determination", verdict="met", replaces=earlier.pk, **sent)
    assert status(deadline) == "met_late"
    later = Fact.objects.get(supersedes=earlier)

    listing = browser.get(address("fact", "changelist")).content.decode()
    assert listing.count("is-superseded") == 1
    assert f"Superseded by fact {later.pk}" in listing
    page = browser.get(address("fact", "change", earlier.pk)).content.decode()
    assert address("fact", "change", later.pk) in page
    page = browser.get(address("deadline", "change", deadline.pk)).content.decode()
    assert page.count("(superseded)") == 1


def test_recording_a_fact_that_requires_approval_creates_a_proposal(
    first: Client, guarded: Deadline
) -> None:
    before = status(guarded)
    values = {"on": "2026-03-01", "note": "Given up."}
    response = first.post(address("deadline", "record_waiver", guarded.pk), values, follow=True)
    proposal = Proposal.objects.get()
    shown = response.content.decode()
    assert f"Proposal {proposal.pk} created." in shown
    assert "It takes effect when another person approves it." in shown
    assert "Waiver recorded" not in shown
    assert status(guarded) == before
    assert not Fact.objects.exists()


def test_only_a_second_person_can_approve_a_proposal(
    first: Client, second: Client, guarded: Deadline
) -> None:
    proposal = propose(first, guarded)
    response = decide(first, proposal, "approve")
    assert response.status_code == 200
    assert errors(response) == {"": [OWN]}
    assert not Fact.objects.exists()

    response = decide(second, proposal, "approve")
    assert response["Location"] == address("proposal", "change", proposal.pk)
    assert status(guarded) == "waived"
    fact = Fact.objects.get()
    assert (str(fact.recorded_by), str(fact.approved_by)) == ("ana@example.org", "bo@example.org")


def test_opening_the_approval_page_approves_nothing(
    second: Client, guarded: Deadline, ana: User
) -> None:
    proposal = propose(logged_in(ana), guarded)
    page = second.get(address("proposal", "approve", proposal.pk))
    assert page.status_code == 200
    assert "Given up." in page.content.decode()
    assert Proposal.objects.get().state == "open"


def test_a_rejection_requires_a_reason_and_the_proposer_can_withdraw(
    first: Client, second: Client, guarded: Deadline
) -> None:
    one, two = propose(first, guarded), propose(first, guarded)
    assert set(errors(decide(second, one, "reject"))) == {"reason"}
    assert decide(second, one, "reject", reason="Too early.").status_code == 302
    assert decide(first, two, "reject").status_code == 302
    states = Proposal.objects.order_by("id").values_list("state", "reason")
    assert list(states) == [("rejected", "Too early."), ("withdrawn", "")]
    refused = errors(decide(second, one, "approve"))
    assert refused == {"": ["This proposal is already rejected."]}


def test_deciding_requires_permission(first: Client, guarded: Deadline, viewer: Client) -> None:
    proposal = propose(first, guarded)
    helper = logged_in(staff("cy@example.org", "view_proposal", "add_fact"))
    for browser in (viewer, helper):
        assert decide(browser, proposal, "approve").status_code == 403
    assert decide(viewer, proposal, "reject", reason="No.").status_code == 403
    assert "lacks the permission" in errors(decide(helper, proposal, "reject", reason="No."))[""][0]
    assert Proposal.objects.get().state == "open"


def test_only_buttons_that_the_user_can_use_are_shown(
    first: Client, second: Client, viewer: Client, guarded: Deadline
) -> None:
    proposal = propose(first, guarded)
    approve, reject = (address("proposal", verb, proposal.pk) for verb in ("approve", "reject"))

    def shown(client: Client) -> list[bool]:
        page = client.get(address("proposal", "change", proposal.pk)).content.decode()
        return [approve in page, reject in page]

    assert shown(first) == [False, True]
    assert shown(second) == [True, True]
    assert shown(viewer) == [False, False]
    decide(second, proposal, "approve")
    assert shown(second) == [False, False]


def test_the_page_of_a_proposal_shows_everything_that_it_would_record(
    first: Client, ana: User, db: None
) -> None:
    deadline = create_agreement(
        obligation(**TARGET), as_of=PAST, requires_approval=True, evidence=[EVIDENCE]
    )
    values = {
        "type": "determination", "at": "2026-03-18T10:00:00Z", "verdict": "partly_met",
        "share": "0.4", "note": "Forty came.", "evidence": ["E1"],
    }  # fmt: skip
    draft = read(FactDraft, values)
    proposal = proposals.submit(deadline=deadline, draft=draft, by=ana, as_of=timezone.now())
    page = first.get(address("proposal", "change", proposal.pk)).content.decode()
    for part in (
        "2026-03-18 10:00 UTC", "verdict: partly_met", "share: 0.4", "Forty came.", "E1",
        "ana@example.org", ">open<", address("deadline", "change", deadline.pk),
    ):  # fmt: skip
        assert part in page, part


def test_the_sidebar_shows_the_number_of_open_proposals(first: Client, guarded: Deadline) -> None:
    def badge() -> Any:
        items = first.get(address("proposal", "changelist")).context["sidebar_navigation"]
        [item] = [
            each for group in items for each in group["items"] if each["title"] == "Proposals"
        ]
        return item.get("badge")

    assert badge() is None
    one = propose(first, guarded)
    propose(first, guarded)
    assert badge() == 2
    decide(first, one, "reject")
    assert badge() == 1


def test_retracting_an_approved_fact_requires_approval_too(
    first: Client, second: Client, guarded: Deadline
) -> None:
    decide(second, propose(first, guarded), "approve")
    waiver = Fact.objects.get()
    act(first, guarded, "retract_fact", fact=waiver.pk, confirm="on")
    assert status(guarded) == "waived"
    decide(second, Proposal.objects.latest("id"), "approve")
    assert status(guarded) != "waived"


def test_a_fact_that_requires_no_approval_is_recorded_immediately(
    first: Client, guarded: Deadline
) -> None:
    act(first, guarded, "record_performance", on="2026-03-01")
    assert status(guarded) == "met"


def test_a_fact_is_not_superseded_after_its_successor_is_retracted(
    browser: Client, db: None
) -> None:
    deadline = create_agreement(obligation(), as_of=PAST)
    now = timezone.now()
    one = record(deadline, as_of=now, type="waiver", on="2026-03-01")
    two = record(deadline, as_of=now, type="performance", on="2026-03-02", supersedes=one.pk)
    record(deadline, as_of=now, type="retraction", supersedes=two.pk)
    listing = browser.get(address("fact", "changelist")).content.decode()
    assert f"Superseded by fact {two.pk}" not in listing
    assert listing.count("is-superseded") == 1
