"""Measure how fast the sweep is, compared with one SQL statement that writes the same rows.

`python -m benchmarks.sweep [STORED] [DUE]` fills a temporary database (1M deadlines by default).
Each round sweeps 100k due deadlines, has one SQL statement write the same rows for another 100k
(the floor), and prints both rates and their ratio. At the end the benchmark prints how long a sweep
takes that finds nothing due, with a tenth of the rows stored and with all of them.

The server runs with fsync on, as in production. The statement makes no decisions: it writes the
known outcome, which the sweep has to compute. The rows that both wrote are compared by column.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import execute, expect, throwaway_database

ROUNDS = 3
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


def main(stored: int, due: int) -> None:
    """Fill the database, measure, and print the results."""
    with throwaway_database():
        _measure(stored, due)


def _measure(stored: int, due: int) -> None:
    tenth = stored // 10
    fill(0, tenth, FAR_DUE_AT)
    small = _empty_sweep()
    position = tenth
    instants = [FIRST_DUE_AT + timedelta(hours=number) for number in range(2 * ROUNDS)]
    for due_at in instants:
        fill(position, due, due_at)
        position += due
    fill(position, max(0, stored - position), FAR_DUE_AT)
    print(f"{stored:,} deadlines stored, {due:,} due in each round, one follower", flush=True)
    print("round   sweep rows/s   floor rows/s   ratio   CPU of the sweep, us/row", flush=True)
    ratios = []
    for number in range(ROUNDS):
        ours, cpu = _timed(_sweep, instants[2 * number], due)
        least, _ = _timed(_one_statement, instants[2 * number + 1], due)
        ratios.append(ours / least)
        print(
            f"{number + 1:>5}   {ours:>12,.0f}   {least:>12,.0f}   {ours / least:>5.2f}"
            f"   {cpu / due * 1e6:>10.1f}",
            flush=True,
        )
    expect(_counts(), {2 * ROUNDS * due}, "rows of each kind written")
    expect(_written(tenth, due), _written(tenth + due, due), "written by the sweep and the floor")
    print(f"median ratio: {statistics.median(ratios):.2f}")
    large = _empty_sweep()
    print(
        f"empty sweep: {small * 1000:.2f} ms at {tenth:,} rows, {large * 1000:.2f} ms at {stored:,}"
    )


def _timed(action: Callable[[datetime], int], as_of: datetime, due: int) -> tuple[float, float]:
    """Return the rows per second of an action, and the seconds of CPU that this process used."""
    for table in ("deadline", "ledgerentry", "breach", "alert"):
        execute(f"VACUUM (ANALYZE) compliance_{table}")
    execute("CHECKPOINT")
    cpu, began = time.process_time(), time.perf_counter()
    expect(action(as_of), due, "deadlines refreshed")
    return due / (time.perf_counter() - began), time.process_time() - cpu


def _sweep(as_of: datetime) -> int:
    from compliance.operations.deadlines import sweep

    return int(sweep.run(as_of=as_of).counts["refreshed"])


def _empty_sweep() -> float:
    """Return the median seconds that a batch takes when nothing is due."""
    from compliance.operations.deadlines import projection

    execute("VACUUM (ANALYZE) compliance_deadline")
    times = []
    for _ in range(200):
        began = time.perf_counter()
        refreshed = projection.refresh_due(as_of=SIGNED_AT, limit=1_000)
        times.append(time.perf_counter() - began)
        expect(refreshed.deadlines, 0, "deadlines due")
    return statistics.median(times)


def _counts() -> set[int]:
    [counts] = execute(
        """
        SELECT (SELECT count(*) FROM compliance_ledgerentry WHERE status = 'unmet'),
               (SELECT count(*) FROM compliance_breach),
               (SELECT count(*) FROM compliance_alert),
               (SELECT count(*) FROM compliance_deadline WHERE status = 'unmet')
        """
    )
    return {int(str(count)) for count in counts}


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


def _one_statement(as_of: datetime) -> int:
    """Write what the sweep would write, with one statement. This is the floor."""
    [[count]] = execute(
        """
        WITH due AS (
            SELECT id, agreement_id, due_on, due_at, unmet_at, sha256(int8send(id)) AS hash
            FROM compliance_deadline
            WHERE next_check_at <= %(as_of)s ORDER BY next_check_at FOR UPDATE SKIP LOCKED
        ), refreshed AS (
            UPDATE compliance_deadline AS d
            SET status = 'unmet', status_since = due.unmet_at,
                next_check_at = %(as_of)s + interval '1 day',
                recorded_at = %(as_of)s, due_on = due.due_on, due_at = due.due_at,
                unmet_at = due.unmet_at, earliest_due_at = NULL, is_ambiguous = false,
                performed_quantity = 0, target_quantity = NULL, ledger_head = due.hash,
                quarantine_error = ''
            FROM due WHERE d.id = due.id RETURNING d.id
        ), ledger AS (
            INSERT INTO compliance_ledgerentry
                (deadline_id, recorded_at, effective_at, status, reason, due_on, due_at, unmet_at,
                 hash)
            SELECT id, %(as_of)s, unmet_at, 'unmet', 'due_passed', due_on, due_at, unmet_at, hash
            FROM due
        ), breach AS (
            INSERT INTO compliance_breach (deadline_id, occurred_at, detected_at)
            SELECT id, unmet_at, %(as_of)s FROM due
        ), alert AS (
            INSERT INTO compliance_alert
                (deadline_id, agreement_id, kind, occasion, breach_at, recipient, created_at,
                 not_before)
            SELECT due.id, due.agreement_id, 'missed', unmet_at, unmet_at, email, %(as_of)s,
                %(as_of)s
            FROM due CROSS JOIN compliance_subscription
            ON CONFLICT DO NOTHING
        )
        SELECT count(*) FROM refreshed
        """,
        {"as_of": as_of},
    )
    return int(str(count))


def _written(first: int, count: int) -> list[tuple[Any, ...]]:
    """Return what was written about some deadlines, except times and the values of hashes."""
    return execute(
        """
        SELECT count(*), d.status, d.status_since - d.due_at, d.next_check_at - d.recorded_at,
            d.earliest_due_at, d.is_ambiguous, d.performed_quantity, d.target_quantity,
            length(d.ledger_head), d.quarantine_error,
            e.status, e.reason, e.effective_at - d.due_at, e.recorded_at - d.recorded_at,
            e.due_on - d.due_on, e.due_at - d.due_at, e.unmet_at - d.due_at, length(e.hash),
            e.fact_id, e.earliest_due_at, e.performed, e.target,
            b.occurred_at - d.due_at, b.detected_at - d.recorded_at, b.ended_at, b.end_reason,
            a.agreement_id - d.agreement_id, a.kind, a.occasion - d.due_at, a.breach_at - d.due_at,
            a.due_at, a.reason, a.level, a.recipient, a.created_at - d.recorded_at,
            a.not_before - d.recorded_at, a.is_digest, a.withdrawn_at, a.message_id
        FROM compliance_deadline AS d
        JOIN compliance_ledgerentry AS e ON e.deadline_id = d.id AND e.recorded_at = d.recorded_at
        JOIN compliance_breach AS b ON b.deadline_id = d.id
        JOIN compliance_alert AS a ON a.deadline_id = d.id
        WHERE d.id >= %(first)s AND d.id < %(first)s + %(count)s
        GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
            25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39
        """,
        {"first": first, "count": count},
    )


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:3]]
    main(*(arguments + [1_000_000, 100_000][len(arguments) :]))
