"""Measure every filter with every ordering of the list of deadlines: the first and a deep page.

`python -m benchmarks.filters [STORED] [AS_OF]` fills a temporary database like
`benchmarks.questions` (1M deadlines by default) and requests page 1 and page 1,000 (100 rows each)
for each value of each filter, some of which match many rows, few, or none. With AS_OF (such as
2015-01-01T00:00:00Z), the lists show the state at that instant. Each figure is the median of three
requests to the API in this process, with a token, in ms; those above the limit are marked.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, get_args
from urllib.parse import urlencode

from benchmarks import execute, expect, throwaway_database
from benchmarks.questions import fill

ROUNDS = 3
DEEP = 99_900
LIMIT = 0.05
SLOW = 1.0
"""A request that takes this long, in seconds, is not repeated."""

_VARY = (
    "UPDATE compliance_obligation SET severity = 'critical' WHERE id % 1000 = 0",
    "UPDATE compliance_obligation SET severity = 'high' WHERE id % 50 = 7",
    "UPDATE compliance_obligation SET kind = 'maintain' WHERE id % 200 = 3",
    "UPDATE compliance_obligation SET title = 'Zinc' WHERE id % 2000 = 5",
    "UPDATE compliance_obligation SET tags = '{rare}' WHERE id % 5000 = 11",
    "UPDATE compliance_agreement SET kind = 'contract' WHERE id = 3",
    "UPDATE compliance_deadline SET is_disputed = TRUE WHERE id % 500 = 1",
    """
    UPDATE compliance_deadline SET status = 'dormant', due_on = NULL, due_at = NULL, unmet_at = NULL
    WHERE id % 1000 = 999
    """,
    """
    UPDATE compliance_breach SET acknowledged_at = occurred_at, acknowledged_as = 'ana',
        acknowledged_until = '2100-01-01Z'
    WHERE deadline_id % 2000 = 0
    """,
    """
    INSERT INTO compliance_responsibility (obligation_id, address)
    SELECT id, 'ana@example.org' FROM compliance_obligation WHERE id % 100 = 9
    """,
)
VALUES: dict[str, tuple[str, ...]] = {
    "": ("",),
    "status": ("met", "unmet", "dormant", "unmet,partly_met", "suspended"),
    "is_open": ("true", "false"),
    "is_closed": ("true", "false"),
    "ever_breached": ("true", "false"),
    "agreement": ("agreement-3", "nothing"),
    "agreement_kind": ("treaty", "contract", "trade_deal"),
    "agreement_status": ("in_force", "suspended"),
    "obligation_ref": ("O-77", "nothing"),
    "obligor": ("P7", "NOBODY"),
    "obligee": ("P7", "NOBODY"),
    "tag": ("policy:3", "rare", "nothing"),
    "tag_any": ("policy:3,policy:4", "rare", "nothing"),
    "tag_prefix": ("policy:", "ra", "nothing"),
    "severity": ("normal", "critical", "low", "high,critical"),
    "responsible": ("me", "ana@example.org", "team:nothing"),
    "due_after": ("2015", "2100"),
    "due_before": ("2015", "1950"),
    "since_after": ("2015", "2100"),
    "since_before": ("2015", "1950"),
    "is_disputed": ("true", "false"),
    "is_acknowledged": ("true", "false"),
    "kind": ("achieve", "maintain", "refrain"),
    "q": ("obligation", "zinc", "nothing"),
}


def main(stored: int, as_of: str | None) -> None:
    """Fill the database, measure, and print the results."""
    with throwaway_database():
        fill(stored)
        for statement in _VARY:
            execute(f"SET session_replication_role = replica; {statement}")
        execute("SET session_replication_role = DEFAULT")
        execute("VACUUM ANALYZE")
        _measure(as_of)


def _measure(as_of: str | None) -> None:
    from django.test import Client

    from compliance.models import User
    from compliance.operations.people.tokens import create_token
    from compliance.queries.deadlines.deadlines import Ordering

    desk = User.objects.create_superuser("desk@example.org", "secret")
    token = create_token(name="benchmark", user=desk, is_read_only=True)
    client = Client(headers={"Authorization": f"Bearer {token}", "Host": "localhost"})
    orderings = get_args(Ordering)
    print(f"{'':<38}" + "".join(f"{each:>19}" for each in orderings))
    measured = []
    for name, value in _asked():
        cells = []
        for ordering in orderings:
            asked = {"ordering": ordering, **({name: value} if name else {})}
            asked |= {"as_of": as_of, "known_at": as_of} if as_of else {}
            first = _request(client, asked)
            cursor = _deep_cursor(asked)
            deep = None if cursor is None else _request(client, {**asked, "cursor": cursor})
            cells.append(f"{_shown(first)} {_shown(deep)}")
            label = f"{name}={value} {ordering}"
            measured.append((first, f"{label}, page 1"))
            if deep is not None:
                measured.append((deep, f"{label}, page 1,000"))
        print(f"{f'{name}={value}' if name else 'no filter':<38}" + "".join(cells))
        sys.stdout.flush()
    slow = sorted((each for each in measured if each[0] > LIMIT), reverse=True)
    print(
        f"\n{len(measured)} pages; {len(slow)} take more than {LIMIT * 1000:.0f} ms. The slowest:"
    )
    for seconds, label in slow[:40] or [max(measured)]:
        print(f"{seconds * 1000:>9.1f} ms  {label}")


def _asked() -> Iterator[tuple[str, str]]:
    from compliance.queries.deadlines.filters import DeadlineFilter

    expect(set(VALUES) - {""}, set(DeadlineFilter.model_fields) - {"as_of", "known_at"}, "filters")
    for name, values in VALUES.items():
        for value in values:
            yield name, value


def _request(client: Any, asked: dict[str, str]) -> float:
    address = f"/api/v1/deadlines/?{urlencode(asked)}"
    times: list[float] = []
    while len(times) < ROUNDS and (not times or times[0] < SLOW):
        began = time.perf_counter()
        response = client.get(address)
        times.append(time.perf_counter() - began)
        expect(response.status_code, 200, address)
    return statistics.median(times)


def _deep_cursor(asked: dict[str, str]) -> str | None:
    """Return the cursor of page 1,000, if there is one; the API leads there page by page."""
    from django.utils import timezone

    from compliance.domain.drafts import read
    from compliance.models.people.readers import SYSTEM
    from compliance.queries.deadlines.deadlines import DeadlineListing, order_of
    from compliance.queries.deadlines.filters import conditions, source
    from compliance.queries.rows import fetch

    parameters = {name: [text] if name == "tag" else text for name, text in asked.items()}
    listing = read(DeadlineListing, parameters)
    if listing.responsible == "me":
        return None
    order = order_of(listing)
    where = conditions(listing, reader=SYSTEM, now=timezone.now())
    select = f"SELECT d.id, d.due_at, d.status_since FROM {source(listing)}"
    join = "JOIN compliance_obligation AS o ON o.id = d.obligation_id"
    in_order = order.sql
    if order.is_descending and order.columns[0] in order.absent:
        # Lists show what has no due date last in both directions.
        in_order = in_order.replace("ORDER BY", "ORDER BY d.due_at IS NULL,")
    parts = (select, join, where.sql, in_order, f"OFFSET {DEEP} LIMIT 1")
    return next((order.cursor_at(row) for row in fetch(parts, where.values)), None)


def _shown(seconds: float | None) -> str:
    if seconds is None:
        return f"{'-':>9}"
    return f"{seconds * 1000:>8.1f}{'!' if seconds > LIMIT else ' '}"


if __name__ == "__main__":
    numbers = [each for each in sys.argv[1:] if each.isdigit()]
    instants = [each for each in sys.argv[1:] if not each.isdigit()]
    for each in instants:
        datetime.fromisoformat(each)
    main(int(numbers[0]) if numbers else 1_000_000, instants[0] if instants else None)
