"""`manage.py backup` while the service runs, and `manage.py restore` into an empty database."""

from __future__ import annotations

import shlex
import subprocess
import sys
import threading
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from config.env import BASE_DIR
from tests.flows.conftest import PATIENCE, Stack
from tests.flows.stack_data import enter_agreement, enter_obligation

pytestmark = [pytest.mark.flow, pytest.mark.exhaustive]

DUE = datetime(2100, 1, 1, tzinfo=UTC)
REPORT = b"%PDF-1.7\nThe lot was delivered.\n"


def test_a_backup_of_a_running_service_restores_completely_and_verifiably(stack: Stack) -> None:
    stack.start("web")
    enter_agreement(stack)
    deadline = enter_obligation(stack, "lot-1", DUE)
    _attach_report(stack, deadline)
    file = stack.folder / "pacta.backup"

    with _writing(stack):
        made = stack.manage("backup", str(file))
    assert "1 file; all hashes match" in made.stdout
    assert file.stat().st_mode & 0o777 == 0o600

    again = stack.manage("backup", str(file), is_checked=False)
    assert again.returncode == 1
    assert again.stderr == f"CommandError: {file} exists: choose another name, or remove it\n"
    refused = stack.manage("restore", str(file), is_checked=False)
    assert refused.returncode == 1
    assert "The database is not empty" in refused.stderr
    assert refused.stderr.count("\n") == 1
    _refuse_full_disk(stack)

    stack.postgres.create_database("restored")
    stack.environment |= {
        "DATABASE_URL": stack.postgres.database_url("restored"),
        "FILES_DIR": str(stack.folder / "restored-files"),
    }
    _refuse_damage(stack, file)
    restored = stack.manage("restore", str(file))
    assert "Everything is unchanged." in restored.stdout
    [copy] = (stack.folder / "restored-files").glob("*/*")
    assert copy.read_bytes() == REPORT
    with psycopg.connect(stack.postgres.database_url("restored")) as database:
        counted = database.execute(
            "SELECT count(*), count(*) FILTER (WHERE ref = 'lot-1') FROM compliance_obligation"
        ).fetchone()
        assert counted is not None
        assert counted[1] == 1
        triggers = database.execute("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal")
        with psycopg.connect(stack.postgres.url) as original:
            same = original.execute("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal")
            assert triggers.fetchone() == same.fetchone()


def _refuse_full_disk(stack: Stack) -> None:
    """Back up where only 50 KB can be written."""
    target = stack.folder / "large.backup"
    command = f"ulimit -f 50; exec {sys.executable} manage.py backup {shlex.quote(str(target))}"
    finished = subprocess.run(
        ["bash", "-c", command],
        cwd=BASE_DIR, env=stack.environment, capture_output=True, text=True, timeout=PATIENCE,
        check=False,
    )  # fmt: skip
    assert finished.returncode == 1
    assert finished.stderr == f"CommandError: {target} cannot be written (File too large)\n"
    assert not list(stack.folder.glob("*large*"))


def _refuse_damage(stack: Stack, file: Path) -> None:
    """Restore a backup in which one byte differs; the database stays empty."""
    damaged = stack.folder / "damaged.backup"
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    damaged.write_bytes(content)
    refused = stack.manage("restore", str(damaged), is_checked=False)
    assert refused.returncode == 1
    assert "database.dump is missing or differs from the manifest" in refused.stderr
    with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        found = database.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert found.fetchone() == (0,)


def _attach_report(stack: Stack, deadline: int) -> None:
    evidence = stack.post(
        "/api/v1/evidence/",
        {
            "agreement": "supply-2026",
            "ref": "E-1",
            "title": "Report",
            "kind": "document",
            "stance": "for",
            "deadlines": [deadline],
        },
    )
    head = b'--part\r\nContent-Disposition: form-data; name="file"; filename="report.pdf"\r\n\r\n'
    request = urllib.request.Request(
        f"{stack.address}/api/v1/evidence/{evidence['id']}/files/",
        data=head + REPORT + b"\r\n--part--\r\n",
        headers={
            "Authorization": f"Bearer {stack.token}",
            "Content-Type": "multipart/form-data; boundary=part",
        },
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        assert answer.status == 201


class _writing:  # noqa: N801 - used as a context manager only
    """Enters obligations through the API until the block ends."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._ended = stack, threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        number = 2
        while not self._ended.is_set():
            enter_obligation(self._stack, f"lot-{number}", DUE)
            number += 1

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
