"""The number of SQL statements of an import does not grow with the document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.samples import document, load, obligation, utc

pytestmark = pytest.mark.django_db

NOW = utc("2026-06-01T00:00")


def whole(size: int, ref: str = "supply") -> dict[str, Any]:
    """Return a document with `size` obligations of each sort, and records of every kind."""
    facts = [
        {"type": "performance", "on": "2026-03-10", "evidence": ["E-0"]},
        {"type": "extension", "on": "2026-03-12", "due": {"type": "date", "on": "2026-04-01"}},
        {"type": "suspension", "on": "2026-03-01", "until": "2026-03-05"},
    ]
    positions = [{"party": "ACME", "verdict": "met", "on": "2026-03-20", "evidence": ["E-0"]}]
    obligations: list[dict[str, Any]] = [obligation("PARENT", due=None)]
    for number in range(size):
        obligations += [
            obligation(f"PLAIN-{number}", facts=facts, positions=positions, parent="PARENT"),
            obligation(
                f"AFTER-{number}",
                due={
                    "type": "offset", "count": 5, "unit": "days",
                    "from": {"milestone": f"M-{number}"},
                },
            ),
            obligation(
                f"EVENT-{number}",
                due={
                    "type": "trigger", "on": {"milestone": "ORDER"},
                    "then": {"count": 5, "unit": "days"},
                },
                facts=[{"type": "trigger", "on": "2026-03-01"}],
            ),
            obligation(
                f"MONTHLY-{number}",
                due={"type": "recurrence", "start": "2026-01-01", "rrule": "FREQ=MONTHLY;COUNT=3"},
                facts=[{"type": "performance", "on": "2026-01-02", "due_on": "2026-02-01"}],
            ),
        ]  # fmt: skip
    return document(
        ref,
        *obligations,
        milestones=[
            {"ref": "ORDER"},
            *({"ref": f"M-{number}", "on": "2026-02-01"} for number in range(size)),
        ],
        evidence=[
            {
                "ref": f"E-{number}", "title": "Log", "kind": "search_log", "stance": "against",
                "obligations": [f"PLAIN-{number}"],
            }
            for number in range(size)
        ],
        facts=[{"type": "suspension", "on": "2026-02-01", "until": "2026-02-02"}],
    )  # fmt: skip


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], list[str]]:
    """Return a function that imports a document, and returns all statements of the import."""
    seen: list[str] = []
    execute = psycopg.Cursor.execute

    def counted(cursor: Any, query: Any, *args: Any, **more: Any) -> Any:
        seen.append(str(query)[:200])
        return execute(cursor, query, *args, **more)

    def imported(value: dict[str, Any]) -> list[str]:
        seen.clear()
        load(value, as_of=NOW)
        return [*seen]

    # Django's own log lacks the statements of `models.bulk`.
    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    return imported


def test_the_number_of_statements_does_not_grow_with_the_document(
    statements: Callable[[dict[str, Any]], list[str]],
) -> None:
    load(document("warm"), as_of=NOW)
    small, large = whole(2, "small"), whole(25, "large")
    assert len(statements(large)) == len(statements(small))
    # Nothing new, and more records about what is stored.
    assert len(statements(large)) == len(statements(small))
    for value in (small, large):
        for each in value["obligations"]:
            if each["ref"].startswith("PLAIN"):
                each["facts"] = [
                    *each["facts"], {"type": "performance", "on": "2026-03-11"},
                ]  # fmt: skip
    assert len(statements(large)) == len(statements(small))


def test_importing_one_agreement_takes_few_statements(
    statements: Callable[[dict[str, Any]], list[str]],
) -> None:
    load(document("warm"), as_of=NOW)
    found = statements(document("supply"))
    assert len(found) <= 47, "\n".join(found)
