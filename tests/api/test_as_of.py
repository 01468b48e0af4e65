"""Questions about the past: `as_of` and `known_at`."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.domain.agreements.documents import read_agreement
from compliance.models import Agreement, Deadline
from compliance.operations.agreements import documents
from compliance.operations.deadlines import sweep
from tests.api.answers import get, paths, refs, rows
from tests.api.conftest import GENEVA
from tests.samples import create_agreement, obligation, record, state_position, subscribe, utc
from tests.shared_worlds import in_one_world

THEN = "2025-05-20T00:00:00Z"
LATER = "2025-06-03T00:00:00Z"


@pytest.fixture
def phase_one(db: None) -> Agreement:
    """The Phase One purchase commitments of 2020."""
    text = GENEVA.with_name("phase-one-2020.yaml").read_bytes()
    document = read_agreement(text, is_yaml=True)
    return documents.load(document=document, by=None, as_of=timezone.now()).agreement


@pytest.fixture
def learned_late(db: None) -> Deadline:
    """A deadline missed on 15 March 2026. On 20 March, a performance on the 10th is recorded."""
    deadline = create_agreement(as_of=utc("2026-03-01T00:00"))
    sweep.run(as_of=utc("2026-03-16T00:00"))
    record(deadline, as_of=utc("2026-03-20T00:00"), type="performance", on="2026-03-10")
    return deadline


def test_the_release_was_unmet_and_undisputed_before_any_position(
    api: Client, geneva: Agreement
) -> None:
    [then] = rows(api, "deadlines/", obligation_ref="CN-2d", as_of=THEN, known_at=THEN)
    assert (then["status"], then["is_disputed"]) == ("unmet", False)
    assert rows(api, "positions/", obligation_ref="CN-2d", known_at=THEN) == []
    [later] = rows(api, "deadlines/", obligation_ref="CN-2d", as_of=LATER, known_at=LATER)
    assert (later["status"], later["is_disputed"]) == ("unmet", True)
    positions = rows(api, "positions/", obligation_ref="CN-2d", known_at=LATER)
    assert [(each["party"], each["verdict"], each["quote"]) for each in positions] == [
        ("USA", "not_met", "HAS TOTALLY VIOLATED ITS AGREEMENT WITH US"),
        ("CHN", "met", "groundless accusations"),
    ]


@in_one_world(
    ("known_at", "target", "performed"),
    [
        ("2020-05-01T00:00:00Z", 142.7, 0),
        ("2020-06-01T00:00:00Z", 142.7, 14.4),
        ("2020-10-01T00:00:00Z", 142.7, 20.4),
        ("2020-11-05T00:00:00Z", 159.0, 20.4),
    ],
)
def test_the_target_is_the_one_known_at_the_time(
    api: Client, phase_one: Agreement, known_at: str, target: float, performed: float
) -> None:
    query = {"obligation_ref": "EXPORTS-2020", "known_at": known_at}
    [row] = rows(api, "deadlines/", **query)
    assert (row["target_quantity"], row["performed_quantity"]) == (target, performed)
    single = get(api, f"deadlines/{row['id']}/", known_at=known_at)
    assert (single["target_quantity"], single["pace"]) == (target, row["pace"])


def test_a_voided_breach_is_listed_for_the_time_it_was_believed(
    api: Client, learned_late: Deadline
) -> None:
    believed = rows(api, "breaches/", known_at="2026-03-17T00:00:00Z")
    assert [(each["occurred_at"], each["ended_at"], each["end_reason"]) for each in believed] == [
        ("2026-03-15T16:00:00Z", None, None)
    ]
    assert rows(api, "breaches/", known_at="2026-03-21T00:00:00Z") == []
    assert rows(api, "breaches/", known_at="2026-03-15T00:00:00Z") == []
    [now] = rows(api, "breaches/")
    assert now["end_reason"] == "voided"
    query = {"known_at": "2026-03-17T00:00:00Z"}
    assert get(api, f"breaches/{now['id']}/", **query)["end_reason"] is None
    get(api, f"breaches/{now['id']}/", 404, known_at="2026-03-21T00:00:00Z")


def test_past_breaches_can_be_filtered_like_current_ones(
    api: Client, learned_late: Deadline
) -> None:
    query = {"known_at": "2026-03-17T00:00:00Z"}
    for wanted, count in (
        ({"agreement": "supply"}, 1),
        ({"agreement": "other"}, 0),
        ({"deadline": learned_late.pk}, 1),
        ({"obligation_ref": "O-1"}, 1),
        ({"is_open": "true"}, 1),
        ({"is_open": "false"}, 0),
        ({"occurred_after": "2026-03-16"}, 0),
        ({"occurred_before": "2026-03-16"}, 1),
    ):
        assert len(rows(api, "breaches/", **query, **wanted)) == count, wanted


def test_a_past_breach_has_its_own_end_reason(api: Client) -> None:
    deadline = create_agreement(as_of=utc("2026-03-01T00:00"))
    record(deadline, as_of=utc("2026-03-20T00:00"), type="waiver", on="2026-03-18")
    ended = rows(api, "breaches/", as_of="2026-03-19T00:00:00Z")
    assert [(each["ended_at"], each["end_reason"]) for each in ended] == [
        ("2026-03-17T16:00:00Z", "waived")
    ]
    open_then = rows(api, "breaches/", as_of="2026-03-17T00:00:00Z")
    assert [each["ended_at"] for each in open_then] == [None]


def test_the_timeline_as_known_at_an_instant(api: Client, learned_late: Deadline) -> None:
    path = f"deadlines/{learned_late.pk}/timeline/"

    def timeline(**query: Any) -> list[tuple[str, bool]]:
        found = get(api, path, **query)["results"]
        return [(each["status"], each["is_projected"]) for each in found]

    assert timeline() == [("pending", False), ("met", False)]
    assert timeline(known_at="2026-03-17T00:00:00Z") == [("pending", False), ("unmet", False)]
    assert timeline(known_at="2026-03-05T00:00:00Z") == [("pending", False), ("unmet", True)]
    assert timeline(as_of="2026-03-05T00:00:00Z") == [("pending", False), ("met", True)]
    get(api, path, 404, known_at="2026-02-01T00:00:00Z")


def test_the_history_shows_what_was_known_and_when(api: Client, learned_late: Deadline) -> None:
    batches = get(api, f"deadlines/{learned_late.pk}/history/")["results"]
    found = [
        (
            batch["recorded_at"],
            batch["from"],
            [fact["type"] for fact in batch["facts"]],
            [step["status"] for step in batch["timeline"]],
        )
        for batch in batches
    ]
    assert found == [
        ("2026-03-01T00:00:00Z", "2026-01-09T16:00:00Z", [], ["pending"]),
        ("2026-03-16T00:00:00Z", "2026-03-15T16:00:00Z", [], ["unmet"]),
        ("2026-03-20T00:00:00Z", "2026-03-09T16:00:00Z", ["performance"], ["met"]),
    ]
    get(api, f"deadlines/{learned_late.pk + 1}/history/", 404)


def test_changes_between_two_instants(api: Client, learned_late: Deadline) -> None:
    create_agreement(obligation("SAME", "2026-12-31"), ref="other", as_of=utc("2026-03-01T00:00"))
    state_position(learned_late, as_of=utc("2026-03-18T00:00"), party="ACME", verdict="not_met",
          on="2026-03-17")  # fmt: skip
    query = {"since": "2026-03-16T12:00:00Z", "until": "2026-03-21"}
    [found] = rows(api, "changes/between/", **query)
    assert (found["obligation_ref"], found["agreement"]) == ("O-1", "supply")
    assert (found["before"]["status"], found["after"]["status"]) == ("unmet", "met")
    assert [each["type"] for each in found["facts"]] == ["performance"]
    assert [(each["party"], each["verdict"]) for each in found["positions"]] == [
        ("ACME", "not_met")
    ]
    known = rows(api, "changes/between/", since="2026-02-01", until="2026-03-02")
    assert [(each["obligation_ref"], each["before"]) for each in known] == [
        ("O-1", None), ("SAME", None),
    ]  # fmt: skip
    assert rows(api, "changes/between/", since="2026-03-21") == []
    for wanted in ({"agreement": "other"}, {"obligor": "ACME"}, {"tag": "x"}, {"q": "nothing"}):
        assert rows(api, "changes/between/", **query, **wanted) == []


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-03-02", "until": "2026-03-02"}, "since"),
        ({"since": "2026-03-02", "until": "2999-01-01"}, "until"),
        ({"since": "2026-03-02", "from": "2026-03-01"}, "from"),
    ],
)
def test_a_comparison_needs_two_instants(api: Client, query: dict[str, str], path: str) -> None:
    assert paths(get(api, "changes/between/", 400, **query)) == {path}


def test_verification_as_known_at_an_instant(api: Client, learned_late: Deadline) -> None:
    record(learned_late, as_of=utc("2026-03-25T00:00"), type="determination", verdict="met",
           on="2026-03-10", note="By the customs record.")  # fmt: skip
    now = get(api, f"deadlines/{learned_late.pk}/")
    assert now["verification"] == "confirmed"
    for known_at, expected in (("2026-03-24", "unchecked"), ("2026-03-26", "confirmed")):
        query = {"known_at": f"{known_at}T00:00:00Z"}
        [row] = rows(api, "deadlines/", **query)
        assert row["verification"] == expected
        assert get(api, f"deadlines/{learned_late.pk}/", **query)["verification"] == expected


def test_an_accepted_share_is_shown(api: Client) -> None:
    deadline = create_agreement(as_of=utc("2026-03-01T00:00"))
    record(deadline, as_of=utc("2026-03-25T00:00"), type="determination", verdict="partly_met",
           on="2026-03-10", share="0.4", note="Two of five lots.")  # fmt: skip
    row = get(api, f"deadlines/{deadline.pk}/")
    assert (row["status"], row["accepted_share"]) == ("partly_met", 0.4)
    assert row["performed_quantity"] is None
    then = get(api, f"deadlines/{deadline.pk}/", as_of="2026-03-20T00:00:00Z")
    assert (then["status"], then["accepted_share"]) == ("partly_met", 0.4)
    believed = get(api, f"deadlines/{deadline.pk}/", known_at="2026-03-20T00:00:00Z")
    assert (believed["status"], believed["accepted_share"]) == ("pending", None)
    last = get(api, f"deadlines/{deadline.pk}/timeline/")["results"][-1]
    assert (last["performed"], last["accepted_share"]) == (None, 0.4)
    between = {"since": "2026-03-20T00:00:00Z", "until": "2026-03-26T00:00:00Z"}
    [change] = get(api, "changes/between/", **between)["results"]
    assert [change[side]["accepted_share"] for side in ("before", "after")] == [None, 0.4]
    assert change["after"]["performed"] is None


def test_all_pages_of_a_past_list_use_the_same_as_of(api: Client) -> None:
    subscribe()
    create_agreement(*(obligation(f"O-{n}") for n in range(3)), as_of=utc("2026-03-01T00:00"))
    sweep.run(as_of=utc("2026-03-16T00:00"))
    first = get(api, "breaches/", as_of="2026-03-17T00:00:00Z", page_size=2)
    assert "known_at=" in first["next"]
    second = api.get(first["next"]).json()
    assert len(first["results"]) + len(second["results"]) == 3
    assert refs(api, as_of="2026-03-17T00:00:00Z") == ["O-0", "O-1", "O-2"]
