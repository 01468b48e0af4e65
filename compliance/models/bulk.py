"""Reading and writing many rows at once, where the ORM's way would cost several times the work.

One statement whatever the number of rows, inside the caller's transaction. Parameters go to the
server apart from the statement, and instants come back in PostgreSQL's binary form: as text they
would be most of the cost of reading deadlines, which consist of little else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

import orjson
import psycopg
from django.db import connection
from psycopg.generators import fetch_many, send
from psycopg.pq import ExecStatus, TransactionStatus


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
def under_way(statement: str, **parameters: Any) -> Iterator[None]:
    """Within the block the server works at a statement; after it, what that did is committed.

    For a statement that is run over and over: it is planned once a connection. It reads its
    parameters as `json_to_record($1)`, and must return no rows, as a migration could change those
    under its plan. Within the block the database must not be asked for anything else.
    """
    connection.ensure_connection()
    database = connection.connection
    with connection.wrap_database_errors:
        _send(database, statement, orjson.dumps(parameters))
    try:
        yield
    except BaseException:
        with suppress(psycopg.Error):
            _hear(database)
        raise
    with connection.wrap_database_errors:
        _hear(database)


# What each connection has planned for `under_way`, and under which name.
_planned: WeakKeyDictionary[psycopg.Connection[Any], dict[str, bytes]] = WeakKeyDictionary()


def _send(database: psycopg.Connection[Any], statement: str, parameters: bytes) -> None:
    if not database.autocommit and database.info.transaction_status == TransactionStatus.IDLE:
        # Psycopg begins a transaction with its first statement, and is passed by below.
        database.execute("SELECT")
    names = _planned.setdefault(database, {})
    if statement not in names:
        name = f"under_way_{len(names)}".encode()
        # By the protocol: a pooler would not know of what PREPARE has planned.
        database.pgconn.send_prepare(name, statement.encode())
        database.wait(send(database.pgconn))
        _hear(database)
        names[statement] = name
    # Psycopg itself has no way to send a statement and come back for the outcome.
    database.pgconn.send_query_prepared(names[statement], [parameters])
    database.wait(send(database.pgconn))


def _hear(database: psycopg.Connection[Any]) -> None:
    for result in database.wait(fetch_many(database.pgconn)):
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)


@contextmanager
def _cursor() -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor
