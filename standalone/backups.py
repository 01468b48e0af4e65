"""Backups of the database and the evidence files, in one file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from compliance.models.evidence.evidence import path_of
from standalone import archives, dumps
from standalone.archives import BackupError
from standalone.dumps import Server


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What a backup contains, or what was restored."""

    rows: int
    files: int
    warnings: list[str]


def back_up(path: Path, *, as_of: datetime) -> Report:
    """Store everything in a new file, while the service may run.

    The database is dumped as of one snapshot. Files are only ever added, so that all files of the
    snapshot are still there afterwards, unless a purge removes them. The finished file is read
    again and all hashes are compared before it gets its name.

    Raises:
        BackupError: it was not possible; there is no file of that name.
    """
    with closing(dumps.connect()) as server:
        dumps.require_programs(server)
        server.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = str(_value(server, "SELECT pg_export_snapshot()"))
        with archives.new_archive(path) as archive:
            size, digest = archive.add(archives.DATABASE, dumps.dump(server, snapshot=snapshot))
            files, warnings = _add_files(archive, server)
            counts = _row_counts(server)
            archive.finish(
                {
                    "created_at": as_of,
                    "postgresql": dumps.major_version(server),
                    "migrations": _applied(server),
                    "database": {"size": size, "sha256": digest},
                    "rows": counts,
                    "files": files,
                }
            )
    return Report(rows=sum(counts.values()), files=len(files), warnings=warnings)


def _add_files(archive: archives.ArchiveWriter, server: Server) -> tuple[dict[str, int], list[str]]:
    """Add all evidence files; return the size of each by its hash, and which are damaged."""
    sizes: dict[str, int] = {}
    warnings = []
    for (stored,) in server.execute(_FILES).fetchall():
        sha256 = str(stored)
        try:
            with path_of(sha256).open("rb") as content:
                size, digest = archive.add(
                    f"{archives.FILES}{sha256}", archives.pieces(content), sha256=sha256
                )
        except FileNotFoundError:
            digest, size = "", 0
        if digest == sha256:
            sizes[sha256] = size
        else:
            problem = "has changed" if digest else "is missing"
            warnings.append(f"{path_of(sha256)} {problem} and is not in the backup.")
    return sizes, warnings


def restore(path: Path) -> Report:
    """Restore a backup into an empty database, and its files into FILES_DIR.

    The backup is checked completely before anything is written. The database is restored in one
    transaction.

    Raises:
        BackupError: it was not possible. The database is still empty, except when rows are missing
            in the end, which the message says.
    """
    manifest = archives.verified(path)
    with closing(dumps.connect()) as server:
        dumps.require_programs(server)
        _require_fit(server, manifest, path)
        with archives.opened(path) as archive:
            made = _restore_files(archive)
            try:
                content = archives.pieces_of(archive, archive.getmember(archives.DATABASE))
                dumps.restore(server, content)
            except BaseException:
                for each in made:
                    each.unlink(missing_ok=True)
                raise
        counts = _row_counts(server)
    if counts != manifest["rows"]:
        differing = sorted(name for name in {*counts, *manifest["rows"]}
                           if counts.get(name) != manifest["rows"].get(name))  # fmt: skip
        raise BackupError(
            f"Rows are missing after the restore, in {', '.join(differing)}: drop the database, "
            "create an empty one, and restore again"
        )
    return Report(rows=sum(counts.values()), files=len(manifest["files"]), warnings=[])


def _require_fit(server: Server, manifest: dict[str, Any], path: Path) -> None:
    """Refuse to restore into a database with tables, or into an older server or Pacta."""
    if table := _value(server, _ANY_TABLE):
        raise BackupError(
            f"The database is not empty (it has a table {table}): set DATABASE_URL to an empty "
            "database or, for the embedded server, VAR_DIR to an empty folder"
        )
    if manifest["postgresql"] > dumps.major_version(server):
        raise BackupError(
            f"{path} comes from PostgreSQL {manifest['postgresql']}, but the server is "
            f"PostgreSQL {dumps.major_version(server)}: restore into a server that is not older"
        )
    known = MigrationLoader(connection).disk_migrations or {}
    if unknown := [each for each in manifest["migrations"] if tuple(each) not in known]:
        raise BackupError(
            f"{path} was made by another version of Pacta (migration {'.'.join(unknown[0])} is not "
            "known here): restore it with that version or a newer one"
        )


def _restore_files(archive: Any) -> list[Path]:
    """Write the evidence files that are not there yet; return their paths."""
    made: list[Path] = []
    folder: Path = settings.FILES_DIR
    try:
        for member in archive.getmembers():
            if not member.name.startswith(archives.FILES):
                continue
            target = path_of(member.name.removeprefix(archives.FILES))
            target.parent.mkdir(parents=True, exist_ok=True)
            number, draft = tempfile.mkstemp(dir=folder, prefix="new-")
            try:
                with os.fdopen(number, "wb") as file:
                    for piece in archives.pieces_of(archive, member):
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                is_new = not target.exists()
                # It replaces a damaged file as well: the hash is in the name.
                Path(draft).replace(target)
            finally:
                Path(draft).unlink(missing_ok=True)
            if is_new:
                made.append(target)
    except OSError as error:
        for each in made:
            each.unlink(missing_ok=True)
        raise BackupError(
            f"FILES_DIR {folder} cannot be written ({error.strerror}): make space, or set "
            "FILES_DIR to another folder"
        ) from error
    return made


def _row_counts(server: Server) -> dict[str, int]:
    counts = {}
    for (name,) in server.execute(_TABLES).fetchall():
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(str(name)))
        [(count,)] = server.execute(query).fetchall()
        counts[str(name)] = int(str(count))
    return counts


def _applied(server: Server) -> list[tuple[str, str]]:
    found = server.execute("SELECT app, name FROM django_migrations ORDER BY id").fetchall()
    return [(str(app), str(name)) for app, name in found]


def _value(server: Server, query: str) -> object:
    rows: Iterator[tuple[object, ...]] = iter(server.execute(query.encode()).fetchall())
    return next(rows, (None,))[0]


_FILES = b"SELECT DISTINCT sha256 FROM compliance_evidencefile ORDER BY sha256"
_TABLES = b"""
    SELECT c.relname FROM pg_class AS c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' ORDER BY c.relname
"""
_ANY_TABLE = """
    SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY c.relname LIMIT 1
"""
