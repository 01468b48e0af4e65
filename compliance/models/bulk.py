"""Reading and writing many rows at once, where the ORM's way would cost several times the work.

One statement whatever the number of rows, inside the caller's transaction. Parameters go to the
server apart from the statement, and instants come back in PostgreSQL's binary form: as text they
would be most of the cost of reading deadlines, which consist of little else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg
from django.db import connection


def fetch(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with _cursor() as cursor:
        return cursor.execute(statement, parameters, binary=True).fetchall()


@contextmanager
def overlapping() -> Iterator[None]:
    """Within the block `write` does not wait for the server, which works while we go on.

    An error of a statement is raised by one that follows, or by the end of the block.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def write(statement: str, rows: Sequence[Mapping[str, Any]], **more: Any) -> None:
    """Run a statement over `rows`, which it reads as `jsonb_to_recordset(%(rows)s)`."""
    if rows:
        with _cursor() as cursor:
            cursor.execute(statement, {"rows": orjson.dumps(rows).decode(), **more})


@contextmanager
def _cursor() -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor
