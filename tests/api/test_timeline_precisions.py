"""Timelines say how precisely each of their dates is known."""

from __future__ import annotations

from typing import Any

from django.test import Client

from tests.api.answers import get, post
from tests.samples import create_agreement, deadline_of, obligation, record, update_obligation, utc


def precisions(rows: list[dict[str, Any]]) -> list[tuple[str, Any, Any]]:
    return [(each["status"], each["precision"], each["due_precision"]) for each in rows]


def test_a_timeline_states_the_precision_of_dates_facts_and_extensions(api: Client) -> None:
    deadline = create_agreement(
        obligation(due={"type": "date", "on": "2026-02"}, binds_on="2026-01"),
        as_of=utc("2026-01-20T00:00"),
    )
    record(
        deadline,
        as_of=utc("2026-03-02T00:00"),
        type="extension",
        at="2026-03-01T10:00:00Z",
        due={"type": "date", "on": "2026-Q2"},
    )
    record(deadline, as_of=utc("2026-08-02T00:00"), type="performance", on="2026-07")
    path = f"deadlines/{deadline.pk}"
    expected = [
        ("pending", "month", "month"),
        ("unmet", "month", "month"),
        ("pending", None, "quarter"),
        ("unmet", "quarter", "quarter"),
        ("met_late", "month", "quarter"),
    ]
    assert precisions(get(api, f"{path}/timeline/")["results"]) == expected
    known = get(api, f"{path}/timeline/", known_at="2026-02-15T00:00:00Z")["results"]
    assert precisions(known) == expected[:2]
    batches = get(api, f"{path}/history/")["results"]
    assert [(each["precision"], each["due_precision"]) for each in batches[0]["timeline"]] == [
        ("month", "month")
    ]
    supposed = {"type": "performance", "on": "2026-05"}
    answer = post(api, f"{path}/what-if/", {"facts": [supposed]}, expected=200)
    assert ("met", "month", "quarter") in precisions(answer["results"])


def test_a_corrected_date_keeps_its_former_precision_in_the_past(api: Client) -> None:
    create_agreement(
        obligation(due={"type": "date", "on": "2026-02"}), as_of=utc("2026-01-20T00:00")
    )
    update_obligation(obligation(due_on="2026-06-15"), as_of=utc("2026-03-02T00:00"))
    path = f"deadlines/{deadline_of('O-1').pk}/timeline/"
    now = get(api, path)["results"]
    then = get(api, path, known_at="2026-03-01T00:00:00Z")["results"]
    assert {each["due_precision"] for each in now} == {"day"}
    assert {each["due_precision"] for each in then} == {"month"}
