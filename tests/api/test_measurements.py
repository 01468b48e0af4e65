"""Ceilings, floors and measured values over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.models import Deadline
from compliance.queries.integrity import tampering
from tests.api.answers import get, patch, paths, post, rows
from tests.samples import create_agreement, document, obligation

CEILING: dict[str, Any] = {"target_quantity": 100, "target_bound": "at_most", "unit": "kt"}
RATIO: dict[str, Any] = {
    "kind": "maintain",
    "starts": {"type": "date", "on": "2026-01-01"},
    "due": {"type": "date", "on": "2099-12-31"},
    "target_quantity": 8,
    "unit": "%",
}


@pytest.fixture
def ceiling(db: None) -> Deadline:
    return create_agreement(obligation(due_on="2026-06-30", **CEILING), as_of=timezone.now())


@pytest.fixture
def ratio(db: None) -> Deadline:
    return create_agreement(obligation(**RATIO))


def measure(api: Client, deadline: Deadline, quantity: float, on: str, **more: Any) -> Any:
    """Record a measurement, check that the ledger still verifies, and return the answer."""
    fact = {"deadline": deadline.pk, "type": "measurement", "quantity": quantity, "on": on}
    answer = post(api, "facts/", fact | more)
    assert tampering.check(as_of=timezone.now()).is_clean
    return answer


def row_of(api: Client, deadline: Deadline) -> Any:
    return get(api, f"deadlines/{deadline.pk}/")


def test_the_value_of_the_due_day_decides_about_a_ceiling(api: Client, ceiling: Deadline) -> None:
    row = row_of(api, ceiling)
    assert (row["status"], row["target_bound"], row["performed_quantity"]) == (
        "unmet", "at_most", None,
    )  # fmt: skip
    before = timezone.now().isoformat().replace("+00:00", "Z")
    assert measure(api, ceiling, 95.5, "2026-06-30")["warnings"] == []
    row = row_of(api, ceiling)
    assert (row["status"], row["measured_quantity"], row["pace"]) == ("met", 95.5, None)
    then = get(api, f"deadlines/{ceiling.pk}/", known_at=before)
    assert (then["status"], then["measured_quantity"]) == ("unmet", None)
    [last] = get(api, f"deadlines/{ceiling.pk}/timeline/")["results"][-1:]
    assert (last["status"], last["reason"], last["measured"], last["performed"]) == (
        "met", "measured", 95.5, None,
    )  # fmt: skip
    why = get(api, f"deadlines/{ceiling.pk}/why/")["paragraph"]
    assert "The value in force keeps to the target (on 30 June 2026, 95.5 kt)." in why
    assert "The value is 95.5 kt; the target is at most 100 kt." in why


def test_a_retracted_or_corrected_measurement_does_not_count(
    api: Client, ceiling: Deadline
) -> None:
    first = measure(api, ceiling, 95, "2026-06-30")
    fact = {"deadline": ceiling.pk, "type": "measurement", "quantity": 105, "on": "2026-06-30"}
    corrected = {**fact, "supersedes": first["id"]}
    assert "unmet" in post(api, "facts/", corrected, 400)["detail"]
    post(api, "facts/", {**corrected, "confirm": True})
    assert row_of(api, ceiling)["measured_quantity"] == 105
    assert row_of(api, ceiling)["status"] == "unmet"


def test_a_value_out_of_bounds_breaches_until_one_within_bounds(
    api: Client, ratio: Deadline
) -> None:
    measure(api, ratio, 7.25, "2026-03-05")
    assert row_of(api, ratio)["status"] == "unmet"
    measure(api, ratio, 8, "2026-03-08")
    assert row_of(api, ratio)["status"] == "holding"
    [breach] = rows(api, "breaches/")
    assert breach["end_reason"] == "cured"
    assert (breach["occurred_at"][:10], breach["ended_at"][:10]) == ("2026-03-04", "2026-03-07")


def test_what_would_be_measured_can_be_tried(api: Client, ratio: Deadline) -> None:
    facts = [{"type": "measurement", "quantity": -1, "on": "2026-03-05"}]
    found = post(api, f"deadlines/{ratio.pk}/what-if/", {"facts": facts}, 200)
    assert [each["status"] for each in found["results"]][-1] == "unmet"
    assert found["results"][-1]["measured"] == -1


def test_facts_that_do_not_fit_a_target_are_refused(
    api: Client, ceiling: Deadline, ratio: Deadline
) -> None:
    def refused(deadline: Deadline, **fields: Any) -> set[str]:
        fact = {"deadline": deadline.pk, "on": "2026-06-30", **fields}
        return paths(post(api, "facts/", fact, 400))

    assert refused(ceiling, type="performance") == {"type"}
    assert refused(ceiling, type="measurement") == {""}
    assert refused(ratio, type="measurement", quantity=8, on="2099-01-01") == {"on"}
    partly = {"type": "determination", "verdict": "partly_met", "note": "So it is."}
    assert refused(ceiling, **partly, quantity=50) == {"quantity"}
    plain = create_agreement(obligation(), ref="plain")
    assert refused(plain, type="measurement", quantity=1) == {"type"}
    assert refused(plain, type="performance", quantity=-1) == {"quantity"}


def test_a_bound_needs_a_target_and_a_sum_is_above_zero(api: Client, ratio: Deadline) -> None:
    [stored] = rows(api, "obligations/")
    assert stored["target_bound"] == "at_least"
    path = f"obligations/{stored['id']}/"
    assert patch(api, path, {"target_bound": "at_most", "target_quantity": -5})["warnings"] == []
    assert patch(api, path, {"target_quantity": None}, 400)["errors"][0]["path"] == ""
    new = {**obligation("O-2"), "agreement": "supply", "target_quantity": -5}
    assert paths(post(api, "obligations/", new, 400)) == {"target_quantity"}
    post(api, "obligations/", {**new, "target_bound": "at_most"})


def test_a_document_states_ceilings_and_values(api: Client) -> None:
    measured = {
        "type": "measurement",
        "quantity": 110,
        "on": "2025",
        "recorded_at": "2026-02-01T00:00:00Z",
    }
    value = document(
        "supply",
        obligation(due_on="2025-12-31", **CEILING, facts=[measured]),
        recorded_at="2025-01-01T00:00:00Z",
    )
    post(api, "agreements/import/", value)
    [row] = rows(api, "deadlines/")
    assert (row["status"], row["measured_quantity"]) == ("unmet", 110)
    then = get(api, "deadlines/", as_of="2026-01-15T00:00:00Z", known_at="2026-01-15T00:00:00Z")
    assert [each["measured_quantity"] for each in then["results"]] == [None]
    again = post(api, "agreements/import/", value, 200)
    assert again["made"] == again["ignored"] == []
    [fact] = rows(api, "facts/")
    assert (fact["on"], fact["precision"], fact["quantity"]) == ("2025", "year", 110)
    assert tampering.check(as_of=timezone.now()).is_clean
