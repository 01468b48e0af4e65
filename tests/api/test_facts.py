"""facts/, positions/ and evidence/: append-only, with immediate effect on the status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from compliance.models import Deadline, Fact, User
from compliance.operations.deadlines import sweep
from tests.api.answers import get, paths, post, rows
from tests.samples import create_agreement, obligation, utc
from tests.shared_worlds import in_one_world

PAST = utc("2026-03-01T00:00")


@pytest.fixture
def missed(db: None) -> Deadline:
    """A deadline that passed unmet on 15 March 2026."""
    deadline = create_agreement(obligation(target_quantity=100, unit="t"), as_of=PAST)
    sweep.run(as_of=utc("2026-03-20T00:00"))
    return deadline


def test_a_late_performance_makes_the_deadline_met_late_and_ends_its_breach(
    api: Client, desk: User, missed: Deadline
) -> None:
    fact = post(
        api,
        "facts/",
        {"deadline": missed.pk, "type": "performance", "on": "2026-03-18", "note": "at last"},
    )
    assert fact == {
        "id": fact["id"],
        "deadline": missed.pk,
        "agreement": "supply",
        "obligation_ref": "O-1",
        "type": "performance",
        "on": "2026-03-18",
        "precision": "day",
        "at": None,
        "effective_at": "2026-03-17T16:00:00Z",
        "until_on": None,
        "until_precision": None,
        "until_at": None,
        "is_tolling": False,
        "quantity": None,
        "verdict": None,
        "share": None,
        "is_final": False,
        "due": None,
        "due_at": None,
        "successor": None,
        "successor_agreement": None,
        "note": "at last",
        "evidence": [],
        "supersedes": None,
        "recorded_at": fact["recorded_at"],
        "recorded_by": desk.email,
        "approved_by": None,
        "warnings": [],
    }
    del fact["warnings"]
    assert get(api, f"deadlines/{missed.pk}/")["status"] == "met_late"
    [breach] = rows(api, "breaches/", deadline=missed.pk)
    assert (breach["occurred_at"], breach["ended_at"], breach["end_reason"]) == (
        "2026-03-15T16:00:00Z", "2026-03-17T16:00:00Z", "performed",
    )  # fmt: skip
    assert get(api, f"facts/{fact['id']}/") == fact
    assert rows(api, "facts/", deadline=missed.pk, type="performance", agreement="supply") == [fact]


def test_partial_performance_is_partly_met(api: Client, missed: Deadline) -> None:
    post(
        api,
        "facts/",
        {
            "deadline": missed.pk,
            "type": "performance",
            "at": "2026-03-18T00:00:00+02:00",
            "quantity": "40.5",
        },
    )
    [fact] = rows(api, "facts/")
    assert (fact["at"], fact["quantity"]) == ("2026-03-17T22:00:00Z", 40.5)
    assert get(api, f"deadlines/{missed.pk}/")["status"] == "partly_met"


def test_a_mistaken_fact_can_be_retracted(api: Client, missed: Deadline) -> None:
    wrong = post(api, "facts/", {"deadline": missed.pk, "type": "waiver", "on": "2026-03-01"})
    assert get(api, f"deadlines/{missed.pk}/")["status"] == "waived"
    retraction = {"deadline": missed.pk, "type": "retraction", "supersedes": wrong["id"]}
    post(api, "facts/", {**retraction, "confirm": True})
    assert get(api, f"deadlines/{missed.pk}/")["status"] == "unmet"


@in_one_world(
    ("change", "path"),
    [
        ({"deadline": 4711}, "deadline"),
        ({"deadline": 0}, "deadline"),
        ({"deadline": 2**63}, "deadline"),
        ({"deadline": "first"}, "deadline"),
        ({"type": "miracle"}, "type"),
        ({"on": None}, ""),
        ({"at": "2026-03-18T00:00:00Z"}, ""),
        ({"on": None, "at": "2026-03-18T00:00:00"}, "at"),
        ({"on": None, "at": 1773792000}, "at"),
        ({"on": None, "at": 1773792000.5}, "at"),
        ({"on": None, "at": "1773792000.5"}, "at"),
        ({"on": None, "at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"on": None, "at": "9999-12-31T23:59:59-14:00"}, "at"),
        ({"on": "2099-01-01"}, "on"),
        ({"quantity": "NaN"}, "quantity"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": "0.0000001"}, "quantity"),
        ({"due": {"type": "date", "on": "2026-04-01"}}, ""),
        ({"evidence": ["E9"]}, "evidence/0"),
        ({"supersedes": 4711}, "supersedes"),
        ({"recorded_at": "2026-03-18T00:00:00Z"}, "recorded_at"),
    ],
)
def test_an_invalid_fact_is_refused_at_the_field(
    api: Client, missed: Deadline, change: dict[str, object], path: str
) -> None:
    good = {"deadline": missed.pk, "type": "performance", "on": "2026-03-18"}
    assert paths(post(api, "facts/", good | change, 400)) == {path}
    assert not Fact.objects.exists()


def test_an_extension_into_a_dst_gap_is_refused_at_its_path(api: Client) -> None:
    deadline = create_agreement(
        obligation(obligors=["ACME"], obligees=["CHN"], due_on="2099-03-01")
    )
    problem = post(
        api,
        "facts/",
        {
            "deadline": deadline.pk,
            "type": "extension",
            "on": "2026-02-01",
            "due": {"type": "date", "on": "2099-03-29", "time": "02:30"},
        },
        400,
    )
    assert paths(problem) == {"due/time"}


def test_positions_dispute_a_deadline_and_never_set_its_status(
    api: Client, desk: User, missed: Deadline
) -> None:
    common = {"deadline": missed.pk, "on": "2026-03-20"}
    post(api, "positions/", common | {"party": "CHN", "verdict": "met", "quote": "All came."})
    position = post(api, "positions/", common | {"party": "ACME", "verdict": "not_met"})
    assert position == {
        "id": position["id"],
        "deadline": missed.pk,
        "agreement": "supply",
        "obligation_ref": "O-1",
        "party": "ACME",
        "verdict": "not_met",
        "share": None,
        "on": "2026-03-20",
        "precision": "day",
        "at": None,
        "stated_at": "2026-03-19T16:00:00Z",
        "quote": "",
        "evidence": [],
        "recorded_at": position["recorded_at"],
        "recorded_by": desk.email,
        "warnings": [],
    }
    del position["warnings"]
    row = get(api, f"deadlines/{missed.pk}/")
    assert (row["status"], row["is_disputed"]) == ("unmet", True)
    assert get(api, f"positions/{position['id']}/") == position
    assert rows(api, "positions/", party="ACME", verdict="not_met") == [position]
    refused = post(api, "positions/", common | {"party": "FRA", "verdict": "met"}, 400)
    assert paths(refused) == {"party"}


def test_evidence_is_stored_and_supports_facts(api: Client, desk: User, missed: Deadline) -> None:
    evidence = post(
        api,
        "evidence/",
        {
            "agreement": "supply",
            "ref": "E1",
            "title": "Customs record",
            "kind": "document",
            "url": "https://example.org/1",
            "published_on": "2026-03-17",
            "asserted_by": "ACME",
            "stance": "for",
            "obligations": ["O-1"],
        },
    )
    assert evidence == {
        "id": evidence["id"],
        "agreement": "supply",
        "ref": "E1",
        "title": "Customs record",
        "kind": "document",
        "url": "https://example.org/1",
        "quote": "",
        "published_on": "2026-03-17",
        "published_on_precision": "day",
        "asserted_by": "ACME",
        "stance": "for",
        "obligations": ["O-1"],
        "deadlines": [],
        "files": [],
        "recorded_at": evidence["recorded_at"],
        "recorded_by": desk.email,
    }
    fact = post(
        api,
        "facts/",
        {"deadline": missed.pk, "type": "performance", "on": "2026-03-17", "evidence": ["E1"]},
    )
    assert fact["evidence"] == ["E1"]
    query = {"agreement": "supply", "obligation_ref": "O-1", "stance": "for", "asserted_by": "ACME"}
    assert rows(api, "evidence/", **query) == [evidence]
    assert get(api, f"evidence/{evidence['id']}/") == evidence


@in_one_world(
    ("change", "path"),
    [
        ({"agreement": "nothing"}, "agreement"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"obligations": ["O-9"]}, "obligations/0"),
        ({"asserted_by": "FRA"}, "asserted_by"),
        ({"published_on": "yesterday"}, "published_on"),
    ],
)
def test_invalid_evidence_is_refused_at_the_field(
    api: Client, missed: Deadline, change: dict[str, object], path: str
) -> None:
    good = {
        "agreement": "supply", "ref": "E1", "title": "T", "kind": "document", "stance": "for",
    }  # fmt: skip
    assert paths(post(api, "evidence/", good | change, 400)) == {path}


@in_one_world("room", ["facts", "positions", "evidence"])
def test_recorded_data_cannot_be_edited(api: Client, geneva: object, room: str) -> None:
    [row, *_] = rows(api, f"{room}/", page_size=1)
    for verb in (api.put, api.patch, api.delete):
        response = verb(f"/api/v1/{room}/{row['id']}/", {}, content_type="application/json")
        assert response.status_code == 405
        assert "GET" in response["Allow"]


def test_a_deadline_in_ten_seconds_is_pending_then_unmet(api: Client) -> None:
    create_agreement()
    now = timezone.now()
    soon = (now + timedelta(seconds=10)).astimezone(UTC)
    due = {"type": "date", "on": f"{soon:%Y-%m-%d}", "time": f"{soon:%H:%M:%S}", "timezone": "UTC"}
    post(api, "obligations/", {"agreement": "supply", **obligation("SOON"), "due": due})
    assert [row["status"] for row in rows(api, "deadlines/", obligation_ref="SOON")] == ["pending"]
    sweep.run(as_of=soon)
    [row] = rows(api, "deadlines/", obligation_ref="SOON")
    assert row["status"] == "unmet"
    assert datetime.fromisoformat(row["status_since"]) == soon.replace(microsecond=0)


def test_an_undetermined_position_contradicts_nobody_and_replaces_what_its_party_said(
    api: Client, missed: Deadline
) -> None:
    def said(party: str, verdict: str, on: str) -> bool:
        body = {"deadline": missed.pk, "party": party, "on": on, "verdict": verdict}
        post(api, "positions/", body)
        [now] = rows(api, "deadlines/", obligation_ref=missed.obligation.ref)
        [then] = rows(
            api,
            "deadlines/",
            obligation_ref=missed.obligation.ref,
            as_of=timezone.now().isoformat(),
        )
        assert now["is_disputed"] == then["is_disputed"]
        return bool(now["is_disputed"])

    assert not said("CHN", "met", "2026-03-20")
    assert not said("ACME", "undetermined", "2026-03-20")
    assert said("ACME", "not_met", "2026-03-21")
    assert not said("ACME", "undetermined", "2026-03-22")


def test_the_database_refuses_a_position_with_an_unknown_verdict(
    api: Client, missed: Deadline
) -> None:
    said = {"deadline": missed.pk, "party": "CHN", "on": "2026-03-20"}
    problem = post(api, "positions/", said | {"verdict": "unclear"}, 400)
    assert paths(problem) == {"verdict"}
    assert rows(api, "positions/") == []
    stored = post(api, "positions/", said | {"verdict": "met"})
    with (
        pytest.raises(IntegrityError, match="position_verdict_known"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO compliance_position (deadline_id, party_id, verdict, stated_at, quote,"
            " recorded_at) SELECT deadline_id, party_id, 'unclear', stated_at, quote,"
            " recorded_at FROM compliance_position WHERE id = %s",
            [stored["id"]],
        )
