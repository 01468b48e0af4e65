"""The ledger check detects stored values that differ from what was recorded."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from compliance.domain.agreements.documents import read_agreement
from compliance.domain.integrity.chains import link
from compliance.models import Breach, Deadline, LedgerEntry, Obligation, Seal
from compliance.models.integrity.chains import chained_seal
from compliance.models.integrity.signatures import Signed, signature_of
from compliance.operations.agreements import documents
from compliance.operations.deadlines import sweep
from compliance.operations.integrity import seals
from compliance.queries.integrity import tampering as integrity
from compliance.queries.integrity.findings import BadRow
from tests.operations.example_history import NOW, remember
from tests.samples import create_agreement, deadline_of, obligation, utc

pytestmark = pytest.mark.django_db

EXAMPLES = Path(__file__).parents[2] / "examples"
BEFORE, DUE, LATER = utc("2026-03-01T00:00"), utc("2026-03-15T16:00"), utc("2026-04-01T00:00")


def bad(as_of: datetime = NOW) -> list[BadRow]:
    """Return the bad rows that a complete check finds."""
    return integrity.check(as_of=as_of).bad_rows


def without_triggers(statement: str, *parameters: Any) -> None:
    """Run a statement that the triggers of the database would forbid."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, parameters)
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_an_unchanged_history_is_clean_and_checked_completely() -> None:
    remember()
    findings = integrity.check(as_of=NOW)
    assert findings.is_clean
    assert (findings.deadlines, findings.quarantined) == (7, 0)
    assert findings.facts == 15
    assert findings.entries == LedgerEntry.objects.count() > 30


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_history_imported_from_a_document_is_clean(path: Path) -> None:
    document = read_agreement(path.read_bytes(), is_yaml=True)
    documents.load(document=document, by=None, as_of=utc("2026-11-01T00:00"))
    assert bad(utc("2026-11-02T00:00")) == []


@pytest.mark.parametrize("as_of", [BEFORE, DUE, LATER])
def test_a_deadline_not_yet_swept_is_not_tampering(as_of: datetime) -> None:
    create_agreement(obligation(), obligation("O-2", kind="refrain"), as_of=utc("2026-02-01T00:00"))
    assert bad(as_of) == []
    sweep.run(as_of=as_of)
    assert bad(as_of) == []


def test_a_refresh_during_a_check_is_not_tampering() -> None:
    create_agreement(as_of=utc("2026-02-01T00:00"))
    sweep.run(as_of=LATER)
    assert bad(BEFORE) == []


OTHER: dict[str, Any] = {
    "status": "met",
    "status_since": BEFORE,
    "due_on": "2026-03-16",
    "due_at": DUE - timedelta(microseconds=1),
    "unmet_at": DUE + timedelta(days=99),
    "earliest_due_at": BEFORE,
    "is_ambiguous": True,
    "performed_quantity": Decimal("0.000001"),
    "target_quantity": Decimal(7),
    "accepted_share": Decimal("0.5"),
    "next_check_at": None,
    "begins_at": BEFORE,
    "original_due_at": DUE + timedelta(days=1),
    "original_unmet_at": DUE + timedelta(days=98),
    "is_withdrawn": True,
}


@pytest.mark.parametrize("column", OTHER)
def test_a_status_or_date_changed_by_sql_is_detected(column: str) -> None:
    create_agreement(
        obligation(grace={"count": 30, "unit": "days"}),
        obligation("O-2"),
        as_of=utc("2026-02-01T00:00"),
    )
    sweep.run(as_of=LATER)
    deadline = deadline_of("O-1")
    assert getattr(deadline, column) != OTHER[column]
    Deadline.objects.filter(pk=deadline.pk).update(**{column: OTHER[column]})
    [row] = bad(LATER)
    assert (row.table, row.id) == ("compliance_deadline", deadline.pk)
    if column in {"status", "due_on", "performed_quantity"}:
        assert column in row.detail


def test_a_removed_or_moved_breach_is_detected() -> None:
    create_agreement(as_of=utc("2026-02-01T00:00"))
    sweep.run(as_of=LATER)
    breach = Breach.objects.get()
    Breach.objects.update(occurred_at=breach.occurred_at + timedelta(hours=1))
    assert "breaches" in bad(LATER)[0].detail
    Breach.objects.all().delete()
    assert "breaches" in bad(LATER)[0].detail


