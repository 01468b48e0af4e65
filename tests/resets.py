"""Empty the database after a test that commits: only the tables that it wrote to.

Django truncates all tables, and then stores the content types, permissions and roles anew. That
took most of the time of such tests. It is still done when a test has changed rows that were there
before it, and for roles of PostgreSQL that may not switch triggers off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from django.db import connection, transaction
from django.test import TransactionTestCase

Teardown = Callable[[TransactionTestCase], None]


@contextmanager
def quick() -> Iterator[None]:
    """Reset the current database quickly after tests during the block, where that is possible."""
    # Django has no public name for it.
    flush: Teardown = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # private
    if not _may_switch_triggers_off():
        yield
        return
    contents = Contents.read()

    def reset(case: TransactionTestCase) -> None:
        nonlocal contents
        if case.available_apps is None and contents.restore():
            return
        flush(case)
        contents = Contents.read()

    with patch.object(TransactionTestCase, "_fixture_teardown", reset):
        yield


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What the tables contain before a test: `empty` ones, and `filled` ones with their hashes.

    `last_ids` are the greatest ids of the filled tables that have ids.
    """

    empty: tuple[str, ...]
    filled: dict[str, str]
    last_ids: dict[str, int]

    @classmethod
    def read(cls) -> Contents:
        """Return what the tables contain now."""
        tables = [table for (table,) in _rows(_TABLES)]
        filled = {table for table in tables if _rows(f"SELECT 1 FROM {table} LIMIT 1")}
        with_ids = {table: column for table, column in _rows(_ID_COLUMNS) if table in filled}
        return cls(
            empty=tuple(table for table in tables if table not in filled),
            filled={table: _hash(table) for table in sorted(filled)},
            last_ids={
                f"{table}.{column}": _rows(f"SELECT max({column}) FROM {table}")[0][0]
                for table, column in with_ids.items()
            },
        )

    def restore(self) -> bool:
        """Remove the rows that were added. False: others were changed, and nothing is restored."""
        with transaction.atomic():
            # It waits for transactions that the test has left open, as TRUNCATE does.
            _run(f"LOCK TABLE {', '.join((*self.empty, *self.filled))}")
            _run("SET LOCAL session_replication_role = replica")
            for table in self._written():
                _run(f"DELETE FROM {table}")
            for name, last in self.last_ids.items():
                table, column = name.split(".")
                _run(f"DELETE FROM {table} WHERE {column} > {last}")
            is_restored = all(_hash(table) == known for table, known in self.filled.items())
            transaction.set_rollback(not is_restored)
        return is_restored

    def _written(self) -> list[str]:
        checks = ", ".join(f"EXISTS (SELECT 1 FROM {table})" for table in self.empty)
        [found] = _rows(f"SELECT {checks}")
        return [table for table, is_written in zip(self.empty, found, strict=True) if is_written]


_TABLES = """
    SELECT format('%I', relname) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
      AND relname <> 'django_migrations'
    ORDER BY relname
"""

_ID_COLUMNS = """
    SELECT format('%I', c.relname), format('%I', a.attname)
    FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indrelid
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    WHERE i.indisprimary AND i.indnatts = 1 AND a.atttypid IN ('int4'::regtype, 'int8'::regtype)
      AND c.relnamespace = 'public'::regnamespace
"""


def _hash(table: str) -> str:
    row = _rows(f"SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} AS t")[0]
    return str(row[0])


def _may_switch_triggers_off() -> bool:
    return bool(_rows("SELECT has_parameter_privilege('session_replication_role', 'SET')")[0][0])


def _rows(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
