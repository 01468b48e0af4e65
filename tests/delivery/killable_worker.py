"""A worker that can be killed at any step: a statement to PostgreSQL or a command to a mail server.

Steps are counted where psycopg and smtplib write to the socket, so that every way to send a
statement is counted: BEGIN and COMMIT, cursors of Django and of psycopg, pipelines. `Worker.trace`
allows a test to check this against the bytes on the wire.
"""

from __future__ import annotations

import os
import select
import smtplib
import socket
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import IO, Any

import psycopg
import pytest
from django.db import connections

_FINAL_DOT = b".\r\n"
_SESSIONS = "SELECT FROM pg_stat_activity WHERE pid = ANY(%s)"
# How long a server may take. A loaded machine needs some of it.
_WITHIN = 60.0


class Killed(BaseException):
    """The end of a worker. No `except Exception` catches it."""


class KillTime(Enum):
    """When a worker is killed: before a step reaches the server, or before its answer is read."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(kw_only=True)
class Worker:
    """A process that is killed at its step number `dies_at`, counted from 0.

    From then on it is cut off like a killed process: its sockets are shut down and it opens no
    more, so nothing that `finally` or `__exit__` still tries reaches a server. `trace` is a file
    to which libpq itself writes the protocol messages.
    """

    dies_at: int | None = None
    kill_time: KillTime = KillTime.BEFORE
    trace: IO[bytes] | None = None
    steps: list[str] = field(default_factory=list)
    is_dead: bool = False
    _databases: list[psycopg.Connection[Any]] = field(default_factory=list)
    _sessions: list[int] = field(default_factory=list)
    _mail_sockets: list[socket.socket] = field(default_factory=list)

    def work(self, task: Callable[[], object]) -> None:
        """Run a task like a process that has just started, until it ends or the worker is killed.

        Raises the exception of the task, unless the worker is dead by then.
        """
        # The patched library functions have no argument through which to find the current worker.
        global _current  # noqa: PLW0603
        connections["default"].close()
        _current = self
        try:
            task()
        except BaseException:
            # A killed process raises nothing, so errors during the unwinding do not matter.
            if not self.is_dead:
                raise
        finally:
            _current = None
            if self.is_dead:
                self._clean_up()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count one exchange with a server, and kill the worker if it is the last one."""
        if self.is_dead:
            raise Killed
        is_last = len(self.steps) == self.dies_at
        self.steps.append(name)
        if is_last and self.kill_time is KillTime.BEFORE:
            self._die()
        yield
        if is_last:
            self._die()

    def add_database(self, database: psycopg.Connection[Any]) -> None:
        """Note that a connection to PostgreSQL belongs to this process."""
        self._databases.append(database)
        # A connection that the unwinding has closed no longer knows it.
        self._sessions.append(database.info.backend_pid)
        if self.trace is not None:
            database.pgconn.trace(self.trace.fileno())

    def add_mail_socket(self, connection: socket.socket) -> None:
        """Note that a connection to a mail server belongs to this process."""
        self._mail_sockets.append(connection)

    def _die(self) -> None:
        self.is_dead = True
        for database in self._databases:
            with socket.socket(fileno=os.dup(database.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
        for line in self._mail_sockets:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        raise Killed

    def _clean_up(self) -> None:
        """Close what a kernel would close: descriptors, and with them server sessions."""
        del connections["default"]
        for line in self._mail_sockets:
            line.close()
        for database in self._databases:
            database.close()
        give_up_at = time.monotonic() + _WITHIN
        with connections["default"].cursor() as cursor:
            cursor.execute(_SESSIONS, [self._sessions])
            while cursor.fetchall():
                assert time.monotonic() < give_up_at, "PostgreSQL still has its sessions"
                cursor.execute(_SESSIONS, [self._sessions])


_current: Worker | None = None


def count_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count every step of the current `Worker`, and kill it at the chosen one."""
    for owner, name, counted in (
        (psycopg, "connect", _connect),
        (psycopg.Connection, "_exec_command", _exec_command),
        (psycopg.Cursor, "_maybe_prepare_gen", _maybe_prepare_gen),
        (smtplib.SMTP, "_get_socket", _get_socket),
        (smtplib.SMTP, "send", _send),
    ):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))


def _connect(original: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*args: Any, **options: Any) -> Any:
        if (worker := _current) is None:
            return original(*args, **options)
        with worker.step("connect to PostgreSQL"):
            database = original(*args, **options)
            worker.add_database(database)
        return database

    return counted


def _exec_command(original: Callable[..., Any]) -> Callable[..., Any]:
    # BEGIN, COMMIT and ROLLBACK.
    def counted(
        database: Any, command: Any, *args: Any, **options: Any
    ) -> Generator[Any, Any, Any]:
        if (worker := _current) is None:
            return (yield from original(database, command, *args, **options))
        with worker.step(_named(command)):
            result = yield from original(database, command, *args, **options)
        return result

    return counted


def _maybe_prepare_gen(original: Callable[..., Any]) -> Callable[..., Any]:
    # Every statement of every cursor.
    def counted(cursor: Any, query: Any, *args: Any, **options: Any) -> Generator[Any, Any, Any]:
        if (worker := _current) is None:
            return (yield from original(cursor, query, *args, **options))
        with worker.step(_named(query.query)):
            result = yield from original(cursor, query, *args, **options)
            pipeline = cursor.connection._pipeline
            if pipeline is not None and len(worker.steps) - 1 == worker.dies_at:
                # It is only queued; the server must execute it before the worker is killed.
                yield from pipeline._sync_gen()
        return result

    return counted


def _get_socket(original: Callable[..., Any]) -> Callable[..., Any]:
    def counted(smtp: Any, *args: Any) -> Any:
        if (worker := _current) is None:
            return original(smtp, *args)
        with worker.step("connect to SMTP"):
            connection = original(smtp, *args)
            worker.add_mail_socket(connection)
            _await_answer(connection)
        return connection

    return counted


def _send(original: Callable[..., Any]) -> Callable[..., Any]:
    def counted(smtp: Any, data: str | bytes) -> None:
        if (worker := _current) is None:
            original(smtp, data)
            return
        if isinstance(data, str):
            commands = [line.split(maxsplit=1)[0].upper() for line in data.splitlines()]
            with worker.step(f"SMTP {' '.join(commands)}"):
                original(smtp, data)
                _await_answer(smtp.sock)
        else:
            assert data.endswith(_FINAL_DOT)
            half, end = len(data) // 2, len(data) - len(_FINAL_DOT)
            for name, part in (("half", data[:half]), ("the other half", data[half:end])):
                with worker.step(f"SMTP {name} of the body"):
                    original(smtp, part)
            with worker.step("SMTP the final dot"):
                original(smtp, data[end:])
                _await_answer(smtp.sock)

    return counted


def _named(statement: str | bytes) -> str:
    text = statement.decode() if isinstance(statement, bytes) else statement
    return " ".join(text.split())


def _await_answer(connection: socket.socket) -> None:
    assert select.select([connection], [], [], _WITHIN)[0], "the mail server is silent"
