"""The embedded PostgreSQL, which serves when DATABASE_URL is unset."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path

from config import addresses
from standalone import binaries, processes
from standalone.server import Identity, Server, ServerError, accepts_connections, failure_reason


class Postgres(Server):
    """PostgreSQL with one database, `pacta`, owned by the role `pacta`.

    Args:
        var_dir: the folder that holds the data folder, the log and the locks.
        is_durable: if False, fsync is off and a power cut can lose the data. Only for databases
            that are thrown away.
    """

    name = "postgres"
    setting = "DATABASE_URL"
    _death_signal = signal.SIGINT  # a fast shutdown
    # After a `kill -9` of the server, its own children take a moment to notice.
    _transient_failures = ("pre-existing shared memory block", "is being used by another process")

    def __init__(self, var_dir: Path, *, is_durable: bool = True) -> None:
        super().__init__(var_dir)
        self.is_durable = is_durable
        self._has_namespace: bool | None = None

    @property
    def url(self) -> str:
        return self.database_url(addresses.DATABASE)

    def database_url(self, database: str) -> str:
        """Return the address of one database of this server."""
        return addresses.embedded_database_url(self.var_dir, database)

    def start(self, *, is_owner: bool = False) -> None:
        super().start(is_owner=is_owner)
        try:
            self.create_database(addresses.DATABASE)
        except Exception:
            self.stop()
            raise

    def create_database(self, name: str) -> None:
        """Create an empty database, unless one of this name exists."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if found.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def pid(self) -> int | None:
        lines = self._pid_file_lines()
        is_ready = len(lines) >= 8 and lines[7].strip() == "ready"
        if not is_ready or not accepts_connections(self.socket_path):
            return None
        # The children of a killed server keep its socket open until they notice.
        pid = int(lines[0])
        return pid if _exists(pid) else None

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.data_dir / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _trusted_owners(self) -> set[int]:
        return {os.geteuid(), processes.NOBODY} if os.geteuid() == 0 else {os.geteuid()}

    def _drops_root(self) -> bool:
        # PostgreSQL refuses to run as root. In a user namespace it does not see root, and the
        # files keep their owner. Where user namespaces are forbidden it runs as `nobody`, and
        # `nobody` must be able to reach the data.
        if os.geteuid() != 0:
            return False
        if self._has_namespace is None:
            self._has_namespace = processes.can_enter_user_namespace()
        return self._has_namespace

    def _identity(self) -> Identity:
        if os.geteuid() != 0 or self._drops_root():
            return {}
        return {"user": processes.NOBODY, "group": processes.NOBODY, "extra_groups": []}

    def _prepare(self) -> None:
        programs = binaries.postgres_folder()
        self._hand_over_folders(programs)
        self._remove_stale_pid_file()
        if not (self.data_dir / "PG_VERSION").exists():
            self._create_data(programs)

    def _create_data(self, programs: Path) -> None:
        # Created under another name and moved into place, so that a killed initdb never leaves a
        # half-made data folder behind.
        draft = self.var_dir / f"{self.name}.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        identity = self._identity()
        if identity:
            os.chown(draft, identity["user"], identity["group"])
        finished = subprocess.run(
            [
                str(programs / "initdb"), f"--pgdata={draft}", f"--username={addresses.ROLE}",
                # No password: the socket is in a folder that only its owner can enter.
                "--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8", "--no-instructions",
                *([] if self.is_durable else ["--no-sync"]),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd=draft,
            preexec_fn=processes.child_setup(drops_root=self._drops_root()),
            **identity,
        )  # fmt: skip
        if finished.returncode != 0:
            reason = failure_reason(finished.stderr)
            raise ServerError(f"PostgreSQL cannot create its data folder: {reason}")
        if self.data_dir.exists():
            self.data_dir.rmdir()
        draft.rename(self.data_dir)

    def _hand_over_folders(self, programs: Path) -> None:
        """As root, make sure that the user who runs PostgreSQL owns and can reach the data."""
        if os.geteuid() != 0:
            return
        owner = self._identity().get("user", 0)
        if owner:
            # Others can then pass through the folder, but neither list it nor read the files in it.
            self.var_dir.chmod(self.var_dir.stat().st_mode | stat.S_IXOTH)
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

    def _remove_stale_pid_file(self) -> None:
        # PostgreSQL trusts its pid file as long as any process of this user has that number.
        lines = self._pid_file_lines()
        command = Path("/proc") / (lines[0].strip() if lines else "none") / "comm"
        try:
            is_stale = command.read_text().strip() != "postgres"
        except OSError:
            return
        if is_stale:
            (self.data_dir / "postmaster.pid").unlink()

    def _command(self) -> list[str]:
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_path.parent),
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": "100",
            # Per process. No statement may fill the disk.
            "temp_file_limit": "8GB",
        }
        if not self.is_durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return [str(binaries.postgres_folder() / "postgres"), "-D", str(self.data_dir), *arguments]

    def _terminate(self, pid: int) -> None:
        os.kill(pid, signal.SIGINT)

    def _is_gone(self) -> bool:
        return not self._pid_file_lines()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it belongs to another user
        return True
    return True
