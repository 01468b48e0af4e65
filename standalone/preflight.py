"""Checks before the start. Each failure is one line that names the setting and what to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection
from kombu import Connection
from kombu.exceptions import KombuError

from compliance.queries.system import row_security
from standalone.locks import try_exclusive


@contextmanager
def only_instance(var_dir: Path) -> Iterator[None]:
    """Make sure that no other `up` uses this data folder while the block runs.

    Raises:
        CommandError: another one does, or the folder cannot be written.
    """
    path = var_dir / "up.lock"
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("a"))
        except OSError as error:
            sentence = (
                f"{error.filename} cannot be written ({error.strerror}): "
                "make it writable, or set VAR_DIR to another folder"
            )
            raise CommandError(sentence) from error
        if not try_exclusive(file):
            sentence = (
                f"Pacta is already running with VAR_DIR {var_dir}: stop it first, "
                "or set VAR_DIR to another folder and PORT to another port"
            )
            raise CommandError(sentence)
        yield


def require_free_port(host: str, port: int) -> None:
    """Check that the web server can listen on this address.

    Raises:
        CommandError: it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sentence = (
                f"PORT {port} on {host} cannot be used ({error.strerror}): "
                "stop the program that uses it, or set PORT to another port"
            )
            raise CommandError(sentence) from error


def require_database() -> None:
    """Check that the database accepts connections.

    Raises:
        CommandError: it does not.
    """
    # Not through the connection pool: its error says only that waiting timed out.
    parameters = connection.get_connection_params()
    try:
        psycopg.connect(**parameters).close()
    except psycopg.Error as error:
        raise CommandError(_unusable("DATABASE_URL", error)) from error


def require_row_security() -> None:
    """Check that what readers may not see is also hidden by the database.

    Raises:
        CommandError: the role of DATABASE_URL makes it impossible, or the tables lack policies.
    """
    parameters = {
        **connection.get_connection_params(),
        "cursor_factory": psycopg.Cursor,
        "autocommit": True,
    }
    with psycopg.connect(**parameters) as server:
        found = row_security.fault(server)
    if found is not None:
        raise CommandError(found)


def require_broker() -> None:
    """Check that the broker accepts connections.

    Raises:
        CommandError: it does not.
    """
    try:
        with Connection(settings.BROKER_URL, connect_timeout=5) as broker:
            broker.ensure_connection(max_retries=1, timeout=5)
    except (OSError, KombuError, ValueError, KeyError) as error:
        raise CommandError(_unusable("REDIS_URL", error)) from error


def _unusable(setting: str, error: Exception) -> str:
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "no answer")
    return f"{setting} cannot be used ({reason}): correct it, or unset it for the embedded server"
