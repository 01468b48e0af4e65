"""Measure how fast past states are read, compared with a bare SQL statement.

`python -m benchmarks.as_of [STORED]` fills a temporary database (1M deadlines by default, ten
thousand per agreement, 2.5 ledger entries per deadline). It then reads the state at a past instant,
as known at two other instants: the first page of one agreement, the summary of one agreement, the
summary of all agreements, and the pages of the list of all deadlines. The floor of the summary is a
statement that counts the statuses in the ledger; that of the pages is one statement that returns
the same states in the same order. The pages are also compared with those of the current list: they
may take twice the time. Each figure is the median of several rounds, measured in the functions
behind the API.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import execute, expect, throwaway_database
from benchmarks.sweep import fill

DUE_AT = datetime(2026, 2, 1, tzinfo=UTC)
LEARNED_AT = datetime(2026, 3, 1, tzinfo=UTC)
AS_OF = datetime(2026, 2, 10, tzinfo=UTC)
PORTION = 10_000


def main(stored: int) -> None:
    """Fill the database, measure, and print the results."""
    with throwaway_database():
        for first in range(0, stored, PORTION):
            fill(first, min(PORTION, stored - first), DUE_AT)
        _record_late_performances()
        _measure(stored)


def _record_late_performances() -> None:
    """Write a ledger in which all deadlines were missed, but half later prove to have been met."""
    execute(
        """
        INSERT INTO compliance_ledgerentry
            (deadline_id, recorded_at, effective_at, status, reason, due_on, due_at, unmet_at)
        SELECT id, due_at, due_at, 'unmet', 'due_passed', due_on, due_at, unmet_at
        FROM compliance_deadline ORDER BY random()
        """
    )
    execute(
        """
        INSERT INTO compliance_ledgerentry
            (deadline_id, recorded_at, effective_at, status, reason, due_on, due_at, unmet_at)
        SELECT id, %(learned)s, due_at - interval '1 day', 'met', 'performed', due_on, due_at,
            unmet_at
        FROM compliance_deadline WHERE id %% 2 = 0 ORDER BY random()
        """,
        {"learned": LEARNED_AT},
    )
    execute("VACUUM ANALYZE")


def _measure(stored: int) -> None:
    from compliance.models.people.readers import SYSTEM
    from compliance.queries.deadlines.deadlines import DeadlineListing, listed
    from compliance.queries.deadlines.summary import SummaryFilter, summary

    print(f"{stored:,} deadlines, {stored * 5 // 2:,} ledger entries", flush=True)
    now = datetime.now(UTC)
    for name, known_at in (("then", AS_OF), ("now", LEARNED_AT + timedelta(days=1))):
        moment: dict[str, Any] = {"as_of": AS_OF, "known_at": known_at}
        own: dict[str, Any] = {"agreement": "agreement-0", **moment}
        met = stored // 2 if name == "now" else 0

        def page(own: dict[str, Any] = own) -> None:
            rows = listed(DeadlineListing(**own), reader=SYSTEM, now=now).rows
            expect(len(rows), 100, "rows of a page")

        def one(own: dict[str, Any] = own, met: int = met) -> None:
            rows = summary(SummaryFilter(**own), reader=SYSTEM, now=now).rows
            found = {row["group"]: row["count"] for row in rows}
            expect(found.get("met", 0), met and PORTION // 2, "met of one agreement")

        def everything(moment: dict[str, Any] = moment, met: int = met) -> None:
            rows = summary(SummaryFilter(**moment), reader=SYSTEM, now=now).rows
            found = {row["group"]: row["count"] for row in rows}
            expect(found.get("met", 0), met, "met of all")

        def floor(moment: dict[str, Any] = moment, met: int = met) -> None:
            expect(dict(execute(_FLOOR, moment)).get("met", 0), met, "met in one statement")

        print(f"as of {AS_OF:%Y-%m-%d}, as known {name}")
        print(f"  a page of one agreement        {_median(page, 7) * 1000:>9,.1f} ms")
        print(f"  the summary of one agreement   {_median(one, 7) * 1000:>9,.1f} ms")
        ours, least = _medians(everything, floor, 3)
        print(f"  the summary of all             {ours * 1000:>9,.1f} ms")
        print(f"  its floor                      {least * 1000:>9,.1f} ms")
        print(f"  ratio                          {least / ours:>9.2f}")
        sys.stdout.flush()
        _measure_pages(stored, moment, now)


def _measure_pages(stored: int, moment: dict[str, Any], now: datetime) -> None:
    from compliance.models.people.readers import SYSTEM
    from compliance.queries.deadlines.deadlines import DeadlineListing, listed

    most = min(stored, MOST_ROWS)

    def pages(asked: dict[str, Any]) -> None:
        cursor, count = None, 0
        while count < most:
            found = listed(
                DeadlineListing(**asked, page_size=1_000, cursor=cursor), reader=SYSTEM, now=now
            )
            cursor, count = found.next, count + len(found.rows)
            if cursor is None:
                break
        expect(count, most, "rows of all pages")

    def floor() -> None:
        expect(len(list(execute(_STATES, {**moment, "most": most}))), most, "rows of a statement")

    ours, least = _medians(lambda: pages(moment), floor, 3)
    current = _median(lambda: pages({}), 3)
    print(f"  pages of {most:,} deadlines       {ours * 1000:>9,.1f} ms")
    print(f"  their floor                    {least * 1000:>9,.1f} ms")
    print(f"  ratio                          {least / ours:>9.2f}")
    print(f"  pages of the current list      {current * 1000:>9,.1f} ms")
    print(f"  times the current list         {ours / current:>9.2f}")
    sys.stdout.flush()


MOST_ROWS = 50_000

_STATES = """
    SELECT state.*, d.obligation_id, d.number, d.timezone, o.ref, o.title, a.ref AS agreement
    FROM (SELECT DISTINCT ON (deadline_id) * FROM compliance_ledgerentry
          WHERE recorded_at <= %(known_at)s AND effective_at <= %(as_of)s
          ORDER BY deadline_id, recorded_at DESC, effective_at DESC) AS state
    JOIN compliance_deadline AS d ON d.id = state.deadline_id
    JOIN compliance_obligation AS o ON o.id = d.obligation_id
    JOIN compliance_agreement AS a ON a.id = d.agreement_id
    ORDER BY state.due_at, d.id LIMIT %(most)s
"""

_FLOOR = """
    SELECT status, count(*) FROM (
        SELECT DISTINCT ON (deadline_id) status FROM compliance_ledgerentry
        WHERE recorded_at <= %(known_at)s AND effective_at <= %(as_of)s
        ORDER BY deadline_id, recorded_at DESC, effective_at DESC) AS state
    GROUP BY status
"""


def _median(action: Callable[[], None], rounds: int) -> float:
    return statistics.median(_timed(action) for _ in range(rounds))


def _medians(
    ours: Callable[[], None], floor: Callable[[], None], rounds: int
) -> tuple[float, float]:
    times = [(_timed(ours), _timed(floor)) for _ in range(rounds)]
    return statistics.median(each for each, _ in times), statistics.median(
        each for _, each in times
    )


def _timed(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
