"""Stored facts or positions, each of which matches one row of a document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import datetime
from typing import Generic, TypeVar

from compliance.models import Fact, Position

RecordT = TypeVar("RecordT", Fact, Position)


class Pool(Generic[RecordT]):
    """Stored rows, each of which matches one row of the document."""

    def __init__(
        self,
        rows: Iterable[RecordT],
        *,
        identities: Callable[[RecordT], Iterable[Hashable]],
        slot: Callable[[RecordT], Hashable],
    ) -> None:
        self._slot: Callable[[RecordT], Hashable] = slot
        self._equal: dict[Hashable, list[RecordT]] = defaultdict(list)
        self._similar: dict[Hashable, list[RecordT]] = defaultdict(list)
        self._taken: set[int] = set()
        for row in reversed(list(rows)):
            for identity in identities(row):
                self._equal[identity].append(row)
            self._similar[slot(row)].append(row)

    def equal(
        self,
        *identities: Hashable,
        stated_at: datetime | None,
        replaced_at: Mapping[int, datetime],
        is_exact: bool,
    ) -> RecordT | None:
        """Take a stored row with the first of these identities of which one is left.

        What is stated after such a row was replaced is stated anew.

        Args:
            stated_at: when this became known, if the document says so.
            replaced_at: when stored rows were replaced by others, by id.
            is_exact: whether the row must have become known at this instant, too.
        """
        for identity in identities:
            rows = self._equal.get(identity, [])
            while rows and rows[-1].pk in self._taken:
                rows.pop()
            left = [each for each in reversed(rows) if each.pk not in self._taken]
            if is_exact:
                found = [each for each in left if each.recorded_at == stated_at]
            elif stated_at is None:
                found = left
            else:
                found = [each for each in left if stated_at <= replaced_at.get(each.pk, stated_at)]
            if found:
                self._taken.add(found[0].pk)
                return found[0]
        return None

    def is_taken(self, row_id: int) -> bool:
        """Return whether a row of the document matches this stored row."""
        return row_id in self._taken

    def similar(self, row: RecordT) -> RecordT | None:
        """Take a stored row of the same sort and date, if there is one left."""
        return self._take(self._similar.get(self._slot(row), []))

    def _take(self, rows: list[RecordT]) -> RecordT | None:
        while rows:
            row = rows.pop()
            if row.pk not in self._taken:
                self._taken.add(row.pk)
                return row
        return None
