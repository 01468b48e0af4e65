"""How the deadlines in a message came to stand where they stand, by what is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from compliance.domain.explanations import Case, FactTold, Passed, StepKind, explain
from compliance.domain.ledger import held_course
from compliance.domain.vocabulary import Verification
from compliance.models import Deadline, Fact, LedgerEntry
from compliance.models.deadlines import entry_of
from compliance.models.facts import fact_told


def reasons(deadlines: Mapping[int, Deadline]) -> dict[int, str]:
    """By the ids of deadlines, in one paragraph what happened since each was agreed."""
    rows: dict[int, list[LedgerEntry]] = defaultdict(list)
    for row in LedgerEntry.objects.filter(deadline__in=deadlines):
        rows[row.deadline_id].append(row)
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
                unit=deadline.obligation.unit,
            )
        )
        steps = [step for step in explained.steps if step.kind in {StepKind.TIME, StepKind.FACT}]
        found[pk] = " ".join(step.sentence for step in steps[1:])
    return found


def _course(rows: Collection[LedgerEntry]) -> list[Passed]:
    days = {(row.recorded_at, row.effective_at): row.due_on for row in rows}
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
        for entry in held_course([entry_of(row) for row in rows])
    ]


def _facts(ids: Collection[int]) -> dict[int, FactTold]:
    rows = Fact.objects.filter(pk__in=ids).prefetch_related("evidence") if ids else []
    return {fact.pk: fact_told(fact) for fact in rows}
