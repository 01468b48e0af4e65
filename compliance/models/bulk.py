"""Read and write many rows with one statement, where the ORM would be several times slower.

Every function runs inside the transaction of the caller. Parameters are sent separately from the
statement. Instants arrive in the binary format of PostgreSQL: parsing them as text would take most
of the time of reading deadlines, which consist mainly of instants.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import orjson
import psycopg
from django.db import connection, transaction
from django.db.models import Model
from django.db.models.expressions import DatabaseDefault

ModelT = TypeVar("ModelT", bound=Model)


class RowType:
    """The columns of the rows that `write_rows` passes to a statement, with their SQL types.

    A statement reads the rows from `rows`, which is SQL for a table named `v`. Each column is
    passed as an array: PostgreSQL parses those two to three times as fast as JSON records. A
    column that has the same value in all rows is passed as this one value, except the first
    column, which must not be null: it says how many rows there are.
    """

    def __init__(self, **types: str) -> None:
        self.names = tuple(types)
        arrays = ", ".join(f"%(v_{name})s::{type_}[]" for name, type_ in types.items())
        # A shorter array is continued with nulls. Not COALESCE: PostgreSQL takes it to be leaky,
        # and would find no row by an index behind row-level security.
        columns = ", ".join(
            f"CASE WHEN _v.{name} IS NULL THEN (%(same_{name})s::{type_}[])[1] "
            f"ELSE _v.{name} END AS {name}"
            for name, type_ in types.items()
        )
        self.rows = f"(SELECT {columns} FROM unnest({arrays}) AS _v({', '.join(types)})) AS v"

    def parameters(self, rows: Sequence[Sequence[Any]]) -> dict[str, str]:
        """Return the parameters of a statement that reads `rows`; there must be at least one."""
        found = {}
        columns = zip(*rows, strict=True)
        for position, (name, column) in enumerate(zip(self.names, columns, strict=True)):
            is_same = position > 0 and column.count(column[0]) == len(column)
            found[f"v_{name}"] = array(() if is_same else column)
            found[f"same_{name}"] = array(column[:1] if is_same else ())
        return found


def fetch(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with _cursor() as cursor:
        return cursor.execute(statement, parameters, binary=True).fetchall()


@contextmanager
def overlapping() -> Iterator[None]:
    """Continue without waiting for the server within the block.

    The error of a failed statement is raised by a later statement, or at the end of the block.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def write(statement: str, rows: Sequence[Mapping[str, Any]], **more: Any) -> None:
    """Run a statement over `rows`, which it reads with `jsonb_to_recordset(%(rows)s)`.

    For few rows, or rows that contain JSON; `write_rows` is faster.
    """
    if rows:
        with _cursor() as cursor:
            cursor.execute(statement, {"rows": orjson.dumps(rows).decode(), **more})


def write_rows(
    statement: str, row_type: RowType, rows: Sequence[Sequence[Any]], **more: Any
) -> None:
    """Run a statement over `rows`, which it reads from `row_type.rows`.

    Args:
        rows: their values in the order of the columns of `row_type`.
        more: other parameters of the statement.
    """
    if rows:
        with _cursor() as cursor:
            cursor.execute(statement, {**row_type.parameters(rows), **more})


def insert(rows: Sequence[ModelT]) -> None:
    """Store new rows of one model with one statement, and give ids to those without.

    `bulk_create` does the same; this takes a fifth of its time.

    Raises:
        ValueError: a row sets a column that the first one leaves to the database, or the reverse.
    """
    if not rows:
        return
    first = rows[0]
    fields = [each for each in type(first)._meta.concrete_fields if not each.generated]
    columns = [each for each in fields if not _is_left_to_database(first, each)]
    left = [each for each in fields if each not in columns]
    stored, names = [each.column for each in columns], [each.attname for each in columns]
    key = next((index for index, each in enumerate(columns) if each.primary_key), None)
    values = []
    for row in rows:
        found = [getattr(row, name) for name in names]
        # Searching among the types is several times faster than calling a function per value.
        if (
            DatabaseDefault in map(type, found)
            or (key is not None and found[key] is None)
            or not all(_is_left_to_database(row, each) for each in left)
        ):
            sentence = "All rows must leave the same columns to the database."
            raise ValueError(sentence)
        values.append(dict(zip(stored, found, strict=True)))
    table = type(first)._meta.db_table
    listed = ", ".join(f'"{column}"' for column in stored)
    with _cursor() as cursor:
        keys = cursor.execute(
            f"INSERT INTO {table} ({listed}) "
            f"SELECT {listed} FROM json_populate_recordset(NULL::{table}, %(rows)s::json) "
            "RETURNING id",
            {"rows": orjson.dumps(values, default=_json_text).decode()},
        ).fetchall()
    for row, (pk,) in zip(rows, keys, strict=True):
        row.pk = pk
        row._state.adding = False


def _is_left_to_database(row: Model, field: Any) -> bool:
    value = getattr(row, field.attname)
    return isinstance(value, DatabaseDefault) or (field.primary_key and value is None)


def update(rows: Sequence[Model], names: Collection[str]) -> None:
    """Store some fields of stored rows of one model with one statement.

    Args:
        names: the fields as attributes; that of a foreign key ends in `_id`.
    """
    if not rows:
        return
    model = type(rows[0])
    columns = [
        (each.column, each.attname) for each in model._meta.concrete_fields if each.attname in names
    ]
    values = [
        {"id": row.pk, **{column: getattr(row, name) for column, name in columns}} for row in rows
    ]
    table = model._meta.db_table
    settings = ", ".join(f'"{column}" = v."{column}"' for column, _ in columns)
    with _cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} AS t SET {settings} "
            f"FROM json_populate_recordset(NULL::{table}, %(rows)s::json) AS v WHERE t.id = v.id",
            {"rows": orjson.dumps(values, default=_json_text).decode()},
        )


def _json_text(value: Any) -> str:
    """Return what `json_populate_recordset` reads as this number or these bytes."""
    return f"\\x{bytes(value).hex()}" if isinstance(value, bytes | memoryview) else str(value)


def next_ids(model: type[Model], count: int) -> list[int]:
    """Draw the ids of rows that are about to be stored, in ascending order."""
    table = model._meta.db_table
    return [pk for (pk,) in fetch(_NEXT_IDS, table=table, count=count)]


_NEXT_IDS = """
    SELECT nextval(pg_get_serial_sequence(%(table)s, 'id')) FROM generate_series(1, %(count)s)
"""


def array(values: Sequence[Any]) -> str:
    """Return the PostgreSQL literal of an array of numbers, strings, dates, instants or None.

    It equals a JSON array with other brackets, unless a string contains an escape.
    """
    text = orjson.dumps(values, default=str)
    if b"\\" in text:
        text = b"[" + b",".join(map(_element, values)) + b"]"
    return f"{{{text[1:-1].decode()}}}"


def _element(value: Any) -> bytes:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'.encode()
    return orjson.dumps(value, default=str)


@contextmanager
def _cursor() -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    with ExitStack() as stack:
        if connection.get_autocommit():
            # A transaction begins by telling the database who reads.
            stack.enter_context(transaction.atomic())
        connection.ensure_connection()
        stack.enter_context(connection.wrap_database_errors)
        yield stack.enter_context(psycopg.Cursor(connection.connection))
