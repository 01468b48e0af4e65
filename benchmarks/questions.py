"""Measure how long the questions of analysts take, compared with a bare statement for each.

`python -m benchmarks.questions [STORED]` fills a temporary database (50k deadlines by default, due
within 18 years, of 40 parties, half of them missed, with 2.6 ledger entries per deadline). It then
sends each question to the API in this process, with a token, and runs a statement that returns the
same numbers and knows nothing of visibility, archiving and corrections. Each figure is the median
of several rounds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks import execute, expect, throwaway_database

ROUNDS = 7


def main(stored: int) -> None:
    """Fill the database, measure, and print the results."""
    with throwaway_database():
        fill(stored)
        _measure()


def fill(stored: int) -> None:
    """Store this many deadlines, with what belongs to them."""
    for statement in _FILL:
        # Skips the history triggers, to save time.
        execute(f"SET session_replication_role = replica; {statement % {'stored': stored}}")
    execute("SET session_replication_role = DEFAULT")
    execute("VACUUM ANALYZE")


_DUE = (
    "timestamptz '2008-01-02 00:00Z' + make_interval(days => (number::bigint * 7919 % 6570)::int)"
)
_FILL = (
    """
    INSERT INTO compliance_party (code, name, kind, timezone)
    SELECT 'P' || number, 'Party ' || number, 'state', 'UTC' FROM generate_series(0, 39) AS number
    """,
    """
    INSERT INTO compliance_agreement (id, ref, title, kind, calendars, created_at)
    OVERRIDING SYSTEM VALUE
    SELECT number, 'agreement-' || number, 'Agreement', 'treaty', '{}', now()
    FROM generate_series(0, 19) AS number
    """,
    """
    INSERT INTO compliance_obligation
        (id, agreement_id, ref, title, text, clause, kind, severity, tags, unit, due, recorded_at)
    OVERRIDING SYSTEM VALUE
    SELECT number, number %% 20, 'O-' || number, 'Obligation', '', '', 'achieve', 'normal',
        ARRAY['policy:' || number %% 12, 'hs:' || number %% 90], '',
        '{"type": "recurrence", "rrule": "FREQ=DAILY", "start": "2008-01-01"}', '2007-01-01'
    FROM generate_series(0, %(stored)s / 10) AS number
    """,
    """
    INSERT INTO compliance_obligationparty (agreement_id, obligation_id, party_id, capacity)
    SELECT o.agreement_id, o.id, p.id, side.capacity
    FROM compliance_obligation AS o
    CROSS JOIN (VALUES ('obligor', 0), ('obligee', 1)) AS side(capacity, shift)
    JOIN compliance_party AS p ON p.code = 'P' || (o.id + side.shift) %% 40
    """,
    f"""
    INSERT INTO compliance_deadline
        (id, status, status_since, due_on, due_at, unmet_at, recorded_at, quarantine_error,
         obligation_id, agreement_id, number, begins_at, original_due_on, original_due_at,
         original_unmet_at, timezone, is_disputed, verification, data_version, is_closed)
    OVERRIDING SYSTEM VALUE
    SELECT number,
        CASE number %% 10 WHEN 0 THEN 'unmet' WHEN 1 THEN 'partly_met' WHEN 2 THEN 'met_late'
            WHEN 3 THEN 'met_late' WHEN 4 THEN 'met_late' ELSE 'met' END,
        due_at + CASE WHEN number %% 10 < 2 THEN interval '0' WHEN number %% 10 < 5
            THEN make_interval(days => 1 + (number %% 60)::int) ELSE interval '-2 days' END,
        (due_at - interval '1 day')::date, due_at, due_at, due_at, '', number / 10,
        number / 10 %% 20, number %% 10 + 1, '2007-01-01Z', (due_at - interval '1 day')::date,
        due_at, due_at, 'UTC', false, 'unchecked', 'x', number %% 10 > 1
    FROM generate_series(0, %(stored)s - 1) AS number
    CROSS JOIN LATERAL (SELECT {_DUE.replace("%", "%%")} AS due_at) AS dated
    """,
    """
    INSERT INTO compliance_ledgerentry
        (deadline_id, recorded_at, effective_at, status, reason, due_on, due_at, unmet_at)
    SELECT id, begins_at, begins_at, 'pending', 'agreed', due_on, due_at, unmet_at
    FROM compliance_deadline
    UNION ALL
    SELECT id, due_at, due_at, CASE id %% 10 WHEN 1 THEN 'partly_met' ELSE 'unmet' END,
        'due_passed', due_on, due_at, unmet_at FROM compliance_deadline WHERE id %% 10 < 5
    UNION ALL
    SELECT id, status_since + interval '3 days', status_since, status, 'performed', due_on, due_at,
        unmet_at FROM compliance_deadline WHERE id %% 10 > 1
    ORDER BY 2, 1
    """,
    """
    INSERT INTO compliance_breach (deadline_id, occurred_at, detected_at, ended_at, end_reason)
    SELECT id, due_at, due_at, CASE WHEN status = 'met_late' THEN status_since END,
        CASE WHEN status = 'met_late' THEN 'performed' END
    FROM compliance_deadline WHERE id %% 10 < 5 ORDER BY due_at
    """,
)

_RATE = """
    round(count(*) FILTER (WHERE d.status IN ('met', 'met_late') AND d.due_at <= now())::numeric
        / nullif(count(*) FILTER (WHERE d.status IN ('met', 'met_late', 'unmet', 'partly_met')), 0),
        4)