def test_a_changed_target_of_an_obligation_is_detected() -> None:
    create_agreement(obligation(target_quantity=10), as_of=utc("2026-02-01T00:00"))
    Obligation.objects.update(target_quantity=5)
    assert [row.table for row in bad(BEFORE)] == ["compliance_deadline"]


def test_a_quarantined_deadline_is_counted_and_is_not_tampering() -> None:
    deadline = create_agreement(as_of=utc("2026-02-01T00:00"))
    Deadline.objects.update(moves=[{"at": "never"}], next_check_at=BEFORE)
    sweep.run(as_of=BEFORE)
    deadline.refresh_from_db()
    assert deadline.quarantine_error
    findings = integrity.check(as_of=BEFORE)
    assert (findings.quarantined, findings.is_clean) == (1, True)
    without_triggers("UPDATE compliance_ledgerentry SET status = 'met'")
    assert [row.table for row in bad(BEFORE)] == ["compliance_ledgerentry"]


def test_the_first_bad_row_of_each_broken_chain_is_reported_with_its_fault() -> None:
    remember()
    seals.seal(as_of=NOW)
    deadline = deadline_of("O-2")
    ids = list(deadline.facts.order_by("id").values_list("id", flat=True))
    without_triggers("UPDATE compliance_fact SET note = 'x' WHERE id = ANY(%s)", ids[1:3])
    entries = list(LedgerEntry.objects.filter(deadline=deadline).order_by("id"))
    without_triggers("DELETE FROM compliance_ledgerentry WHERE id = %s", entries[-1].pk)
    rows = {(row.table, row.id): row for row in bad()}
    fact = rows["compliance_fact", ids[1]]
    assert "was changed" in fact.detail
    assert str(fact).startswith(f"compliance_fact {ids[1]}, deadline {deadline.pk}: ")
    assert "was removed" in rows["compliance_ledgerentry", entries[-2].pk].detail
    assert ("compliance_fact", ids[2]) not in rows


def test_a_changed_or_removed_seal_is_detected() -> None:
    create_agreement(as_of=utc("2026-02-01T00:00"))
    for day in (1, 2, 3):
        seals.seal(as_of=utc(f"2026-02-0{day}T00:00"))
    first, second, third = Seal.objects.order_by("id")
    assert bad(BEFORE) == []
    without_triggers("UPDATE compliance_seal SET chains = 9 WHERE id = %s", first.pk)
    assert [(row.table, row.id) for row in bad(BEFORE)] == [("compliance_seal", first.pk)]
    without_triggers("UPDATE compliance_seal SET chains = 1 WHERE id = %s", first.pk)
    without_triggers("DELETE FROM compliance_seal WHERE id = %s", second.pk)
    assert [(row.table, row.id) for row in bad(BEFORE)] == [("compliance_seal", third.pk)]


def test_a_mailed_root_is_matched_to_its_seal_or_reported_as_missing() -> None:
    create_agreement(as_of=utc("2026-02-01T00:00"))
    made = seals.seal(as_of=utc("2026-02-01T00:00"))
    assert made is not None
    assert integrity.check(as_of=BEFORE, root=bytes(made.root)).is_clean
    without_triggers("DELETE FROM compliance_seal")
    assert bad(BEFORE) == []
    [row] = integrity.check(as_of=BEFORE, root=bytes(made.root)).bad_rows
    assert bytes(made.root).hex() in row.detail


def test_every_seal_is_recomputed_on_request() -> None:
    create_agreement(as_of=utc("2026-02-01T00:00"))
    sweep.run(as_of=LATER)
    first = seals.seal(as_of=LATER)
    assert first is not None
    # A seal with a wrong root, linked as if it were the first.
    without_triggers("UPDATE compliance_seal SET root = %s", bytes(32))
    forged = Seal.objects.get()
    own = link(None, chained_seal(forged))
    signature = signature_of(Signed.SEAL, own)
    without_triggers("UPDATE compliance_seal SET hash = %s, signature = %s", own, signature)
    seals.seal(as_of=LATER + timedelta(days=1))
    assert bad(LATER) == []
    [row] = integrity.check(as_of=LATER, every_seal=True).bad_rows
    assert (row.table, row.id) == ("compliance_seal", first.pk)


def test_the_number_of_queries_does_not_grow_with_the_number_of_deadlines(
    django_assert_max_num_queries: Any,
) -> None:
    create_agreement(
        *(obligation(f"O-{number}") for number in range(60)), as_of=utc("2026-02-01T00:00")
    )
    with django_assert_max_num_queries(25):
        assert integrity.check(as_of=BEFORE).is_clean
