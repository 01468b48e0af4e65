"""Measure how fast an agreement document is imported, compared with COPY of the same rows.

`python -m benchmarks.imports [OBLIGATIONS]` makes a document (5,550 obligations by default; most
have an outcome, every tenth an extension too), reads it, imports it into an empty temporary
database, and imports it again. The floor loads the rows that the import stored, of all tables
except the change history, with COPY into empty copies of these tables, with their indexes.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import Any

import orjson

from benchmarks import execute, expect, throwaway_database

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
PARTIES = [
    {"code": "IMF", "name": "International Monetary Fund", "kind": "organisation",
     "timezone": "America/New_York"},
    {"code": "AFG", "name": "Afghanistan", "kind": "state", "country": "AF",
     "timezone": "Asia/Kabul"},
]  # fmt: skip
TABLES = (
    "agreement", "agreementparty", "obligation", "obligationparty", "deadline", "fact", "breach",
    "ledgerentry",
)  # fmt: skip


def document(obligations: int) -> dict[str, Any]:
    """Return a document with a history."""
    return {
        "format": "pacta.agreement/v1",
        "ref": "programme",
        "title": "Programme",
        "kind": "programme",
        "signed_on": "2005-12-01",
        "recorded_at": "2006-01-01T00:00:00Z",
        "parties": PARTIES,
        "obligations": [_obligation(number) for number in range(obligations)],
    }


def _obligation(number: int) -> dict[str, Any]:
    year, month = 2007 + number % 12, number % 12 + 1
    facts: list[dict[str, Any]] = []
    if number % 10 == 0:
        facts.append(
            {"type": "extension", "on": f"{year}-{month:02}-10",
             "due": {"type": "date", "on": f"{year + 1}-{month:02}-15"},
             "recorded_at": f"{year}-{month:02}-12T00:00:00Z"}
        )  # fmt: skip
    if number % 4:
        facts.append(
            {"type": "performance", "on": f"{year}-{month:02}-{number % 28 + 1:02}",
             "note": "Met, according to the staff report.",
             "recorded_at": f"{year + 1}-{month:02}-01T00:00:00Z"}
        )  # fmt: skip
    return {
        "ref": f"C-{number}",
        "title": f"Publish the external audit report of enterprise {number}",
        "obligors": ["AFG"],
        "obligees": ["IMF"],
        "tags": ["structural-benchmark"],
        "due": {"type": "date", "on": f"{year}-{month:02}-15"},
        "facts": facts,
    }


def main(obligations: int) -> None:
    """Import the document twice, measure the floor, and print the results."""
    text = orjson.dumps(document(obligations))
    print(f"{obligations:,} obligations, {len(text):,} bytes", flush=True)
    with throwaway_database():
        ours = _imported(text, "first import")
        expect(execute("SELECT count(*) FROM compliance_obligation"), [(obligations,)], "stored")
        facts = execute("SELECT count(*) FROM compliance_fact")
        again = _imported(text, "identical import")
        expect(execute("SELECT count(*) FROM compliance_fact"), facts, "facts after the second")
        floor = _floor()
        print(f"floor (COPY)       {floor:>8.2f} s")
        print(f"ratio              {floor / ours:>8.2f}")
        print(f"ratio of the second{floor / again:>8.2f}")


def _imported(text: bytes, name: str) -> float:
    from compliance.domain.agreements.documents import read_agreement
    from compliance.operations.agreements import documents

    began = time.perf_counter()
    read = read_agreement(text, is_yaml=False)
    is_read = time.perf_counter()
    documents.load(document=read, by=None, as_of=AS_OF)
    took = time.perf_counter() - began
    reading = is_read - began
    print(f"{name:<19}{took:>8.2f} s, of which {reading:.2f} s to read the text", flush=True)
    return took


def _floor() -> float:
    """Return how long COPY takes to load the stored rows into empty copies of their tables."""
    from django.db import connection

    took = 0.0
    connection.ensure_connection()
    for table in TABLES:
        execute(f"CREATE TABLE floor_{table} (LIKE compliance_{table} INCLUDING ALL)")
        with connection.connection.cursor() as cursor:
            with cursor.copy(f"COPY compliance_{table} TO STDOUT") as copy:
                rows = b"".join(bytes(each) for each in copy)
            began = time.perf_counter()
            with cursor.copy(f"COPY floor_{table} FROM STDIN") as copy:
                copy.write(rows)
            took += time.perf_counter() - began
    return took


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_550)
