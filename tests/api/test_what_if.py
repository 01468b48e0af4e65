"""deadlines/{id}/what-if/: the course that a deadline would take."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from compliance.models import Agreement, Deadline, Fact, LedgerEntry, User
from tests.api.answers import get, paths, post
from tests.api.conftest import client_of
from tests.samples import agree, duty, utc


@pytest.fixture
def missed(db: None) -> Deadline:
    """A deadline that has passed unmet."""
    return agree(as_of=utc("2026-04-01T00:00"))


def supposed(api: Client, deadline: Deadline, *facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The course of a deadline with these facts."""
    answer = post(api, f"deadlines/{deadline.pk}/what-if/", {"facts": list(facts)}, 200)
    found: list[dict[str, Any]] = answer["results"]
    return found


def test_a_late_performance_would_end_the_breach_and_stores_nothing(
    api: Client, missed: Deadline
) -> None:
    before = (Fact.objects.count(), LedgerEntry.objects.count())
    course = supposed(api, missed, {"type": "performance", "on": "2026-03-18"})
    assert [each["status"] for each in course] == ["pending", "unmet", "met_late"]
    assert (course[-1]["fact"], course[-1]["supposed"]) == (None, 0)
    assert course[-1]["effective_at"] == "2026-03-17T16:00:00Z"
    assert (Fact.objects.count(), LedgerEntry.objects.count()) == before
    assert get(api, f"deadlines/{missed.pk}/")["status"] == "unmet"


def test_an_extension_and_a_performance_are_judged_together(api: Client, missed: Deadline) -> None:
    extension = {
        "type": "extension",
        "on": "2026-03-14",
        "due": {"type": "date", "on": "2026-03-31"},
    }
    performance = {"type": "performance", "on": "2026-03-30"}
    course = supposed(api, missed, performance, extension)
    assert [(each["status"], each["supposed"]) for each in course] == [
        ("pending", None), ("pending", 1), ("met", 0),
    ]  # fmt: skip


def test_a_stored_fact_may_be_supposed_away(api: Client, missed: Deadline) -> None:
    done = post(api, "facts/", {"deadline": missed.pk, "type": "performance", "on": "2026-03-10"})
    course = supposed(api, missed, {"type": "retraction", "supersedes": done["id"]})
    assert course[-1]["status"] == "unmet"
    assert get(api, f"deadlines/{missed.pk}/")["status"] == "met"


def test_what_is_still_to_come_is_marked(api: Client) -> None:
    deadline = agree(duty(due_on="2099-03-15"))
    course = supposed(api, deadline, {"type": "performance", "on": "2026-03-01", "note": "early"})
    assert [(each["status"], each["is_projected"]) for each in course][-1] == ("met", False)
    waiver = {"type": "waiver", "at": "2099-03-15T10:00:00Z"}
    course = supposed(api, deadline, waiver)
    assert [(each["status"], each["is_projected"]) for each in course] == [
        ("pending", False), ("waived", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
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
def test_what_recording_would_refuse_is_refused(
    api: Client, missed: Deadline, body: dict[str, Any], path: str
) -> None:
    answer = post(api, f"deadlines/{missed.pk}/what-if/", body, 400)
    assert path in paths(answer)


def test_one_fact_cannot_be_supposed_away_twice(api: Client, missed: Deadline) -> None:
    done = post(api, "facts/", {"deadline": missed.pk, "type": "performance", "on": "2026-03-10"})
    away = {"type": "retraction", "supersedes": done["id"]}
    answer = post(api, f"deadlines/{missed.pk}/what-if/", {"facts": [away, away]}, 400)
    assert paths(answer) == {"facts/1/supersedes"}


def test_no_second_person_is_needed_to_suppose(api: Client, missed: Deadline) -> None:
    Agreement.objects.update(requires_approval=True)
    course = supposed(api, missed, {"type": "waiver", "on": "2026-03-10"})
    assert course[-1]["status"] == "waived"


def test_a_deadline_that_is_not_there_has_no_course(api: Client, missed: Deadline) -> None:
    body = {"facts": [{"type": "waiver", "on": "2026-03-10"}]}
    post(api, f"deadlines/{missed.pk + 1}/what-if/", body, 404)


def test_a_token_that_may_only_read_may_suppose(missed: Deadline, desk: User) -> None:
    client = client_of(desk, is_read_only=True)
    body = {"facts": [{"type": "waiver", "on": "2026-03-10"}]}
    assert post(client, f"deadlines/{missed.pk}/what-if/", body, 200)["results"]
