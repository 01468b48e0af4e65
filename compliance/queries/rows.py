"""Rows straight from SQL: plain values under the names that the API gives them.

SQL and not the ORM, because a row's columns are called as fields of its model are (`agreement`)
but hold what people know (the ref), and because a list page is built this way in half the time.
What varies is only which of a room's conditions hold; values always travel as parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from django.db import connection
from psycopg.types.datetime import TimestamptzLoader

Row = dict[str, Any]

_JSONB = 3802


class Where:
    """The conditions of one question and their values. What is None asks nothing."""

    def __init__(self, **values: Any) -> None:
        self.conditions: list[str] = []
        self.values: dict[str, Any] = values

    def equal(self, **wanted: object) -> Where:
        """Columns (`d__status` for `d.status`) that must have the given values."""
        for name, value in wanted.items():
            if value is not None:
                self.add(f"{name.replace('__', '.')} = %({name})s", **{name: value})
        return self

    def add(self, condition: str, **values: object) -> Where:
        """A condition over named values, unless one of these is None."""
        if None not in values.values():
            self.conditions.append(condition)
            self.values |= values
        return self

    @property
    def sql(self) -> str:
        """The whole clause."""
        return f"WHERE {' AND '.join(self.conditions)}" if self.conditions else ""


def fetch(parts: Iterable[str], values: Mapping[str, Any]) -> list[Row]:
    """The rows of one statement, given in parts."""
    with connection.cursor() as cursor:
        # Django's own reader of instants is Python, and takes longer than the whole statement.
        cursor.cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute("\n".join(parts), values)
        names = [column[0] for column in cursor.description]
        documents = [column[0] for column in cursor.description if column[1] == _JSONB]
        rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    for name in documents:
        for row in rows:
            row[name] = row[name] and orjson.loads(row[name])
    return rows


def one(select: str, where: Where) -> Row | None:
    """The row that a question finds, if it finds one."""
    return next(iter(fetch((select, where.sql), where.values)), None)


def containing(text: str) -> str:
    """`text` as a pattern for LIKE that finds it anywhere, its own wildcards taken literally."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return f"%{text}%"
