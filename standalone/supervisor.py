"""Runs programs side by side: starts, watches, restarts and stops them."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import TextIO

from standalone import processes

_TICK_SECONDS = 0.2
_GRACE_SECONDS = 6.0
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 10.0
# A program that ran this long was healthy: its next crash restarts the back-off.
_HEALTHY_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """One process to keep running."""

    name: str
    command: Sequence[str]


@dataclass(kw_only=True, slots=True)
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    start_again: float = 0.0
    crashes: int = 0
    unfinished: bytes = field(default=b"", repr=False)


class NotReadyError(Exception):
    """The programs were not ready in time and have been stopped."""


class Supervisor:
    """Keeps programs running until a signal asks it to stop.

    A program that ends is started again, first after half a second and later after at most ten:
    if a worker stays dead, nobody hears of a missed deadline. Each program runs in its own
    session, so that Ctrl-C reaches the supervisor only. On Linux the kernel ends the programs
    when the supervisor dies.

    Args:
        programs: the programs to run.
        folder: their working directory.
        output: receives their output, each line prefixed with the name of its program.
        each_second: called about once a second while the programs run.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        folder: str | os.PathLike[str],
        output: TextIO = sys.stdout,
        each_second: Callable[[], None] = lambda: None,
    ) -> None:
        self._children = [_Child(program=program) for program in programs]
        self._folder = folder
        self._output = output
        self._each_second = each_second
        self._width = max(len(program.name) for program in programs)
        self._selector = selectors.DefaultSelector()
        self._stops = 0

    def run(
        self, *, is_ready: Callable[[], bool], when_ready: Callable[[], None], patience: float
    ) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP arrives, and then stop all programs.

        Args:
            is_ready: polled from the start until it returns True.
            when_ready: called once, as soon as `is_ready` returns True.
            patience: the seconds after which the programs must be ready.

        Raises:
            NotReadyError: they were not.
        """
        has_been_ready = False
        started = time.monotonic()
        next_second = started + 1
        with self._signals():
            try:
                while not self._stops:
                    self._start_due()
                    self._forward_output(_TICK_SECONDS)
                    self._reap()
                    if time.monotonic() >= next_second:
                        self._each_second()
                        next_second = time.monotonic() + 1
                    if has_been_ready or self._stops:
                        continue
                    if is_ready():
                        has_been_ready = True
                        when_ready()
                    elif time.monotonic() - started > patience:
                        raise NotReadyError
            finally:
                self._stop()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(_number: int, _frame: FrameType | None) -> None:
            self._stops += 1

        before = {
            number: signal.signal(number, stop)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.process is None and child.start_again <= now:
                child.process = subprocess.Popen(
                    child.program.command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    cwd=self._folder,
                    env={**os.environ, "PYTHONUNBUFFERED": "1"},
                    start_new_session=True,
                    preexec_fn=processes.child_setup(on_parent_death=signal.SIGTERM),
                )
                child.started = now
                assert child.process.stdout is not None
                os.set_blocking(child.process.stdout.fileno(), False)
                self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _forward_output(self, seconds: float) -> None:
        for key, _events in self._selector.select(seconds):
            self._forward(key.data)

    def _forward(self, child: _Child) -> None:
        assert child.process is not None
        assert child.process.stdout is not None
        try:
            chunk = os.read(child.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return
        if not chunk:
            # End of file. A closed pipe would wake the selector forever.
            with suppress(KeyError):
                self._selector.unregister(child.process.stdout)
        *lines, child.unfinished = (child.unfinished + chunk).split(b"\n")
        if not chunk and child.unfinished:
            lines, child.unfinished = [*lines, child.unfinished], b""
        for line in lines:
            self._print(child.program.name, line.decode(errors="replace").rstrip())

    def _print(self, name: str, line: str) -> None:
        # The reader of our output is gone. That must not stop the programs.
        with suppress(OSError, ValueError):
            self._output.write(f"{name.ljust(self._width)} | {line}\n")
            self._output.flush()

    def _reap(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.process is None or child.process.poll() is None:
                continue
            status = child.process.returncode
            self._clear(child)
            child.crashes = 1 if now - child.started >= _HEALTHY_SECONDS else child.crashes + 1
            delay = min(_FIRST_DELAY * 2 ** min(child.crashes - 1, 10), _LONGEST_DELAY)
            child.start_again = now + delay
            self._print(
                child.program.name, f"ended ({_ending(status)}); starts again in {delay:g} s"
            )

    def _clear(self, child: _Child) -> None:
        """Forward the last output of a finished process and kill the rest of its group."""
        assert child.process is not None
        assert child.process.stdout is not None
        # A worker of a dead gunicorn would keep the port occupied.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        self._forward(child)
        with suppress(KeyError):
            self._selector.unregister(child.process.stdout)
        child.process.stdout.close()
        child.process = None
        child.unfinished = b""

    def _stop(self) -> None:
        stops_before = self._stops
        alive = [child for child in self._children if child.process is not None]
        for child in alive:
            assert child.process is not None
            child.process.terminate()
        deadline = time.monotonic() + _GRACE_SECONDS
        while alive and time.monotonic() < deadline and self._stops <= max(stops_before, 1):
            self._forward_output(0.05)
            alive = [c for c in alive if c.process is not None and c.process.poll() is None]
        for child in self._children:
            if child.process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
                self._clear(child)
        self._selector.close()


def _ending(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"
