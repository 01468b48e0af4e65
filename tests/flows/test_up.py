"""`manage.py up`: first and later starts, the end, restarts of programs, and a refused start."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from config.env import BASE_DIR
from standalone.postgres import Postgres
from standalone.server import Server
from standalone.valkey import Valkey
from tests.flows.conftest import PATIENCE, clean_environment, eventually, free_port, has_failed

pytestmark = [
    pytest.mark.flow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


class Installation:
    """A data folder and a port for `manage.py up`, as on a newcomer's machine."""

    def __init__(self, folder: Path) -> None:
        self.var_dir = folder / "var"
        self.log = folder / "up.log"
        self.port = free_port()
        self.environment = clean_environment(VAR_DIR=str(self.var_dir), PORT=str(self.port))
        self.process: subprocess.Popen[bytes] | None = None

    def up(self) -> str:
        """Start the service, and return its output up to the welcome."""
        self.log.write_bytes(b"")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=BASE_DIR,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = self.process
        eventually(lambda: "curl" in self.output() or process.poll() is not None, 90, "no welcome")
        assert process.poll() is None, self.output()
        return self.output()

    def output(self) -> str:
        return self.log.read_text()

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGINT)
        assert self.process.wait(PATIENCE) == 0
        self.process = None

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def manage(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env={**self.environment, **settings},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def pids(self) -> set[int]:
        """Return the pids of all processes of this installation."""
        mark = os.fsencode(self.var_dir)
        found = set()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal() or int(entry.name) == os.getpid():
                continue
            try:
                description = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except OSError:  # the process has ended
                continue
            if mark in description:
                found.add(int(entry.name))
        return found

    def pid_of(self, *words: str) -> int | None:
        for pid in sorted(self.pids()):
            try:
                command = (Path("/proc") / str(pid) / "cmdline").read_bytes().decode()
            except OSError:
                continue
            if all(word in command.split("\0") for word in words):
                return pid
        return None


@pytest.fixture
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    if has_failed(request) and installation.log.exists():
        print(installation.output())
    if installation.process is not None:
        installation.process.terminate()
        installation.process.wait(PATIENCE)
    for pid in installation.pids():
        os.kill(pid, signal.SIGKILL)


def unmet(output: str) -> bytes:
    """Return the answer to the printed curl command."""
    line = re.search(r'curl -H "Authorization: (Bearer \S+)" "(\S+)"', output)
    assert line is not None, output
    request = urllib.request.Request(line[2], headers={"Authorization": line[1]})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        body: bytes = answer.read()
    return body


@pytest.mark.exhaustive
def test_up_starts_twice_and_ctrl_c_stops_it(installation: Installation) -> None:
    first = time.monotonic()
    output = installation.up()
    first = time.monotonic() - first
    assert f"http://127.0.0.1:{installation.port}" in output
    assert re.search(r"admin: +\S*/admin/ +admin@example\.org +password \S{12,}", output)
    assert b'"CN-2d"' in unmet(output)

    mails = installation.var_dir / "mail"
    eventually(lambda: any(mails.glob("*")), 20, "the alert was not sent")
    time.sleep(3)
    sent = sorted(mails.glob("*"))

    installation.interrupt()
    assert installation.pids() == set()

    second = time.monotonic()
    output = installation.up()
    assert time.monotonic() - second < first, "the second start prepares nothing again"
    assert "password unchanged" in output
    assert "create_token" in output
    token = installation.manage("create_token", "second").stdout.strip().splitlines()[-1]
    assert b'"CN-2d"' in unmet(output.replace("TOKEN", token))
    time.sleep(5)
    assert sorted(mails.glob("*")) == sent, "nothing is mailed again"

    installation.interrupt()
    assert installation.pids() == set()


@pytest.mark.exhaustive
def test_killed_programs_are_restarted_and_a_killed_supervisor_leaves_none(
    installation: Installation, copy_data_folder: Callable[[Postgres], None]
) -> None:
    copy_data_folder(Postgres(installation.var_dir))
    installation.up()

    for words in (["worker", "--queues=sweep"], ["worker", "--hostname=delivery@%h"], ["beat"]):
        pid = installation.pid_of(*words)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(
            lambda words=words, pid=pid: installation.pid_of(*words) not in {None, pid},  # type: ignore[misc]
            10,
            f"{words} stays dead",
        )

    servers: list[Server] = [Postgres(installation.var_dir), Valkey(installation.var_dir)]
    for server in servers:
        pid = server.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(
            lambda server=server, pid=pid: server.pid() not in {None, pid},  # type: ignore[misc]
            20,
            f"{server.name} stays dead",
        )

    def is_ready() -> bool:
        try:
            url = f"http://127.0.0.1:{installation.port}/readyz"
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    eventually(is_ready, 40, "not ready again")

    installation.kill()
    eventually(lambda: not installation.pids(), 15, "processes outlive a killed supervisor")
    installation.up()
    installation.interrupt()
    assert installation.pids() == set()


@pytest.mark.exhaustive
def test_commands_work_while_up_runs_and_without_it(
    installation: Installation, copy_data_folder: Callable[[Postgres], None]
) -> None:
    copy_data_folder(Postgres(installation.var_dir))
    alone = installation.manage("up", "--prepare-only", "--no-examples")
    assert alone.returncode == 0, alone.stderr
    assert "Bearer" not in alone.stdout
    assert installation.manage("create_token", "alone").returncode == 0
    assert installation.pids() == set()

    installation.up()
    assert installation.manage("create_token", "beside").returncode == 0
    second = installation.manage("up", PORT=str(free_port()))
    assert_refused(second, "VAR_DIR")
    assert installation.process is not None
    assert installation.process.poll() is None
    assert Postgres(installation.var_dir).is_up()
    installation.interrupt()


@pytest.mark.exhaustive
def test_an_interrupted_first_start_leaves_nothing_and_can_be_repeated(
    installation: Installation,
) -> None:
    for has_progressed in (
        lambda: True,
        (installation.var_dir / "postgres.new").exists,
        Postgres(installation.var_dir).is_up,
        lambda: is_migrating(installation),
    ):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=BASE_DIR,
            env=installation.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        eventually(has_progressed, 60, "the start gets nowhere")
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
        assert b"curl" not in output, "it was interrupted too late"
        eventually(lambda: not installation.pids(), 5, "something goes on")
    assert b'"CN-2d"' in unmet(installation.up())


def is_migrating(installation: Installation) -> bool:
    """Whether some migrations have been applied."""
    try:
        with psycopg.connect(Postgres(installation.var_dir).url) as database:
            applied = database.execute("SELECT count(*) FROM django_migrations").fetchone()
    except psycopg.Error:
        return False
    assert applied is not None
    return int(applied[0]) > 3


def assert_refused(finished: subprocess.CompletedProcess[str], setting: str) -> None:
    """Assert that a command ended with one line that names the setting, and no traceback."""
    error = finished.stderr.strip()
    assert finished.returncode != 0
    assert setting in error
    assert len(error.splitlines()) == 1, error
    assert "Traceback" not in finished.stdout + finished.stderr


def test_a_refused_start_prints_one_line(installation: Installation) -> None:
    finished = installation.manage(
        "up", DATABASE_URL="postgresql://pacta:hidden-word@127.0.0.1:1/x"
    )
    assert_refused(finished, "DATABASE_URL")
    assert "hidden-word" not in finished.stderr
    assert installation.pids() == set()
