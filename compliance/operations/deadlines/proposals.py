"""Facts that count only when a second person approves them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.domain.problems import placed_at, refusal
from compliance.domain.vocabulary import ProposalState
from compliance.models import Deadline, Fact, Proposal, User
from compliance.models.locks import for_update, lock_agreement, lock_deadline
from compliance.operations.deadlines import facts
from compliance.operations.evidence import evidence

PROPOSE = "compliance.add_fact"
APPROVE = "compliance.approve_proposal"


class NotAllowed(Exception):
    """Somebody tried to decide on a proposal that is not theirs to decide on."""


class OwnProposal(NotAllowed):
    """Somebody tried to approve what they proposed themselves."""

    def __init__(self) -> None:
        super().__init__("You proposed this yourself: another person must approve it.")


@transaction.atomic
def submit(
    *, deadline: Deadline, draft: FactDraft, by: User | None, as_of: datetime
) -> Fact | Proposal:
    """Record a fact or, where a second person must approve it, propose it.

    Raises:
        Invalid: as `facts.record`; also where nobody stands behind what must be proposed.
    """
    if not facts.needs_approval(deadline, draft):
        return facts.record(deadline=deadline, draft=draft, by=by, as_of=as_of)
    if by is None:
        raise refusal("type", f"A {draft.type} is proposed by a person: log in.")
    deadline = lock_deadline(deadline.pk)
    # Refused now rather than when somebody approves it.
    facts.build(deadline, draft, by=by, as_of=as_of)
    evidence.by_ref(deadline.agreement, draft.evidence)
    return Proposal.objects.create(
        deadline=deadline,
        kind=draft.type.value,
        draft=_dumped(draft),
        proposed_at=as_of,
        proposed_by=by,
    )


def refuse_if_not_theirs(*, proposal_id: int, by: User, to_approve: bool) -> None:
    """Refuse a person who may not decide on a proposal, before anything that they send is read.

    `approve` and `reject` check again, with the proposal locked.

    Raises:
        NotAllowed: they may not approve what others propose, or they proposed it themselves and
            want to approve it (`OwnProposal`). A proposal that does not exist is not theirs.
    """
    is_own = Proposal.objects.filter(pk=proposal_id, proposed_by=by).exists()
    if is_own and to_approve:
        raise OwnProposal
    if not is_own:
        _refuse_without_right(by)


@transaction.atomic
def approve(*, proposal: Proposal, by: User, as_of: datetime) -> Fact:
    """Record what was proposed, as known from now on.

    Both people must have their rights at this moment: it is now that the fact comes to count.

    Raises:
        NotAllowed: the same person proposed it (`OwnProposal`), or may not approve.
        Invalid: it was decided already, its proposer may not record facts any more, or it no
            longer fits what is stored (under `draft`).
    """
    proposal = _open(proposal)
    if proposal.proposed_by_id == by.pk:
        raise OwnProposal
    _refuse_without_right(by)
    if not proposal.proposed_by.has_perm(PROPOSE):
        sentence = f"{proposal.proposed_by} may not record facts any more: reject it."
        raise refusal("", sentence)
    with placed_at("draft"):
        fact = facts.record(
            deadline=proposal.deadline,
            draft=read(FactDraft, proposal.draft),
            by=proposal.proposed_by,
            as_of=as_of,
            approved_by=by,
        )
    _decide(proposal, ProposalState.APPROVED, by=by, as_of=as_of, fact=fact)
    return fact


@transaction.atomic
def reject(*, proposal: Proposal, reason: str, by: User, as_of: datetime) -> Proposal:
    """Turn down what another person proposed, or withdraw what one proposed oneself.

    Raises:
        NotAllowed: another person proposed it, and `by` may not approve.
        Invalid: it was decided already, or no reason is given.
    """
    proposal = _open(proposal)
    is_own = proposal.proposed_by_id == by.pk
    if not is_own:
        _refuse_without_right(by)
        if not reason:
            raise refusal("reason", "Say why, so that the other person can mend it.")
    state = ProposalState.WITHDRAWN if is_own else ProposalState.REJECTED
    return _decide(proposal, state, by=by, as_of=as_of, reason=reason)


def _dumped(draft: FactDraft) -> dict[str, object]:
    # A door may take a fact in a shape with more fields, such as its deadline.
    return draft.model_dump(mode="json", by_alias=True, include=set(FactDraft.model_fields))


def _refuse_without_right(by: User) -> None:
    if not by.has_perm(APPROVE):
        sentence = "Your account lacks the right to approve what another person proposed."
        raise NotAllowed(sentence)


def _open(proposal: Proposal) -> Proposal:
    lock_agreement(proposal.deadline.agreement_id)
    proposals = Proposal.objects.select_related("deadline__agreement", "proposed_by")
    locked = for_update(proposals).get(pk=proposal.pk)
    if locked.state != ProposalState.OPEN:
        raise refusal("", f"This proposal is {locked.state} already.")
    return locked


def _decide(
    proposal: Proposal,
    state: ProposalState,
    *,
    by: User,
    as_of: datetime,
    fact: Fact | None = None,
    reason: str = "",
) -> Proposal:
    proposal.state = state.value
    proposal.decided_by = by
    proposal.decided_at = as_of
    proposal.fact = fact
    proposal.reason = reason
    proposal.save()
    return proposal
