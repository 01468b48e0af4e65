"""How the deadlines in a message came to stand where they stand, by what is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date

from compliance.delivery.deadlines import ToldDeadline
from compliance.domain.explanations import Case, FactTold, Passed, StepKind, explain
from compliance.domain.ledger import Entry, held_course
from compliance.domain.vocabulary import Verification
from compliance.models import Fact
from compliance.models.deadlines import ledger_of
from compliance.models.facts import fact_told


def reasons(deadlines: Mapping[int, ToldDeadline]) -> dict[int, str]:
    """By the ids of deadlines, in one paragraph what happened since each was agreed."""
    rows: dict[int, list[tuple[date | None, Entry]]] = defaultdict(list)
    for deadline_id, due_on, entry in ledger_of(deadlines):
        rows[deadline_id].append((due_on, entry))
    courses = {pk: _course(several) for pk, several in rows.items()}
    facts = _facts({each.fact_id for course in courses.values() for each in course if each.fact_id})
    found = {}
    for pk, course in courses.items():
        deadline = deadlines[pk]
        explained = explain(
            Case(
                timezone=deadline.timezone,
                course=course,
                facts=facts,
                verification=Verification(deadline.verification),
                unit=deadline.unit,
            )
        )
        steps = [step for step in explained.steps if step.kind in {StepKind.TIME, StepKind.FACT}]
        found[pk] = " ".join(step.sentence for step in steps[1:])
    return found


def _course(rows: Collection[tuple[date | None, Entry]]) -> list[Passed]:
    days = {(entry.recorded_at, entry.effective_at): due_on for due_on, entry in rows}
    return [
        Passed(
            effective_at=entry.effective_at,
            status=entry.status,
            reason=entry.reason,
            fact_id=entry.fact_id,
            due_on=days[entry.recorded_at, entry.effective_at],
            due_at=entry.due_at,
            performed=entry.performed,
            target=entry.target,
        )
        for entry in held_course([entry for _, entry in rows])
    ]


def _facts(ids: Collection[int]) -> dict[int, FactTold]:
    rows = Fact.objects.filter(pk__in=ids).prefetch_related("evidence") if ids else []
    return {fact.pk: fact_told(fact) for fact in rows}
