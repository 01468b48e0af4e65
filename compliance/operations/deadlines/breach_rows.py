"""Store the breaches of projected deadlines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from compliance.models.bulk import RowType, write_rows


class BreachRow(NamedTuple):
    """The columns of a breach. `recorded_at` is when the change was detected."""

    deadline_id: int
    occurred_at: datetime
    recorded_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None


def insert(rows: Sequence[BreachRow]) -> None:
    """Store breaches that were detected now."""
    write_rows(_INSERT, _BREACH, rows)


def update(rows: Sequence[BreachRow]) -> None:
    """Store when and why breaches ended, or that they reopened."""
    write_rows(_UPDATE, _BREACH, rows)


_BREACH = RowType(
    deadline_id="bigint",
    occurred_at="timestamptz",
    recorded_at="timestamptz",
    ended_at="timestamptz",
    end_reason="text",
)

_INSERT = f"""
    INSERT INTO compliance_breach (deadline_id, occurred_at, detected_at, ended_at, end_reason)
    SELECT deadline_id, occurred_at, recorded_at, ended_at, end_reason FROM {_BREACH.rows}
"""

_UPDATE = f"""
    UPDATE compliance_breach AS b
    SET ended_at = v.ended_at, end_reason = v.end_reason
    FROM {_BREACH.rows}
    WHERE b.deadline_id = v.deadline_id AND b.occurred_at = v.occurred_at
"""
