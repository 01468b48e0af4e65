"""How the deadlines in a message came to stand where they stand, by what is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

from compliance.delivery.deadlines import ToldDeadline
from compliance.domain.deadlines.explanations import Case, FactTold, Passed, changes
from compliance.domain.deadlines.ledger import Entry, current_history
from compliance.domain.vocabulary import Verification
from compliance.models import Fact
from compliance.models.deadlines.facts import fact_told
from compliance.models.deadlines.ledger import ledger_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Reasons:
    """What became of deadlines. `entries` are those of the ledger, each with the due day of then,
    by deadline."""

    entries: dict[int, list[tuple[date | None, Entry]]]
    facts: dict[int, FactTold]

    @classmethod
    def of(cls, deadline_ids: Iterable[int]) -> Self:
        """What is stored of deadlines, by their ids."""
        entries: dict[int, list[tuple[date | None, Entry]]] = defaultdict(list)
        fact_ids = set()
        for deadline_id, due_on, entry in ledger_of(deadline_ids):
            entries[deadline_id].append((due_on, entry))
            if entry.fact_id is not None:
                fact_ids.add(entry.fact_id)
        return cls(entries=dict(entries), facts=_facts(fact_ids))

    def why(self, deadline: ToldDeadline) -> str:
        """In one paragraph what happened since a deadline was agreed."""
        case = Case(
            timezone=deadline.timezone,
            course=_course(self.entries.get(deadline.id, ())),
            facts=self.facts,
            verification=Verification(deadline.verification),
            unit=deadline.unit,
        )
        return " ".join(changes(case))


def _course(entries: Sequence[tuple[date | None, Entry]]) -> list[Passed]:
    days = {(entry.recorded_at, entry.effective_at): due_on for due_on, entry in entries}
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
        for entry in current_history([entry for _, entry in entries])
    ]


def _facts(ids: Collection[int]) -> dict[int, FactTold]:
    rows = Fact.objects.filter(pk__in=ids).prefetch_related("evidence") if ids else []
    return {fact.pk: fact_told(fact) for fact in rows}
