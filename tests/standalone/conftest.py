"""Embedded servers in separate folders, for tests that start and kill them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from standalone.postgres import Postgres
from standalone.server import Server
from standalone.valkey import Valkey


def postgres(folder: Path) -> Postgres:
    return Postgres(folder, is_durable=False)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"
    for server in (postgres(tmp_path / "var"), Valkey(tmp_path / "var")):
        server.stop()


@pytest.fixture(scope="session")
def new_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a PostgreSQL that has just been created and stopped."""
    server = postgres(tmp_path_factory.mktemp("postgres"))
    with server.running():
        pass
    return server.data_dir


@pytest.fixture(params=[postgres, Valkey], ids=["postgres", "valkey"])
def server(request: pytest.FixtureRequest, folder: Path) -> Server:
    """A server that has run before, which saves most of the time of its start."""
    make: Callable[[Path], Server] = request.param
    if make is postgres:
        created: Path = request.getfixturevalue("new_data_folder")
        shutil.copytree(created, folder / created.name, symlinks=True)
    return make(folder)


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
