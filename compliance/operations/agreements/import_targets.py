"""What a document is imported into, and what the import of its records added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from compliance.domain.agreements.import_reports import ImportMode
from compliance.models import Agreement, Fact, User
from compliance.operations.deadlines import schedule
from compliance.operations.deadlines.facts import affected_deadlines


@dataclass(frozen=True, slots=True)
class ImportTarget:
    """The agreement into which a document is imported.

    Attributes:
        is_new: it was created for the document.
        new_refs: the obligations that were created for the document.
        approved_by: the second person, if the import needed approval and has it.
    """

    agreement: Agreement
    is_new: bool
    new_refs: Collection[str]
    mode: ImportMode
    by: User | None
    as_of: datetime
    approved_by: User | None = None


@dataclass(kw_only=True, slots=True)
class Added:
    """Which deadlines are affected, and the ids of the rows that were added.

    `facts` and `positions` are the places of the new rows in the document, by id.

    `guarded` counts the new facts by kind that need approval if the agreement requires it.

    `recorded_at` is when the first fact about each deadline became known, by deadline. `searched`
    are the deadlines of the search logs. `early` are the ones that exist because of the facts.
    """

    deadline_ids: set[int] = field(default_factory=set)
    searched: set[int] = field(default_factory=set)
    recorded_at: dict[int, datetime] = field(default_factory=dict)
    facts: dict[int, str] = field(default_factory=dict)
    positions: dict[int, str] = field(default_factory=dict)
    evidence: list[int] = field(default_factory=list)
    guarded: Counter[str] = field(default_factory=Counter)
    early: Set[int] = frozenset()

    def note(self, stored: Sequence[Fact], target: ImportTarget) -> None:
        """Note the deadlines that stored facts affect, and reschedule those that they move.

        Args:
            stored: in the order in which they became known.
        """
        redated = set()
        of_agreement: list[datetime] = []
        for fact in stored:
            if fact.deadline is None:
                of_agreement.append(fact.recorded_at)
                continue
            self.deadline_ids.add(fact.deadline.pk)
            # The first one is kept.
            self.recorded_at.setdefault(fact.deadline.pk, fact.recorded_at)
            if fact.due_at is not None or fact.supersedes_id is not None:
                redated.add(fact.deadline.obligation_id)
        if of_agreement:
            affected = affected_deadlines(target.agreement)
            self.deadline_ids |= affected
            for pk in affected:
                since = self.recorded_at.get(pk, of_agreement[0])
                self.recorded_at[pk] = min(since, of_agreement[0])
        if redated:
            self.deadline_ids |= schedule.reschedule(redated, as_of=target.as_of).touched
