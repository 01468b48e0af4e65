"""How many statements each aggregate takes, however many rows there are."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from compliance.operations.deadlines import sweep
from tests.api.answers import get
from tests.samples import create_agreement, obligation, utc

pytestmark = pytest.mark.django_db

# The statements that authenticate and limit the time are included. Days late take a statement for
# each of the three points, with a limit of its own.
COUNTS = {
    "summary/?group_by=obligor,year": 5,
    "summary/?group_by=breach_age&as_of=2026-06-01T00:00:00Z": 5,
    "trend/?from=2026&to=2026-03": 5,
    "trend/?from=2026&to=2026-03&measures=median_days_late": 13,
    "upcoming/?group_by=obligor": 5,
    "reciprocity/?parties=CHN,ACME": 6,
}


def test_an_aggregate_takes_as_many_statements_for_many_rows_as_for_one(api: Client) -> None:
    create_agreement()
    sweep.run(as_of=utc("2026-04-01T00:00"))
    get(api, "summary/?measures=median_days_late")  # reads the zones of the server once
    found = {address: _count(api, address) for address in COUNTS}
    create_agreement(*(obligation(f"O-{number}") for number in range(20)), ref="other")
    sweep.run(as_of=utc("2026-05-01T00:00"))
    assert {address: _count(api, address) for address in COUNTS} == found
    assert found == COUNTS


def _count(api: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        get(api, address)
    return len(captured)
