"""The layers keep to docs/architecture.md where no import contract can tell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "compliance"
CLOCKS = {
    "date.today", "datetime.now", "datetime.today", "datetime.utcnow", "time.monotonic",
    "time.perf_counter", "time.time", "timezone.now",
}  # fmt: skip
# They record how long a run took. What they decide, they decide as of an argument.
TIMED_JOBS = {"deadlines/recomputation.py", "deadlines/sweep.py"}
WRITES = {"abulk_create", "bulk_create", "bulk_update", "create", "delete", "save", "update"}


def calls(layer: str) -> Iterator[tuple[str, ast.expr]]:
    """Yield the path within its layer, and what is called, for each call in a layer."""
    for path in sorted((PACKAGE / layer).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield path.relative_to(PACKAGE / layer).as_posix(), node.func


@pytest.mark.parametrize("layer", ["domain", "operations"])
def test_no_decision_reads_a_clock(layer: str) -> None:
    found = {
        name
        for name, called in calls(layer)
        if ".".join(ast.unparse(called).split(".")[-2:]) in CLOCKS
    }
    assert found == (TIMED_JOBS if layer == "operations" else set())


def test_no_query_writes_a_row() -> None:
    found = [
        f"{name}: {ast.unparse(called)}"
        for name, called in calls("queries")
        if isinstance(called, ast.Attribute)
        and called.attr in WRITES
        and "objects" in ast.unparse(called)
    ]
    assert found == []
