"""Measure how fast the sweep is, compared with one SQL statement that writes the same rows.

`python -m benchmarks.sweep [STORED] [DUE]` fills a temporary database (1M deadlines by default).
Each round sweeps 100k due deadlines, has one SQL statement write the same rows for another 100k
(the floor), and prints both rates, their ratio, and the processor time that each takes in this
process and in its database session. Then the benchmark prints where the time goes, and how long a
sweep takes that finds nothing due, with a tenth of the rows stored and with all of them.

The server runs with fsync on, as in production. The statement claims the same rows and makes no
decisions: it writes the known outcome, which the sweep has to compute. It pays for the same foreign
keys, checks, indexes and triggers. This is verified: both must insert and update equally many rows
of each table, and the rows are compared by column, except for times and the values of hashes. The
sweep also records itself, as one row.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import execute, expect, throwaway_database
from benchmarks.sweep import FAR_DUE_AT, FIRST_DUE_AT, SIGNED_AT, fill
from benchmarks.sweep.phases import phases_of_the_sweep, print_floor

ROUNDS = 3


class _Run(NamedTuple):
    """What one run took and wrote.

    Attributes:
        seconds: the time that elapsed.
        client: the seconds of processor time of this process.
        server: those of its database session; 0 where the system does not say.
        wal: the bytes written to the write-ahead log.
        rows: how many rows of each table were inserted and updated.
    """

    seconds: float
    client: float
    server: float
    wal: int
    rows: dict[str, tuple[int, int]]


def main(stored: int, due: int) -> None:
    """Fill the database, measure, and print the results."""
    with throwaway_database():
        _measure(stored, due)


def _measure(stored: int, due: int) -> None:
    tenth = stored // 10
    fill(0, tenth, FAR_DUE_AT)
    small = _empty_sweep()
    position = tenth
    instants = [FIRST_DUE_AT + timedelta(hours=number) for number in range(2 * ROUNDS + 2)]
    for due_at in instants:
        fill(position, due, due_at)
        position += due
    fill(position, max(0, stored - position), FAR_DUE_AT)
    stored = max(stored, position)
    print(f"{stored:,} deadlines stored, {due:,} due in each round, one follower", flush=True)
    _compare(instants, due)
    expect(_counts(), {2 * ROUNDS * due}, "rows of each kind written")
    expect(_written(tenth, due), _written(tenth + due, due), "written by the sweep and the floor")
    _print_phases(instants[-2], instants[-1], due)
    large = _empty_sweep()
    print(
        f"empty sweep: {small * 1000:.2f} ms at {tenth:,} rows, {large * 1000:.2f} ms at {stored:,}"
    )


def _compare(instants: list[datetime], due: int) -> None:
    print(
        "round   rows/s: sweep    floor   ratio   CPU us/row:  client      server"
        "       floor     WAL/row    floor",
        flush=True,
    )
    ratios = []
    for number in range(ROUNDS):
        first, second = instants[2 * number : 2 * number + 2]
        if number % 2:
            floor = _timed(_one_statement, first, due)
            sweep = _timed(_sweep, second, due)
        else:
            sweep = _timed(_sweep, first, due)
            floor = _timed(_one_statement, second, due)
        expect(sweep.rows, floor.rows, "rows inserted and updated")
        ratios.append(floor.seconds / sweep.seconds)
        cpu = (sweep.client, sweep.server, floor.server)
        print(
            f"{number + 1:>5}   {due / sweep.seconds:>13,.0f} {due / floor.seconds:>8,.0f}"
            f"   {ratios[-1]:>5.2f}          "
            + "".join(f"{each / due * 1e6:>12.1f}" for each in cpu)
            + f"{sweep.wal / due:>14,.0f} {floor.wal / due:>8,.0f}",
            flush=True,
        )
    print(f"median ratio: {statistics.median(ratios):.2f}")


def _print_phases(at: datetime, floor_at: datetime, due: int) -> None:
    _tidy()
    print("the sweep, microseconds per row, without overlap:")
    with phases_of_the_sweep() as phases:
        expect(_sweep(at), due, "deadlines refreshed")
        phases.print(due)
    _tidy()
    print("the floor, microseconds per row:")
    print_floor(_FLOOR, {"as_of": floor_at}, due)


def _tidy() -> None:
    for table in _TABLES:
        execute(f"VACUUM (ANALYZE) compliance_{table}")
    execute("CHECKPOINT")


def _timed(action: Callable[[datetime], int], as_of: datetime, due: int) -> _Run:
    _tidy()
    before = _written_so_far()
    wal, server = _wal(), _server_seconds()
    client, began = time.process_time(), time.perf_counter()
    expect(action(as_of), due, "deadlines refreshed")
    seconds = time.perf_counter() - began
    client = time.process_time() - client
    server, wal = _server_seconds() - server, _wal() - wal
    rows = {
        table: (inserted - before[table][0], updated - before[table][1])
        for table, (inserted, updated) in _written_so_far().items()
    }
    return _Run(seconds, client, server, wal, rows)


_TABLES = ("deadline", "ledgerentry", "breach", "alert")


def _written_so_far() -> dict[str, tuple[int, int]]:
    """Return how many rows of each table were ever inserted and updated."""
    execute("SELECT pg_stat_force_next_flush()")
    found = execute(
        """
        SELECT relname, n_tup_ins, n_tup_upd FROM pg_stat_user_tables
        WHERE relname LIKE 'compliance_%%' AND relname <> 'compliance_jobrun'
        """
    )
    return {name: (inserted, updated) for name, inserted, updated in found}


def _wal() -> int:
    [[written]] = execute("SELECT pg_current_wal_insert_lsn() - '0/0'")
    return int(written)


def _server_seconds() -> float:
    """Return the processor time of our database session so far; 0 if the system does not say."""
    [[pid]] = execute("SELECT pg_backend_pid()")
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _sweep(as_of: datetime) -> int:
    from compliance.operations.deadlines import sweep

    return int(sweep.run(as_of=as_of).counts["refreshed"])


def _empty_sweep() -> float:
    """Return the median seconds that a batch takes when nothing is due."""
    from compliance.operations.deadlines import batches

    execute("VACUUM (ANALYZE) compliance_deadline")
    times = []
    for _ in range(200):
        began = time.perf_counter()
        refreshed = batches.refresh_due(as_of=SIGNED_AT, limit=1_000)
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


def _one_statement(as_of: datetime) -> int:
    """Write what the sweep would write, with one statement. This is the floor."""
    [[count]] = execute(_FLOOR, {"as_of": as_of})
    return int(str(count))


_FLOOR = """
    WITH due AS (
        SELECT id, agreement_id, due_on, due_at, unmet_at, sha256(int8send(id)) AS hash
        FROM compliance_deadline
        WHERE next_check_at <= %(as_of)s AND NOT has_dependents
        ORDER BY next_check_at FOR NO KEY UPDATE SKIP LOCKED
    ), refreshed AS (
        UPDATE compliance_deadline AS d
        SET status = 'unmet', status_since = due.unmet_at,
            next_check_at = %(as_of)s + interval '1 day',
            recorded_at = %(as_of)s, due_on = due.due_on, due_at = due.due_at,
            unmet_at = due.unmet_at, earliest_due_at = NULL, is_ambiguous = false,
            performed_quantity = 0, target_quantity = NULL, accepted_share = NULL,
            ledger_head = due.hash, quarantine_error = ''
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
            (deadline_id, agreement_id, kind, occasion, breach_at, email, created_at,
             not_before)
        SELECT due.id, due.agreement_id, 'missed', unmet_at, unmet_at, email, %(as_of)s,
            %(as_of)s
        FROM due CROSS JOIN compliance_subscription
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM refreshed
"""


def _written(first: int, count: int) -> list[tuple[Any, ...]]:
    """Return what was written about some deadlines, except times and the values of hashes."""
    return execute(
        """
        SELECT count(*), d.status, d.status_since - d.due_at, d.next_check_at - d.recorded_at,
            d.earliest_due_at, d.is_ambiguous, d.performed_quantity, d.target_quantity,
            length(d.ledger_head), d.quarantine_error,
            e.status, e.reason, e.effective_at - d.due_at, e.recorded_at - d.recorded_at,
            e.due_on - d.due_on, e.due_at - d.due_at, e.unmet_at - d.due_at, length(e.hash),
            e.fact_id, e.earliest_due_at, e.performed, e.target, d.accepted_share, e.accepted_share,
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
            25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41
        """,
        {"first": first, "count": count},
    )


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:3]]
    main(*(arguments + [1_000_000, 100_000][len(arguments) :]))
