"""An embedded server: started on demand, shared between processes, stopped by its last user.

The servers are real ones from PyPI wheels. They listen on unix sockets that only their owner can
open and keep their data under VAR_DIR.

Any number of processes can share a server. Each holds a shared lock while it uses the server, and
the last one to leave stops it.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, ClassVar, Literal, TypedDict

from config import addresses
from standalone import processes
from standalone.locks import locked, try_exclusive

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.02
_RETRY_SECONDS = 0.5


class ServerError(Exception):
    """A server cannot be started or stopped. The message is one sentence for the operator."""


class Identity(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that set the user a program runs as."""

    user: int
    group: int
    extra_groups: Sequence[int]


class Server(ABC):
    """One embedded server with its data folder, log and locks under VAR_DIR."""

    name: ClassVar[Literal["postgres", "valkey"]]
    setting: ClassVar[str]  # the environment variable that replaces this server
    _death_signal: ClassVar[signal.Signals]
    # Parts of log lines that mean that another attempt to start can succeed.
    _transient_failures: ClassVar[tuple[str, ...]] = ()

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir.absolute()
        self.data_dir = self.var_dir / self.name
        self.log_path = self.var_dir / f"{self.name}.log"
        self.socket_path = addresses.socket_path(self.var_dir, self.name)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address in the form that the setting takes. Computing it starts nothing."""

    @abstractmethod
    def pid(self) -> int | None:
        """Return the server's process id, or None if it does not answer."""

    def is_up(self) -> bool:
        """Return whether the server answers."""
        return self.pid() is not None

    def has_ended(self) -> bool:
        """Return whether the server is gone. A server that is only slow to answer is not."""
        if self._process is not None:
            return self._process.poll() is not None
        return not self.is_up()

    def start(self, *, is_owner: bool = False) -> None:
        """Start the server and wait until it answers. Do nothing if it is already up.

        Args:
            is_owner: end the server when the calling thread ends, however it ends (Linux only).

        Raises:
            ServerError: it cannot be started; nothing is left running.
        """
        with self._lock("lock"):
            if self.is_up():
                return
            try:
                self._make_socket_dir()
                self._prepare()
            except OSError as error:
                raise self._not_writable(error) from error
            self._launch(is_owner=is_owner)

    def stop(self) -> None:
        """Stop the server, even if others use it, and wait until it is gone.

        Raises:
            ServerError: it did not stop in time.
        """
        with self._lock("lock"):
            self._stop()

    @contextmanager
    def running(self, *, is_owner: bool = False) -> Iterator[None]:
        """Keep the server up for the length of the block.

        When the block ends, the last user stops the server. An owner stops it even if others
        still use it.
        """
        with self._lock("users", is_shared=True) as users:
            self.start(is_owner=is_owner)
            try:
                yield
            finally:
                with self._lock("lock"):
                    if is_owner or try_exclusive(users):
                        self._stop()

    @contextmanager
    def _lock(self, suffix: str, *, is_shared: bool = False) -> Iterator[IO[str]]:
        with ExitStack() as stack:
            try:
                lock = locked(self.var_dir / f"{self.name}.{suffix}", is_shared=is_shared)
                file = stack.enter_context(lock)
            except OSError as error:
                raise self._not_writable(error) from error
            yield file

    def _not_writable(self, error: OSError) -> ServerError:
        path = error.filename or self.var_dir
        return ServerError(
            f"{path} cannot be written ({error.strerror}): make it writable, set VAR_DIR to "
            f"another folder, or set {self.setting}"
        )

    def _make_socket_dir(self) -> None:
        folder = self.socket_path.parent
        if folder == self.data_dir:
            return
        # Everybody can write to /tmp: another user could have created our folder first.
        for path, mode in ((folder.parent, 0o711), (folder, 0o700)):
            path.mkdir(mode=mode, exist_ok=True)
            status = path.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid not in self._trusted_owners():
                raise ServerError(
                    f"{path} belongs to another user: remove it, or set {self.setting}"
                )
            path.chmod(mode)

    def _trusted_owners(self) -> set[int]:
        return {os.geteuid()}

    @abstractmethod
    def _prepare(self) -> None:
        """Create what the server needs before it starts, such as its data folder."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the command line that starts the server in the foreground."""

    def _identity(self) -> Identity:
        return {}

    def _drops_root(self) -> bool:
        return False

    def _launch(self, *, is_owner: bool) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
            self._process = self._spawn(is_owner=is_owner)
            self._await_answer(self._process, deadline)
            if self._process.poll() is None:
                return
            output = self.log_path.read_bytes()[log_start:].decode(errors="replace")
            is_transient = any(reason in output for reason in self._transient_failures)
            if not is_transient or time.monotonic() > deadline:
                raise ServerError(f"{self.name} did not start: {failure_reason(output)}")
            time.sleep(_RETRY_SECONDS)

    def _spawn(self, *, is_owner: bool) -> subprocess.Popen[bytes]:
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.data_dir,
                # Ctrl-C must reach the foreground process only: it decides when its servers stop.
                start_new_session=True,
                preexec_fn=processes.child_setup(
                    on_parent_death=self._death_signal if is_owner else None,
                    drops_root=self._drops_root(),
                ),
                **self._identity(),
            )

    def _await_answer(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        """Wait until the server answers or its process ends."""
        while process.poll() is None and not self.is_up():
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise ServerError(f"{self.name} did not answer in time: see {self.log_path}")
            time.sleep(_POLL_SECONDS)

    def _stop(self) -> None:
        pid = self.pid()
        if pid is not None:
            self._terminate(pid)
            deadline = time.monotonic() + _STOP_SECONDS
            while not self._is_gone():
                if time.monotonic() > deadline:
                    raise ServerError(f"{self.name} (process {pid}) did not stop in time")
                time.sleep(_POLL_SECONDS)
        if self._process is not None:
            self._process.wait(_STOP_SECONDS)
            self._process = None

    @abstractmethod
    def _terminate(self, pid: int) -> None:
        """Ask the server to stop."""

    @abstractmethod
    def _is_gone(self) -> bool:
        """Return whether a server that was asked to stop has stopped."""


def accepts_connections(path: Path) -> bool:
    """Return whether something listens on a unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def failure_reason(output: str) -> str:
    """Return the line of a server's output that says why it failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for line in lines:
        for mark in ("FATAL:", "error:", "Fatal"):
            if mark in line:
                return line[line.index(mark) :]
    return lines[-1] if lines else "it printed nothing"
