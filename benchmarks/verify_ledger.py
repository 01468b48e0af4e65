"""Measure how fast the ledger is verified, compared with only reading the same rows.

`python -m benchmarks.verify_ledger [DEADLINES]` fills a temporary database (100,000 deadlines by
default; half are missed, and every tenth has a fact) and seals it. Each round prints how many
deadlines per second a complete check processes, how many a sequential read of the same tables in
PostgreSQL's binary format processes (the floor), and the ratio.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import UTC, datetime, timedelta

from benchmarks import execute, expect, throwaway_database

ROUNDS = 3
SIGNED_AT = datetime(2026, 1, 1, tzinfo=UTC)
DUE_ON = ("2026-02-01", "2027-02-01")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
PORTION = 1_000
_TABLES = (
    "compliance_deadline",
    "compliance_fact",
    "compliance_ledgerentry",
    "compliance_breach",
)


def main(count: int) -> None:
    """Fill the database, measure, and print the results."""
    with throwaway_database():
        _fill(count)
        _measure(count)


def _measure(count: int) -> None:
    from compliance.operations.integrity import seals
    from compliance.queries.integrity import tampering as integrity

    began = time.perf_counter()
    expect(seals.seal(as_of=NOW) is not None, True, "seal created")
    print(f"{count:,} deadlines sealed in {time.perf_counter() - began:.2f} s", flush=True)
    print("round   check deadlines/s   floor deadlines/s   ratio", flush=True)
    ratios = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        found = integrity.check(as_of=NOW)
        ours = count / (time.perf_counter() - began)
        expect((found.bad_rows[:3], found.deadlines), ([], count), "bad rows and deadlines")
        began = time.perf_counter()
        expect(_read(), found.deadlines + found.facts + found.entries + count // 2, "rows read")
        least = count / (time.perf_counter() - began)
        ratios.append(ours / least)
        print(
            f"{number + 1:>5}   {ours:>17,.0f}   {least:>17,.0f}   {ours / least:>5.2f}",
            flush=True,
        )
    print(f"median ratio: {statistics.median(ratios):.2f}")


def _read() -> int:
    """Read all rows in their physical order, and return how many there are. This is the floor."""
    import psycopg
    from django.db import connection, transaction

    count = 0
    for table in _TABLES:
        with (
            transaction.atomic(),
            psycopg.ServerCursor(connection.connection, "floor") as cursor,
        ):
            cursor.execute(f"SELECT * FROM {table}", binary=True)
            while rows := cursor.fetchmany(2_000):
                count += len(rows)
    return count


def _fill(count: int) -> None:
    """Import documents with a thousand deadlines each, and sweep them."""
    from compliance.domain.agreements.document_drafts import AgreementDocument
    from compliance.domain.drafts import read
    from compliance.operations.agreements import documents
    from compliance.operations.deadlines import sweep

    parties = [
        {"code": "ACME", "name": "Acme GmbH", "kind": "company", "timezone": "Europe/Berlin"},
        {"code": "CHN", "name": "China", "kind": "state", "timezone": "Asia/Shanghai"},
    ]
    for first in range(0, count, PORTION):
        duties = [
            {
                "ref": f"O-{number}",
                "title": f"Deliver lot {number}",
                "obligors": ["CHN"],
                "obligees": ["ACME"],
                "due": {"type": "date", "on": DUE_ON[number % 2]},
                "facts": [{"type": "waiver", "on": "2026-02-20"}] if number % 10 == 0 else [],
            }
            for number in range(min(PORTION, count - first))
        ]
        value = {
            "format": "pacta.agreement/v1",
            "ref": f"agreement-{first}",
            "title": f"Agreement {first}",
            "kind": "contract",
            "signed_on": "2026-01-01",
            "parties": parties,
            "obligations": duties,
        }
        document = read(AgreementDocument, value)
        documents.load(document=document, by=None, as_of=SIGNED_AT)
    sweep.run(as_of=NOW - timedelta(hours=1))
    execute("VACUUM (ANALYZE)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
