"""determinations/: findings of the desk, with reasons."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from compliance.models import Deadline, Fact, User
from compliance.operations.deadlines import sweep
from tests.api.answers import get, paths, post, rows
from tests.api.conftest import client_of
from tests.samples import create_agreement, obligation, utc
from tests.shared_worlds import in_one_world

PAST = utc("2026-02-01T00:00")
EVIDENCE = {"ref": "E1", "title": "Customs record", "kind": "document", "stance": "against"}
REASONS = "The customs records show forty tonnes."


@pytest.fixture
def missed(db: None) -> Deadline:
    """A deadline of 100 t that passed unmet on 15 March 2026."""
    deadline = create_agreement(
        obligation(target_quantity=100, unit="t"), as_of=PAST, evidence=[EVIDENCE]
    )
    sweep.run(as_of=utc("2026-03-20T00:00"))
    return deadline


def determine(client: Client, deadline: Deadline, verdict: str, **more: Any) -> Any:
    """Record a determination."""
    sent = {"deadline": deadline.pk, "verdict": verdict, "on": "2026-03-18", "note": REASONS}
    recorded = post(client, "determinations/", sent | more)
    assert bool(recorded.pop("warnings")) is (verdict == "undetermined")
    return recorded


def status_of(client: Client, deadline: Deadline) -> tuple[str, str]:
    row = get(client, f"deadlines/{deadline.pk}/")
    return row["status"], row["verification"]


def test_a_determination_stores_reasons_and_evidence_and_sets_the_status(
    api: Client, desk: User, missed: Deadline
) -> None:
    row = determine(api, missed, "partly_met", share="0.4", evidence=["E1"])
    assert row == {
        "id": row["id"],
        "deadline": missed.pk,
        "agreement": "supply",
        "obligation_ref": "O-1",
        "verdict": "partly_met",
        "share": 0.4,
        "quantity": None,
        "is_final": False,
        "on": "2026-03-18",
        "precision": "day",
        "at": None,
        "effective_at": "2026-03-17T16:00:00Z",
        "note": REASONS,
        "evidence": ["E1"],
        "supersedes": None,
        "recorded_at": row["recorded_at"],
        "recorded_by": desk.email,
        "approved_by": None,
        "is_superseded": False,
        "superseded_by": None,
    }
    assert status_of(api, missed) == ("partly_met", "confirmed")
    assert get(api, f"determinations/{row['id']}/") == row
    assert get(api, f"facts/{row['id']}/")["type"] == "determination"


@in_one_world(
    ("verdict", "more", "expected"),
    [
        ("met", {}, ("met_late", "confirmed")),
        ("met", {"on": None, "at": "2026-03-15T15:59:59Z"}, ("met", "confirmed")),
        ("partly_met", {"quantity": 60}, ("partly_met", "confirmed")),
        ("not_met", {}, ("unmet", "confirmed")),
        ("undetermined", {}, ("unmet", "checked")),
    ],
)
def test_each_verdict_takes_effect_immediately_until_retracted(
    api: Client, missed: Deadline, verdict: str, more: dict[str, Any], expected: tuple[str, str]
) -> None:
    before = get(api, f"deadlines/{missed.pk}/")
    row = determine(api, missed, verdict, **more)
    assert status_of(api, missed) == expected
    retraction = {"deadline": missed.pk, "type": "retraction", "supersedes": row["id"]}
    post(api, "facts/", {**retraction, "confirm": True})
    after = get(api, f"deadlines/{missed.pk}/")
    # The expected quantity and the next notification step move with the clock.
    moving = {"pace": None, "next_check_at": None}
    assert {**after, **moving} == {**before, **moving}


def test_superseded_determinations_stay_readable(api: Client, missed: Deadline) -> None:
    first = determine(api, missed, "not_met")
    second = determine(api, missed, "met", supersedes=first["id"])
    seen = [(each["verdict"], each["superseded_by"]) for each in rows(api, "determinations/")]
    assert seen == [("not_met", second["id"]), ("met", None)]

    retraction = {"deadline": missed.pk, "type": "retraction", "supersedes": second["id"]}
    gone = post(api, "facts/", {**retraction, "confirm": True})
    listed = rows(api, "determinations/")
    assert [each["superseded_by"] for each in listed] == [None, gone["id"]]
    assert [each["is_superseded"] for each in listed] == [False, True]
    assert status_of(api, missed) == ("unmet", "confirmed")

    then = rows(api, "determinations/", known_at=second["recorded_at"])
    assert [each["is_superseded"] for each in then] == [True, False]
    assert [each["id"] for each in rows(api, "determinations/", known_at=first["recorded_at"])] == [
        first["id"]
    ]


def test_filter_determinations(api: Client, missed: Deadline) -> None:
    other = create_agreement(obligation("O-2"), ref="other", as_of=PAST)
    row = determine(api, missed, "not_met")
    determine(api, other, "met", on="2026-03-10")
    post(api, "facts/", {"deadline": other.pk, "type": "waiver", "on": "2026-03-01"})
    assert len(rows(api, "determinations/")) == 2
    for query in (
        {"agreement": "supply"}, {"deadline": missed.pk}, {"obligation_ref": "O-1"},
        {"verdict": "not_met"},
    ):  # fmt: skip
        assert rows(api, "determinations/", **query) == [row], query
    get(api, f"determinations/{Fact.objects.get(kind='waiver').pk}/", 404)


@in_one_world(
    ("change", "path"),
    [
        ({"verdict": "violated"}, "verdict"),
        ({"verdict": None}, "verdict"),
        ({"note": ""}, "note"),
        ({"note": "   "}, "note"),
        ({"share": "1"}, "share"),
        ({"share": "0"}, "share"),
        ({"quantity": 40}, ""),
        ({"verdict": "met"}, ""),
        ({"on": None}, ""),
        ({"on": "2099-01-01"}, "on"),
        ({"evidence": ["E9"]}, "evidence/0"),
        ({"evidence": ["E1", "E1"]}, "evidence"),
        ({"supersedes": 4711}, "supersedes"),
        ({"deadline": 4711}, "deadline"),
        ({"type": "waiver"}, "type"),
        ({"until": "2026-04-01"}, "until"),
    ],
)
def test_an_invalid_determination_is_refused_at_the_field_and_stores_nothing(
    api: Client, missed: Deadline, change: dict[str, object], path: str
) -> None:
    good = {
        "deadline": missed.pk, "verdict": "partly_met", "share": "0.4", "on": "2026-03-18",
        "note": REASONS,
    }  # fmt: skip
    assert paths(post(api, "determinations/", good | change, 400)) == {path}
    assert not Fact.objects.exists()


def test_a_reader_cannot_determine(desk: User, missed: Deadline) -> None:
    reader = client_of(desk, is_read_only=True)
    sent = {"deadline": missed.pk, "verdict": "not_met", "on": "2026-03-18", "note": REASONS}
    assert "read-only" in post(reader, "determinations/", sent, 403)["detail"]
    assert rows(reader, "determinations/") == []
