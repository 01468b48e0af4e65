"""The default addresses of the database and the broker."""

from __future__ import annotations

from pathlib import Path

from config import addresses
from standalone.postgres import Postgres
from standalone.valkey import Valkey


def test_address_is_known_before_anything_runs(tmp_path: Path) -> None:
    var_dir = tmp_path / "var"
    assert addresses.embedded_database_url(var_dir) == Postgres(var_dir).url
    assert addresses.embedded_broker_url(var_dir) == Valkey(var_dir).url
    assert not var_dir.exists()
