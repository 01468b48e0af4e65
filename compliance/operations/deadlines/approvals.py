"""Hold back changes that weaken agreements which require approval.

An operation makes its change inside `guarding`. The agreement before is compared with the agreement
after it; a weaker one is refused with `ApprovalNeeded`, which rolls the change back. The entry
point then proposes the change instead, and a second person's approval runs the same operation again
with an `Approval`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from compliance.domain.agreements.weakening import summary, weakenings
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import ProposedChange
from compliance.models import Agreement, Deadline, Dependency, Obligation, Team, User
from compliance.models.people.readers import SYSTEM, current_reader, reading_as
from compliance.operations.deadlines.agreement_states import state_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A change that may need approval: its kind, and the drafts that describe it by name.

    Attributes:
        agreement_id: the agreement that it is about; None if it is about a party or a calendar, or
            creates the agreement.
        deadline_id: the deadline that it is about, if it is a fact about one.
    """

    kind: ProposedChange
    agreement_id: int | None = None
    deadline_id: int | None = None
    drafts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """The approval of a change by a second person.

    Attributes:
        by: who approves it.
        effect: what its proposal said it would weaken; None if the approver confirms whatever it
            weakens now.
    """

    by: User
    effect: str | None


class ApprovalNeeded(Exception):
    """A change was rolled back because a second person must approve it."""

    def __init__(self, change: Change, effect: str) -> None:
        super().__init__(f"A second person must approve this. {effect}")
        self.change = change
        self.effect = effect


_OTHERS = "Deadlines of other agreements that require approval could move."


def others_may_be_hidden() -> bool:
    """Return whether agreements may exist that whoever makes a change does not see.

    What everybody shares, parties and calendars, can move their deadlines. Such a change then needs
    approval in any case: an answer that depended on those agreements would reveal them.
    """
    return current_reader().is_limited and Team.objects.exists()


@contextmanager
def guarding(
    agreement_ids: Collection[int],
    change: Change,
    approval: Approval | None,
    *,
    obligation_ids: Collection[int] | None = None,
    moves_others: bool = False,
) -> Iterator[list[str]]:
    """Compare agreements before and after a change, which runs inside the block.

    The caller has locked them, in a transaction that an exception rolls back. The block may add
    sentences to the list: what else weakens them, or needs approval.

    Args:
        obligation_ids: the only obligations that can change; None: everything can.
        moves_others: whether it can move deadlines of any agreement.

    Raises:
        ApprovalNeeded: the change weakens an agreement that requires approval, or might weaken one
            that the user does not see, and is not approved.
        Invalid: it is approved, but weakens more than its proposal said (at `confirm`).
    """
    rows = Agreement.objects.filter(pk__in=agreement_ids, requires_approval=True)
    # Also agreements that do not exist for whoever makes the change.
    with reading_as(SYSTEM):
        guarded = list(rows.order_by("pk").values_list("pk", flat=True))
        before = [state_of(pk, obligation_ids) for pk in guarded]
    found: list[str] = []
    yield found
    with reading_as(SYSTEM):
        after = [state_of(pk, obligation_ids) for pk in guarded]
    if approval is None:
        moves = moves_others and others_may_be_hidden()
    else:
        moves = _OTHERS in (approval.effect or "")
    for pk, old, new in zip(guarded, before, after, strict=True):
        weakened = [] if old is None else list(weakenings(old, new))
        # Who proposes or approves the change may not see other agreements.
        if pk == change.agreement_id:
            found += weakened
        else:
            moves |= bool(weakened)
    require(change, [_OTHERS, *found] if moves else found, approval)


def require(change: Change, weakened: list[str], approval: Approval | None) -> None:
    """Check that a change that weakens agreements, as these sentences say, is approved.

    Raises:
        ApprovalNeeded: it is not approved.
        Invalid: it weakens more than its proposal said (at `confirm`).
    """
    if not weakened:
        return
    effect = summary(weakened)
    if approval is None:
        raise ApprovalNeeded(change, effect)
    if approval.effect is not None and approval.effect != effect:
        sentence = (
            f"{effect} This was not the case when it was proposed. If it is intended, confirm it."
        )
        raise refusal("confirm", sentence)


def require_for_agreement(
    kind: ProposedChange,
    agreement: Agreement,
    reason: str,
    approval: Approval | None,
    **drafts: object,
) -> None:
    """Check that a change of a whole agreement is approved, if it requires approval.

    Raises:
        ApprovalNeeded: it is not approved.
    """
    if agreement.requires_approval:
        drafts = {"reason": reason, **drafts}
        change = Change(kind=kind, agreement_id=agreement.pk, drafts=drafts)
        count = Deadline.objects.filter(agreement=agreement, is_closed=False).count()
        effect = f"There might be nobody left to notify about its deadlines; {count:,} are open."
        # The number of open deadlines changes by itself.
        confirmed = approval and replace(approval, effect=None)
        require(change, [effect], confirmed)


def dependents(obligation_id: int) -> set[int]:
    """Return an obligation with all that depend on it: by their rules, or as its parents."""
    found = {obligation_id}
    fresh = found
    while fresh:
        rows = Obligation.objects.order_by().filter(pk__in=fresh, parent__isnull=False)
        counting = Dependency.objects.filter(on__in=fresh)
        following = set(counting.values_list("obligation_id", flat=True))
        following |= set(rows.values_list("parent_id", flat=True))
        fresh = following - found
        found |= fresh
    return found
