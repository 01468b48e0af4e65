"""Store which milestones and obligations the obligations of an agreement depend on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from compliance.domain.deadlines.components import is_done_by_components
from compliance.domain.deadlines.dependencies import references
from compliance.domain.due_dates.due_rules import load_due_rule
from compliance.domain.vocabulary import ObligationKind
from compliance.models import Agreement, Dependency, Obligation
from compliance.models.bulk import fetch, insert


def replace(agreement: Agreement, obligation_ids: Collection[int]) -> None:
    """Replace the dependencies of obligations with those that follow from their rules.

    An obligation that is done when its components are done depends on these too. The caller holds
    the lock of the agreement.
    """
    refs: dict[str, int] = {}
    components: dict[int, set[int]] = defaultdict(set)
    for ref, pk, parent_id in agreement.obligations.order_by().values_list("ref", "id", "parent"):
        refs[ref] = pk
        if parent_id is not None:
            components[parent_id].add(pk)
    milestones = dict(agreement.milestones.values_list("ref", "id"))
    rows = []
    for obligation in Obligation.objects.filter(id__in=obligation_ids).order_by("id"):
        named = references(load_due_rule(obligation.due), load_due_rule(obligation.starts))
        sources = {refs[ref] for ref in named.obligations}
        if is_done_by_components(ObligationKind(obligation.kind), obligation.target_quantity):
            sources |= components[obligation.pk]
        rows += [
            Dependency(obligation=obligation, milestone_id=milestones[ref])
            for ref in sorted(named.milestones)
        ]
        rows += [Dependency(obligation=obligation, on_id=pk) for pk in sorted(sources)]
    former = Dependency.objects.filter(obligation__in=obligation_ids)
    sources_before = set(former.values_list("on_id", flat=True))
    if sources_before:
        former.delete()
    insert(rows)
    changed = (sources_before | {row.on_id for row in rows}) - {None}
    # Mark the sources before anything is computed from them. A sweep that holds one of them does
    # not know the dependents yet, and its result must be visible to the computation.
    if changed:
        fetch(_MARK_SOURCES, ids=list(changed))


_MARK_SOURCES = """
    UPDATE compliance_deadline AS d SET has_dependents = NOT d.has_dependents
    WHERE d.obligation_id = ANY(%(ids)s) AND d.has_dependents <> EXISTS (
        SELECT FROM compliance_dependency AS e WHERE e.on_id = d.obligation_id)
    RETURNING d.id
"""
