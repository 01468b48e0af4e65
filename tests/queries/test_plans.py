"""Lists of deadlines read no table as a whole, whatever is filtered and in whichever order."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from compliance.domain.drafts import read
from compliance.models import User
from compliance.models.people.readers import Reader, reader_of
from compliance.queries.deadlines.deadlines import DeadlineListing, listed
from compliance.queries.deadlines.filters import DeadlineFilter

pytestmark = [pytest.mark.django_db, pytest.mark.exhaustive]

STORED = 200_000
# Values that match many rows, few, and none.
VALUES: dict[str, tuple[Any, ...]] = {
    "status": ("met", "unmet", "suspended"),
    "is_open": ("true",),
    "is_closed": ("true", "false"),
    "ever_breached": ("true", "false"),
    "agreement": ("agreement-3", "nothing"),
    "agreement_kind": ("treaty", "trade_deal"),
    "agreement_status": ("in_force", "suspended"),
    "obligation_ref": ("O-77", "nothing"),
    "obligor": ("P7", "NOBODY"),
    "obligee": ("P8", "NOBODY"),
    "tag": (["policy:3"], ["nothing"]),
    "tag_any": ("policy:3,policy:4", "nothing"),
    "tag_prefix": ("policy:", "nothing"),
    "severity": ("normal", "critical"),
    "responsible": ("me", "team:nothing"),
    "due_after": ("2015", "2100"),
    "due_before": ("2015", "1950"),
    "since_after": ("2015", "2100"),
    "since_before": ("2015", "1950"),
    "is_disputed": ("true", "false"),
    "is_acknowledged": ("true", "false"),
    "kind": ("achieve", "refrain"),
    "q": ("obligation", "nothing"),
}
# The indexes that these filters and orders are for.
READERS: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "deadline_due_order"),
    ({"ordering": "status_since"}, "deadline_since_order"),
    ({"ordering": "-status_since"}, "deadline_since_order"),
    ({"since_after": "2100"}, "deadline_since_order"),
    ({"since_before": "1950", "ordering": "id"}, "deadline_since_order"),
    # Those of one agreement or status contain the same instants.
    ({"due_after": "2100"}, "due_order"),
    ({"due_before": "1950", "ordering": "-status_since"}, "due_order"),
    ({"is_disputed": "true"}, "deadline_disputed"),
    ({"is_acknowledged": "true"}, "breach_acknowledged"),
    ({"tag": ["nothing"]}, "obligation_tags"),
)
_FILL = (
    """
    INSERT INTO compliance_party (code, name, kind, timezone)
    SELECT 'P' || n, 'Party ' || n, 'state', 'UTC' FROM generate_series(0, 39) AS n
    """,
    """
    INSERT INTO compliance_agreement (id, ref, title, kind, calendars, created_at)
    OVERRIDING SYSTEM VALUE
    SELECT n, 'agreement-' || n, 'Agreement', 'treaty', '{}', now()
    FROM generate_series(0, 19) AS n
    """,
    """
    INSERT INTO compliance_obligation
        (id, agreement_id, ref, title, text, clause, kind, severity, tags, unit, due, recorded_at)
    OVERRIDING SYSTEM VALUE
    SELECT n, n %% 20, 'O-' || n, 'Obligation', '', '', 'achieve',
        CASE n %% 1000 WHEN 0 THEN 'critical' ELSE 'normal' END, ARRAY['policy:' || n %% 12], '',
        '{"type": "undated"}', '2007-01-01'
    FROM generate_series(0, %(stored)s / 10 - 1) AS n
    """,
    """
    INSERT INTO compliance_obligationparty (agreement_id, obligation_id, party_id, capacity)
    SELECT o.agreement_id, o.id, p.id, side.capacity
    FROM compliance_obligation AS o
    CROSS JOIN (VALUES ('obligor', 0), ('obligee', 1)) AS side(capacity, shift)
    JOIN compliance_party AS p ON p.code = 'P' || (o.id + side.shift) %% 40
    """,
    """
    INSERT INTO compliance_deadline
        (id, status, status_since, due_on, due_at, unmet_at, recorded_at, quarantine_error,
         obligation_id, agreement_id, number, begins_at, timezone, is_disputed, verification,
         data_version, is_closed)
    OVERRIDING SYSTEM VALUE
    SELECT n, CASE n %% 10 WHEN 0 THEN 'unmet' ELSE 'met' END,
        due_at - CASE n %% 10 WHEN 0 THEN interval '0' ELSE interval '2 days' END,
        (due_at - interval '1 day')::date, due_at, due_at, due_at, '', n / 10, n / 10 %% 20,
        n %% 10 + 1, '2007-01-01Z', 'UTC', n %% 2000 = 1, 'unchecked', 'x', n %% 10 > 0
    FROM generate_series(0, %(stored)s - 1) AS n
    CROSS JOIN LATERAL (
        SELECT timestamptz '2008-01-02 00:00Z' + make_interval(days => n * 7919 %% 6570) AS due_at
    ) AS dated
    """,
    """
    INSERT INTO compliance_breach
        (deadline_id, occurred_at, detected_at, acknowledged_at, acknowledged_as,
         acknowledged_until)
    SELECT id, due_at, due_at, CASE id %% 5000 WHEN 0 THEN due_at END,
        CASE id %% 5000 WHEN 0 THEN 'ana' ELSE '' END,
        CASE id %% 5000 WHEN 0 THEN timestamptz '2100-01-01Z' END
    FROM compliance_deadline WHERE id %% 10 = 0
    """,
)

_SMALL = """
INSERT INTO compliance_agreement (id, ref, title, kind, calendars, created_at)
OVERRIDING SYSTEM VALUE VALUES (900, 'small', 'Small', 'treaty', '{}', now())
"""


@pytest.fixture
def reader() -> Reader:
    """The desk, which sees many deadlines."""
    with connection.cursor() as cursor:
        # Leaves out the history and the composite keys, to save time.
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in _FILL:
            cursor.execute(statement, {"stored": STORED})
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        cursor.execute(
            "ANALYZE compliance_party, compliance_agreement, compliance_obligation,"
            " compliance_obligationparty, compliance_deadline, compliance_breach,"
            " compliance_ledgerentry, compliance_responsibility"
        )
    return reader_of(User.objects.create_superuser("desk@example.org", "secret"))


def _plans(asked: dict[str, Any], reader: Reader) -> str:
    """Return the plans of all statements that read a list."""
    plans: list[str] = []

    def explained(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        if "EXPLAIN" not in sql and sql.lstrip().startswith(("SELECT", "WITH")):
            with connection.cursor() as raw:
                raw.execute(f"EXPLAIN {sql}", values)
                plans.append("\n".join(line for (line,) in raw.fetchall()))
        return execute(sql, values, many, context)

    listing = read(DeadlineListing, asked)
    with connection.execute_wrapper(explained):
        listed(listing, reader=reader, now=timezone.now())
    return "\n".join(plans)


def test_no_list_reads_all_deadlines_or_the_whole_ledger(reader: Reader) -> None:
    assert set(VALUES) == set(DeadlineFilter.model_fields) - {"as_of", "known_at"}
    asked_for: list[dict[str, Any]] = [
        {"ordering": ordering, name: value}
        # An index is read in both directions.
        for ordering in ("due_at", "-status_since", "id")
        for name, values in VALUES.items()
        for value in values
    ]
    whole = [
        asked
        for asked in asked_for
        for plan in [_plans(asked, reader)]
        if "Seq Scan on compliance_deadline" in plan or "Seq Scan on compliance_ledgerentry" in plan
    ]
    assert whole == []
    for asked, index in READERS:
        assert index in _plans(asked, reader), asked


def test_few_deadlines_of_an_agreement_are_not_searched_among_all(reader: Reader) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_SMALL)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    for ordering in ("status_since", "-status_since", "id", "due_at"):
        plans = _plans({"ordering": ordering, "agreement": "small"}, reader)
        assert re.search(r"Index Cond: \(+(d\.)?agreement_id = 900", plans), plans
        nothing = _plans({"ordering": ordering, "agreement": "nothing"}, reader)
        assert "One-Time Filter: false" in nothing
        assert "compliance_deadline" not in nothing
