"""Leave out what does not exist for a reader: the predicate of `models.visibility`, as SQL.

Functions that read rows of agreements take the reader, so that none can be forgotten. The policies
of the database hide the same rows independently.
"""

from __future__ import annotations

import re
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
        where.add(f"{row_id} IN ({_named(where, visible, 'visible')})")


def seen(where: Where, reader: Reader, *, agreement: str) -> str:
    """Return the condition that an agreement exists for a reader. `where` gets its values.

    PostgreSQL computes the hidden agreements once per statement, into a hash table.

    Args:
        agreement: the column with the agreement's id.
    """
    if not reader.is_limited:
        return "TRUE"
    return f"{agreement} NOT IN ({_named(where, hidden_from(reader), 'unseen')})"


def _named(where: Where, rows: QuerySet[Any, Any], name: str) -> str:
    """Return the statement of a query, whose values `where` gets under names."""
    statement, values = rows.query.sql_with_params()
    numbers = count()
    where.values |= {f"{name}_{number}": value for number, value in enumerate(values)}
    return _PLACE.sub(lambda _: f"%({name}_{next(numbers)})s", statement)
