"""Where log lines go, and that nobody can forge one."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import structlog

from config import logs

FORGED = "x\r\n2026-01-01T00:00:00Z level='info' event='forged'\u2028\x1b[2K"


def test_no_value_adds_a_line_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    [console] = [
        each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler
    ]
    assert console.formatter is not None
    logging.getLogger("x").warning("Not found: %s", FORGED)
    structlog.get_logger("x").warning("refused", error=FORGED)
    try:
        raise ValueError(FORGED)
    except ValueError:
        logging.getLogger("x").exception(FORGED)
    assert len(caplog.records) == 3
    for record in caplog.records:
        line = console.formatter.format(record)
        assert len(line.splitlines()) == 1, line
        assert "\x1b" not in line


@pytest.mark.parametrize("target", [None, "-", "/var/log/pacta.json"])
def test_logs_go_to_standard_error_and_to_the_file_of_the_audit_log_only(
    target: str | None,
) -> None:
    found: dict[str, Any] = logs.with_audit_log(target)
    console, audit = found["handlers"]["console"], found["handlers"]["audit"]
    assert console["class"] == "logging.StreamHandler"
    assert audit.get("filename") == (target if target != "-" else None)
    assert set(found["handlers"]) == {"console", "audit"}
    used = {name: each.get("handlers") for name, each in found["loggers"].items()}
    assert {name for name in used if used[name]} == {logs.AUDIT_LOGGER}
    assert used[logs.AUDIT_LOGGER] == ["audit"]
    assert found["root"]["handlers"] == ["console"]
