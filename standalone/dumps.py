"""Dumps the database and restores it, with the programs of the server's own version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal

import psycopg
from django.db import connection
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo

from standalone import binaries
from standalone.archives import BackupError, pieces
from standalone.server import ServerError, failure_reason

Server = psycopg.Connection[tuple[object, ...]]

# The owner of the tables sees only the rows that the policies show to the reader.
AS_SYSTEM = "-c pacta.reader=system"

_MAY_LIFT = "SELECT has_parameter_privilege('temp_file_limit', 'SET')"

# Debian keeps the programs of every version beside each other.
_FOLDERS = Path("/usr/lib/postgresql")


def connect() -> Server:
    """Open a connection of its own to the database.

    Raises:
        BackupError: the database does not answer.
    """
    try:
        return psycopg.connect(address(), autocommit=True)
    except psycopg.OperationalError as error:
        raise BackupError(f"The database does not answer: {str(error).splitlines()[0]}") from error


def major_version(server: Server) -> int:
    """Return the major version of the server."""
    return server.info.server_version // 10_000


def dump(server: Server, *, snapshot: str) -> Iterator[bytes]:
    """Yield a dump of the database as of an exported snapshot, in pg_dump's custom format.

    Raises:
        BackupError: there is no matching pg_dump, or it failed.
    """
    command = [program("pg_dump", major_version(server)), *_common_options()]
    command += ["--format=custom", "--enable-row-security", f"--snapshot={snapshot}"]
    with tempfile.TemporaryFile() as errors, _running(command, errors) as process:
        assert process.stdout is not None
        yield from pieces(process.stdout)
        _finish(process, errors, "The database cannot be dumped")


def restore(server: Server, content: Iterable[bytes]) -> None:
    """Restore a dump, completely or not at all.

    Raises:
        BackupError: there is no matching pg_restore, or it failed.
    """
    settings = restoring_settings(server)
    command = [program("pg_restore", major_version(server)), *_common_options(settings)]
    command += ["--exit-on-error", "--single-transaction"]
    with tempfile.TemporaryFile() as errors, _running(command, errors) as process:
        assert process.stdin is not None
        # If it ends early, it says why.
        with suppress(BrokenPipeError):
            for piece in content:
                process.stdin.write(piece)
            process.stdin.close()
        _finish(process, errors, "The database cannot be restored")


def restoring_settings(server: Server) -> str:
    """Return the settings of the connection that restores.

    The limit of temporary files is for requests. The index of a large table may need more, so it
    does not apply here, if the role may lift it.
    """
    [may_lift] = server.execute(_MAY_LIFT).fetchone() or [False]
    return f"{AS_SYSTEM} -c temp_file_limit=-1" if may_lift else AS_SYSTEM


def require_programs(server: Server) -> None:
    """Make sure that the programs for this server are there, before anything begins.

    Raises:
        BackupError: they are not.
    """
    for name in ("pg_dump", "pg_restore"):
        program(name, major_version(server))


def program(name: Literal["pg_dump", "pg_restore"], major: int) -> str:
    """Return the path of a client program of this major version.

    Raises:
        BackupError: there is none.
    """
    found = {}
    for path in _candidates(name, major):
        version = _version_of(path)
        if version is not None and int(version.partition(".")[0]) == major:
            return str(path)
        if version is not None:
            found[version] = path
    others = "".join(f", not that of {version} ({path})" for version, path in found.items())
    raise BackupError(
        f"The server is PostgreSQL {major} and needs the {name} of that version{others}: install "
        f"the client programs of PostgreSQL {major} (Debian: postgresql-client-{major}), or put "
        "them on PATH"
    )


def _candidates(name: str, major: int) -> Iterator[Path]:
    with suppress(ServerError):
        yield binaries.postgres_folder() / name
    yield _FOLDERS / str(major) / "bin" / name
    if on_path := shutil.which(name):
        yield Path(on_path)


def _version_of(program: Path) -> str | None:
    try:
        answer = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\b\d+(?:\.\d+)*\b", answer.stdout)
    return match and match[0]


def _common_options(settings: str = AS_SYSTEM) -> list[str]:
    # Roles belong to the server, and the restored database to whoever restores it. Without its
    # privileges, too: each start grants them again.
    options = ["--no-owner", "--no-privileges", "--no-password"]
    # As the system, to whom the policies show every row.
    return [*options, "--enable-row-security", f"--dbname={address(settings, secret=False)}"]


def _running(command: list[str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
    # The password is passed in the environment, because everybody can see command lines.
    password = str(connection.get_connection_params().get("password") or "")
    secret = {"PGPASSWORD": password} if password else {}
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A file, unlike a pipe, never makes the program wait for a reader.
        stderr=errors,
        env={**os.environ, **secret, "LC_ALL": "C"},
    )


def _finish(process: subprocess.Popen[bytes], errors: IO[bytes], sentence: str) -> None:
    if process.wait() != 0:
        errors.seek(0)
        text = errors.read().decode(errors="replace")
        raise BackupError(f"{sentence}: {failure_reason(text)}")


def address(settings: str = AS_SYSTEM, *, secret: bool = True) -> str:
    """Return how to connect to the database, with these settings of the session."""
    known = {each.keyword.decode() for each in Conninfo.get_defaults()}
    parameters = connection.get_connection_params()
    hidden = set() if secret else {"password"}
    chosen = {name: parameters[name] for name in (known - hidden) & {*parameters}}
    options = f"{chosen.pop('options', '')} {settings}".strip()
    return make_conninfo(**chosen, options=options)
