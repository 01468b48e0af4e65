"""Measure how fast the sweep is, compared with one SQL statement that writes the same rows.

This module fills the database; other benchmarks use it too.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from benchmarks import execute

SIGNED_AT = datetime(2026, 1, 1, tzinfo=UTC)
FIRST_DUE_AT = datetime(2026, 2, 1, tzinfo=UTC)
# As long as the traces of most deadlines.
TRACE = json.dumps(
    [
        "90 days after 2025-05-14, first day not counted: 2025-08-12, a Tuesday.",
        "2025-08-12 is a business day in US.",
        "End of 2025-08-12, a Tuesday, in UTC: 2025-08-13T00:00Z.",
    ]
)
FAR_DUE_AT = datetime(2190, 1, 1, tzinfo=UTC)


def fill(first: int, count: int, due_at: datetime) -> None:
    """Store pending deadlines: ten per obligation, and a thousand obligations per agreement."""
    if not count:
        return
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        if first == 0:
            cursor.execute(
                """
                INSERT INTO compliance_subscription (email, is_active)
                    VALUES ('desk@example.org', true)
                """
            )
        store(cursor, first, count, due_at)
    execute("ANALYZE")


def store(cursor: Any, first: int, count: int, due_at: datetime) -> None:
    """Store deadlines like `fill`, with any cursor that binds parameters on the client side."""
    # Skips the history triggers, to save time.
    cursor.execute("SET LOCAL session_replication_role = replica")
    cursor.execute(
        """
        INSERT INTO compliance_agreement (id, ref, title, kind, calendars, created_at)
        OVERRIDING SYSTEM VALUE
        SELECT number, 'agreement-' || number, 'Agreement ' || number, 'contract', '{}', now()
        FROM generate_series(%(first)s / 10000, (%(first)s + %(count)s - 1) / 10000) AS number
        ON CONFLICT DO NOTHING
        """,
        {"first": first, "count": count},
    )
    cursor.execute(
        """
        INSERT INTO compliance_obligation
            (id, agreement_id, ref, title, text, clause, kind, severity, tags, unit, due)
        OVERRIDING SYSTEM VALUE
        SELECT number, number / 1000, 'O-' || number, 'Obligation ' || number, '', '',
               'achieve', 'normal', '{}', '',
               '{"type": "recurrence", "rrule": "FREQ=DAILY", "start": "2026-01-31"}'
        FROM generate_series(%(first)s / 10, (%(first)s + %(count)s - 1) / 10) AS number
        ON CONFLICT DO NOTHING
        """,
        {"first": first, "count": count},
    )
    cursor.execute(
        """
        INSERT INTO compliance_deadline
            (id, status, status_since, due_on, due_at, unmet_at, next_check_at, recorded_at,
             quarantine_error, obligation_id, agreement_id, number, begins_at, original_due_on,
             original_due_at, original_unmet_at, timezone, is_disputed, verification, trace,
             data_version)
        OVERRIDING SYSTEM VALUE
        SELECT number, 'pending', %(signed)s, %(due)s::date - 1, %(due)s, %(due)s, %(due)s,
               %(signed)s, '', number / 10, number / 10000, number %% 10 + 1, %(signed)s,
               %(due)s::date - 1, %(due)s, %(due)s, 'UTC', false, 'unchecked', %(trace)s,
               'tzdata 2026.6, holidays 0.109'
        FROM generate_series(%(first)s, %(first)s + %(count)s - 1) AS number
        """,
        {
            "first": first,
            "count": count,
            "due": due_at,
            "signed": SIGNED_AT,
            "trace": TRACE,
        },
    )
    cursor.execute(
        """
        INSERT INTO compliance_ledgerentry
            (deadline_id, recorded_at, effective_at, status, reason, due_on, due_at, unmet_at)
        SELECT id, recorded_at, begins_at, 'pending', 'agreed', due_on, due_at, unmet_at
        FROM compliance_deadline WHERE id >= %s AND id < %s
        """,
        [first, first + count],
    )
