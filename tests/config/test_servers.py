"""The embedded servers: start, share, stop, and recover from every kind of death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from config import processes, servers
from config.servers import Postgres, Server, ServerError, Valkey

HOLDER = """
import sys, time
from pathlib import Path
from config.servers import Postgres, Valkey
server = {"postgres": Postgres, "valkey": Valkey}[sys.argv[1]](Path(sys.argv[2]))
with server.running(is_owner=sys.argv[3] == "owner"):
    print("up", flush=True)
    sys.stdin.read()
"""


def postgres(folder: Path) -> Postgres:
    return Postgres(folder, is_durable=False)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"
    for server in (postgres(tmp_path / "var"), Valkey(tmp_path / "var")):
        server.stop()


@pytest.fixture(params=[postgres, Valkey], ids=["postgres", "valkey"])
def server(request: pytest.FixtureRequest, folder: Path) -> Server:
    make: Callable[[Path], Server] = request.param
    return make(folder)


def hold(server: Server, *, is_owner: bool = False) -> subprocess.Popen[str]:
    """Use the server from another process until its input is closed."""
    role = "owner" if is_owner else "user"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, server.name, str(server.var_dir), role],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "up\n"
    return holder


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_address_is_known_before_anything_runs(tmp_path: Path) -> None:
    var_dir = tmp_path / "var"
    assert servers.embedded_database_url(var_dir) == Postgres(var_dir).url
    assert servers.embedded_broker_url(var_dir) == Valkey(var_dir).url
    assert not var_dir.exists()


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


def test_fsync_is_on_unless_waived(folder: Path) -> None:
    for is_durable, expected in ((True, "on"), (False, "off")):
        server = Postgres(folder, is_durable=is_durable)
        with server.running(), psycopg.connect(server.url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == (expected,)


def test_valkey_takes_its_clients_back_after_a_restart(folder: Path) -> None:
    server = Valkey(folder)
    server.start()
    client = redis.from_url(server.redis_url)
    assert client.ping()
    server.stop()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    server.start()
    assert client.ping()


def test_only_the_owner_can_reach_a_server(server: Server) -> None:
    with server.running():
        assert server.socket_path.parent.stat().st_mode & 0o077 == 0


def test_starting_twice_starts_one(server: Server) -> None:
    server.start()
    pid = server.pid()
    server.start()
    assert server.pid() == pid
    server.stop()
    server.stop()
    assert not server.is_up()


def test_last_user_stops_it(server: Server) -> None:
    holder = hold(server)
    with server.running():
        holder.communicate()
        assert server.is_up(), "the first user left, and we are still here"
    assert not server.is_up()


def test_first_to_leave_does_not_stop_it(server: Server) -> None:
    holder = hold(server)
    with server.running():
        pass
    assert server.is_up()
    holder.communicate()
    assert not server.is_up()


def test_killed_user_does_not_count(server: Server) -> None:
    holder = hold(server)
    with server.running():
        holder.kill()
        holder.wait()
    assert not server.is_up()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of this death")
def test_owner_takes_it_along_when_killed(server: Server) -> None:
    holder = hold(server, is_owner=True)
    holder.kill()
    holder.wait()
    assert eventually(lambda: not server.is_up())


def test_killed_server_starts_again(server: Server) -> None:
    server.start()
    for _ in range(2):
        pid = server.pid()
        assert pid is not None
        assert not server.has_ended()
        os.kill(pid, signal.SIGKILL)
        assert eventually(server.has_ended)
        server.start()
        assert server.pid() not in {None, pid}


def test_pid_file_of_a_dead_server_whose_number_was_given_away(folder: Path) -> None:
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


def test_data_folder_half_made_by_a_killed_initdb(folder: Path) -> None:
    draft = folder / "postgres.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    with postgres(folder).running():
        pass
    assert not draft.exists()


def test_path_too_long_for_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    for server in (postgres(folder), Valkey(folder)):
        with server.running():
            assert server.is_up()
            assert len(os.fsencode(server.socket_path)) <= 103
            assert folder not in server.socket_path.parents


def test_spaces_and_signs_in_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "a b%20?#@é"
    with postgres(folder).running(), psycopg.connect(postgres(folder).url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("pacta",)
    with Valkey(folder).running():
        assert redis.from_url(Valkey(folder).redis_url).ping()


def test_folder_that_is_none(server: Server) -> None:
    server.var_dir.write_text("in the way")
    with pytest.raises(ServerError, match="VAR_DIR") as refused, server.running():
        pass
    assert "\n" not in str(refused.value)
    server.var_dir.unlink()


def test_data_that_the_server_cannot_read(folder: Path) -> None:
    server = postgres(folder)
    with server.running():
        pass
    (server.data_dir / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(ServerError, match=r"^postgres did not start: FATAL:"):
        server.start()


def test_servers_not_installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ServerError, match="set DATABASE_URL, or run"):
        postgres(folder).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="about what root does")
class TestAsRoot:
    def test_folder_closed_to_others_where_namespaces_are_forbidden(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(processes, "can_enter_user_namespace", lambda: False)
        folder.mkdir(mode=0o700)
        with pytest.raises(ServerError, match="must not run as root"):
            postgres(folder).start()

    def test_data_changes_hands_when_namespaces_come_and_go(
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
