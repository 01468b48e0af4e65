"""The past that the API shows follows from the ledger, for every `as_of` and `known_at`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.django import TestCase as DatabaseTestCase

from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.terms import Terms
from compliance.domain.deadlines.timeline import Timeline
from compliance.domain.drafts import read
from compliance.models import Deadline
from compliance.models.people.readers import SYSTEM
from compliance.operations.agreements import obligations
from compliance.queries.deadlines.deadlines import DeadlineListing, listed, row
from compliance.queries.point_in_time import PointInTime
from tests.domain.strategies import LAST_HOUR, histories, hour, terms
from tests.operations.test_projection import projected, stored_deadline, storing
from tests.profiles import scaled
from tests.samples import create_agreement, obligation


def row_at(deadline: Deadline, as_of: datetime, known_at: datetime) -> Any:
    """Return the row of a deadline in the list."""
    instants = {"as_of": as_of, "known_at": known_at}
    page = listed(DeadlineListing(**instants), reader=SYSTEM, now=as_of)  # type: ignore[arg-type]  # of texts  # each instant has its field
    single = row(deadline.pk, PointInTime(**instants), reader=SYSTEM, now=as_of)
    if single is not None:
        del single["trace"], single["warnings"], single["successor"]
    assert page.rows == [each for each in [single] if each]
    return page.rows[0] if page.rows else None


class EveryPast(DatabaseTestCase):
    """Random histories, recorded in any order, with sweeps in between."""

    @given(terms(), histories(most=4))
    @settings(max_examples=scaled(0.06), suppress_health_check=list(HealthCheck))
    def test_a_past_row_is_the_projection_of_the_facts_known_then(
        self, agreed: Terms, history: list[tuple[Fact, datetime]]
    ) -> None:
        deadline = stored_deadline(agreed)
        known: dict[datetime, Timeline] = {}
        for as_of in storing(deadline, history, hours_between_sweeps=10):
            timeline = projected(deadline, agreed)
            known[deadline.recorded_at or as_of] = timeline
        for known_at, timeline in known.items():
            for number in range(0, LAST_HOUR + 1, 3):
                if hour(number) > known_at:
                    break
                found = row_at(deadline, hour(number), known_at)
                expected = timeline.at(hour(number))
                if expected is None:
                    assert found is None
                    continue
                assert found["status"] == expected.status
                assert found["status_since"] == timeline.status_since(hour(number))
                due = expected.due
                assert (found["due_on"], found["due_at"], found["unmet_at"]) == (
                    (due.due_on, due.due_at, due.unmet_at) if due else (None, None, None)
                )
                assert found["is_ambiguous"] == expected.is_ambiguous
                assert found["is_closed"] == expected.is_closed
                assert found["next_check_at"] is None


@pytest.mark.django_db(transaction=True)
def test_the_past_keeps_a_grace_period_that_was_corrected_later() -> None:
    deadline = create_agreement(obligation(due_on="2099-01-01"), as_of=timezone.now())
    before = timezone.now()
    [found] = listed(DeadlineListing(as_of=before, known_at=before), reader=SYSTEM, now=before).rows
    assert found["unmet_at"] == found["due_at"]
    grace = {"count": 5, "unit": "days"}
    draft = read(ObligationDraft, obligation(due_on="2099-01-01", grace=grace))
    obligations.update(obligation=deadline.obligation, draft=draft, as_of=timezone.now())
    [found] = listed(DeadlineListing(as_of=before, known_at=before), reader=SYSTEM, now=before).rows
    assert found["unmet_at"] == found["due_at"] == deadline.due_at
    now = timezone.now()
    [found] = listed(DeadlineListing(as_of=now, known_at=now), reader=SYSTEM, now=now).rows
    assert (found["unmet_at"] - found["due_at"]).days == 5


@pytest.mark.django_db
@pytest.mark.parametrize("direction", ["", "-"])
@pytest.mark.parametrize(
    ("asked", "order", "index"),
    [
        ({}, "due_at", "deadline_due_order"),
        ({"agreement": "supply"}, "due_at", "deadline_agreement_due_order"),
        ({"status": "pending"}, "due_at", "deadline_status_due_order"),
        ({"status": "dormant"}, "due_at", "deadline_status_due_order"),
        ({}, "status_since", "deadline_since_order"),
    ],
)
def test_a_later_page_starts_in_the_middle_of_an_index(
    asked: dict[str, str], order: str, index: str, direction: str
) -> None:
    dormant = {"type": "offset", "from": {"milestone": "M"}, "count": 1, "unit": "days"}
    create_agreement(
        *(obligation(f"O-{number}", "2099-01-01") for number in range(30)),
        *(obligation(f"P-{number}", due=dormant) for number in range(30)),
        milestones=[{"ref": "M"}],
    )
    for number in range(2):
        create_agreement(
            *(obligation(f"O-{n}", "2099-01-01") for n in range(40)), ref=f"other-{number}"
        )
    with connection.cursor() as raw:
        # PostgreSQL would read and sort a small table as a whole, in spite of its index.
        raw.execute(
            "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;"
            "SET LOCAL enable_bitmapscan = off;"
            # Otherwise the rows of former tests would count.
            "ANALYZE compliance_deadline, compliance_agreement, compliance_obligation"
        )
    plans: list[str] = []

    def explained(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        # The id of the agreement is looked up first.
        if "EXPLAIN" not in sql and "compliance_deadline" in sql:
            with connection.cursor() as raw:
                raw.execute(f"EXPLAIN {sql}", values)
                plans.append("\n".join(line for (line,) in raw.fetchall()))
        return execute(sql, values, many, context)

    listing = DeadlineListing(ordering=direction + order, page_size=10, **asked)  # type: ignore[arg-type]  # of texts
    now = timezone.now()
    with connection.execute_wrapper(explained):
        first = listed(listing, reader=SYSTEM, now=now)
        later = listed(listing.model_copy(update={"cursor": first.next}), reader=SYSTEM, now=now)
    assert len(later.rows) == 10
    assert not {each["id"] for each in first.rows} & {each["id"] for each in later.rows}
    for plan in plans:
        assert "Sort" not in plan
        assert f"using {index} on" in plan
    scan = plans[1][plans[1].index(index) :].split("->")[0]
    condition = scan[: scan.index("Filter") if "Filter" in scan else None]
    assert "Index Cond" in condition
    # A later page begins at the position of the cursor, or with the rows without a due date.
    assert "ROW(" in condition or "= '9998-12-31" in condition
