"""Changes in the admin that become proposals because a second person must approve them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone

from compliance.models import User
from compliance.operations.agreements import proposals
from compliance.operations.deadlines.approvals import ApprovalNeeded


def propose(request: HttpRequest, needed: ApprovalNeeded) -> None:
    """Propose a change that was rolled back, and tell the user so.

    Raises:
        Invalid: the change cannot be proposed.
    """
    by = request.user if isinstance(request.user, User) else None
    proposal = proposals.propose(needed, by=by, as_of=timezone.now())
    messages.success(request, sentence(proposal.pk))
    if proposal.effect:
        messages.info(request, proposal.effect)


def sentence(proposal_id: int) -> str:
    """Return what to tell the user about a new proposal."""
    return f"Proposal {proposal_id} created. It takes effect when another person approves it."
