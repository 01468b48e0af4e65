"""Leave out what does not exist for a reader: the predicate of `models.visibility`, as SQL.

Functions that read rows of agreements take the reader, so that none can be forgotten. The policies
of the database hide the same rows independently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import count
from typing import Any

from django.db.models import QuerySet

from compliance.models.people.readers import Reader
from compliance.models.visibility import hidden_from, visible_to
from compliance.queries.rows import Where

_PLACE = re.compile("%s")


def hide_unseen(where: Where, reader: Reader, *, agreement: str) -> None:
    """Leave out rows of the agreements that do not exist for a reader.

    Args:
        agreement: the column with the agreement's id.
    """
    if reader.is_limited:
        where.add(seen(where, reader, agreement=agreement))


def hide_unseen_rows(where: Where, reader: Reader, *, rows: QuerySet[Any], row_id: str) -> None:
    """Leave out rows that do not exist for a reader, where more than their agreement decides.

    Args:
        rows: all rows of their model.
        row_id: the column with the row's id.
    """
    if reader.is_limited:
        visible = visible_to(rows, reader).order_by().values("pk")
        found = _named(where, *visible.query.sql_with_params(), name="visible")
        where.add(f"{row_id} IN ({found})")


def seen(where: Where, reader: Reader, *, agreement: str) -> str:
    """Return the condition that an agreement exists for a reader. `where` gets its values.

    PostgreSQL computes the hidden agreements once per statement, into a hash table.

    Args:
        agreement: the column with the agreement's id.
    """
    if not reader.is_limited:
        return "TRUE"
    return f"{agreement} NOT IN ({_named(where, *_hidden_agreements(reader), name='unseen')})"


# Composing the statement takes longer than a page of a list.
@lru_cache(maxsize=1_000)
def _hidden_agreements(reader: Reader) -> tuple[str, tuple[Any, ...]]:
    statement, values = hidden_from(reader).query.sql_with_params()
    return statement, tuple(values)


def _named(where: Where, statement: str, values: Iterable[Any], *, name: str) -> str:
    """Return a statement, whose values `where` gets under names."""
    numbers = count()
    where.values |= {f"{name}_{number}": value for number, value in enumerate(values)}
    return _PLACE.sub(lambda _: f"%({name}_{next(numbers)})s", statement)
