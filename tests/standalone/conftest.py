"""Embedded servers in separate folders, for tests that start and kill them."""

from __future__ import annotations

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


@pytest.fixture(params=[postgres, Valkey], ids=["postgres", "valkey"])
def server(request: pytest.FixtureRequest, folder: Path) -> Server:
    make: Callable[[Path], Server] = request.param
    return make(folder)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
