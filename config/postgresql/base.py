"""Tells PostgreSQL on whose behalf each statement runs, for its row-level security.

The setting `pacta.reader` and the role are set for one transaction only, so that pooled
connections, and PgBouncer in transaction mode, can serve several users. A transaction begins with
them. A statement outside of a transaction is sent together with them, as one message and so as one
transaction. Without the setting, the policies show nothing.

Superusers, and roles with BYPASSRLS, bypass row-level security. If Pacta connects as one, readers
other than the system use the role `pacta_reader`, which `compliance.models.reader_role` creates. If
that is not possible, their statements fail.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Self

import psycopg
from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

from compliance.domain.people.readers import SYSTEM, Reader, current_reader
from config.postgresql.instants import with_instants

ROLE = "pacta_reader"
# Statements that touch no rows, and of which some must not run in a transaction. Everything else
# gets a reader, also what begins with a parenthesis or a comment.
_TOUCHES_NO_ROWS = re.compile(
    r"\s*(?:alter|analyze|begin|checkpoint|close|cluster|comment|commit|create|deallocate|discard|"
    r"drop|grant|listen|lock|notify|reindex|release|reset|revoke|rollback|savepoint|set|show|start|"
    r"unlisten|vacuum)\b",
    re.IGNORECASE,
)


def reader_text(reader: Reader) -> str:
    """Return the value of `pacta.reader`, which the function `compliance_sight` reads."""
    if reader == SYSTEM:
        return "system"
    if reader.user_id is None and not reader.sees_everything:
        return ""
    fields = {
        "user": reader.user_id,
        "teams": None if reader.teams is None else sorted(reader.teams),
        "agreements": None if reader.agreements is None else sorted(reader.agreements),
    }
    return json.dumps(fields)


def statement_for(reader: Reader, *, bypasses_policies: bool) -> str | None:
    """Return the statement that sets the reader for a transaction. None: nothing to set.

    Args:
        bypasses_policies: whether row-level security does not apply to the role that connects.
    """
    if bypasses_policies and reader == SYSTEM:
        return None
    # The text consists of numbers and fixed words.
    set_reader = f"set_config('pacta.reader', '{reader_text(reader)}', TRUE)"
    role = f", set_config('role', '{ROLE}', TRUE)" if bypasses_policies else ""
    return f"SELECT {set_reader}{role}"


# Django's types do not say that it is a cursor of psycopg.
_Cursor: Any = base.Cursor


class Cursor(_Cursor):  # type: ignore[misc]  # Any: see above
    """Sends each statement outside of a transaction together with its reader."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Execute a statement."""
        query = _text(query, self)
        prefix = self._prefix(query)
        if prefix is None:
            super().execute(query, params, **options)
            return self
        super().execute(f"{prefix}; {query}", params, **options)
        self.nextset()
        return self

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        """Execute a statement once for each set of parameters."""
        query = _text(query, self)
        if self._prefix(query) is None:
            super().executemany(query, params_seq, **options)
            return
        for params in params_seq:
            self.execute(query, params)

    def _prefix(self, query: str) -> str | None:
        if not self.connection.autocommit:
            return None
        if self.connection.info.transaction_status != TransactionStatus.IDLE:
            return None
        if _TOUCHES_NO_ROWS.match(query) is not None:
            return None
        bypasses = bypasses_policies(self.connection)
        return statement_for(current_reader(), bypasses_policies=bypasses)


class DatabaseWrapper(base.DatabaseWrapper):
    """Begins each transaction with its reader."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._bypasses_policies = False
        # The reader that the database knows in this transaction. None: it may be any.
        self._applied: Reader | None = None
        # The limit for waiting for locks that the database knows in this transaction.
        self._lock_timeout: int | None = None

    def limit_lock_waiting(self, milliseconds: int) -> None:
        """Limit how long statements wait for locks, until the transaction ends."""
        if milliseconds == self._lock_timeout:
            return
        self._lock_timeout = None
        with self.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, TRUE)", [str(milliseconds)])
        self._lock_timeout = milliseconds

    def get_connection_params(self) -> dict[str, Any]:
        """Return the parameters of a connection."""
        parameters = super().get_connection_params()
        adapters = with_instants(parameters["context"])
        return {**parameters, "context": adapters, "cursor_factory": Cursor}

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor. One that reads in portions does so only inside a transaction."""
        # It would need the same server for several statements, which PgBouncer does not promise.
        return super().create_cursor(None if self.connection.autocommit else name)

    def recognize_role(self) -> None:
        """Find out whether the policies apply to the role that connects."""
        self._applied = None
        self._bypasses_policies = bypasses_policies(self.connection)

    def apply_reader(self) -> None:
        """Tell the database who reads from now on, until the transaction ends."""
        if self.connection is None or self.connection.closed:
            return
        if self.connection.info.transaction_status == TransactionStatus.INERROR:
            # It can only be rolled back, which restores the reader.
            return
        reader = current_reader()
        if reader == self._applied:
            return
        self._applied = None
        statement = statement_for(reader, bypasses_policies=self._bypasses_policies)
        if statement is None:
            statement = "SELECT set_config('role', 'none', TRUE)"
        with self.wrap_database_errors:
            self.connection.execute(statement)
        self._applied = reader

    def _savepoint_rollback(self, sid: str) -> None:
        # It restores the settings of the moment of the savepoint.
        self._applied = self._lock_timeout = None
        super()._savepoint_rollback(sid)  # type: ignore[misc]  # private, so without a type

    def _set_autocommit(self, autocommit: bool) -> None:
        self._applied = self._lock_timeout = None
        super()._set_autocommit(autocommit)  # type: ignore[misc]  # private, so without a type
        if autocommit:
            return
        self.recognize_role()
        reader = current_reader()
        statement = statement_for(reader, bypasses_policies=self._bypasses_policies)
        if statement is None:
            self._applied = reader
            return
        try:
            with self.wrap_database_errors:
                self.connection.execute(statement)
        except BaseException:
            # Nothing may run in this transaction without its reader.
            with suppress(Exception):
                self.connection.close()
            raise
        self._applied = reader


def _text(query: Any, cursor: Any) -> str:
    """Return a query as text, which psycopg also takes as bytes or composed."""
    if isinstance(query, bytes):
        return query.decode()
    return query if isinstance(query, str) else str(query.as_string(cursor))


def bypasses_policies(connection: Any) -> bool:
    """Return whether row-level security does not apply to the role that connects."""
    # The server reports whether it is a superuser without being asked, for the role in use.
    if connection.info.parameter_status("is_superuser") == "on":
        return True
    known = vars(connection).get("bypasses_policies")
    if known is None:
        found = psycopg.Cursor(connection).execute(_BYPASSES).fetchone()
        known = connection.bypasses_policies = found is not None and bool(found[0])
    return bool(known)


_BYPASSES = "SELECT rolbypassrls FROM pg_roles WHERE rolname = session_user"
