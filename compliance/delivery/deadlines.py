"""The deadlines that messages report, with all that is reported about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

from django.db.models import Prefetch

from compliance.domain.deadlines.explanations import Case, FactTold, Passed, changes
from compliance.domain.deadlines.ledger import Entry, current_history
from compliance.domain.vocabulary import Verification
from compliance.models import Deadline, Evidence, Fact, ObligationParty, Position
from compliance.models.deadlines.facts import fact_told
from compliance.models.deadlines.ledger import ledger_of


def load_deadlines(ids: Iterable[int]) -> dict[int, Deadline]:
    """Return deadlines by id, with obligation, agreement, parties, latest positions and evidence.

    The number of queries does not depend on the number of deadlines.
    """
    sides = ObligationParty.objects.select_related("party").order_by("id")
    latest_positions = (
        Position.objects.select_related("party")
        .order_by("deadline_id", "party_id", "-stated_at", "-id")
        .distinct("deadline_id", "party_id")
    )
    return (
        Deadline.objects.select_related("obligation", "agreement")
        .defer("trace", "moves")
        .prefetch_related(
            Prefetch("positions", latest_positions),
            Prefetch("obligation__sides", sides),
            Prefetch("obligation__evidence", Evidence.objects.only("stance")),
        )
        .in_bulk(set(ids))
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Histories:
    """The ledger entries of deadlines, each with the due day of its time, and their facts."""

    entries: dict[int, list[tuple[date | None, Entry]]]
    facts: dict[int, FactTold]

    @classmethod
    def load(cls, deadline_ids: Iterable[int]) -> Self:
        """Return the histories of deadlines, in a fixed number of queries."""
        entries: dict[int, list[tuple[date | None, Entry]]] = defaultdict(list)
        fact_ids: set[int] = set()
        for deadline_id, due_on, entry in ledger_of(deadline_ids):
            entries[deadline_id].append((due_on, entry))
            if entry.fact_id is not None:
                fact_ids.add(entry.fact_id)
        facts = Fact.objects.filter(pk__in=fact_ids).prefetch_related("evidence")
        return cls(entries=dict(entries), facts={fact.pk: fact_told(fact) for fact in facts})

    def paragraph(self, deadline: Deadline) -> str:
        """Return what has happened since a deadline was agreed, in one paragraph."""
        case = Case(
            timezone=deadline.timezone,
            course=_transitions(self.entries.get(deadline.pk, ())),
            facts=self.facts,
            verification=Verification(deadline.verification),
            unit=deadline.obligation.unit,
        )
        return " ".join(changes(case))


def _transitions(entries: Sequence[tuple[date | None, Entry]]) -> list[Passed]:
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
