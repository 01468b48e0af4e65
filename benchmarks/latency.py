"""Measure the time from the instant of a missed deadline to the mail server's OK.

`python -m benchmarks.latency [STORED] [DUE] [SECONDS]` starts the processes of Pacta with their
default settings and a temporary database (1M deadlines by default). Then 300 deadlines fall due one
after another, evenly spread over 180 seconds. Each is in an agreement of its own and has two
recipients. The mail server records when it accepts each mail. The benchmark prints the number of
mails, and the median, 99th percentile and maximum of the times. It ends with an error if a mail is
missing or the 99th percentile is 10 s or more.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from benchmarks.storm import DEFAULT_INTERVALS
from benchmarks.sweep import FAR_DUE_AT, store
from tests.flows.conftest import MailSink, Stack, stack_in

P99_SECONDS = 10
RECIPIENTS = 2
PORTION = 100_000
AHEAD = timedelta(seconds=15)


def main(stored: int, due: int, seconds: int) -> None:
    """Fill the database, let the deadlines fall due, and print the results."""
    sink = MailSink()
    sink.start()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="pacta-latency-") as folder,
            stack_in(Path(folder), sink.url, is_durable=True, **DEFAULT_INTERVALS) as stack,
        ):
            _fill(stack, stored)
            stack.start("web", "beat", "sweep", "delivery")
            instants = _let_fall_due(stack, stored, due, seconds)
            last = max(instants.values())
            while datetime.now(UTC) < last + timedelta(seconds=60):
                if len(sink.received) >= due * RECIPIENTS:
                    break
                time.sleep(0.2)
    finally:
        sink.stop()
    times = [
        (each.at - instants[str(each.message["Subject"])]).total_seconds() for each in sink.received
    ]
    print(
        f"{stored:,} deadlines stored, {due:,} due over {seconds} s, {RECIPIENTS} recipients each"
    )
    p99 = statistics.quantiles(times, n=100)[98]
    print(f"mails {len(times):,} of {due * RECIPIENTS:,}")
    print(f"p50 {statistics.median(times):.2f} s, p99 {p99:.2f} s, max {max(times):.2f} s")
    if len(times) != due * RECIPIENTS or min(times) < 0 or p99 >= P99_SECONDS:
        raise SystemExit("a mail is missing, early, or too late")


def _fill(stack: Stack, stored: int) -> None:
    for first in range(0, stored, PORTION):
        with _database(stack) as database, database.cursor() as cursor:
            store(cursor, first, min(PORTION, stored - first), FAR_DUE_AT)
    with _database(stack, autocommit=True) as database:
        database.execute("VACUUM ANALYZE")
        database.execute("CHECKPOINT")


def _let_fall_due(stack: Stack, stored: int, due: int, seconds: int) -> dict[str, datetime]:
    """Store the deadlines that will fall due; return their due instants by mail subject."""
    instants = {}
    with _database(stack) as database, database.cursor() as cursor:
        cursor.execute("DELETE FROM compliance_subscription")
        cursor.execute(
            """
            INSERT INTO compliance_subscription (email, is_active)
            SELECT 'reader' || number || '@example.org', true
            FROM generate_series(1, %s) AS number
            """,
            [RECIPIENTS],
        )
        first_due_at = datetime.now(UTC) + AHEAD
        for number in range(due):
            # `store` starts a new agreement with every ten thousand.
            key = (stored // 10_000 + 1 + number) * 10_000
            due_at = first_due_at + number * timedelta(seconds=seconds) / due
            store(cursor, key, 1, due_at)
            cursor.execute(
                "UPDATE compliance_obligation SET title = 'Deliver ' || id WHERE id = %s",
                [key // 10],
            )
            _give_obligor(cursor, key // 10_000, key // 10)
            instants[f"Missed: Deliver {key // 10} (Obligor)"] = due_at
    return instants


def _give_obligor(cursor: psycopg.Cursor[tuple[object, ...]], agreement: int, duty: int) -> None:
    cursor.execute(
        "INSERT INTO compliance_party (code, name, kind, timezone) VALUES"
        " ('OBLIGOR', 'Obligor', 'state', 'UTC') ON CONFLICT DO NOTHING"
    )
    cursor.execute(
        "INSERT INTO compliance_obligationparty (agreement_id, obligation_id, party_id, capacity)"
        " SELECT %s, %s, id, 'obligor' FROM compliance_party WHERE code = 'OBLIGOR'",
        [agreement, duty],
    )


def _database(stack: Stack, *, autocommit: bool = False) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        stack.postgres.url, cursor_factory=psycopg.ClientCursor, autocommit=autocommit
    )


if __name__ == "__main__":
    arguments = [int(each) for each in sys.argv[1:]]
    main(*(arguments + [1_000_000, 300, 180][len(arguments) :]))
