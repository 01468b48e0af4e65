"""`manage.py up` refuses an invalid setting with one line that names it, and stops everything.

`tests/config/test_env.py` covers values that cannot be parsed, `tests/flows/test_up.py` a refused
start of a real process.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

import config.settings
from compliance.models import User
from config.env import Environment, environment
from standalone.first_start import create_first_data
from standalone.management.commands import up
from standalone.valkey import Valkey

Refusal = Callable[..., str]


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Refusal]:
    """Start with some values of the environment changed; return the message of the refusal."""
    before = signal.getsignal(signal.SIGTERM)

    def start(**changes: object) -> str:
        values: dict[str, Any] = {"var_dir": tmp_path / "var", "port": _free_port(), **changes}
        changed: Environment = replace(environment, **values)
        monkeypatch.setattr(up, "environment", changed)
        output = StringIO()
        with pytest.raises(CommandError) as refused:
            call_command("up", stdout=output)
        message = str(refused.value)
        assert len(message.splitlines()) == 1, message
        assert "hidden-word" not in message + output.getvalue()
        assert not Valkey(values["var_dir"]).is_up(), "a server was left running"
        return message

    yield start
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def connect_to(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Connect Django to the database of a DATABASE_URL."""

    def connect(url: str) -> None:
        changed = replace(environment, database_url=url)
        monkeypatch.setattr(config.settings, "environment", changed)
        connection = connections["default"]
        settings = {**connection.settings_dict, **config.settings._database()}
        monkeypatch.setattr(connection, "settings_dict", settings)

    return connect


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_taken_port_is_refused(refusal: Refusal) -> None:
    with socket.socket() as taker:
        taker.bind(("127.0.0.1", 0))
        taker.listen()
        port = taker.getsockname()[1]
        assert f"PORT {port}" in refusal(port=port)


def test_a_file_in_place_of_the_data_folder_is_refused(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "VAR_DIR" in refusal(var_dir=tmp_path / "file")


def test_a_read_only_folder_is_refused(refusal: Refusal) -> None:
    # Not even root can create a folder there.
    assert "VAR_DIR" in refusal(var_dir=Path("/proc/pacta"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://pacta:hidden-word@127.0.0.1:1/pacta",
        "postgresql://pacta:hidden-word@no-such-host.invalid/pacta",
    ],
)
def test_an_unreachable_database_server_is_refused(
    refusal: Refusal, connect_to: Callable[[str], None], url: str
) -> None:
    connect_to(url)
    assert "DATABASE_URL" in refusal(database_url=url)


@pytest.mark.django_db
def test_a_missing_database_is_refused(refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "NAME", "missing")
    message = refusal(database_url="postgresql://in-use")
    assert "DATABASE_URL" in message
    assert '"missing" does not exist' in message


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url", ["redis://:hidden-word@127.0.0.1:1/0", "mailto:nobody", "redis+socket:///no/such.sock"]
)
def test_an_unreachable_broker_is_refused(refusal: Refusal, settings: Any, url: str) -> None:
    settings.BROKER_URL = url
    assert "REDIS_URL" in refusal(database_url="postgresql://in-use", redis_url=url)


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["12345678", "password", "short", "admin@example.org"])
def test_a_password_of_the_administrator_that_is_easy_to_guess_is_refused(password: str) -> None:
    changed = replace(environment, admin_email="admin@example.org", admin_password=password)
    with pytest.raises(CommandError, match=r"^ADMIN_PASSWORD cannot be used: "):
        create_first_data(changed, has_examples=False, has_token=False)
    assert not User.objects.exists()
