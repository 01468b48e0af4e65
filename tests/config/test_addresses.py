"""The default addresses of the database and the broker."""

from __future__ import annotations

from pathlib import Path

from config import addresses
from standalone.postgres import Postgres
from standalone.valkey import Valkey


def test_addresses_are_known_before_the_servers_run(tmp_path: Path) -> None:
    var_dir = tmp_path / "var"
    assert addresses.embedded_database_url(var_dir) == Postgres(var_dir).url
    assert addresses.embedded_broker_url(var_dir) == Valkey(var_dir).url
    assert not var_dir.exists()
