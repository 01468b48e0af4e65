"""The progress of parents by their components, and chains of remedies."""

from __future__ import annotations

from typing import Any

from django.test import Client

from compliance.models import Agreement
from compliance.operations.deadlines import sweep
from tests.api.answers import get, rows
from tests.samples import create_agreement, deadline_of, obligation, record, utc

THEN = "2025-05-14T12:00:00Z"


def get_obligation(api: Client, ref: str, **query: Any) -> dict[str, Any]:
    [found] = rows(api, "obligations/", ref=ref, **query)
    return found  # type: ignore[no-any-return]


def test_three_of_four_countermeasures_are_lifted(api: Client, geneva: Agreement) -> None:
    found = get_obligation(api, "CN-2", agreement="geneva-2025")
    components = found["components"]
    assert (components["summary"], components["status"]) == ("3 of 4 done", "partly_met")
    assert (components["rule"], components["needed"]) == ("all", 4)
    assert [(each["ref"], each["status"], each["is_disputed"]) for each in components["parts"]] == [
        ("CN-2a", "met", False),
        ("CN-2b", "met", False),
        ("CN-2c", "met", False),
        ("CN-2d", "unmet", True),
    ]
    assert get(api, f"obligations/{found['id']}/")["components"] == components
    assert get_obligation(api, "CN-2d")["components"] is None


def test_past_progress_of_components(api: Client, geneva: Agreement) -> None:
    day_before = get_obligation(api, "CN-2", known_at="2025-05-13T00:00:00Z")["components"]
    assert (day_before["summary"], day_before["status"]) == ("0 of 4 done", "pending")
    that_day = get_obligation(api, "CN-2", as_of=THEN, known_at=THEN)["components"]
    assert (that_day["summary"], that_day["status"]) == ("3 of 4 done", "pending")
    undisputed = get_obligation(api, "CN-2", as_of="2025-05-20T00:00:00Z")["components"]
    assert [each["is_disputed"] for each in undisputed["parts"]] == [False] * 4
    assert rows(api, "obligations/", ref="CN-2", known_at="2025-05-01T00:00:00Z") == []


def test_a_chain_of_remedies_can_be_followed_in_both_directions(api: Client) -> None:
    def remedy(cause: str) -> dict[str, Any]:
        then = {"type": "offset", "count": 10, "unit": "days"}
        return {"type": "trigger", "on": {"breach_of": cause}, "then": then}

    create_agreement(
        obligation("RELEASE", "2026-03-15"),
        obligation("TARIFFS", due=remedy("RELEASE")),
        obligation("TALKS", due=remedy("TARIFFS")),
        as_of=utc("2026-03-01T00:00"),
    )
    sweep.run(as_of=utc("2026-03-20T00:00"))
    release = get_obligation(api, "RELEASE")
    assert (release["remedy_for"], release["consequences"]) == (None, ["TARIFFS"])
    tariffs = get_obligation(api, "TARIFFS")
    assert (tariffs["remedy_for"], tariffs["consequences"]) == ("RELEASE", ["TALKS"])

    down = get(api, f"obligations/{release['id']}/consequences/")
    [first] = down["consequences"]
    [second] = first["consequences"]
    assert (down["causes"], first["ref"], second["ref"]) == ([], "TARIFFS", "TALKS")
    assert [(each["status"], each["due_on"]) for each in first["deadlines"]] == [
        ("pending", "2026-03-26")
    ]
    assert [each["status"] for each in second["deadlines"]] == ["dormant"]

    up = get(api, f"obligations/{get_obligation(api, 'TALKS')['id']}/consequences/")
    assert [each["ref"] for each in up["causes"]] == ["TARIFFS", "RELEASE"]
    assert up["consequences"] == []
    then = get(api, f"obligations/{release['id']}/consequences/", as_of="2026-03-10T00:00:00Z")
    assert [each["status"] for each in then["consequences"][0]["deadlines"]] == ["dormant"]
    get(api, f"obligations/{release['id'] + 1_000}/consequences/", 404)


def test_a_recurring_component_counts_when_its_past_deadlines_are_met(api: Client) -> None:
    monthly = {"type": "recurrence", "rrule": "FREQ=MONTHLY;COUNT=3", "start": "2026-03-15"}
    create_agreement(
        obligation("SUM", due=None),
        obligation("MONTHLY", due=monthly, parent="SUM"),
        as_of=utc("2026-03-01T00:00"),
    )
    record(deadline_of("MONTHLY"), as_of=utc("2026-03-02T00:00"), type="performance",
           on="2026-03-01")  # fmt: skip
    query = {"as_of": "2026-03-20T00:00:00Z", "known_at": "2026-03-20T00:00:00Z"}
    assert get_obligation(api, "SUM", **query)["components"]["summary"] == "1 of 1 done"
    sweep.run(as_of=utc("2026-04-20T00:00"))
    query = {"as_of": "2026-04-21T00:00:00Z", "known_at": "2026-04-21T00:00:00Z"}
    components = get_obligation(api, "SUM", **query)["components"]
    assert (components["summary"], components["status"]) == ("0 of 1 done", "partly_met")
