"""deadlines/{id}/what-if/: the timeline of a deadline with hypothetical facts."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from compliance.models import Agreement, Deadline, Fact, LedgerEntry, User
from tests.api.answers import get, paths, post
from tests.api.conftest import client_of
from tests.samples import create_agreement, obligation, utc
from tests.shared_worlds import in_one_world


@pytest.fixture
def missed(db: None) -> Deadline:
    """An unmet deadline."""
    return create_agreement(as_of=utc("2026-04-01T00:00"))


def what_if(api: Client, deadline: Deadline, *facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the timeline of a deadline with these additional facts."""
    answer = post(api, f"deadlines/{deadline.pk}/what-if/", {"facts": list(facts)}, 200)
    found: list[dict[str, Any]] = answer["results"]
    return found


def test_a_hypothetical_late_performance_ends_the_breach_and_stores_nothing(
    api: Client, missed: Deadline
) -> None:
    before = (Fact.objects.count(), LedgerEntry.objects.count())
    timeline = what_if(api, missed, {"type": "performance", "on": "2026-03-18"})
    assert [each["status"] for each in timeline] == ["pending", "unmet", "met_late"]
    assert (timeline[-1]["fact"], timeline[-1]["supposed"]) == (None, 0)
    assert timeline[-1]["effective_at"] == "2026-03-17T16:00:00Z"
    assert (Fact.objects.count(), LedgerEntry.objects.count()) == before
    assert get(api, f"deadlines/{missed.pk}/")["status"] == "unmet"


def test_several_hypothetical_facts_are_projected_together(api: Client, missed: Deadline) -> None:
    extension = {
        "type": "extension",
        "on": "2026-03-14",
        "due": {"type": "date", "on": "2026-03-31"},
    }
    performance = {"type": "performance", "on": "2026-03-30"}
    timeline = what_if(api, missed, performance, extension)
    assert [(each["status"], each["supposed"]) for each in timeline] == [
        ("pending", None), ("pending", 1), ("met", 0),
    ]  # fmt: skip


def test_a_stored_fact_can_be_retracted_hypothetically(api: Client, missed: Deadline) -> None:
    done = post(api, "facts/", {"deadline": missed.pk, "type": "performance", "on": "2026-03-10"})
    timeline = what_if(api, missed, {"type": "retraction", "supersedes": done["id"]})
    assert timeline[-1]["status"] == "unmet"
    assert get(api, f"deadlines/{missed.pk}/")["status"] == "met"


def test_projected_transitions_are_marked(api: Client) -> None:
    deadline = create_agreement(obligation(due_on="2099-03-15"))
    timeline = what_if(api, deadline, {"type": "performance", "on": "2026-03-01", "note": "early"})
    assert [(each["status"], each["is_projected"]) for each in timeline][-1] == ("met", False)
    waiver = {"type": "waiver", "at": "2099-03-15T10:00:00Z"}
    timeline = what_if(api, deadline, waiver)
    assert [(each["status"], each["is_projected"]) for each in timeline] == [
        ("pending", False), ("waived", True),
    ]  # fmt: skip


@in_one_world(
    ("body", "path"),
    [
        ({}, "facts"),
        ({"facts": []}, "facts"),
        ({"facts": [{"type": "performance", "on": "2999-01-01"}]}, "facts/0/on"),
        ({"facts": [{"type": "performance"}]}, "facts/0"),
        ({"facts": [{"type": "violation", "on": "2026-03-01"}]}, "facts/0/type"),
        ({"facts": [{"type": "waiver", "on": "2026-03-01", "evidence": ["E9"]}]},
         "facts/0/evidence/0"),
        ({"facts": [{"type": "retraction", "supersedes": 1}]}, "facts/0/supersedes"),
        ({"facts": [{"type": "waiver", "on": "2026-03-01"}] * 101}, "facts"),
        ({"facts": [{"type": "waiver", "on": "2026-03-01", "deadline": 1}]}, "facts/0/deadline"),
    ],
)  # fmt: skip
def test_facts_that_cannot_be_recorded_are_refused(
    api: Client, missed: Deadline, body: dict[str, Any], path: str
) -> None:
    answer = post(api, f"deadlines/{missed.pk}/what-if/", body, 400)
    assert path in paths(answer)


def test_a_fact_cannot_be_retracted_twice_hypothetically(api: Client, missed: Deadline) -> None:
    done = post(api, "facts/", {"deadline": missed.pk, "type": "performance", "on": "2026-03-10"})
    away = {"type": "retraction", "supersedes": done["id"]}
    answer = post(api, f"deadlines/{missed.pk}/what-if/", {"facts": [away, away]}, 400)
    assert paths(answer) == {"facts/1/supersedes"}


def test_a_what_if_needs_no_approval(api: Client, missed: Deadline) -> None:
    Agreement.objects.update(requires_approval=True)
    timeline = what_if(api, missed, {"type": "waiver", "on": "2026-03-10"})
    assert timeline[-1]["status"] == "waived"


def test_a_nonexistent_deadline_is_not_found(api: Client, missed: Deadline) -> None:
    body = {"facts": [{"type": "waiver", "on": "2026-03-10"}]}
    post(api, f"deadlines/{missed.pk + 1}/what-if/", body, 404)


def test_a_read_only_token_can_ask_what_if(missed: Deadline, desk: User) -> None:
    client = client_of(desk, is_read_only=True)
    body = {"facts": [{"type": "waiver", "on": "2026-03-10"}]}
    assert post(client, f"deadlines/{missed.pk}/what-if/", body, 200)["results"]