"""
_OBLIGOR = """
    JOIN compliance_obligationparty AS s
      ON s.obligation_id = d.obligation_id AND s.capacity = 'obligor'
    JOIN compliance_party AS p ON p.id = s.party_id
"""
# Each question, its address, and a bare statement that returns as many rows.
QUESTIONS = (
    (
        "compliance rate by country and year",
        "summary/?group_by=obligor,year&measures=compliance_rate",
        f"SELECT p.code, extract(year FROM d.due_on), {_RATE} FROM compliance_deadline AS d"
        f" {_OBLIGOR} GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    (
        "median days late by country",
        "summary/?group_by=obligor&measures=median_days_late",
        "SELECT p.code, percentile_cont(0.5) WITHIN GROUP (ORDER BY d.status_since - d.due_at)"
        f" FROM compliance_deadline AS d {_OBLIGOR} WHERE d.status = 'met_late' GROUP BY 1",
    ),
    (
        "trend over 18 years, as known then",
        "trend/?from=2008&to=2025&interval=year",
        """
        SELECT year, count(*) FROM generate_series(2009, 2026) AS year CROSS JOIN LATERAL (
            SELECT DISTINCT ON (deadline_id) status FROM compliance_ledgerentry
            WHERE recorded_at <= make_timestamptz(year, 1, 1, 0, 0, 0)
              AND effective_at <= make_timestamptz(year, 1, 1, 0, 0, 0)
            ORDER BY deadline_id, recorded_at DESC, effective_at DESC) AS state
        GROUP BY 1
        """,
    ),
    (
        "the same by month, as known now",
        "trend/?from=2008&to=2025&interval=month&known=now",
        None,
    ),
    (
        "share met by policy",
        "summary/?group_by=tag&tag_prefix=policy:&measures=count,compliance_rate",
        f"SELECT tag, count(*), {_RATE} FROM compliance_deadline AS d"
        " JOIN compliance_obligation AS o ON o.id = d.obligation_id, unnest(o.tags) AS tag"
        " WHERE starts_with(tag, 'policy:') GROUP BY 1",
    ),
    (
        "the ten oldest open breaches",
        "breaches/?is_open=true&ordering=occurred_at&page_size=10",
        "SELECT * FROM compliance_breach WHERE ended_at IS NULL ORDER BY occurred_at, id LIMIT 10",
    ),
    (
        "status of everything, as known in 2010",
        "summary/?known_at=2011-01-01T00:00:00Z",
        """
        SELECT status, count(*) FROM (
            SELECT DISTINCT ON (deadline_id) status FROM compliance_ledgerentry
            WHERE recorded_at <= '2011-01-01Z' AND effective_at <= '2011-01-01Z'
            ORDER BY deadline_id, recorded_at DESC, effective_at DESC) AS state
        GROUP BY 1
        """,
    ),
    (
        "days late and cured by year, as known then",
        "trend/?from=2008&to=2025&interval=year&measures=count,median_days_late,median_days_to_cure",
        None,
    ),
    ("open breaches by age", "summary/?group_by=breach_age&is_open=true&measures=count", None),
    ("due in the next weeks by obligor", "upcoming/?group_by=obligor", None),
    ("what two parties owe each other", "reciprocity/?parties=P1,P2", None),
    (
        "every measure by obligor and quarter",
        "summary/?group_by=obligor,quarter&measures=count,statuses,compliance_rate,"
        "met_on_time_rate,median_days_late,p90_days_late,median_days_to_cure,open,oldest_open_days",
        None,
    ),
)


def _measure() -> None:
    from django.test import Client

    from compliance.models import User
    from compliance.operations.people.tokens import create_token

    desk = User.objects.create_superuser("desk@example.org", "secret")
    token = create_token(name="benchmark", user=desk, is_read_only=True)
    headers = {"Authorization": f"Bearer {token}", "Host": "localhost"}
    client = Client(headers=headers)
    print(f"{'':<40}       ours      bare   ratio")
    for name, address, statement in QUESTIONS:

        def ask(address: str = address) -> int:
            response = client.get(f"/api/v1/{address}")
            expect(response.status_code, 200, address)
            return len(response.json()["results"])

        rows = ask()
        if statement is None:
            print(f"{name:<40} {_median(ask) * 1000:>7.0f} ms")
            continue

        def bare(statement: str = statement) -> int:
            return len(execute(statement))

        expect(rows, bare(), name)
        ours, least = _median(ask), _median(bare)
        print(f"{name:<40} {ours * 1000:>7.0f} ms {least * 1000:>6.0f} ms {least / ours:>7.2f}")
        sys.stdout.flush()


def _median(action: Callable[[], Any]) -> float:
    return statistics.median(_timed(action) for _ in range(ROUNDS))


def _timed(action: Callable[[], Any]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
