"""What compose.yaml starts has row-level security in force, although it connects as a superuser."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
import yaml
from psycopg import sql

from config.env import BASE_DIR
from standalone.postgres import Postgres
from tests.flows.conftest import PATIENCE, clean_environment, eventually, free_port

pytestmark = [pytest.mark.flow, pytest.mark.exhaustive]

COMPOSE: dict[str, Any] = yaml.safe_load((BASE_DIR / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PASSWORD = "p@ss/word:1"
SETTINGS = {
    "SECRET_KEY": secrets.token_urlsafe(50),
    # As the comment in compose.yaml demands.
    "POSTGRES_PASSWORD": quote(PASSWORD, safe="-._~"),
    "ADMIN_PASSWORD": secrets.token_urlsafe(20),
}
# Reads everything, as a request of nobody and as the system: the role in use, and how much is seen.
READ = """
from django.core.management import call_command
from django.db import connection, transaction
from compliance.models import Agreement
from compliance.models.people.readers import NOBODY, SYSTEM, reading_as
call_command("load_agreement", "examples/geneva-2025.yaml")
for reader in (NOBODY, SYSTEM):
    with reading_as(reader), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_user, session_user")
        print("found", *cursor.fetchone(), Agreement.objects.count())
"""


def filled_in(text: str) -> str:
    """Return a value of compose.yaml with its variables, as Compose reads them."""

    def value(found: re.Match[str]) -> str:
        name, _, rest = found[1].partition(":")
        return SETTINGS.get(name, rest.removeprefix("-") if rest.startswith("-") else "")

    return re.sub(r"\$\{([^}]*)\}", value, text)


class ImagePostgres(Postgres):
    """PostgreSQL as the image sets it up: POSTGRES_USER is a superuser, and signs in over TCP."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder, is_durable=False)
        self.port = port
        self.socket_path = self.socket_path.with_name(f".s.PGSQL.{port}")

    def _command(self) -> list[str]:
        command = [each for each in super()._command() if "listen_addresses" not in each]
        return [*command, "--listen_addresses=127.0.0.1", f"--port={self.port}"]

    def database_url(self, database: str) -> str:
        return f"{super().database_url(database)}?port={self.port}"


@dataclass(frozen=True, kw_only=True)
class Containers:
    """The processes that the containers would run, one at a time."""

    environment: dict[str, str]
    server: ImagePostgres

    def run(self, service: str, *command: str) -> str:
        """Run a command in the environment of a service, and return its output."""
        finished = subprocess.run(
            [sys.executable, *(command or SERVICES[service]["command"][1:])],
            cwd=BASE_DIR,
            env={**self.environment, **environment_of(service, self.server.port)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def execute(self, statement: str) -> None:
        """Execute SQL as the administrator of the server."""
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(statement.encode())


def environment_of(service: str, port: int) -> dict[str, str]:
    """Return the environment of a service, with the server of the test in place of its host."""
    found = {name: filled_in(str(each)) for name, each in SERVICES[service]["environment"].items()}
    if "DATABASE_URL" in found:
        found["DATABASE_URL"] = found["DATABASE_URL"].replace("postgres:5432", f"127.0.0.1:{port}")
    return {name: value for name, value in found.items() if name != "REDIS_URL" and value}


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[Containers]:
    image = environment_of("postgres", 0)
    server = ImagePostgres(tmp_path / "server", free_port())
    server.start()
    try:
        with psycopg.connect(server.url, autocommit=True) as connection:
            role = sql.Identifier(image["POSTGRES_USER"])
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, PASSWORD))
        with (server.data_dir / "pg_hba.conf").open("w") as rules:
            rules.write("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")
        environment = clean_environment(VAR_DIR=str(tmp_path / "var"), PORT=str(free_port()))
        yield Containers(environment=environment, server=server)
    finally:
        server.stop()


def readiness(port: str) -> Any:
    """Return what /readyz says about row-level security."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=20) as response:
            found = json.load(response)
    except urllib.error.HTTPError as error:  # no worker runs
        found = json.load(error)
    return found["checks"]["row_security"]


def web_command() -> list[str]:
    """Return the command of the image, without the program."""
    [line] = re.findall(r"^CMD (\[.*\])$", (BASE_DIR / "Dockerfile").read_text(), re.MULTILINE)
    command: list[str] = json.loads(line)
    assert command[0] == "gunicorn"
    return ["-m", *command]


def test_row_security_is_in_force_in_what_compose_starts(containers: Containers) -> None:
    addresses = {
        environment_of(name, 1)["DATABASE_URL"]
        for name in SERVICES
        if name not in {"postgres", "valkey"}
    }
    [address] = addresses  # every service connects as the same role
    found = urlsplit(address)
    assert (found.scheme, found.username, found.path) == ("postgresql", "pacta", "/pacta")
    containers.run("migrate")
    nobody, system = re.findall(
        r"^found (\w+) (\w+) (\d+)$", containers.run("web", "manage.py", "shell", "-c", READ), re.M
    )
    assert nobody == ("pacta_reader", "pacta", "0")
    assert system[:2] == ("pacta", "pacta")
    assert int(system[2]) > 0
    with subprocess.Popen(
        [sys.executable, *web_command()],
        cwd=BASE_DIR,
        env={**containers.environment, **environment_of("web", containers.server.port)},
    ) as web:
        try:
            port = containers.environment["PORT"]
            eventually(lambda: _is_up(port), 60, "the web does not answer")
            assert readiness(port)["state"] == "ok"
            containers.execute("DROP OWNED BY pacta_reader; DROP ROLE pacta_reader")
            assert "pacta_reader" in str(readiness(port))
            assert readiness(port)["state"] == "failing"
            # The next start repairs it.
            containers.run("migrate")
            assert readiness(port)["state"] == "ok"
            containers.execute("ALTER TABLE compliance_deadline DISABLE ROW LEVEL SECURITY")
            assert readiness(port)["state"] == "failing"
        finally:
            web.terminate()


def _is_up(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False
