"""The embedded Valkey, which serves as the broker when REDIS_URL is unset."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path
from urllib.parse import quote

from config import addresses
from standalone import binaries
from standalone.server import Server, accepts_connections


class Valkey(Server):
    """The broker. It stores nothing on disk: all it ever holds is the next tick."""

    name = "valkey"
    setting = "REDIS_URL"
    _death_signal = signal.SIGTERM

    @property
    def url(self) -> str:
        """The address in the form that Celery takes; redis-py takes `redis_url`."""
        return addresses.embedded_broker_url(self.var_dir)

    @property
    def redis_url(self) -> str:
        """The address in the form that redis-py takes."""
        return f"unix://{quote(str(self.socket_path))}"

    def pid(self) -> int | None:
        answer = _query(self.socket_path, b"INFO server\r\n")
        found = re.search(rb"^process_id:(\d+)", answer, re.MULTILINE)
        return int(found[1]) if found else None

    def _prepare(self) -> None:
        self.data_dir.mkdir(mode=0o700, exist_ok=True)

    def _command(self) -> list[str]:
        return [
            str(binaries.valkey_server()),
            "--port", "0", "--unixsocket", str(self.socket_path), "--unixsocketperm", "700",
            "--dir", str(self.data_dir), "--save", "", "--appendonly", "no",
        ]  # fmt: skip

    def _terminate(self, pid: int) -> None:
        os.kill(pid, signal.SIGTERM)

    def _is_gone(self) -> bool:
        return not accepts_connections(self.socket_path)


def _query(path: Path, command: bytes) -> bytes:
    """Send one command to a server; return the start of its answer, or nothing if it is down."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
            client.sendall(command)
            return client.recv(65536)
        except OSError:
            return b""
