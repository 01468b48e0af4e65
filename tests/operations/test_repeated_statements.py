"""A document that states again what was stated before, and replaced since."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.import_reports import ImportMode, ImportReport
from compliance.domain.drafts import read
from compliance.operations.agreements import documents
from tests.samples import deadline_of, document, obligation, utc

pytestmark = pytest.mark.django_db

NAMED = {"supersedes": {"type": "performance", "on": "2020-05-01"}}


def load(records: dict[str, Any], day: int, mode: ImportMode = ImportMode.ADD) -> ImportReport:
    """Import these records about the only obligation, on a day of February 2026."""
    value = document(
        "supply",
        obligation("O-1", "2020-06-30", target_quantity=9, unit="t", **records),
        signed_on="2020-01-01",
        recorded_at="2020-01-01T00:00:00Z",
    )
    as_of = utc(f"2026-02-{day:02}T00:00")
    parsed = read(AgreementDocument, value)
    return documents.load(document=parsed, by=None, as_of=as_of, mode=mode).report


def done(quantity: int, month: int | None, **more: Any) -> dict[str, Any]:
    known = {} if month is None else {"recorded_at": f"2020-{month:02}-02T00:00:00Z"}
    return {"type": "performance", "on": "2020-05-01", "quantity": quantity, **known, **more}


HISTORY = [done(5, 5), done(7, 6, **NAMED), done(8, 7, **NAMED), done(7, 8, **NAMED)]


def test_a_correction_that_returns_to_an_earlier_value_is_stored_year_by_year() -> None:
    for day, fact in enumerate(HISTORY, start=1):
        report = load({"facts": [fact]}, day)
        assert report.made, fact
        assert deadline_of("O-1").performed_quantity == fact["quantity"]
    for again in (HISTORY, HISTORY[1:2], HISTORY[3:]):
        report = load({"facts": again}, 9)
        assert (report.made, report.changed, report.ignored, report.warnings) == ([], [], [], [])


def test_an_earlier_value_stated_anew_corrects_the_later_one() -> None:
    load({"facts": [done(5, 5)]}, 1)
    load({"facts": [done(7, 6)]}, 2, ImportMode.UPDATE)
    assert load({"facts": [done(5, 8)]}, 3).ignored
    assert deadline_of("O-1").performed_quantity == 7
    assert load({"facts": [done(5, 8)]}, 4, ImportMode.UPDATE).changed
    assert deadline_of("O-1").performed_quantity == 5


def test_what_repeats_a_replaced_value_without_a_date_changes_nothing_and_is_named() -> None:
    load({"facts": [done(5, None)]}, 1)
    load({"facts": [done(7, None)]}, 2, ImportMode.UPDATE)
    report = load({"facts": [done(5, None)]}, 3, ImportMode.UPDATE)
    assert deadline_of("O-1").performed_quantity == 7
    [warning] = report.warnings
    assert (warning.path, "replaced since" in warning.detail) == ("obligations/0/facts/0", True)


def test_a_party_can_return_to_its_earlier_position() -> None:
    for day, (verdict, month) in enumerate([("met", 5), ("not_met", 6), ("met", 8)], start=1):
        position = {
            "party": "ACME", "verdict": verdict, "on": "2020-05-01",
            "recorded_at": f"2020-{month:02}-02T00:00:00Z",
        }  # fmt: skip
        load({"positions": [position]}, day, ImportMode.UPDATE)
    stored = deadline_of("O-1").positions.order_by("recorded_at")
    assert [each.verdict for each in stored] == ["met", "not_met", "met"]
