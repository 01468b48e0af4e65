"""What a document is imported into, and what the import of its records added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Set
from dataclasses import dataclass, field
from datetime import datetime

from compliance.domain.agreements.import_reports import ImportMode
from compliance.models import Agreement, User


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
