"""Append entries to the ledger. This is its only writer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from compliance.domain.deadlines.ledger import recorded_quantity
from compliance.domain.deadlines.timeline import Transition
from compliance.domain.integrity.chains import link
from compliance.models.bulk import RowType, write_rows

# A reader who resumes the change feed after the highest known id would miss a lower id that is
# committed later. Ids must therefore become visible in ascending order: entries are inserted last
# in a transaction, under this advisory lock, which is held until the commit.
_LEDGER_LOCK = 0x5041435441


class LedgerRow(NamedTuple):
    """The columns of an entry. The hash covers all other columns, in this order.

    It covers `measured` only if it is set.
    """

    deadline_id: int
    recorded_at: datetime
    effective_at: datetime
    status: str
    reason: str
    fact_id: int | None
    due_on: date | None
    due_at: datetime | None
    unmet_at: datetime | None
    earliest_due_at: datetime | None
    performed: Decimal | None
    target: Decimal | None
    accepted_share: Decimal | None
    measured: Decimal | None
    hash: str


def chained(
    deadline_id: int, head: bytes | None, entries: Sequence[tuple[Transition, datetime]]
) -> tuple[list[LedgerRow], bytes | None]:
    """Return the rows of entries that continue the chain with this `head`, and the new head.

    Args:
        entries: transitions, each with the instant at which it is recorded, oldest first.
    """
    rows = []
    for transition, recorded_at in entries:
        due = transition.due
        values = (
            deadline_id,
            recorded_at,
            transition.effective_at,
            transition.status,
            transition.reason,
            transition.fact_id,
            due.due_on if due is not None else None,
            due.due_at if due is not None else None,
            due.unmet_at if due is not None else None,
            due.earliest_due_at if due is not None else None,
            recorded_quantity(transition),
            transition.target,
            transition.accepted_share,
        )
        measured = transition.measured
        head = link(head, values if measured is None else (*values, measured))
        rows.append(LedgerRow(*values, measured, head.hex()))
    return rows, head


def append(rows: Sequence[LedgerRow]) -> None:
    """Append entries in their order. Call it last in a transaction."""
    if rows:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LEDGER_LOCK])
        write_rows(_APPEND, _ENTRY, rows)


_ENTRY = RowType(
    deadline_id="bigint",
    recorded_at="timestamptz",
    effective_at="timestamptz",
    status="text",
    reason="text",
    fact_id="bigint",
    due_on="date",
    due_at="timestamptz",
    unmet_at="timestamptz",
    earliest_due_at="timestamptz",
    performed="numeric",
    target="numeric",
    accepted_share="numeric",
    measured="numeric",
    hash="text",
)

_APPEND = f"""
    INSERT INTO compliance_ledgerentry
        (deadline_id, recorded_at, effective_at, status, reason, fact_id, due_on, due_at,
         unmet_at, earliest_due_at, performed, target, accepted_share, measured,
         hash)
    SELECT deadline_id, recorded_at, effective_at, status, reason, fact_id, due_on, due_at,
        unmet_at, earliest_due_at, performed, target, accepted_share, measured,
        decode(hash, 'hex')
    FROM {_ENTRY.rows}
"""
