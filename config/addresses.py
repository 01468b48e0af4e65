"""The default DATABASE_URL and REDIS_URL: unix sockets under VAR_DIR.

`manage.py` runs a PostgreSQL and a Valkey behind them when the settings are unset (see
`standalone/`). The addresses are computed here so that the settings need nothing from the package
that runs the servers. Computing an address starts nothing.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

ROLE: Final = "pacta"
DATABASE: Final = "pacta"
_SOCKET_NAMES = {"postgres": ".s.PGSQL.5432", "valkey": "valkey.sock"}
_LONGEST_SOCKET_PATH = 103  # bytes: Linux allows 107, macOS 103


def socket_path(var_dir: Path, server: Literal["postgres", "valkey"]) -> Path:
    """Return the unix socket of an embedded server.

    It lies in the server's data folder, or under /tmp if that path is too long for a socket.
    """
    data_dir = var_dir.absolute() / server
    path = data_dir / _SOCKET_NAMES[server]
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    # Not TMPDIR: it can differ between two processes that have to use the same socket.
    return Path("/tmp") / f"pacta-{os.geteuid()}" / digest / path.name  # noqa: S108


def embedded_database_url(var_dir: Path, database: str = DATABASE) -> str:
    """Return the DATABASE_URL of one database of the embedded PostgreSQL."""
    folder = socket_path(var_dir, "postgres").parent
    return f"postgresql://{ROLE}@{quote(str(folder), safe='')}/{database}"


def embedded_broker_url(var_dir: Path) -> str:
    """Return the REDIS_URL of the embedded Valkey, in the form that Celery takes."""
    return f"redis+socket://{quote(str(socket_path(var_dir, 'valkey')))}"
