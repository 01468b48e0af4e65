"""Both embedded servers: start, sharing, stop, and recovery from crashes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from standalone.server import Server, ServerError
from standalone.valkey import Valkey
from tests.standalone.conftest import eventually, postgres

HOLDER = """
import sys, time
from pathlib import Path
from standalone.postgres import Postgres
from standalone.valkey import Valkey
server = {"postgres": Postgres, "valkey": Valkey}[sys.argv[1]](Path(sys.argv[2]))
with server.running(is_owner=sys.argv[3] == "owner"):
    print("up", flush=True)
    sys.stdin.read()
"""


def hold(server: Server, *, is_owner: bool = False) -> subprocess.Popen[str]:
    """Use the server from another process until the input of that process is closed."""
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


def test_only_the_owner_can_reach_a_server(server: Server) -> None:
    with server.running():
        assert server.socket_path.parent.stat().st_mode & 0o077 == 0


def test_starting_a_running_server_again_does_nothing(server: Server) -> None:
    server.start()
    pid = server.pid()
    server.start()
    assert server.pid() == pid
    server.stop()
    server.stop()
    assert not server.is_up()


def test_the_last_user_stops_the_server(server: Server) -> None:
    holder = hold(server)
    with server.running():
        holder.communicate()
        assert server.is_up(), "the first user left, but we still use it"
    assert not server.is_up()


def test_the_first_user_to_leave_does_not_stop_the_server(server: Server) -> None:
    holder = hold(server)
    with server.running():
        pass
    assert server.is_up()
    holder.communicate()
    assert not server.is_up()


def test_a_killed_user_does_not_keep_the_server_running(server: Server) -> None:
    holder = hold(server)
    with server.running():
        holder.kill()
        holder.wait()
    assert not server.is_up()


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux signals the child of a killed process"
)
def test_a_killed_owner_takes_the_server_with_it(server: Server) -> None:
    holder = hold(server, is_owner=True)
    holder.kill()
    holder.wait()
    assert eventually(lambda: not server.is_up())


def test_a_killed_server_starts_again(server: Server) -> None:
    server.start()
    for _ in range(2):
        pid = server.pid()
        assert pid is not None
        assert not server.has_ended()
        os.kill(pid, signal.SIGKILL)
        assert eventually(server.has_ended)
        server.start()
        assert server.pid() not in {None, pid}


def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    for server in (postgres(folder), Valkey(folder)):
        with server.running():
            assert server.is_up()
            assert len(os.fsencode(server.socket_path)) <= 103
            assert folder not in server.socket_path.parents


def test_a_path_may_contain_spaces_and_special_characters(tmp_path: Path) -> None:
    folder = tmp_path / "a b%20?#@é"
    with postgres(folder).running(), psycopg.connect(postgres(folder).url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("pacta",)
    with Valkey(folder).running():
        assert redis.from_url(Valkey(folder).redis_url).ping()


def test_a_var_dir_that_is_a_file_is_refused(server: Server) -> None:
    shutil.rmtree(server.var_dir, ignore_errors=True)
    server.var_dir.write_text("in the way")
    with pytest.raises(ServerError, match="VAR_DIR") as refused, server.running():
        pass
    assert "\n" not in str(refused.value)
    server.var_dir.unlink()
