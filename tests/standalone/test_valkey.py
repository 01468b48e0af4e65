"""The embedded Valkey and its clients."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from standalone.valkey import Valkey


def test_clients_reconnect_after_a_restart_of_valkey(folder: Path) -> None:
    server = Valkey(folder)
    server.start()
    client = redis.from_url(server.redis_url)
    assert client.ping()
    server.stop()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    server.start()
    assert client.ping()
