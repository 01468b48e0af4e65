"""Counts the cases of each set, for `make vectors`."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many cases of each set pass."""
    passed: Counter[str] = Counter()
    run: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            _, bracket, name = report.nodeid.partition("/vectors/test_vectors.py::")
            if bracket:
                vectors = name.partition("[")[2].partition(":")[0]
                run[vectors] += 1
                passed[vectors] += outcome == "passed"
    if run:
        terminalreporter.section("vectors")
    for vectors, count in run.items():
        terminalreporter.line(f"{vectors:<42} {passed[vectors]:>2} of {count} pass")
