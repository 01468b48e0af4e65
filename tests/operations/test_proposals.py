"""A fact that requires approval takes effect only once a second person approves it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection

from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.models import Agreement, Deadline, Fact, Proposal, User
from compliance.operations.agreements import proposals
from compliance.operations.deadlines import facts
from compliance.operations.deadlines.approvals import ApprovalNeeded
from tests.samples import create_agreement, obligation, record, utc

PAST = utc("2026-02-01T00:00")
NOW = utc("2026-03-20T00:00")
LATER = NOW + timedelta(hours=1)
WAIVER = {"type": "waiver", "on": "2026-03-10", "note": "Given up."}
EXTENSION = {
    "type": "extension",
    "on": "2026-03-01",
    "due": {
        "type": "offset",
        "from": {"date": "2026-03-15"},
        "count": 2,
        "unit": "months",
    },
}
DETERMINATION = {
    "type": "determination",
    "on": "2026-03-18",
    "verdict": "partly_met",
    "share": "0.4",
    "note": "So much came.",
    "evidence": ["E1"],
}
EVIDENCE = {"ref": "E1", "title": "Customs record", "kind": "document", "stance": "for"}


def person(name: str, *rights: str) -> User:
    """Return a user with these permissions."""
    user = User.objects.create_user(f"{name}@example.org", "secret")
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


@pytest.fixture
def ana(db: None) -> User:
    """The user who proposes."""
    return person("ana", "add_fact", "waive_deadline", "approve_proposal")


@pytest.fixture
def bo(db: None) -> User:
    """The user who approves."""
    return person("bo", "approve_proposal")


@pytest.fixture
def guarded(db: None) -> Deadline:
    """A deadline of an agreement that requires approval."""
    return create_agreement(obligation(), as_of=PAST, requires_approval=True, evidence=[EVIDENCE])


def submit(
    deadline: Deadline, by: User | None, values: dict[str, Any], as_of: datetime = NOW
) -> Fact | Proposal:
    """Record or propose a fact."""
    return proposals.submit(
        deadline=deadline,
        draft=read(FactDraft, values),
        by=by,
        as_of=as_of,
        is_confirmed=True,
    )


def propose(deadline: Deadline, by: User, **values: Any) -> Proposal:
    """Propose a fact that requires approval."""
    proposal = submit(deadline, by, values)
    assert isinstance(proposal, Proposal)
    return proposal


def approve(proposal: Proposal, by: User, as_of: datetime) -> Fact:
    """Approve the proposal of a fact, and return the fact."""
    fact = proposals.approve(proposal=proposal, by=by, as_of=as_of).fact
    assert fact is not None
    return fact


def status(deadline: Deadline) -> str:
    deadline.refresh_from_db()
    return str(deadline.status)


@pytest.mark.parametrize(
    ("values", "after"),
    [(WAIVER, "waived"), (EXTENSION, "pending"), (DETERMINATION, "partly_met")],
)
def test_guarded_facts_take_effect_once_a_second_person_approves(
    guarded: Deadline, ana: User, bo: User, values: dict[str, Any], after: str
) -> None:
    before = status(guarded)
    proposal = propose(guarded, ana, **values)
    assert status(guarded) == before
    assert not Fact.objects.exists()

    fact = approve(proposal, bo, LATER)

    assert status(guarded) == after
    assert (fact.recorded_by, fact.approved_by, fact.recorded_at) == (ana, bo, LATER)
    proposal.refresh_from_db()
    assert (proposal.state, proposal.fact, proposal.decided_by) == ("approved", fact, bo)


def test_the_approved_fact_is_the_proposed_one(guarded: Deadline, ana: User, bo: User) -> None:
    proposal = propose(guarded, ana, **EXTENSION)
    fact = approve(proposal, bo, LATER)
    open_one = Deadline.objects.get(pk=guarded.pk)
    assert str(fact.due_on) == str(open_one.due_on) == "2026-05-15"


def test_nobody_can_approve_their_own_proposal(guarded: Deadline, ana: User) -> None:
    head = User.objects.create_superuser("head@example.org", "secret")
    for each in (ana, head):
        proposal = propose(guarded, each, **WAIVER)
        with pytest.raises(proposals.OwnProposal, match="Another person must approve"):
            proposals.approve(proposal=proposal, by=each, as_of=LATER)
        proposal.refresh_from_db()
        assert proposal.state == "open"
    assert not Fact.objects.exists()


def test_deciding_on_proposals_of_others_needs_the_permission(guarded: Deadline, ana: User) -> None:
    cy = person("cy", "add_fact")
    proposal = propose(guarded, ana, **WAIVER)
    with pytest.raises(proposals.NotAllowed, match="lacks the permission"):
        proposals.approve(proposal=proposal, by=cy, as_of=LATER)
    with pytest.raises(proposals.NotAllowed, match="lacks the permission"):
        proposals.reject(proposal=proposal, reason="No.", by=cy, as_of=LATER)
    assert Proposal.objects.get().state == "open"


@pytest.mark.parametrize("change", ["right", "account"])
def test_a_proposal_cannot_be_approved_after_its_proposer_lost_permission(
    guarded: Deadline, ana: User, bo: User, change: str
) -> None:
    proposal = propose(guarded, ana, **WAIVER)
    if change == "right":
        ana.user_permissions.clear()
    else:
        User.objects.filter(pk=ana.pk).update(is_active=False)
    with pytest.raises(Invalid, match="may no longer record facts"):
        proposals.approve(proposal=proposal, by=bo, as_of=LATER)
    assert not Fact.objects.exists()
    proposals.reject(proposal=proposal, reason="Left.", by=bo, as_of=LATER)
    assert Proposal.objects.get().state == "rejected"


def test_a_proposal_can_be_decided_only_once(guarded: Deadline, ana: User, bo: User) -> None:
    proposal = propose(guarded, ana, **WAIVER)
    proposals.reject(proposal=proposal, reason="Too early.", by=bo, as_of=LATER)
    with pytest.raises(Invalid, match="already rejected"):
        proposals.approve(proposal=proposal, by=bo, as_of=LATER)
    with pytest.raises(Invalid, match="already rejected"):
        proposals.reject(proposal=proposal, reason="Again.", by=bo, as_of=LATER)
    assert not Fact.objects.exists()


def test_a_rejection_needs_a_reason_but_a_withdrawal_does_not(
    guarded: Deadline, ana: User, bo: User
) -> None:
    proposal = propose(guarded, ana, **WAIVER)
    with pytest.raises(Invalid) as refused:
        proposals.reject(proposal=proposal, reason="", by=bo, as_of=LATER)
    assert refused.value.problems[0].path == "reason"
    assert proposals.reject(proposal=proposal, reason="", by=ana, as_of=LATER).state == "withdrawn"


def test_other_facts_are_recorded_immediately(guarded: Deadline, ana: User) -> None:
    fact = submit(guarded, ana, {"type": "performance", "on": "2026-03-10"})
    assert isinstance(fact, Fact)
    assert status(guarded) == "met"


def test_a_guarded_fact_cannot_be_recorded_without_approval(guarded: Deadline, ana: User) -> None:
    for values in (WAIVER, EXTENSION, DETERMINATION):
        with pytest.raises(ApprovalNeeded, match="second person"):
            record(guarded, as_of=NOW, by=ana, **values)


def test_a_proposal_needs_a_proposer(guarded: Deadline) -> None:
    with pytest.raises(Invalid, match="Only a person can propose"):
        submit(guarded, None, WAIVER)
    assert not Proposal.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {**WAIVER, "supersedes": 4711},
        {**WAIVER, "evidence": ["E9"]},
        {**DETERMINATION, "on": "2099-01-01"},
        {**DETERMINATION, "share": None, "quantity": 5},
    ],
)
def test_a_fact_that_cannot_be_recorded_cannot_be_proposed(
    guarded: Deadline, ana: User, values: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        submit(guarded, ana, values)
    assert not Proposal.objects.exists()


def test_an_outdated_proposal_is_refused_and_stays_open(
    guarded: Deadline, ana: User, bo: User
) -> None:
    performed = record(guarded, as_of=NOW, type="performance", on="2026-03-10")
    proposal = propose(guarded, ana, **WAIVER, supersedes=performed.pk)
    record(guarded, as_of=NOW, type="retraction", supersedes=performed.pk)
    with pytest.raises(Invalid, match="already superseded") as refused:
        proposals.approve(proposal=proposal, by=bo, as_of=LATER)
    assert refused.value.problems[0].path == "draft/supersedes"
    proposal.refresh_from_db()
    assert (proposal.state, Fact.objects.filter(kind="waiver").count()) == ("open", 0)


def test_retracting_a_guarded_fact_needs_approval(guarded: Deadline, ana: User, bo: User) -> None:
    waiver = approve(propose(guarded, ana, **WAIVER), bo, NOW)
    for values in (
        {"type": "retraction", "supersedes": waiver.pk},
        {"type": "performance", "on": "2026-03-10", "supersedes": waiver.pk},
    ):
        assert isinstance(submit(guarded, ana, values), Proposal)
    assert status(guarded) == "waived"


def test_retracting_the_replacement_of_a_guarded_fact_needs_approval(
    guarded: Deadline, ana: User, bo: User
) -> None:
    waiver = approve(propose(guarded, ana, **WAIVER), bo, NOW)
    replaced = {"type": "performance", "on": "2026-03-09", "supersedes": waiver.pk}
    performed = approve(propose(guarded, ana, **replaced), bo, NOW)
    assert status(guarded) == "met"
    # Retracted by one person it would bring the waiver back.
    back = submit(guarded, ana, {"type": "retraction", "supersedes": performed.pk})
    assert isinstance(back, Proposal)
    assert status(guarded) == "met"


def test_facts_recorded_before_approval_was_required_are_guarded_afterwards(
    db: None, ana: User
) -> None:
    deadline = create_agreement(obligation(), as_of=PAST)
    waiver = submit(deadline, ana, WAIVER)
    assert isinstance(waiver, Fact)
    Agreement.objects.update(requires_approval=True)
    deadline = Deadline.objects.get(pk=deadline.pk)
    retraction = submit(deadline, ana, {"type": "retraction", "supersedes": waiver.pk})
    assert isinstance(retraction, Proposal)
    assert status(deadline) == "waived"


def test_an_open_proposal_still_needs_approval_when_the_agreement_no_longer_does(
    guarded: Deadline, ana: User, bo: User
) -> None:
    proposal = propose(guarded, ana, **WAIVER)
    Agreement.objects.update(requires_approval=False)
    with pytest.raises(proposals.OwnProposal):
        proposals.approve(proposal=proposal, by=ana, as_of=LATER)
    proposals.approve(proposal=proposal, by=bo, as_of=LATER)
    assert status(guarded) == "waived"


def test_a_what_if_needs_no_approval(guarded: Deadline) -> None:
    timeline = facts.project_with(deadline=guarded, drafts=[read(FactDraft, WAIVER)], as_of=NOW)
    assert timeline.transitions[-1].status == "waived"
    assert not Fact.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_concurrent_approvals_record_one_fact() -> None:
    deadline = create_agreement(obligation(), as_of=PAST, requires_approval=True)
    proposer = person("ana", "add_fact")
    proposal = propose(deadline, proposer, **WAIVER)
    seconds = [person(f"bo{number}", "approve_proposal") for number in range(4)]
    start = Barrier(len(seconds))

    def approve(by: User) -> str:
        try:
            start.wait(timeout=60)
            proposals.approve(proposal=Proposal.objects.get(), by=by, as_of=LATER)
        except Invalid as error:
            return str(error)
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(len(seconds)) as pool:
        outcomes = sorted(pool.map(approve, seconds))
    assert outcomes == ["", *[": This proposal is already approved."] * 3]
    assert Fact.objects.count() == 1
    proposal.refresh_from_db()
    assert proposal.state == "approved"


@pytest.mark.django_db(transaction=True)
def test_concurrent_approvals_and_records_do_not_deadlock() -> None:
    chained = {
        "type": "offset", "from": {"deadline": "O-1"}, "count": 10, "unit": "days",
    }  # fmt: skip
    first = create_agreement(
        obligation(), obligation("O-2", due=chained), as_of=PAST, requires_approval=True
    )
    ana, bo = person("ana", "add_fact"), person("bo", "approve_proposal")
    last = Deadline.objects.get(obligation__ref="O-2")
    waiting = [propose(each, ana, **EXTENSION) for each in (first, last) for _ in range(3)]
    start = Barrier(3)

    def run(action: Any) -> None:
        try:
            start.wait(timeout=60)
            action()
        finally:
            connection.close()

    def approve(part: list[Proposal]) -> None:
        for each in part:
            proposals.approve(proposal=each, by=bo, as_of=LATER, is_confirmed=True)

    def propose_more() -> None:
        for deadline in (last, first) * 3:
            propose(deadline, ana, **WAIVER)

    with ThreadPoolExecutor(3) as pool:
        for done in [
            pool.submit(run, lambda: approve(waiting[::2])),
            pool.submit(run, lambda: approve(waiting[1::2])),
            pool.submit(run, propose_more),
        ]:
            done.result(timeout=60)
    assert Fact.objects.count() == len(waiting)
