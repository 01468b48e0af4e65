"""What the checks for tampering find, and how they read: in batches, each in one snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection, transaction

from compliance.models.system.jobs import Problem

BATCH = 1_000

# If a whole database was overwritten, the first thousand rows suffice.
MOST_KEPT = 1_000

CHANGED = (
    "Its hash does not match its values and the previous row: it was changed, or the row "
    "before it was removed, added or replaced."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    """A bad row (of a chain, the first one) and its problem."""

    table: str
    id: int | None
    deadline: int | None = None
    agreement: int | None = None
    detail: str

    def __str__(self) -> str:
        of = (("deadline", self.deadline), ("agreement", self.agreement))
        where = "".join(f", {name} {pk}" for name, pk in of if pk is not None)
        return f"{self.table} {'-' if self.id is None else self.id}{where}: {self.detail}"


@dataclass(kw_only=True, slots=True)
class Findings:
    """The counts and findings of a check.

    `quarantined` counts quarantined deadlines: their chains were checked, their status was not.
    `gaps` describes what was purged: the proof covers only the hashes of these rows.
    """

    deadlines: int = 0
    facts: int = 0
    entries: int = 0
    seals: int = 0
    quarantined: int = 0
    bad: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether no problem was found."""
        return not self.bad

    @property
    def problems(self) -> list[Problem]:
        """Return the bad rows as JSON."""
        return [
            Problem(
                about=row.table,
                id=row.id,
                detail=row.detail,
                deadline=row.deadline,
                agreement=row.agreement,
            )
            for row in self.bad_rows
        ]

    def add(self, row: BadRow) -> None:
        """Record a bad row."""
        self.bad += 1
        if len(self.bad_rows) < MOST_KEPT:
            self.bad_rows.append(row)

    def merge(self, other: Findings) -> None:
        """Add the findings of another check."""
        self.deadlines += other.deadlines
        self.facts += other.facts
        self.entries += other.entries
        self.quarantined += other.quarantined
        for row in other.bad_rows:
            self.add(row)
        self.bad += other.bad - len(other.bad_rows)


@contextmanager
def snapshot() -> Iterator[None]:
    """Read everything within the block from one snapshot."""
    is_own = not connection.in_atomic_block
    with transaction.atomic():
        if is_own:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
