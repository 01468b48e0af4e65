"""What messages tell of deadlines, in one row each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from compliance.models.bulk import fetch


class ToldDeadline(NamedTuple):
    """What messages tell of a deadline, its obligation and its agreement."""

    id: int
    obligation_id: int
    agreement: str
    ref: str
    title: str
    text: str
    clause: str
    kind: str
    severity: str
    unit: str
    has_due: bool
    timezone: str
    status: str
    verification: str
    is_disputed: bool
    due_on: date | None
    due_at: datetime | None
    unmet_at: datetime | None
    original_due_on: date | None
    original_due_at: datetime | None


def told_deadlines(ids: Iterable[int]) -> dict[int, ToldDeadline]:
    """Deadlines, by id, as they stand."""
    rows = map(ToldDeadline._make, fetch(_DEADLINES, ids=list(ids)))
    return {deadline.id: deadline for deadline in rows}


_DEADLINES = """
    SELECT d.id, d.obligation_id, a.title, o.ref, o.title, o.text, o.clause, o.kind, o.severity,
        o.unit, o.due IS NOT NULL, d.timezone, d.status, d.verification, d.is_disputed, d.due_on,
        d.due_at, d.unmet_at, d.original_due_on, d.original_due_at
    FROM compliance_deadline AS d
    JOIN compliance_obligation AS o ON o.id = d.obligation_id
    JOIN compliance_agreement AS a ON a.id = d.agreement_id
    WHERE d.id = ANY(%(ids)s)
"""
