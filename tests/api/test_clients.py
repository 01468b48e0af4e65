"""The examples of clients: each request that they make is executed, and the programs are run."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from compliance.models import User
from compliance.operations.people.tokens import create_token
from tests.api.answers import BASE
from tests.samples import create_agreement, obligation, utc

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "examples" / "clients"
NODE_MODULES = Path(sys.prefix) / "node_modules"
# Grafana replaces its variables by the period that is shown.
PERIOD = {"${__from:date:YYYY-MM-DD}": "2025-11-01", "${__to:date:YYYY-MM-DD}": "2026-03-31"}


def test_every_query_of_the_grafana_dashboard_finds_its_columns(api: Client) -> None:
    enter_breaches()
    dashboard = json.loads((CLIENTS / "grafana.json").read_text())
    targets = [target for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(targets) == 5
    for target in targets:
        parameters = {
            each["key"]: PERIOD.get(each["value"], each["value"])
            for each in target["url_options"]["params"]
        }
        response = api.get(target["url"], parameters)
        assert response.status_code == 200, (target["url"], response.content)
        rows = response.json()[target["root_selector"]]
        assert rows, target["url"]
        for column in target["columns"]:
            assert all(column["selector"] in row for row in rows), column


def test_the_request_of_power_query_returns_the_columns_that_it_types(desk: User) -> None:
    enter_breaches()
    text = (CLIENTS / "power-query.pq").read_text()
    [path] = re.findall(r'RelativePath = "([^"]+)"', text)
    [query] = re.findall(r"Query = \[(.*?)\]", text, re.DOTALL)
    parameters = dict(re.findall(r'(\w+) = "([^"]*)"', query))
    key = create_token(name="excel", user=desk, is_read_only=True)
    credentials = base64.b64encode(f"anyone:{key}".encode()).decode()
    # Excel tries without credentials first, and asks for them if the refusal says how to send them.
    assert Client().get(f"/{path}", parameters).status_code == 401
    answer = Client().get(f"/{path}", parameters, headers={"Authorization": f"Basic {credentials}"})
    assert answer.status_code == 200, answer.content
    first, *rows = b"".join(answer).decode().splitlines()
    assert rows
    typed = re.findall(r'\{"(\w+)", type', text)
    assert typed
    assert set(typed) <= set(first.split(","))


def test_the_addresses_in_the_guide_and_the_notebook_work(api: Client) -> None:
    enter_breaches()
    guide = (ROOT / "docs" / "dashboards.md").read_text()
    cells = json.loads((CLIENTS / "pandas.ipynb").read_text())["cells"]
    notebook = "".join(line for cell in cells for line in cell["source"])
    found = re.findall(r'(?:\$URL|/api/v1)/([a-z-]+/\?[^"\s]+)', guide)
    found += re.findall(r'"([a-z-]+/\?[^"\s]+)"', notebook)
    assert len(found) == 7
    for address in found:
        assert api.get(BASE + address).status_code == 200, address


def enter_breaches() -> None:
    """Enter two obligations that are in breach."""
    lots = (obligation("O-1", "2026-03-15"), obligation("O-2", "2026-03-16"))
    create_agreement(*lots, as_of=utc("2026-04-01T00:00"))


@pytest.fixture
def environment(transactional_db: None, live_server: LiveServer) -> dict[str, str]:
    """The variables of programs that read from a running server, which has an open breach."""
    desk = User.objects.create_superuser("desk@example.org", "secret")
    enter_breaches()
    key = create_token(name="client", user=desk, is_read_only=True)
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "PACTA_URL": live_server.url, "PACTA_TOKEN": key}


def run(*command: str | Path, folder: Path, environment: dict[str, str]) -> str:
    """Return what a program prints."""
    finished = subprocess.run(
        [str(each) for each in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.mark.exhaustive
def test_the_generated_python_client_reads_from_the_server(
    environment: dict[str, str], tmp_path: Path
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("post_hooks: []\n")
    run(
        Path(sys.executable).with_name("openapi-python-client"), "generate",
        "--path", ROOT / "docs" / "openapi.yaml", "--meta", "none", "--config", settings,
        "--output-path", tmp_path / "pacta_client",
        folder=tmp_path, environment=environment,
    )  # fmt: skip
    environment = {**environment, "PYTHONPATH": str(tmp_path)}
    printed = run(
        sys.executable, CLIENTS / "open_breaches.py", folder=tmp_path, environment=environment
    )
    assert printed == BREACHES


BREACHES = "supply O-1 2026-03-15\nsupply O-2 2026-03-16\n"


@pytest.mark.exhaustive
@pytest.mark.skipif(
    shutil.which("node") is None or not (NODE_MODULES / "openapi-typescript").exists(),
    reason="needs npm: .ci/run installs openapi-typescript",
)
def test_the_generated_types_compile_and_their_client_reads_from_the_server(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(CLIENTS / "open_breaches.ts", tmp_path)

    def node(script: str, *arguments: str | Path) -> str:
        return run("node", script, *arguments, folder=tmp_path, environment=environment)

    document = ROOT / "docs" / "openapi.yaml"
    node("node_modules/openapi-typescript/bin/cli.js", document, "-o", "pacta.ts")
    node(
        "node_modules/typescript/bin/tsc", "--strict", "--target", "es2022", "--module", "nodenext",
        "--types", "node", "open_breaches.ts",
    )  # fmt: skip
    assert node("open_breaches.js") == BREACHES
