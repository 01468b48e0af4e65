"""A worker that can be killed at any step: a statement to PostgreSQL, a command to a mail server.

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
# How long a server may take; a machine with much else to do needs some of it.
_WITHIN = 60.0


class Killed(BaseException):
    """The end of a worker. No `except Exception` catches it."""


class PointInTime(Enum):
    """When a worker dies: before a step reaches the server, or when the server has done it and
    its answer lies unread."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(kw_only=True)
class Worker:
    """A process at work, which dies at its step number `dies_at`, counted from 0.

    From then on it is cut off as a killed process is: its sockets are dead and open no more, so
    nothing that `finally` or `__exit__` still tries reaches a server. `trace` is a file in which
    libpq itself writes down what goes over the wire.
    """

    dies_at: int | None = None
    moment: PointInTime = PointInTime.BEFORE
    trace: IO[bytes] | None = None
    steps: list[str] = field(default_factory=list)
    is_dead: bool = False
    _databases: list[psycopg.Connection[Any]] = field(default_factory=list)
    _mail_sockets: list[socket.socket] = field(default_factory=list)

    def work(self, task: Callable[[], object]) -> None:
        """Do a task as a process that has just been started, until it is done or dies.

        Raises what the task raises, unless it is dead by then.
        """
        # What is counted are functions of libraries, which know of no worker but the one at work.
        global _working  # noqa: PLW0603
        connections["default"].close()
        _working = self
        try:
            task()
        except BaseException:
            # The dead say nothing: what `finally` makes of it on the way out is of no concern.
            if not self.is_dead:
                raise
        finally:
            _working = None
            if self.is_dead:
                self._bury()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One exchange with a server."""
        if self.is_dead:
            raise Killed
        is_last = len(self.steps) == self.dies_at
        self.steps.append(name)
        if is_last and self.moment is PointInTime.BEFORE:
            self._die()
        yield
        if is_last:
            self._die()

    def holds(self, database: psycopg.Connection[Any]) -> None:
        """Note that a connection to PostgreSQL belongs to this process."""
        self._databases.append(database)
        if self.trace is not None:
            database.pgconn.trace(self.trace.fileno())

    def mails_through(self, connection: socket.socket) -> None:
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

    def _bury(self) -> None:
        """Take away what a kernel would: descriptors, and with them the server's sessions."""
        del connections["default"]
        for line in self._mail_sockets:
            line.close()
        pids = [database.info.backend_pid for database in self._databases]
        for database in self._databases:
            database.close()
        give_up_at = time.monotonic() + _WITHIN
        with connections["default"].cursor() as cursor:
            cursor.execute(_SESSIONS, [pids])
            while cursor.fetchall():
                assert time.monotonic() < give_up_at, "PostgreSQL goes on with what has died"
                cursor.execute(_SESSIONS, [pids])


_working: Worker | None = None


def count_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every step of a `Worker` at work counted, and fatal if it is the one."""
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
        if (worker := _working) is None:
            return original(*args, **options)
        with worker.step("connect to PostgreSQL"):
            database = original(*args, **options)
            worker.holds(database)
        return database

    return counted


def _exec_command(original: Callable[..., Any]) -> Callable[..., Any]:
    # BEGIN, COMMIT and ROLLBACK.
    def counted(
        database: Any, command: Any, *args: Any, **options: Any
    ) -> Generator[Any, Any, Any]:
        if (worker := _working) is None:
            return (yield from original(database, command, *args, **options))
        with worker.step(_named(command)):
            result = yield from original(database, command, *args, **options)
        return result

    return counted


def _maybe_prepare_gen(original: Callable[..., Any]) -> Callable[..., Any]:
    # Every statement of every cursor.
    def counted(cursor: Any, query: Any, *args: Any, **options: Any) -> Generator[Any, Any, Any]:
        if (worker := _working) is None:
            return (yield from original(cursor, query, *args, **options))
        with worker.step(_named(query.query)):
            result = yield from original(cursor, query, *args, **options)
            pipeline = cursor.connection._pipeline
            if pipeline is not None and len(worker.steps) - 1 == worker.dies_at:
                # Only queued so far; the server is to have done it before the worker dies.
                yield from pipeline._sync_gen()
        return result

    return counted


def _get_socket(original: Callable[..., Any]) -> Callable[..., Any]:
    def counted(smtp: Any, *args: Any) -> Any:
        if (worker := _working) is None:
            return original(smtp, *args)
        with worker.step("connect to SMTP"):
            connection = original(smtp, *args)
            worker.mails_through(connection)
            _await_answer(connection)
        return connection

    return counted


def _send(original: Callable[..., Any]) -> Callable[..., Any]:
    def counted(smtp: Any, said: str | bytes) -> None:
        if (worker := _working) is None:
            original(smtp, said)
            return
        if isinstance(said, str):
            commands = [line.split(maxsplit=1)[0].upper() for line in said.splitlines()]
            with worker.step(f"SMTP {' '.join(commands)}"):
                original(smtp, said)
                _await_answer(smtp.sock)
        else:
            assert said.endswith(_FINAL_DOT)
            half, end = len(said) // 2, len(said) - len(_FINAL_DOT)
            for name, part in (("half", said[:half]), ("the other half", said[half:end])):
                with worker.step(f"SMTP {name} of the body"):
                    original(smtp, part)
            with worker.step("SMTP the final dot"):
                original(smtp, said[end:])
                _await_answer(smtp.sock)

    return counted


def _named(statement: str | bytes) -> str:
    text = statement.decode() if isinstance(statement, bytes) else statement
    return " ".join(text.split())


def _await_answer(connection: socket.socket) -> None:
    assert select.select([connection], [], [], _WITHIN)[0], "the mail server is silent"
