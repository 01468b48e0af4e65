"""Hold back changes that weaken agreements which require approval.

An operation makes its change inside `guarding`. The agreement before is compared with the agreement
after it; a weaker one is refused with `ApprovalNeeded`, which rolls the change back. The entry
point then proposes the change instead, and a second person's approval runs the same operation again
with an `Approval`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from compliance.domain.agreements.weakening import (
    AgreementState,
    DeadlineState,
    ObligationState,
    summary,
    weakenings,
)
from compliance.domain.civil_time import UnknownTimeZone
from compliance.domain.deadlines.demands import Demand, demand
from compliance.domain.deadlines.facts import Fact
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import ProposedChange
from compliance.models import (
    Agreement,
    Deadline,
    Dependency,
    Obligation,
    ObligationParty,
    Responsibility,
    Team,
    User,
)
from compliance.models.deadlines.fact_values import facts_about
from compliance.models.deadlines.terms import Duty, duty_of, terms_of
from compliance.models.people.readers import SYSTEM, current_reader, reading_as

# What identifies a row, and what the service itself keeps about it.
_KEPT_BY_THE_SERVICE = frozenset(
    {"id", "ref", "agreement", "parent", "facts_head", "created_at", "recorded_at", "archived_by",
     "archive_reason"}
)  # fmt: skip


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
        before = [_state(pk, obligation_ids) for pk in guarded]
    found: list[str] = []
    yield found
    with reading_as(SYSTEM):
        after = [_state(pk, obligation_ids) for pk in guarded]
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
        sentence = f"{effect} That was not so when it was proposed. If it is intended, confirm it."
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
        effect = f"Nobody might be notified about its deadlines any more; {count:,} are open."
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


def _state(pk: int, obligation_ids: Collection[int] | None) -> AgreementState | None:
    agreement = Agreement.objects.filter(pk=pk).first()
    if agreement is None:
        return None
    if obligation_ids is not None:
        return AgreementState(
            ref=agreement.ref,
            values={},
            parties=frozenset(),
            teams=frozenset(),
            milestones={},
            obligations={},
            deadlines=_deadlines(obligation__in=obligation_ids),
        )
    values = _values(agreement)
    values["archived_at"] = agreement.archived_at is not None or None
    return AgreementState(
        ref=agreement.ref,
        values=values,
        parties=frozenset(agreement.parties.values_list("code", flat=True)),
        teams=frozenset(agreement.team_links.values_list("team__slug", flat=True)),
        milestones={each.ref: each.on or each.at for each in agreement.milestones.all()},
        obligations=_obligations(agreement),
        deadlines=_deadlines(agreement=agreement),
    )


def _values(row: Any) -> dict[str, Any]:
    return {
        each.name: getattr(row, each.attname)
        for each in row._meta.concrete_fields
        if each.name not in _KEPT_BY_THE_SERVICE and not each.generated
    }


def _obligations(agreement: Agreement) -> dict[str, ObligationState]:
    sides: dict[int, set[tuple[str, str]]] = defaultdict(set)
    rows = ObligationParty.objects.order_by().filter(agreement=agreement)
    for pk, capacity, code in rows.values_list("obligation_id", "capacity", "party__code"):
        sides[pk].add((capacity, code))
    responsible: dict[int, set[str]] = defaultdict(set)
    named = Responsibility.objects.order_by().filter(obligation__agreement=agreement)
    for one in named.select_related("user", "team"):
        responsible[one.obligation_id].add(one.name)
    obligations = list(agreement.obligations.order_by())
    components: dict[int | None, set[str]] = defaultdict(set)
    for each in obligations:
        components[each.parent_id].add(each.ref)
    return {
        each.ref: ObligationState(
            values=_values(each),
            sides=frozenset(sides[each.pk]),
            responsible=frozenset(responsible[each.pk]),
            components=frozenset(components[each.pk]),
        )
        for each in obligations
    }


def _deadlines(**condition: Any) -> dict[int, DeadlineState]:
    rows = Deadline.objects.order_by("pk").filter(**condition)
    deadlines = list(rows.select_related("obligation__agreement"))
    duties = {each.pk: duty_of(each.obligation) for each in deadlines}
    surviving = {pk for pk, duty in duties.items() if duty.survives_termination}
    failures: dict[int, UnknownTimeZone] = {}
    facts = facts_about(deadlines, surviving=surviving, failures=failures)
    found = {}
    for each in deadlines:
        name = each.obligation.ref if each.number == 1 else f"{each.obligation.ref} #{each.number}"
        duty = duties[each.pk]
        found[each.pk] = DeadlineState(name=name, demand=_demand(each, duty, facts, failures))
    return found


def _demand(
    deadline: Deadline,
    duty: Duty,
    facts: Mapping[int, list[Fact]],
    failures: Collection[int],
) -> Demand:
    if deadline.pk not in failures:
        try:
            return demand(terms_of(deadline, duty), facts.get(deadline.pk, []))
        except UnknownTimeZone:
            pass
    return Demand(kind=duty.kind, bound=duty.target_bound, timelines=None)
