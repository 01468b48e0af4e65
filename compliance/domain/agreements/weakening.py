"""Whether a change of an agreement ends, moves or weakens one of its obligations.

The agreement before the change is compared with the agreement after it, so that it does not matter
through which entry point, or by which field, the change was made. Only a change that is known to
weaken nothing passes: a new field weakens until this module says that it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from compliance.domain.deadlines.demands import Demand, weakening
from compliance.domain.due_dates.due_rules import load_due_rule
from compliance.domain.due_dates.rule_types import DateRule
from compliance.domain.vocabulary import Severity, TargetBound

# Names and descriptions, by which nothing is decided.
_DESCRIPTIVE = frozenset({"title", "text", "clause"})
# How many weakenings are named.
MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class ObligationState:
    """The stored values of an obligation, and those who belong to it.

    Attributes:
        values: by name.
        sides: its parties, each with its capacity.
        responsible: the names of the users and teams who are responsible for it.
        components: the refs of its components.
    """

    values: Mapping[str, Any]
    sides: frozenset[tuple[str, str]]
    responsible: frozenset[str]
    components: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class MilestoneState:
    """The date of a milestone, the dates that it has for single parties, and its due rule."""

    date: tuple[object, ...] | None
    party_dates: Mapping[str, object]
    due: object


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadlineState:
    """The ref and number of a deadline, and what it demands."""

    name: str
    demand: Demand


@dataclass(frozen=True, kw_only=True, slots=True)
class AgreementState:
    """Everything about an agreement that can be weakened.

    Attributes:
        values: its stored values by name.
        milestones: by ref.
        obligations: by ref.
        deadlines: by id.
    """

    ref: str
    values: Mapping[str, Any]
    parties: frozenset[str]
    teams: frozenset[str]
    milestones: Mapping[str, MilestoneState]
    obligations: Mapping[str, ObligationState]
    deadlines: Mapping[int, DeadlineState]


def weakenings(before: AgreementState, after: AgreementState | None) -> Iterator[str]:
    """Yield how an agreement is weaker than before, in sentences.

    Args:
        after: None if the agreement no longer exists.
    """
    if before == after:
        return
    if after is None:
        yield f"Agreement {before.ref} would be removed."
        return
    yield from _of_terms(before, after)
    for ref, obligation in before.obligations.items():
        yield from _of_obligation(ref, obligation, after.obligations.get(ref))
    for pk, deadline in before.deadlines.items():
        now = after.deadlines.get(pk)
        found = weakening(deadline.demand, None if now is None else now.demand)
        if found is not None:
            yield f"{deadline.name} {found}."


def _of_terms(before: AgreementState, after: AgreementState) -> Iterator[str]:
    for name, old in before.values.items():
        new = after.values.get(name)
        if old != new and not _is_harmless_to_agreement(name, new):
            yield f"{name} of agreement {before.ref} would change."
    for code in sorted(before.parties - after.parties):
        yield f"{code} would no longer be a party to agreement {before.ref}."
    if after.values.get("visibility") == before.values.get("visibility"):
        for team in sorted(before.teams - after.teams):
            yield f"Team {team} would no longer see agreement {before.ref}."
        for team in sorted(after.teams - before.teams):
            yield f"Team {team} would see agreement {before.ref}, and could approve its proposals."
    for ref, milestone in before.milestones.items():
        yield from _of_milestone(ref, milestone, after.milestones.get(ref))


def _of_milestone(ref: str, before: MilestoneState, after: MilestoneState | None) -> Iterator[str]:
    """Yield how a milestone changes that deadlines may count from, also those without a date yet.

    To give it a date or a rule that it did not have is to record an event.
    """
    if before.date is not None and (after is None or after.date != before.date):
        yield f"The date of milestone {ref} would change."
    elif before.due is not None and (after is None or after.due != before.due):
        yield f"The rule of milestone {ref} would change."
    for party, date in before.party_dates.items():
        if after is None or after.party_dates.get(party) != date:
            yield f"The date of milestone {ref} for {party} would change."


def _is_harmless_to_agreement(name: str, new: object) -> bool:
    if name in _DESCRIPTIVE or name == "kind":
        return True
    if name == "archived_at":
        return new is None
    return name == "requires_approval" and new is True


def _of_obligation(
    ref: str, before: ObligationState, after: ObligationState | None
) -> Iterator[str]:
    if after is None:
        yield f"Obligation {ref} would be removed."
        return
    for name, old in before.values.items():
        new = after.values.get(name)
        if old != new and not _is_harmless(name, old, new, after.values):
            yield f"{name} of {ref} would change."
    if before.sides != after.sides:
        yield f"The obligors or obligees of {ref} would change."
    for name in sorted(before.responsible - after.responsible):
        yield f"{name} would no longer be responsible for {ref}."
    if before.components != after.components:
        yield f"The components of {ref} would change."


def _is_harmless(name: str, old: Any, new: Any, values: Mapping[str, Any]) -> bool:
    """Return whether the changed value of an obligation cannot weaken it.

    A due date and a date on which the period starts are compared by the deadlines that they give.
    """
    if name in _DESCRIPTIVE:
        return True
    if name == "severity":
        order = list(Severity)
        return order.index(Severity(new)) > order.index(Severity(old))
    if name == "tags":
        return set(new) >= set(old)
    if name == "owner":
        return old is None
    if name == "grace":
        return new is None
    if name == "survives_termination":
        return new is True
    if name == "target_quantity":
        if old is None or new is None:
            return old is None
        return bool((new < old) is (values["target_bound"] == TargetBound.AT_MOST))
    if name == "due":
        return old is None or (_is_one_date(old) and _is_one_date(new))
    return False


def _is_one_date(rule: Any) -> bool:
    """Return whether a due rule gives one date, so that its stored deadline shows all it does."""
    try:
        return rule is not None and isinstance(load_due_rule(rule), DateRule)
    except ValueError:
        return False


def summary(found: list[str]) -> str:
    """Return weakenings as one text; the number of others follows the first few."""
    rest = len(found) - MOST_NAMED
    named = " ".join(found[:MOST_NAMED])
    return f"{named} And {rest:,} more." if rest > 0 else named
