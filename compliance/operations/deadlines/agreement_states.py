"""Load everything about an agreement that a change can weaken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from compliance.domain.agreements.weakening import (
    AgreementState,
    DeadlineState,
    MilestoneState,
    ObligationState,
)
from compliance.domain.civil_time import UnknownTimeZone
from compliance.domain.deadlines.demands import Demand, demand
from compliance.domain.deadlines.facts import Fact
from compliance.models import Agreement, Deadline, Milestone, ObligationParty, Responsibility
from compliance.models.deadlines.fact_values import facts_about
from compliance.models.deadlines.terms import Duty, duty_of, terms_of

# What identifies a row, and what the service itself keeps about it.
_KEPT_BY_THE_SERVICE = frozenset(
    {"id", "ref", "agreement", "parent", "facts_head", "created_at", "recorded_at", "archived_by",
     "archive_reason"}
)  # fmt: skip


def state_of(pk: int, obligation_ids: Collection[int] | None) -> AgreementState | None:
    """Return everything about an agreement that can be weakened; None if it does not exist.

    Args:
        obligation_ids: the only obligations whose deadlines matter; None: everything does.
    """
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
    values = values_of(agreement)
    values["archived_at"] = agreement.archived_at is not None or None
    return AgreementState(
        ref=agreement.ref,
        values=values,
        parties=frozenset(agreement.parties.values_list("code", flat=True)),
        teams=frozenset(agreement.team_links.values_list("team__slug", flat=True)),
        milestones={each.ref: _milestone(each) for each in agreement.milestones.all()},
        obligations=_obligations(agreement),
        deadlines=_deadlines(agreement=agreement),
    )


def values_of(row: Any) -> dict[str, Any]:
    """Return the columns of an agreement or obligation that can be weakened."""
    return {
        each.name: getattr(row, each.attname)
        for each in row._meta.concrete_fields
        if each.name not in _KEPT_BY_THE_SERVICE and not each.generated
    }


def _milestone(row: Milestone) -> MilestoneState:
    dates = {each["party"]: each for each in row.dates or ()}
    has_date = row.on is not None or row.at is not None
    return MilestoneState(
        date=(row.on, row.precision, row.at) if has_date else None, party_dates=dates, due=row.due
    )


def _obligations(agreement: Agreement) -> dict[str, ObligationState]:
    sides: dict[int, set[tuple[str, str]]] = defaultdict(set)
    rows = ObligationParty.objects.order_by().filter(agreement=agreement)
    for pk, capacity, code in rows.values_list("obligation_id", "capacity", "party__code"):
        sides[pk].add((capacity, code))
    obligations = list(agreement.obligations.order_by())
    responsible: dict[int, set[str]] = defaultdict(set)
    named = Responsibility.objects.order_by().filter(obligation__agreement=agreement)
    for one in named.select_related("user", "team"):
        responsible[one.obligation_id].add(one.name)
    components: dict[int | None, set[str]] = defaultdict(set)
    for each in obligations:
        components[each.parent_id].add(each.ref)
    return {
        each.ref: ObligationState(
            values=values_of(each),
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
