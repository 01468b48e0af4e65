"""Read rows with SQL, as plain values with the field names of the API.

SQL is used instead of the ORM because a column such as `agreement` has the name of a model field
but contains the ref, and because a page takes half the time. Only the set of conditions varies;
values are always parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg
from django.db import OperationalError, connection, transaction
from psycopg.types.datetime import TimestamptzLoader

from compliance.domain.problems import Invalid
from compliance.models.searching import FOLDED

Row = dict[str, Any]

_JSONB = 3802
_STOPPED = (psycopg.errors.QueryCanceled, psycopg.errors.ConfigurationLimitExceeded)


class Where:
    """The conditions of a query and their values. A condition with a None value is left out."""

    def __init__(self, **values: Any) -> None:
        self.conditions: list[str] = []
        self.values: dict[str, Any] = values

    def equal(self, **wanted: object) -> Where:
        """Require columns (`d__status` for `d.status`) to have the given values."""
        for name, value in wanted.items():
            if value is not None:
                self.add(f"{name.replace('__', '.')} = %({name})s", **{name: value})
        return self

    def add(self, condition: str, **values: object) -> Where:
        """Add a condition over named values, unless one of them is None."""
        if None not in values.values():
            self.conditions.append(condition)
            self.values |= values
        return self

    @property
    def sql(self) -> str:
        """Return the WHERE clause."""
        return f"WHERE {' AND '.join(self.conditions)}" if self.conditions else ""


def array(ids: Iterable[int]) -> str:
    """Return ids as the text of an array in SQL: a list of a thousand takes 1 ms longer."""
    return f"{{{','.join(map(str, ids))}}}"


def fetch(parts: Iterable[str], values: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a statement, which is given in parts."""
    with connection.cursor() as cursor:
        # Django parses instants in Python, which takes longer than the whole statement.
        cursor.cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute("\n".join(parts), values)
        names = [column[0] for column in cursor.description]
        documents = [column[0] for column in cursor.description if column[1] == _JSONB]
        rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    for name in documents:
        for row in rows:
            row[name] = row[name] and orjson.loads(row[name])
    return rows


@contextmanager
def limited_to(seconds: float, refused: Invalid) -> Iterator[None]:
    """Let each statement of the block run only so long.

    Raises:
        Invalid: `refused`, if one takes longer, or more temporary files than the server allows.
    """
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                # For this transaction, because a pooler may give the connection to others.
                # A limit of 0 would be none.
                milliseconds = str(max(1, round(seconds * 1000)))
                cursor.execute("SELECT set_config('statement_timeout', %s, TRUE)", [milliseconds])
            yield
    except OperationalError as error:
        if not isinstance(error.__cause__, _STOPPED):
            raise
        raise refused from error


def one(select: str, where: Where) -> Row | None:
    """Return the matching row, or None."""
    return next(iter(fetch((select, where.sql), where.values)), None)


def containing(name: str, *columns: str) -> str:
    """Return the condition that one of the columns contains the text of a value.

    Case, accents and normalisation do not matter (see `compliance.models.searching`).
    """
    text = f"{FOLDED}(%({name})s)"
    return f"({' OR '.join(f'strpos({FOLDED}({column}), {text}) > 0' for column in columns)})"
