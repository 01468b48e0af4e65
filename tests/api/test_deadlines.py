"""GET deadlines/: current and past statuses, filters and paging."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.models import Agreement, Deadline
from tests.api.answers import every_page, get, paths, post, refs, rows
from tests.samples import create_agreement, obligation, record, state_position, utc
from tests.shared_worlds import in_one_world

DUE_AT = "2025-05-14T16:00:00Z"


def test_the_release_of_rare_earths_is_unmet_and_disputed(api: Client, geneva: Agreement) -> None:
    [row] = rows(api, "deadlines/", agreement="geneva-2025", status="unmet")
    assert row == {
        "id": row["id"],
        "obligation": row["obligation"],
        "obligation_ref": "CN-2d",
        "agreement": "geneva-2025",
        "title": "Release rare-earth exports",
        "obligors": ["CHN"],
        "obligees": ["USA"],
        "party": None,
        "kind": "achieve",
        "number": 1,
        "starts_at": None,
        "due_on": "2025-05-14",
        "due_precision": "day",
        "due_at": DUE_AT,
        "unmet_at": DUE_AT,
        "earliest_due_at": None,
        "is_ambiguous": False,
        "original_due_at": DUE_AT,
        "timezone": "Asia/Shanghai",
        "status": "unmet",
        "status_since": DUE_AT,
        "is_closed": False,
        "is_disputed": True,
        "verification": "unchecked",
        "next_check_at": row["next_check_at"],
        "target_quantity": None,
        "target_bound": "at_least",
        "measured_quantity": None,
        "unit": "",
        "performed_quantity": None,
        "accepted_share": None,
        "expected_quantity": None,
        "pace": None,
    }


def test_timely_performance_is_met(api: Client, geneva: Agreement) -> None:
    met = refs(api, agreement="geneva-2025", status="met")
    assert set(met) == {"CN-1", "CN-2a", "CN-2b", "CN-2c", "CN-3", "US-1", "US-2", "US-3"}


def test_the_two_ninety_day_suspensions_end_an_hour_apart(api: Client, geneva: Agreement) -> None:
    then = {"agreement": "geneva-2025", "as_of": "2025-10-01T00:00:00Z"}
    [ours] = rows(api, "deadlines/", obligation_ref="US-3", **then)
    [theirs] = rows(api, "deadlines/", obligation_ref="CN-3", **then)
    assert ours["starts_at"] == theirs["starts_at"] == "2025-05-14T04:01:00Z"
    assert ours["original_due_at"] == theirs["original_due_at"] == "2025-08-12T04:01:00Z"
    assert (ours["due_at"], theirs["due_at"]) == ("2025-11-10T05:01:00Z", "2025-11-10T04:01:00Z")


def test_four_hours_before_its_due_instant_the_deadline_was_pending_and_undisputed(
    api: Client, geneva: Agreement
) -> None:
    query = {"agreement": "geneva-2025", "as_of": "2025-05-14T12:00:00Z"}
    [row] = rows(api, "deadlines/", status="pending", obligor="CHN", **query)
    assert (row["obligation_ref"], row["status"]) == ("CN-2d", "pending")
    assert row["status_since"] == "2025-05-11T16:00:00Z"
    assert (row["due_at"], row["unmet_at"], row["next_check_at"]) == (DUE_AT, DUE_AT, None)
    assert not row["is_disputed"]
    single = get(api, f"deadlines/{row['id']}/", as_of="2025-05-14T12:00:00Z")
    assert {name: single[name] for name in row} == row
    assert single["trace"][0] == (
        "End of 2025-05-14, a Wednesday, in Asia/Shanghai: 2025-05-14T16:00Z."
    )
    # What was known then was not computed with the data of today.
    assert not any(step.startswith("Computed with") for step in single["trace"])
    current = get(api, f"deadlines/{row['id']}/")
    assert current["trace"][-1].startswith("Computed with tzdata ")
    assert single.keys() - row.keys() == {"trace", "warnings", "successor"}


def test_the_status_changes_exactly_at_the_due_instant(api: Client, geneva: Agreement) -> None:
    before, at = "2025-05-14T15:59:59.999999Z", "2025-05-14T16:00:00Z"
    assert refs(api, status="unmet", as_of=before) == []
    assert refs(api, status="unmet", as_of=at) == ["CN-2d"]


def test_a_deadline_is_not_listed_before_it_is_known(api: Client, geneva: Agreement) -> None:
    assert refs(api, known_at="2025-05-12T11:59:59Z") == []
    assert len(refs(api, known_at="2025-05-12T12:00:00Z")) == 9
    assert refs(api, as_of="2025-05-01T00:00:00Z") == []
    [unmet] = rows(api, "deadlines/", status="unmet")
    get(api, f"deadlines/{unmet['id']}/", 404, as_of="2025-05-01T00:00:00Z")


def test_the_status_known_then_differs_from_the_status_known_now(api: Client) -> None:
    deadline = create_agreement(as_of=utc("2026-03-01T00:00"))
    record(deadline, as_of=utc("2026-03-20T00:00"), type="performance", on="2026-03-10")
    then = {"as_of": "2026-03-12T00:00:00Z"}
    [believed] = rows(api, "deadlines/", known_at="2026-03-12T00:00:00Z", **then)
    [known] = rows(api, "deadlines/", **then)
    assert (believed["status"], known["status"]) == ("pending", "met")
    assert known["status_since"] == "2026-03-09T16:00:00Z"


def test_as_of_defaults_to_known_at(api: Client) -> None:
    deadline = create_agreement(as_of=utc("2026-03-01T00:00"))
    record(deadline, as_of=utc("2026-03-10T00:00"), type="waiver", on="2026-03-05")
    [row] = rows(api, "deadlines/", known_at="2026-03-09T00:00:00Z")
    assert row["status"] == "pending"
    [row] = rows(api, "deadlines/", known_at="2026-03-10T00:00:00Z")
    assert row["status"] == "waived"


def test_a_past_due_instant_has_its_own_grace_period(api: Client) -> None:
    grace = {"count": 2, "unit": "days"}
    deadline = create_agreement(obligation(grace=grace), as_of=utc("2026-03-01T00:00"))
    for at, to in (("2026-03-05T00:00", "2026-03-20"), ("2026-03-06T00:00", "2026-03-25")):
        due = {"type": "date", "on": to}
        record(deadline, as_of=utc(at), type="extension", at=f"{at}:00Z", due=due)
    seen = [
        (row["due_on"], row["unmet_at"])
        for day in ("04", "05", "07")
        for row in rows(api, "deadlines/", as_of=f"2026-03-{day}T12:00:00Z")
    ]
    assert seen == [
        ("2026-03-15", "2026-03-17T16:00:00Z"),
        ("2026-03-20", "2026-03-22T16:00:00Z"),
        ("2026-03-25", "2026-03-27T16:00:00Z"),
    ]


def test_future_instants_are_refused(api: Client) -> None:
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
    for name in ("as_of", "known_at"):
        assert paths(get(api, "deadlines/", 400, **{name: tomorrow})) == {name}
        assert paths(get(api, "summary/", 400, **{name: tomorrow})) == {name}


def test_positions_dispute_a_deadline_once_stated_and_known(api: Client) -> None:
    deadline = create_agreement(as_of=utc("2026-03-01T00:00"))
    late = utc("2026-04-10T00:00")
    state_position(deadline, as_of=late, party="ACME", verdict="not_met", on="2026-04-01")
    state_position(deadline, as_of=late, party="CHN", verdict="met", on="2026-04-02")
    seen = {
        (as_of, known_at): row["is_disputed"]
        for as_of in ("2026-04-01T12:00:00Z", "2026-04-05T00:00:00Z")
        for known_at in ("2026-04-05T00:00:00Z", "2026-04-10T00:00:00Z")
        for row in rows(api, "deadlines/", as_of=as_of, known_at=known_at)
    }
    assert seen == {
        ("2026-04-01T12:00:00Z", "2026-04-05T00:00:00Z"): False,
        ("2026-04-01T12:00:00Z", "2026-04-10T00:00:00Z"): False,
        ("2026-04-05T00:00:00Z", "2026-04-05T00:00:00Z"): False,
        ("2026-04-05T00:00:00Z", "2026-04-10T00:00:00Z"): True,
    }
    assert refs(api, is_disputed="true", as_of="2026-04-05T00:00:00Z") == ["O-1"]
    assert refs(api, is_disputed="true", as_of="2026-04-01T12:00:00Z") == []


@pytest.fixture
def three(db: None) -> None:
    """Three deadlines that filters tell apart."""
    create_agreement(
        obligation("A", "2099-01-01", responsible=["lee@example.org"]),
        obligation("B", "2099-02-01", tags=["hs:2805", "supply"], severity="high"),
        obligation("C", "2099-03-01", title="Ship steel", obligors=["ACME"], obligees=["CHN"]),
    )


@in_one_world(
    ("query", "expected"),
    [
        ({"status": "pending"}, ["A", "B", "C"]),
        ({"status": "met,unmet"}, []),
        ({"agreement": "supply"}, ["A", "B", "C"]),
        ({"agreement": "nothing"}, []),
        ({"obligation_ref": "B"}, ["B"]),
        ({"obligor": "CHN"}, ["A", "B"]),
        ({"obligee": "CHN"}, ["C"]),
        ({"obligor": "CHN", "obligee": "ACME"}, ["A", "B"]),
        ({"tag": "hs:2805"}, ["B"]),
        ({"severity": "high,critical"}, ["B"]),
        ({"responsible": "lee@example.org"}, ["A"]),
        ({"due_after": "2099-02-01"}, ["B", "C"]),
        ({"due_before": "2099-02-01"}, ["A"]),
        ({"due_after": "2099-01-31T16:00:00Z"}, ["B", "C"]),
        ({"due_before": "2099-02-01T16:00:00Z"}, ["A"]),
        ({"is_disputed": "true"}, []),
        ({"is_disputed": "false"}, ["A", "B", "C"]),
        ({"q": "steel"}, ["C"]),
        ({"q": "b"}, ["B"]),
        ({"q": "%"}, []),
        ({"ordering": "-due_at"}, ["C", "B", "A"]),
        ({"ordering": "-id"}, ["C", "B", "A"]),
    ],
)
def test_filter_deadlines_by(
    api: Client, three: None, query: dict[str, str], expected: list[str]
) -> None:
    for moment in ({}, {"as_of": timezone.now().isoformat()}):
        found = refs(api, **query, **moment)
        assert (found if "ordering" in query else sorted(found)) == expected


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"statsu": "unmet"}, "statsu"),
        ({"status": "unmett"}, "status"),
        ({"status": "unmet,"}, "status"),
        ({"status": ""}, "status"),
        ({"status": ["unmet", "met"]}, "status"),
        ({"ordering": "title"}, "ordering"),
        ({"page_size": "0"}, "page_size"),
        ({"page_size": "1001"}, "page_size"),
        ({"due_after": "2025-02-30"}, "due_after"),
        ({"due_after": "1747238400"}, "due_after"),
        ({"due_before": "0001-01-01T00:00:00+14:00"}, "due_before"),
        ({"as_of": "2025-05-14"}, "as_of"),
        ({"as_of": "9999-12-31T23:59:59-14:00"}, "as_of"),
        ({"known_at": "2025-05-14T12:00:00"}, "known_at"),
        ({"is_disputed": "perhaps"}, "is_disputed"),
        ({"q": "a\x00b"}, "q"),
        ({"agreement": "Not A Ref"}, "agreement"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"format": "xml"}, "format"),
    ],
)
def test_an_invalid_parameter_is_refused_by_name(
    api: Client, query: dict[str, Any], name: str
) -> None:
    assert paths(get(api, "deadlines/", 400, **query)) == {name}


def test_invalid_utf_8_in_a_query_is_refused(api: Client) -> None:
    response = api.get("/api/v1/deadlines/?q=%ff%fe")
    assert (response.status_code, paths(response.json())) == (400, {"q"})


def test_paging_works_when_more_than_a_page_is_due_at_one_instant(api: Client) -> None:
    create_agreement(*(obligation(f"O-{number}", "2099-01-01") for number in range(1, 1_203)))
    for ordering in ("due_at", "-due_at", "status_since", "-status_since", "id", "-id"):
        query = {"ordering": ordering, "page_size": 500}
        seen = [row["id"] for row in every_page(api, "deadlines/", **query)]
        assert len(seen) == len(set(seen)) == 1_202
        assert seen == sorted(seen, reverse=ordering.startswith("-"))


def test_later_pages_ignore_facts_recorded_meanwhile(api: Client) -> None:
    first = create_agreement(
        obligation("A", "2026-03-01"), obligation("B", "2026-03-02"), as_of=utc("2026-02-01T00:00")
    )
    page = get(api, "deadlines/", as_of="2026-03-15T00:00:00Z", page_size=1)
    # A fact recorded between two pages does not show on the second.
    other = Deadline.objects.exclude(pk=first.pk).get()
    record(other, as_of=timezone.now(), type="waiver", on="2026-02-10")
    [row] = api.get(page["next"]).json()["results"]
    assert (row["obligation_ref"], row["status"]) == ("B", "pending")


def test_a_tampered_cursor_is_refused(api: Client) -> None:
    create_agreement(obligation("A"), obligation("B"))
    cursor = get(api, "deadlines/", page_size=1)["next"].partition("cursor=")[2]
    for changed in (cursor[:-1], f"{cursor}A", cursor[::-1], "é", "=", cursor[:9]):
        assert paths(get(api, "deadlines/", 400, cursor=changed)) == {"cursor"}
    # A valid cursor, but of another ordering.
    assert paths(get(api, "deadlines/", 400, cursor=cursor, ordering="-due_at")) == {"cursor"}


def test_the_number_of_queries_does_not_depend_on_the_length_of_the_list(
    api: Client, django_assert_num_queries: Any
) -> None:
    create_agreement(obligation("A"))
    with django_assert_num_queries(2):  # authentication, and the list
        get(api, "deadlines/")
    create_agreement(*(obligation(f"O-{number}") for number in range(50)), ref="other")
    with django_assert_num_queries(2):
        assert len(rows(api, "deadlines/")) == 51


def test_a_timeline_shows_past_and_projected_statuses_with_reasons(api: Client) -> None:
    deadline = create_agreement(obligation(due_on="2099-03-15", grace={"count": 1, "unit": "days"}))
    fact = record(
        deadline,
        as_of=timezone.now(),
        type="extension",
        at="2026-02-20T00:00:00Z",
        due={"type": "date", "on": "2099-03-31"},
    )
    found = get(api, f"deadlines/{deadline.pk}/timeline/")
    assert found["deadline"] == deadline.pk
    seen = [
        (each["status"], each["reason"], each["fact"], each["due_on"], each["is_projected"])
        for each in found["results"]
    ]
    assert seen == [
        ("pending", "agreed", None, "2099-03-15", False),
        ("pending", "extended", fact.pk, "2099-03-31", False),
        ("in_grace", "due_passed", None, "2099-03-31", True),
        ("unmet", "grace_ended", None, "2099-03-31", True),
    ]


def test_deadlines_are_read_only(api: Client) -> None:
    deadline = create_agreement()
    post(api, "deadlines/", {}, 405)
    for verb in (api.put, api.patch, api.delete):
        assert verb(f"/api/v1/deadlines/{deadline.pk}/").status_code == 405


@pytest.mark.parametrize("key", ["0", "99999999999999999999", "9223372036854775808", "-1", "a"])
def test_an_impossible_id_is_not_found(api: Client, key: str) -> None:
    problem = get(api, f"deadlines/{key}/", 404)
    assert problem["status"] == 404
