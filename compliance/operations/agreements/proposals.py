"""Propose changes that take effect only once a second person approves them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.contrib.auth.backends import ModelBackend
from django.db import transaction

from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.surprises import effect, surprise
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid, refusal
from compliance.domain.vocabulary import ProposalState, ProposedChange
from compliance.models import Deadline, Fact, Proposal, ProposalNotification, User
from compliance.models.locks import for_update, lock_agreement
from compliance.operations.agreements import proposed_changes
from compliance.operations.agreements.proposal_rights import rights_of
from compliance.operations.deadlines import facts
from compliance.operations.deadlines.approvals import Approval, ApprovalNeeded

APPROVE = "compliance.approve_proposal"
# Whoever may do one of these may make proposals.
PROPOSE = (
    "compliance.add_fact",
    "compliance.change_agreement",
    "compliance.change_obligation",
    "compliance.change_party",
    "compliance.change_customcalendar",
)


class NotAllowed(Exception):
    """A user may not decide on this proposal."""


class OwnProposal(NotAllowed):
    """A user tried to approve their own proposal."""

    def __init__(self) -> None:
        super().__init__("You proposed this yourself. Another person must approve it.")


def submit(
    *,
    deadline: Deadline,
    draft: FactDraft,
    by: User | None,
    as_of: datetime,
    is_confirmed: bool = False,
) -> Fact | Proposal:
    """Record a fact or, if a second person must approve it, propose it.

    Args:
        is_confirmed: whether the person confirms that it may make the deadline worse.

    Raises:
        Invalid: as `facts.record`; also if a proposal is needed and `by` is None, or if the fact
            makes the deadline worse by surprise and is not confirmed (at `confirm`).
    """
    found = _effect(deadline, draft, as_of=as_of)
    if found.surprise and not is_confirmed:
        raise refusal("confirm", f"{found.surprise} If that is intended, confirm it.")
    try:
        return facts.record(deadline=deadline, draft=draft, by=by, as_of=as_of)
    except ApprovalNeeded as needed:
        needed.effect = found.surprise or found.sentence or needed.effect
        return propose(needed, by=by, as_of=as_of)


@transaction.atomic
def propose(needed: ApprovalNeeded, *, by: User | None, as_of: datetime) -> Proposal:
    """Propose a change that was rolled back because a second person must approve it.

    Everybody else who may approve it is notified.

    Raises:
        Invalid: `by` is None, or a service account.
    """
    change = needed.change
    # With a service account, its administrator would be both people.
    if by is None or by.is_service_account:
        sentence = f"{needed} Only a person can propose it: sign in, and do it there."
        raise refusal("", sentence)
    fact = change.drafts.get("fact")
    if change.agreement_id is not None:
        lock_agreement(change.agreement_id)
    proposal = Proposal.objects.create(
        change=change.kind.value,
        agreement_id=change.agreement_id,
        deadline_id=change.deadline_id,
        kind=None if fact is None else fact.type.value,
        draft=proposed_changes.dump(change),
        effect=needed.effect,
        proposed_at=as_of,
        proposed_by=by,
    )
    ProposalNotification.objects.bulk_create(
        ProposalNotification(proposal=proposal, user=user, next_attempt_at=as_of)
        for user in ModelBackend().with_perm(APPROVE).exclude(pk=by.pk).order_by("pk")
    )
    return proposal


class _Effect(NamedTuple):
    """What a fact would change, and how it would make the deadline worse by surprise."""

    sentence: str = ""
    surprise: str | None = None


def _effect(deadline: Deadline, draft: FactDraft, *, as_of: datetime) -> _Effect:
    try:
        terms, supposed = facts.suppose(deadline=deadline, drafts=[draft], as_of=as_of)
    except Invalid:
        return _Effect()  # It will be refused for this when it is recorded, at its own path.
    before, after = project(terms, supposed[:-1]), project(terms, supposed)
    found = surprise(
        before,
        after,
        kind=draft.type,
        as_of=as_of,
        is_replacing=draft.supersedes is not None,
    )
    return _Effect(effect(before, after, as_of=as_of), found)


def check_may_decide(*, proposal_id: int, by: User, to_approve: bool) -> None:
    """Check that a user may decide on a proposal, before the body of the request is read.

    `approve` and `reject` check again, with the proposal locked. A proposal that does not exist
    counts as another person's.

    Args:
        to_approve: whether they want to approve it rather than reject or withdraw it.

    Raises:
        NotAllowed: they may not decide on proposals of others, or want to approve their own
            (`OwnProposal`).
    """
    is_own = Proposal.objects.filter(pk=proposal_id, proposed_by=by).exists()
    if is_own and to_approve:
        raise OwnProposal
    if not is_own:
        _check_may_approve(by)


@transaction.atomic
def approve(
    *, proposal: Proposal, by: User, as_of: datetime, is_confirmed: bool = False
) -> Proposal:
    """Make the proposed change; a fact has `as_of` as its recorded time.

    Both people need their permissions now, because the change takes effect now. It is compared
    again with what is stored now.

    Args:
        is_confirmed: whether the approver confirms that it weakens or worsens something that its
            proposer has not seen.

    Raises:
        NotAllowed: `by` proposed it (`OwnProposal`), or may not approve.
        Invalid: it was already decided, its proposer may no longer make the change, it no longer
            fits what is stored (under `draft`), or it needs to be confirmed (at `confirm`).
    """
    proposal = _open(proposal)
    if proposal.proposed_by_id == by.pk:
        raise OwnProposal
    _check_may_approve(by)
    if not proposal.proposed_by.has_perms(rights_of(proposal)):
        what = "record facts" if proposal.deadline_id is not None else "make this change"
        raise refusal("", f"{proposal.proposed_by} may no longer {what}. Reject the proposal.")
    if proposal.change == ProposedChange.FACT and not is_confirmed:
        _check_effect(proposal, as_of=as_of)
    approval = Approval(by=by, effect=None if is_confirmed else proposal.effect)
    fact = proposed_changes.make(proposal, approval, as_of=as_of)
    return _decide(proposal, ProposalState.APPROVED, by=by, as_of=as_of, fact=fact)


def _check_effect(proposal: Proposal, *, as_of: datetime) -> None:
    """Refuse to approve a fact that makes its deadline worse in a way that nobody has seen.

    Raises:
        Invalid: at `confirm`.
    """
    assert proposal.deadline is not None
    found = _effect(proposal.deadline, read(FactDraft, proposal.draft), as_of=as_of).surprise
    # The proposer has confirmed this effect, and the approver was notified of it.
    if found and found != proposal.effect:
        sentence = (
            f"{found} This was not the case when it was proposed. If it is intended, confirm it."
        )
        raise refusal("confirm", sentence)


@transaction.atomic
def reject(*, proposal: Proposal, reason: str, by: User, as_of: datetime) -> Proposal:
    """Reject another person's proposal, or withdraw one's own.

    Raises:
        NotAllowed: another person proposed it, and `by` may not approve.
        Invalid: it was already decided, or a rejection has no reason.
    """
    proposal = _open(proposal)
    is_own = proposal.proposed_by_id == by.pk
    if not is_own:
        _check_may_approve(by)
        if not reason:
            raise refusal("reason", "Give a reason, so that the proposer can correct it.")
    state = ProposalState.WITHDRAWN if is_own else ProposalState.REJECTED
    return _decide(proposal, state, by=by, as_of=as_of, reason=reason)


def _check_may_approve(by: User) -> None:
    if by.is_service_account:
        # Otherwise its administrator could approve their own proposals with it.
        sentence = "A service account cannot decide on proposals: a person has to."
        raise NotAllowed(sentence)
    if not by.has_perm(APPROVE):
        sentence = "Your account lacks the permission to decide on proposals of others."
        raise NotAllowed(sentence)


def _open(proposal: Proposal) -> Proposal:
    if proposal.agreement_id is not None:
        lock_agreement(proposal.agreement_id)
    related = ("agreement", "deadline__agreement", "proposed_by")
    proposals = Proposal.objects.select_related(*related)
    locked = for_update(proposals).get(pk=proposal.pk)
    if locked.state != ProposalState.OPEN:
        raise refusal("", f"This proposal is already {locked.state}.")
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
