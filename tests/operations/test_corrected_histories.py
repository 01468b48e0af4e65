"""What was corrected before or with an import of history was not known earlier."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.import_reports import ImportMode
from compliance.domain.drafts import read
from compliance.models import Agreement, LedgerEntry
from compliance.operations.agreements import documents
from tests.samples import deadline_of, document, obligation, update_obligation, utc

pytestmark = pytest.mark.django_db

FIRST, CORRECTED, SECOND = (utc(f"2026-0{month}-01T00:00") for month in (2, 3, 4))
AFTER_SOURCE = {"type": "offset", "count": 10, "unit": "days", "from": {"deadline": "SOURCE"}}


def load(*obligations: dict[str, Any], as_of: datetime, mode: ImportMode = ImportMode.ADD) -> None:
    """Import the agreement, which has been known since 2020, with these obligations."""
    value = document(
        "supply", *obligations, signed_on="2020-01-01", recorded_at="2020-01-01T00:00:00Z"
    )
    documents.load(document=read(AgreementDocument, value), by=None, as_of=as_of, mode=mode)


def performed(quantity: int | None = None) -> dict[str, Any]:
    fact = {"type": "performance", "on": "2020-08-01", "recorded_at": "2020-08-02T00:00:00Z"}
    return fact if quantity is None else {**fact, "quantity": quantity}


def known(ref: str, at: datetime) -> tuple[str, str, Any]:
    """Return the due day, the status and the target that the ledger stated at an instant."""
    entry = (
        LedgerEntry.objects.filter(deadline=deadline_of(ref), recorded_at__lte=at)
        .order_by("recorded_at", "effective_at")
        .last()
    )
    assert entry is not None
    return f"{entry.due_on}", entry.status, entry.target


AT_THE_TIME = utc("2020-08-03T00:00")


@pytest.mark.parametrize("is_update", [True, False])
def test_a_due_date_corrected_later_was_not_known_at_the_time_of_an_imported_fact(
    *, is_update: bool
) -> None:
    load(obligation("O-1", "2020-06-30"), as_of=FIRST)
    later = obligation("O-1", "2020-09-30")
    if is_update:
        load({**later, "facts": [performed()]}, as_of=SECOND, mode=ImportMode.UPDATE)
    else:
        update_obligation(later, as_of=CORRECTED)
        load({**later, "facts": [performed()]}, as_of=SECOND)
    assert known("O-1", AT_THE_TIME)[:2] == ("2020-06-30", "met_late")
    assert known("O-1", SECOND)[:2] == ("2020-09-30", "met")
    assert deadline_of("O-1").status == "met"


def test_a_target_corrected_later_was_not_known_at_the_time_of_an_imported_fact() -> None:
    owed = obligation("O-1", "2020-06-30", target_quantity=100, unit="t")
    load(owed, as_of=FIRST)
    update_obligation({**owed, "target_quantity": 40}, as_of=CORRECTED)
    load({**owed, "target_quantity": 40, "facts": [performed(40)]}, as_of=SECOND)
    assert known("O-1", AT_THE_TIME)[1:] == ("partly_met", 100)
    assert known("O-1", SECOND)[1:] == ("met_late", 40)


def test_the_date_of_a_dependent_was_not_known_before_that_of_its_source_was_corrected() -> None:
    source = obligation("SOURCE", "2020-06-30")
    load(source, obligation("O-1", due=AFTER_SOURCE), as_of=FIRST)
    later = obligation("SOURCE", "2020-09-30")
    update_obligation(later, as_of=CORRECTED)
    load(later, obligation("O-1", due=AFTER_SOURCE, facts=[performed()]), as_of=SECOND)
    assert known("O-1", AT_THE_TIME)[:2] == ("2020-07-10", "met_late")
    assert known("O-1", SECOND)[:2] == ("2020-10-10", "met")


def test_the_end_of_an_agreement_that_was_corrected_later_was_not_known_before() -> None:
    load(obligation("O-1", "2020-06-30", kind="maintain", due=None), as_of=FIRST)
    agreement = Agreement.objects.get()
    value = document(
        "supply",
        obligation("O-1", kind="maintain", due=None, facts=[
            {"type": "violation", "on": "2020-08-01", "recorded_at": "2020-08-02T00:00:00Z"}
        ]),
        signed_on="2020-01-01", recorded_at="2020-01-01T00:00:00Z", ends_on="2020-07-31",
    )  # fmt: skip
    documents.load(
        document=read(AgreementDocument, value), by=None, as_of=SECOND, mode=ImportMode.UPDATE
    )
    agreement.refresh_from_db()
    assert known("O-1", AT_THE_TIME)[1] == "unmet"
    assert known("O-1", SECOND)[1] == "met"
