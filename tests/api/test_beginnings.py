"""From when an obligation binds, as the API shows it. The exact values are those of real cases."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from compliance.models import Deadline
from compliance.operations.deadlines import sweep
from tests.api.answers import get, patch, post, rows
from tests.samples import create_agreement, deadline_of, document, obligation, utc

pytestmark = pytest.mark.django_db


def imported(api: Client, *obligations: dict[str, Any], **more: Any) -> Deadline:
    """Import an agreement without dates, and return the deadline of the first obligation."""
    value = {**document("undated", *obligations), **more}
    if "signed_on" not in more:
        del value["signed_on"]
    post(api, "agreements/import/", value)
    return deadline_of(obligations[0]["ref"])


def period(begin: str, end: str, *facts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        **obligation("M-1"),
        "kind": "maintain",
        "starts": {"type": "date", "on": begin, "timezone": "UTC"},
        "due": {"type": "date", "on": end, "timezone": "UTC"},
        "facts": list(facts),
        **more,
    }


def violation(on: str, until: str) -> dict[str, Any]:
    return {"type": "violation", "on": on, "until": until}


def breaches(api: Client, deadline: Deadline) -> list[tuple[str, str | None, str | None]]:
    found = rows(api, f"breaches/?deadline={deadline.pk}")
    return [(each["occurred_at"], each["ended_at"], each["end_reason"]) for each in found]


def timeline(api: Client, deadline: Deadline) -> list[tuple[str, str]]:
    found = get(api, f"deadlines/{deadline.pk}/timeline/")["results"]
    return [(each["effective_at"], each["status"]) for each in found if not each["is_projected"]]


def test_a_violation_in_a_period_of_an_undated_agreement_is_a_cured_breach(api: Client) -> None:
    deadline = imported(
        api, period("2025-01-01", "2027-12-31", violation("2026-03-05", "2026-03-07"))
    )
    assert timeline(api, deadline) == [
        ("2025-01-01T00:00:00Z", "holding"),
        ("2026-03-05T00:00:00Z", "unmet"),
        ("2026-03-08T00:00:00Z", "holding"),
    ]
    assert breaches(api, deadline) == [("2026-03-05T00:00:00Z", "2026-03-08T00:00:00Z", "cured")]


def test_a_violation_in_a_period_that_is_long_over_makes_it_met_late(api: Client) -> None:
    deadline = imported(
        api, period("2010-01-01", "2010-12-31", violation("2010-03-05", "2010-03-07"))
    )
    assert get(api, f"deadlines/{deadline.pk}/")["status"] == "met_late"
    assert breaches(api, deadline) == [("2010-03-05T00:00:00Z", "2010-03-08T00:00:00Z", "cured")]


@pytest.mark.parametrize("field", ["signed_on", "in_force_on"])
def test_a_period_that_starts_before_the_agreement_binds_from_its_start(
    api: Client, field: str
) -> None:
    deadline = imported(
        api,
        period("2025-01-01", "2027-12-31", violation("2025-03-05", "2025-03-07")),
        **{field: "2025-06-01"},
    )
    assert breaches(api, deadline) == [("2025-03-05T00:00:00Z", "2025-03-08T00:00:00Z", "cured")]


def test_a_violation_that_is_recorded_later_moves_the_start_of_an_obligation_without_dates(
    api: Client,
) -> None:
    endless = {**obligation("R-1"), "kind": "refrain"}
    del endless["due"]
    deadline = imported(api, endless)
    post(api, "facts/", {"deadline": deadline.pk, **violation("2025-03-05", "2025-03-07")})
    assert breaches(api, deadline) == [("2025-03-04T16:00:00Z", "2025-03-07T16:00:00Z", "cured")]
    answer = get(api, "deadlines/?agreement=undated&as_of=2025-03-06T00:00:00Z")
    assert [each["status"] for each in answer["results"]] == ["unmet"]


def test_the_cure_of_a_past_breach_is_unmet_when_its_own_period_ends(api: Client) -> None:
    quarterly = {
        **obligation("Q-1"),
        "due": {
            "type": "recurrence",
            "rrule": "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1",
            "start": "2024-03-31",
            "timezone": "UTC",
        },
    }
    cure = {
        **obligation("C-1"),
        "due": {
            "type": "trigger",
            "on": {"breach_of": "Q-1"},
            "then": {"count": 10, "unit": "days", "timezone": "UTC"},
        },
    }
    imported(api, quarterly, cure)
    first = deadline_of("C-1")
    assert get(api, f"deadlines/{first.pk}/")["due_on"] == "2024-04-11"
    assert breaches(api, first) == [("2024-04-12T00:00:00Z", None, None)]
    assert timeline(api, first) == [
        ("2024-04-01T00:00:00Z", "pending"),
        ("2024-04-12T00:00:00Z", "unmet"),
    ]
    assert breaches(api, deadline_of("C-1", 2)) == [("2024-07-12T00:00:00Z", None, None)]


def test_what_was_recorded_before_it_was_due_was_pending_then(api: Client) -> None:
    deadline = imported(
        api, obligation("D-1", due_on="2024-06-30"), recorded_at="2024-01-01T00:00:00Z"
    )
    for moment, status in (("2024-05-01", "pending"), ("2024-07-01", "unmet")):
        answer = get(api, f"deadlines/?agreement=undated&known_at={moment}T00:00:00Z")
        assert [each["status"] for each in answer["results"]] == [status]
    assert not rows(api, "deadlines/?agreement=undated&known_at=2023-12-31T00:00:00Z")
    assert timeline(api, deadline)[0] == ("2024-01-01T00:00:00Z", "pending")


def test_a_component_that_was_done_on_time_completes_its_parent_on_time(api: Client) -> None:
    parent = obligation("P-1", due_on="2024-06-30")
    part = obligation(
        "P-1a",
        due_on="2024-06-30",
        parent="P-1",
        facts=[{"type": "performance", "on": "2024-06-01"}],
    )
    deadline = imported(api, parent, part)
    assert timeline(api, deadline)[-1] == ("2024-05-31T16:00:00Z", "met")


def test_correcting_the_date_of_an_agreement_moves_its_beginning_both_ways(api: Client) -> None:
    deadline = imported(api, obligation("D-1", due_on="2026-10-15"), signed_on="2026-01-10")
    for signed_on, begins in (
        ("2026-06-01", "2026-05-31T16:00:00Z"),
        ("2025-12-01", "2025-11-30T16:00:00Z"),
        ("2026-03-01", "2026-02-28T16:00:00Z"),
    ):
        patch(api, "agreements/undated/", {"signed_on": signed_on})
        assert timeline(api, deadline)[0] == (begins, "pending")
        before = begins.replace("T16", "T15")
        assert not rows(api, f"deadlines/?agreement=undated&as_of={before}")
        assert len(rows(api, f"deadlines/?agreement=undated&as_of={begins}")) == 1
        known = get(api, f"deadlines/{deadline.pk}/timeline/?as_of=2026-09-01T00:00:00Z")
        assert known["results"][0]["effective_at"] == begins


def test_an_obligation_may_state_the_day_from_which_it_binds(api: Client) -> None:
    deadline = imported(
        api,
        {**obligation("D-1", due_on="2026-10-15"), "binds_on": "2026-02-01"},
        signed_on="2026-01-10",
    )
    assert timeline(api, deadline)[0] == ("2026-01-31T16:00:00Z", "pending")
    stored = get(api, f"obligations/{deadline.obligation_id}/")
    assert stored["binds_on"] == "2026-02-01"
    patch(api, f"obligations/{deadline.obligation_id}/", {"binds_on": None})
    assert timeline(api, deadline)[0] == ("2026-01-09T16:00:00Z", "pending")


def test_the_pace_counts_from_the_earliest_fact_about_an_obligation_without_dates(
    api: Client,
) -> None:
    part = {"type": "performance", "on": "2025-01-01", "quantity": 20}
    quantity = obligation("D-1", due_on="2027-12-31", target_quantity=100, unit="t", facts=[part])
    deadline = imported(api, quantity)
    for row in (
        get(api, f"deadlines/{deadline.pk}/"),
        *rows(api, "deadlines/?agreement=undated"),
    ):
        assert 0.1 < row["pace"] < 1
        assert 20 < row["expected_quantity"] < 100
    fact = deadline.facts.get()
    post(api, "facts/", {"deadline": deadline.pk, "type": "retraction", "supersedes": fact.pk})
    assert get(api, f"deadlines/{deadline.pk}/")["expected_quantity"] < 1


def test_a_recurrence_has_no_breach_before_its_agreement_is_in_force(api: Client) -> None:
    monthly = {"type": "recurrence", "rrule": "FREQ=MONTHLY", "start": "2026-01-15"}
    create_agreement(
        obligation(due=monthly), as_of=utc("2026-01-01T00:00"), in_force_on="2026-06-01"
    )
    sweep.run(as_of=utc("2026-05-31T00:00"))
    assert rows(api, "breaches/") == []
    assert rows(api, "deadlines/")[0]["due_on"] == "2026-06-15"


QUARTERLY = {
    "type": "recurrence",
    "rrule": "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1",
    "start": "2024-03-31",
    "until": "2024-12-31",
    "timezone": "UTC",
}


def reported(*days: str, **more: Any) -> dict[str, Any]:
    """Return a document of quarterly reports, of which those due on these days were made."""
    facts = [{"type": "performance", "on": day[:7], "due_on": day, **more} for day in days]
    return document(
        "programme", obligation("Q-1", due=QUARTERLY, facts=facts), signed_on="2024-08-01"
    )


def days_and_statuses(api: Client, **query: str) -> list[tuple[str, str]]:
    found = rows(api, "deadlines/", agreement="programme", **query)
    return [(each["due_on"], each["status"]) for each in found]


def test_a_document_can_record_outcomes_of_dates_before_the_agreement_was_signed(
    api: Client,
) -> None:
    post(api, "agreements/import/", reported("2024-06-30"))
    expected = [("2024-06-30", "met"), ("2024-09-30", "unmet"), ("2024-12-31", "unmet")]
    assert days_and_statuses(api) == expected

    again = reported("2024-03", "2024-06-30")
    post(api, "agreements/import/?dry_run=true", again, 200)
    assert days_and_statuses(api) == expected
    post(api, "agreements/import/", again)
    assert days_and_statuses(api) == [("2024-03-31", "met"), *expected]
    assert post(api, "agreements/import/", again, 200)["made"] == []


def test_a_date_before_the_agreement_is_known_since_the_first_fact_about_it(api: Client) -> None:
    recorded = reported("2024-06-30", recorded_at="2025-03-01T00:00:00Z")
    post(api, "agreements/import/", {**recorded, "recorded_at": "2024-09-01T00:00:00Z"})
    later = [("2024-09-30", "unmet"), ("2024-12-31", "unmet")]
    assert days_and_statuses(api, known_at="2025-02-28T00:00:00Z") == later
    assert days_and_statuses(api, known_at="2025-03-01T00:00:00Z") == [
        ("2024-06-30", "met"),
        *later,
    ]


def test_a_fact_about_a_day_that_the_rule_does_not_name_is_refused(api: Client) -> None:
    answer = post(api, "agreements/import/", reported("2024-05-31"), 400)
    assert "No deadline of this obligation is due on 2024-05-31" in answer["detail"]
