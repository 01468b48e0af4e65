"""The embedded PostgreSQL: its data folder, its pid file, and what root needs."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

from standalone import processes
from standalone.postgres import Postgres
from standalone.server import ServerError
from tests.standalone.conftest import eventually, postgres


def test_postgres_serves_an_empty_database_that_survives_a_restart(folder: Path) -> None:
    server = postgres(folder)
    for rows in (0, 1):
        with server.running():
            assert server.is_up()
            with psycopg.connect(server.url) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
                counted = connection.execute("SELECT count(*) FROM kept").fetchone()
                assert counted == (rows,)
                connection.execute("INSERT INTO kept VALUES (1)")
        assert not server.is_up()


def test_fsync_is_on_unless_disabled(folder: Path) -> None:
    for is_durable, expected in ((True, "on"), (False, "off")):
        server = Postgres(folder, is_durable=is_durable)
        with server.running(), psycopg.connect(server.url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == (expected,)


def test_a_pid_file_with_a_reused_pid_does_not_prevent_a_start(folder: Path) -> None:
    server = postgres(folder)
    server.start()
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert eventually(server.has_ended)
    pid_file = server.data_dir / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    server.start()
    assert server.is_up()


def test_a_data_folder_left_by_a_killed_initdb_is_replaced(folder: Path) -> None:
    draft = folder / "postgres.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    with postgres(folder).running():
        pass
    assert not draft.exists()


def test_a_data_folder_of_another_version_is_refused(folder: Path) -> None:
    server = postgres(folder)
    with server.running():
        pass
    (server.data_dir / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(ServerError, match=r"^postgres did not start: FATAL:"):
        server.start()


def test_missing_server_programs_are_reported(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ServerError, match="set DATABASE_URL, or run"):
        postgres(folder).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
class TestAsRoot:
    def test_a_private_folder_without_namespaces_is_refused(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(processes, "can_enter_user_namespace", lambda: False)
        folder.mkdir(mode=0o700)
        with pytest.raises(ServerError, match="must not run as root"):
            postgres(folder).start()

    def test_the_owner_of_the_data_follows_the_use_of_namespaces(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = Path("/tmp") / f"pacta-root-{os.getpid()}"
        try:
            for is_allowed in (True, False, True):
                monkeypatch.setattr(
                    processes, "can_enter_user_namespace", lambda answer=is_allowed: answer
                )
                with postgres(folder).running(), psycopg.connect(postgres(folder).url):
                    owner = (folder / "postgres" / "PG_VERSION").stat().st_uid
                    assert owner == (0 if is_allowed else processes.NOBODY)
        finally:
            subprocess.run(["rm", "-rf", str(folder)], check=True)
