"""Replacements in other agreements that name obligations which a purge removes.

Such a fact cannot stay without its successor. Once it is retracted, it no longer has any effect, so
the purge removes it with its retraction. Until then, the purge is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from compliance.domain.deadlines.facts import superseding
from compliance.domain.phrases import counted
from compliance.domain.problems import refusal
from compliance.models import Agreement, Fact, User
from compliance.models.locks import lock_for_removal
from compliance.models.people.readers import reader_of
from compliance.models.visibility import visible_to

MOST_NAMED = 5
"""How many of the replacements a refusal names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignFacts:
    """The facts of other agreements that a purge removes: replacements, and their retractions.

    `since` says when the first of them was recorded, by the obligation that it is about.
    """

    ids: set[int] = field(default_factory=set)
    since: Mapping[int, datetime] = field(default_factory=dict)


def lock_with_others(agreement_id: int) -> Agreement:
    """Lock an agreement for removal, and those whose replacements name its obligations."""
    named = Fact.objects.filter(successor__agreement=agreement_id)
    others = named.exclude(deadline__agreement=agreement_id).values_list("deadline__agreement")
    locked = {
        pk: lock_for_removal(pk) for pk in sorted({agreement_id, *(pk for (pk,) in others if pk)})
    }
    return locked[agreement_id]


def among(fact_ids: Collection[int], agreement: Agreement, *, by: User | None) -> ForeignFacts:
    """Return the facts of other agreements among those that a purge of an agreement removes.

    Raises:
        Invalid: one of them is effective. It is named if the user sees its agreement.
    """
    found = Fact.objects.filter(pk__in=fact_ids, deadline__isnull=False)
    found = found.exclude(deadline__agreement=agreement)
    facts = list(found.select_related("deadline__obligation", "deadline__agreement").order_by("id"))
    effective = _effective(facts)
    if effective:
        _refuse(effective, agreement, by=by)
    since: dict[int, datetime] = {}
    for fact in facts:
        assert fact.deadline is not None
        obligation_id = fact.deadline.obligation_id
        since[obligation_id] = min(fact.recorded_at, since.get(obligation_id, fact.recorded_at))
    return ForeignFacts(ids={fact.pk for fact in facts}, since=since)


def _effective(facts: Sequence[Fact]) -> list[Fact]:
    """Return those that name a successor and that no other one supersedes."""
    ended = superseding((each.pk, each.kind, each.supersedes_id) for each in facts)
    return [each for each in facts if each.successor_id is not None and each.pk not in ended]


def _refuse(effective: Sequence[Fact], agreement: Agreement, *, by: User | None) -> None:
    seen = {each.deadline.agreement_id for each in effective if each.deadline is not None}
    if by is not None:
        agreements = visible_to(Agreement.objects.filter(pk__in=seen), reader_of(by))
        seen = set(agreements.values_list("pk", flat=True))
    named = [
        f"fact {each.pk} about {each.deadline.obligation.ref} of {each.deadline.agreement.ref}"
        for each in effective
        if each.deadline is not None and each.deadline.agreement_id in seen
    ]
    shown = named[:MOST_NAMED]
    if rest := len(effective) - len(shown):
        shown.append(counted(rest, "other replacement"))
    sentence = (
        f"Replacements in other agreements name obligations of {agreement.ref} as successors: "
        f"{'; '.join(shown)}. Retract them first. The purge then removes them too."
    )
    raise refusal("", sentence)
