"""The supervisor restarts crashed programs, and no program outlives it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

RUNNER = """
import json, sys
from standalone import supervisor as supervisor_module
from standalone.supervisor import NotReadyError, Program, Supervisor
programs, patience, is_ready, grace = json.loads(sys.argv[1])
supervisor_module._GRACE_SECONDS = grace or supervisor_module._GRACE_SECONDS
supervisor = Supervisor(
    [Program(name=name, command=[sys.executable, "-c", code]) for name, code in programs.items()],
    folder=".",
)
try:
    supervisor.run(
        is_ready=lambda: is_ready, when_ready=lambda: print("READY", flush=True), patience=patience
    )
except NotReadyError:
    print("NOT READY")
"""
# The seconds that anything may take on a busy machine, and a grace period so long that no program
# is killed at its end.
PATIENCE, NEVER = 60, 600
SLEEPER = "import os, time; print('pid', os.getpid(), flush=True); time.sleep(600)"
STUBBORN = (
    "import signal; "
    "signal.signal(signal.SIGTERM, lambda *_: print('asked to stop', flush=True)); " + SLEEPER
)
PARENT = (
    "import os, subprocess, sys, time; print('parent', os.getpid(), flush=True); "
    f"subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); time.sleep(600)"
)


class Run:
    """A supervisor in a separate process, with its output."""

    def __init__(
        self,
        programs: dict[str, str],
        folder: Path,
        patience: float,
        is_ready: bool,
        grace: float | None,
    ) -> None:
        self.log = folder / "log"
        arguments = [programs, patience, is_ready, grace]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUNNER, json.dumps(arguments)],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def pids(self) -> list[int]:
        return [int(found) for found in re.findall(r"\| pid (\d+)", self.log.read_text())]

    def wait_for(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    runs: list[Run] = []

    def begin(
        patience: float = 300,
        is_ready: bool = True,
        grace: float | None = None,
        **programs: str,
    ) -> Run:
        runs.append(Run(programs, tmp_path, patience, is_ready, grace))
        return runs[-1]

    yield begin
    for run in runs:
        run.process.kill()
        run.process.wait()


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        if sys.platform == "linux":
            return False
        found = subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False)
        return found.returncode == 0
    return state != "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_stops_all_programs(start: Start, number: signal.Signals) -> None:
    run = start(one=SLEEPER, two=SLEEPER, grace=NEVER)
    run.wait_for(lambda: len(run.pids()) == 2)
    run.process.send_signal(number)
    assert run.process.wait(PATIENCE) == 0
    assert not any(map(is_alive, run.pids()))


def test_each_line_starts_with_the_name_of_its_program(start: Start) -> None:
    run = start(
        a="import time; print('first\\nsecond', flush=True); time.sleep(600)",
        longer="import sys, time; sys.stderr.write('half a line'); sys.stderr.flush(); 1/0",
    )
    # The programs run concurrently: the output of one says nothing about the other.
    run.wait_for(lambda: {"a      | first", "a      | second"} <= set(run.lines()))
    run.wait_for(lambda: any(line.startswith("longer | half a line") for line in run.lines()))


def test_a_crashed_program_is_restarted(start: Start) -> None:
    run = start(one=SLEEPER)
    for times in (1, 2):
        run.wait_for(lambda: len(run.pids()) == times)  # noqa: B023 -- called within the turn
        os.kill(run.pids()[-1], signal.SIGKILL)
    run.wait_for(lambda: len(run.pids()) == 3)
    assert is_alive(run.pids()[-1])
    assert any("ended (SIGKILL); starts again in 0.5 s" in line for line in run.lines())


def test_a_program_that_keeps_crashing_is_restarted_with_growing_delays(start: Start) -> None:
    run = start(one="raise SystemExit(3)")
    run.wait_for(lambda: "again in 2 s" in run.log.read_text())
    text = run.log.read_text()
    assert re.findall(r"status (\d)\); starts again in (\S+) s", text) == [
        ("3", "0.5"),
        ("3", "1"),
        ("3", "2"),
    ]


def test_the_child_of_a_crashed_program_ends_with_it(start: Start) -> None:
    run = start(one=PARENT)
    run.wait_for(lambda: len(run.pids()) == 1)
    grandchild = run.pids()[0]
    parent = re.search(r"parent (\d+)", run.log.read_text())
    assert parent is not None
    os.kill(int(parent[1]), signal.SIGKILL)
    run.wait_for(lambda: not is_alive(grandchild))


def test_a_program_that_ignores_the_signal_is_killed(start: Start) -> None:
    run = start(one=STUBBORN, two=PARENT, grace=1)
    run.wait_for(lambda: len(run.pids()) == 2)
    run.process.terminate()
    assert run.process.wait(PATIENCE) == 0
    assert not any(map(is_alive, run.pids()))


def test_a_second_signal_kills_immediately(start: Start) -> None:
    run = start(one=STUBBORN, grace=NEVER)
    run.wait_for(lambda: len(run.pids()) == 1)
    run.process.send_signal(signal.SIGINT)
    run.wait_for(lambda: "one | asked to stop" in run.lines())
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(PATIENCE) == 0
    assert not is_alive(run.pids()[0])


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux signals the child of a killed process"
)
def test_a_killed_supervisor_leaves_no_program_running(start: Start) -> None:
    run = start(one=SLEEPER, two=SLEEPER)
    run.wait_for(lambda: len(run.pids()) == 2)
    run.process.kill()
    run.process.wait()
    run.wait_for(lambda: not any(map(is_alive, run.pids())))


def test_readiness_is_reported_once(start: Start) -> None:
    run = start(one=SLEEPER)
    run.wait_for(lambda: "READY" in run.lines())
    time.sleep(1)
    assert run.lines().count("READY") == 1


def test_a_program_that_never_becomes_ready_is_stopped(start: Start) -> None:
    run = start(patience=1, is_ready=False, one=SLEEPER)
    assert run.process.wait(PATIENCE) == 0
    assert "NOT READY" in run.lines()
    assert not any(map(is_alive, run.pids()))
