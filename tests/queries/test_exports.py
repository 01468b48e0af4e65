"""What PostgreSQL writes for an export is what Python writes for a page of the same list."""

from __future__ import annotations

from decimal import Decimal

import pytest

from compliance.api.tables import csv_parts, ndjson_parts
from compliance.models import Deadline
from compliance.models.people.readers import SYSTEM
from compliance.queries.deadlines import changes, deadlines
from compliance.queries.pages import Format
from tests.samples import create_agreement, obligation, record, utc

_STARTS = {"type": "date", "on": "2026-06-30"}
NOW = utc("2026-06-01T12:34:56.789")


@pytest.fixture
def texts_and_quantities(db: None) -> None:
    """Deadlines with texts that need care, targets and no due date."""
    create_agreement(
        obligation("Q-1", "2030-01-31", title="=1+1", target_quantity=3, unit="+t"),
        obligation("Q-2", "2024-01-31", title='say "hi", twice', target_quantity=7, unit="t"),
        obligation(
            "Q-3", "2027-01-31", title="\uff20home", target_quantity=90_000_000_000, unit="t"
        ),
        obligation("Q-4", due={"type": "undated"}),
        obligation(
            "Q-5", "2026-07-01", kind="maintain", starts={"type": "date", "on": "2026-06-30"}
        ),
    )
    for number, ref in enumerate(("Q-1", "Q-3"), 1):
        half = Deadline.objects.get(obligation__ref=ref)
        at = f"2026-03-0{number}T10:00:00.5Z"
        quantity = Decimal("0.123456")
        record(half, as_of=utc("2026-04-01T00:00"), type="performance", at=at, quantity=quantity)


@pytest.mark.usefixtures("texts_and_quantities")
@pytest.mark.parametrize("ordering", ["due_at", "-due_at", "-status_since"])
def test_the_database_writes_what_python_writes(ordering: str) -> None:
    listing = deadlines.DeadlineListing.model_validate({"ordering": ordering})
    rows = deadlines.listed(listing, reader=SYSTEM, now=NOW).rows
    assert len(rows) == 5
    assert {each["pace"] is None for each in rows} == {True, False}
    for names in (deadlines.ROW.names, ("title", "unit"), ("pace",)):
        for kind, by_python in (
            (Format.CSV, csv_parts(names, [rows], has_bom=False)),
            (Format.NDJSON, ndjson_parts(names, [rows])),
        ):
            written = deadlines.exported(listing, names, kind, reader=SYSTEM, now=NOW)
            assert b"".join(written).splitlines() == b"".join(by_python).splitlines()


@pytest.mark.usefixtures("texts_and_quantities")
def test_the_database_writes_changes_as_python_does() -> None:
    listing = changes.ChangeListing()
    rows = changes.listed(listing, reader=SYSTEM).rows
    assert len(rows) > 5
    names = changes.ROW.names
    for kind, by_python in (
        (Format.CSV, csv_parts(names, [rows], has_bom=False)),
        (Format.NDJSON, ndjson_parts(names, [rows])),
    ):
        written = changes.exported(listing, names, kind, reader=SYSTEM)
        assert b"".join(written) == b"".join(by_python)
