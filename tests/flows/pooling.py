"""Readers behind PgBouncer: several share two server connections, and see only their own rows.

`python -m tests.flows.pooling [--seconds N]`, or `make pooling`, needs the program `pgbouncer`. It
starts a real PostgreSQL and a real PgBouncer with transaction pooling. Eight threads then read on
behalf of different readers: in statements of their own, in transactions, in portions, after
rollbacks to savepoints and after errors. Each must find exactly its agreements. Meanwhile, plain
connections look for a reader or a role that somebody else left behind. Everything happens once as a
superuser and once as the owner of the tables.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

THREADS = 8
SERVER_CONNECTIONS = 2
PORT = 6543
OWNER = "pacta_trial"

_OWN = f"""
CREATE ROLE {OWNER} LOGIN;
GRANT USAGE, CREATE ON SCHEMA public TO {OWNER};
DO $$ DECLARE each text; BEGIN
    FOR each IN SELECT format('ALTER TABLE %I OWNER TO {OWNER}', relname) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    LOOP EXECUTE each; END LOOP;
END $$
"""


def main(seconds: float) -> None:
    """Run the trial, and exit with status 1 if a reader saw anything else than their own."""
    if shutil.which("pgbouncer") is None:
        sys.exit("Install PgBouncer first: apt-get install pgbouncer")
    with tempfile.TemporaryDirectory(prefix="pacta-pooling-") as name:
        folder = Path(name)
        os.environ |= {"VAR_DIR": name, "DJANGO_SETTINGS_MODULE": "config.settings"}
        os.environ.pop("DATABASE_URL", None)
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        from config.addresses import ROLE
        from standalone.postgres import Postgres

        with Postgres(folder, is_durable=False).running(is_owner=True):
            call_command("migrate", verbosity=0)
            expected = _fill()
            host = str(connection.settings_dict["HOST"])
            with connection.cursor() as cursor:
                cursor.execute(_OWN)
            connection.close()
            faults = [
                fault
                for role in (ROLE, OWNER)
                for fault in _try(folder, host=host, role=role, expected=expected, seconds=seconds)
            ]
    if faults:
        sys.exit("\n".join(faults))


def _fill() -> dict[Any, int]:
    """Store agreements of two teams and of nobody, and return what each reader must find."""
    from compliance.models import Agreement, AgreementTeam, Membership, Team, User
    from compliance.models.people.readers import NOBODY, SYSTEM, reader_of
    from tests.samples import utc

    now = utc("2026-01-01T00:00")
    expected = {NOBODY: 0, SYSTEM: 10}
    for number in range(10):
        Agreement.objects.create(ref=f"a-{number}", title="Supply", kind="contract", created_at=now)
    agreements = list(Agreement.objects.order_by("pk"))
    for slug, own in (("asia", agreements[:2]), ("europe", agreements[2:5])):
        team = Team.objects.create(slug=slug, name=slug)
        user = User.objects.create_user(f"{slug}@example.org")
        Membership.objects.create(user=user, team=team)
        for each in own:
            AgreementTeam.objects.create(agreement=each, team=team)
            Agreement.objects.filter(pk=each.pk).update(visibility="teams")
        expected[reader_of(user)] = 5 + len(own)
    only = frozenset({agreements[9].pk})
    expected[SYSTEM.limited_to(agreements=only)] = 1
    return expected


@contextmanager
def _pgbouncer(folder: Path, *, host: str, role: str) -> Iterator[None]:
    """Run PgBouncer in front of the server, in a namespace where it is not root."""
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"""
[databases]
pacta = host={host} port=5432 user={role}
[pgbouncer]
unix_socket_dir = {folder}
unix_socket_mode = 0700
listen_port = {PORT}
auth_type = any
pool_mode = transaction
default_pool_size = {SERVER_CONNECTIONS}
max_client_conn = 100
"""
    )
    command = ["pgbouncer", str(settings)]
    if os.geteuid() == 0:
        command = ["unshare", "--user", *command]
    with (
        (folder / "pgbouncer.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            _wait_for(folder, role)
            yield
        finally:
            process.kill()


def _plain(folder: Path, role: str) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(
        host=str(folder), port=PORT, user=role, dbname="pacta", autocommit=True,
        prepare_threshold=None,
    )  # fmt: skip


def _wait_for(folder: Path, role: str) -> None:
    for _ in range(100):
        with suppress(psycopg.OperationalError), _plain(folder, role):
            return
        time.sleep(0.1)
    sys.exit((folder / "pgbouncer.log").read_text())


def _try(
    folder: Path, *, host: str, role: str, expected: dict[Any, int], seconds: float
) -> list[str]:
    """Return what readers saw wrongly, and what was left behind."""
    from django.db import connection

    from compliance.queries.system import health
    from tests.samples import utc

    original = dict(connection.settings_dict)
    faults: list[str] = []
    reads: Counter[str] = Counter()
    with _pgbouncer(folder, host=host, role=role):
        _connect(HOST=str(folder), PORT=str(PORT), USER=role)
        found = health.readiness(as_of=utc("2026-01-01T00:00"))
        faults += [
            f"{role}: readiness: {name}: {found[name]}"
            for name in ("database", "row_security")
            if found[name].state != "ok"
        ]
        until = time.monotonic() + seconds
        threads = [
            threading.Thread(target=_read, args=(number, until, expected, faults, reads))
            for number in range(THREADS)
        ]
        for each in threads:
            each.start()
        looks = 0
        while time.monotonic() < until:
            with _plain(folder, role) as server:
                row = server.execute(
                    "SELECT coalesce(current_setting('pacta.reader', TRUE), ''), "
                    "current_setting('role'), current_user"
                ).fetchone()
            looks += 1
            if row != ("", "none", role):
                faults.append(f"{role}: left behind: {row}")
        for each in threads:
            each.join()
        _connect(**original)
    print(f"{role}: {sum(reads.values()):,} reads ({dict(reads)}), {looks:,} looks, "
          f"{len(faults)} faults", flush=True)  # fmt: skip
    return faults


def _connect(**address: Any) -> None:
    from django.db import connections

    wrapper: Any = connections["default"]
    wrapper.close()
    wrapper.close_pool()
    wrapper.settings_dict.update(address)


def _read(
    number: int,
    until: float,
    expected: dict[Any, int],
    faults: list[str],
    reads: Counter[str],
) -> None:
    from django.db import connection

    from compliance.models.people.readers import reading_as

    chance = random.Random(number)
    try:
        while time.monotonic() < until:
            reader = chance.choice(list(expected))
            way = chance.choice(list(_WAYS))
            with reading_as(reader):
                found = _WAYS[way]()
            reads[way] += 1
            if found != expected[reader]:
                faults.append(f"{way}: {reader} found {found}, expected {expected[reader]}")
            if chance.random() < 0.1:
                connection.close()
    except Exception as error:  # it must not end the thread unnoticed
        faults.append(f"{type(error).__name__}: {error}")
    finally:
        connection.close()


def _alone() -> int:
    from compliance.models import Agreement

    return Agreement.objects.count()


def _in_transaction() -> int:
    from django.db import transaction

    with transaction.atomic():
        _alone()
        return _alone()


def _in_portions() -> int:
    from django.db import transaction

    from compliance.models import Agreement

    with transaction.atomic():
        return sum(1 for _ in Agreement.objects.iterator(chunk_size=2))


def _after_savepoint() -> int:
    from django.db import transaction

    from compliance.models.people.readers import NOBODY, reading_as

    with transaction.atomic():
        with suppress(LookupError), reading_as(NOBODY), transaction.atomic():
            raise LookupError
        return _alone()


def _after_error() -> int:
    from django.db import DatabaseError, connection, transaction

    with suppress(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1/0")
    return _alone()


_WAYS: dict[str, Callable[[], int]] = {
    "alone": _alone,
    "in a transaction": _in_transaction,
    "in portions": _in_portions,
    "after a savepoint": _after_savepoint,
    "after an error": _after_error,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="for each of the two roles")
    main(parser.parse_args().seconds)
