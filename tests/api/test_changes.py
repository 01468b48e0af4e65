"""changes/ and summary/: data for dashboards and other systems."""

from __future__ import annotations

from typing import Any

from django.test import Client

from compliance.models import Agreement, LedgerEntry
from compliance.operations.deadlines import sweep
from tests.api.answers import get, paths
from tests.samples import create_agreement, obligation, record, utc
from tests.shared_worlds import in_one_world


def test_changes_list_the_ledger_oldest_first_and_can_be_resumed(api: Client) -> None:
    deadline = create_agreement(as_of=utc("2026-03-01T00:00"))
    page = get(api, "changes/")
    [change] = page["results"]
    assert change == {
        "id": change["id"],
        "deadline": deadline.pk,
        "agreement": "supply",
        "obligation_ref": "O-1",
        "recorded_at": "2026-03-01T00:00:00Z",
        "effective_at": "2026-01-09T16:00:00Z",
        "status": "pending",
        "reason": "agreed",
        "fact": None,
        "due_on": "2026-03-15",
        "due_at": "2026-03-15T16:00:00Z",
        "unmet_at": "2026-03-15T16:00:00Z",
    }
    nothing_new = api.get(page["next"]).json()
    assert nothing_new == {"next": page["next"], "results": []}
    sweep.run(as_of=utc("2026-03-20T00:00"))
    fact = record(deadline, as_of=utc("2026-03-21T00:00"), type="performance", on="2026-03-18")
    later = api.get(page["next"]).json()
    assert [(row["status"], row["reason"], row["fact"]) for row in later["results"]] == [
        ("unmet", "due_passed", None),
        ("met_late", "performed", fact.pk),
    ]


def test_changes_can_be_followed_from_an_empty_ledger(api: Client) -> None:
    nothing = get(api, "changes/")
    assert nothing["results"] == []
    create_agreement()
    assert len(api.get(nothing["next"]).json()["results"]) == 1


def test_everything_changed_since_the_first_day_that_is_accepted(api: Client) -> None:
    create_agreement(as_of=utc("2026-03-01T00:00"))
    [row] = get(api, "changes/between/", since="1900-01-01", until="2026-06-01")["results"]
    assert (row["before"], row["after"]["status"]) == (None, "pending")


def test_paging_through_changes_skips_none(api: Client, geneva: Agreement) -> None:
    seen = []
    page = get(api, "changes/", page_size=4)
    while page["results"]:
        seen += [row["id"] for row in page["results"]]
        page = api.get(page["next"]).json()
    assert seen == sorted(LedgerEntry.objects.values_list("id", flat=True))


@in_one_world(
    ("group_by", "expected"),
    [
        ("status", [("met", {"met": 8}), ("unmet", {"unmet": 1})]),
        ("agreement", [("geneva-2025", {"met": 8, "unmet": 1})]),
        ("obligor", [("CHN", {"met": 5, "unmet": 1}), ("USA", {"met": 3})]),
        ("obligee", [("CHN", {"met": 3}), ("USA", {"met": 5, "unmet": 1})]),
        (
            "month",
            [("2025-05", {"met": 6, "unmet": 1}), ("2025-11", {"met": 1}), ("2026-11", {"met": 1})],
        ),
    ],
)
def test_deadlines_are_counted_by_group_and_status(
    api: Client, geneva: Agreement, group_by: str, expected: list[Any]
) -> None:
    found = get(api, "summary/", group_by=group_by)
    assert (found["group_by"], found["total"]) == ([group_by], len(expected))
    assert [(row["group"], row["statuses"]) for row in found["results"]] == expected
    assert all(row["count"] == sum(row["statuses"].values()) for row in found["results"])


def test_a_deadline_counts_once_for_each_of_its_tags_and_parties(api: Client) -> None:
    create_agreement(
        obligation("A", tags=["steel", "hs:7208"]),
        obligation("B", tags=["steel"], obligors=["CHN", "ACME"], severity="high"),
        obligation("C"),
        timezone="Europe/Berlin",
    )
    counted = {
        group_by: {
            row["group"]: row["count"] for row in get(api, "summary/", group_by=group_by)["results"]
        }
        for group_by in ("tag", "obligor", "severity")
    }
    assert counted == {
        "tag": {"hs:7208": 1, "steel": 2},
        "obligor": {"ACME": 1, "CHN": 3},
        "severity": {"high": 1, "normal": 2},
    }


def test_a_summary_accepts_the_filters_of_the_list_and_past_instants(
    api: Client, geneva: Agreement, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(5):  # authentication, and the counts within a time limit
        found = get(api, "summary/", obligor="CHN", as_of="2025-05-14T12:00:00Z")
    assert [(row["group"], row["count"]) for row in found["results"]] == [
        ("holding", 1),
        ("met", 4),
        ("pending", 1),
    ]
    assert get(api, "summary/", status="unmet", q="rare")["results"][0]["count"] == 1
    assert paths(get(api, "summary/", 400, group_by="mood")) == {"group_by"}
    assert paths(get(api, "summary/", 400, page_size="5")) == {"page_size"}
