"""Measure the export of a whole list, compared with COPY of the same columns.

`python -m benchmarks.exports [STORED]` fills a temporary database (100k deadlines by default, in
the same way as `benchmarks.questions`). Each export is then read through the API in this process,
with a token, and thrown away part by part. The floor is one `COPY (SELECT ...) TO STDOUT` of the
same columns as the database has them: it knows nothing of visibility, of formulas and of the format
of instants in JSON. The last column is how much the memory of this process grew.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterable

from benchmarks import expect, throwaway_database
from benchmarks.questions import fill

COPY_ROUNDS = 2


def main(stored: int) -> None:
    """Fill the database, measure, and print the results."""
    with throwaway_database():
        fill(stored)
        _measure(stored)


def _measure(stored: int) -> None:
    from django.db import connection
    from django.test import Client

    from compliance.models import User
    from compliance.operations.people.tokens import create_token
    from compliance.queries.deadlines import changes, deadlines, filters

    desk = User.objects.create_superuser("desk@example.org", "secret")
    token = create_token(name="benchmark", user=desk, is_read_only=True)
    client = Client(headers={"Authorization": f"Bearer {token}", "Host": "localhost"})

    def copy(statement: str) -> int:
        rows = 0
        with connection.cursor() as cursor, cursor.copy(f"COPY ({statement}) TO STDOUT CSV") as out:
            for _ in out:
                rows += 1
        return rows

    def export(address: str) -> int:
        response = client.get(f"/api/v1/{address}")
        expect(response.status_code, 200, address)
        parts: Iterable[bytes] = response if response.streaming else [response.content]
        return sum(part.count(b"\n") for part in parts)

    of_deadlines = (
        f"SELECT {deadlines.ROW.sql(without=deadlines.PACED)} FROM compliance_deadline AS d"
        f" {deadlines.JOINS} ORDER BY {filters.DUE_ORDER}, d.id"
    )
    of_changes = f"SELECT {changes.ROW.sql()} {changes.SOURCE} ORDER BY e.id"
    print(f"{stored:,} deadlines")
    print(f"{'':<34} {'rows':>9} {'ours':>9} {'COPY':>9} {'ratio':>6} {'memory':>9}")
    for name, address, floor in (
        ("deadlines, CSV", "deadlines/?format=csv", of_deadlines),
        ("deadlines, NDJSON", "deadlines/?format=ndjson", of_deadlines),
        ("ledger, CSV", "changes/?format=csv", of_changes),
    ):
        least = min(_timed(copy, floor)[0] for _ in range(COPY_ROUNDS))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        took, lines = _timed(export, address)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(
            f"{name:<34} {lines:>9,} {took:>7.1f} s {least:>7.1f} s {least / took:>6.2f}"
            f" {grown:>6.0f} MB"
        )
        sys.stdout.flush()


def _timed(action: Callable[[str], int], argument: str) -> tuple[float, int]:
    began = time.perf_counter()
    found = action(argument)
    return time.perf_counter() - began, found


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
