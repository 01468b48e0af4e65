"""obligations/: create, read and correct, with their deadlines."""

from __future__ import annotations

from django.test import Client

from compliance.models import Deadline, Obligation
from tests.api.answers import get, patch, paths, post, rows
from tests.samples import create_agreement, obligation, record, utc
from tests.shared_worlds import in_one_world

NEW = {"agreement": "supply", **obligation("O-2", "2099-03-15")}


def test_creating_an_obligation_creates_its_deadline(api: Client) -> None:
    create_agreement()
    stored = post(
        api,
        "obligations/",
        NEW
        | {
            "grace": {"count": 5, "unit": "business_days"},
            "severity": "high",
            "tags": ["supply", "hs:2805"],
            "responsible": ["lee@example.org"],
            "parent": "O-1",
            "target_quantity": 100.5,
            "unit": "t",
            "clause": "Art. 3(1)",
            "text": "The supplier shall deliver ...",
        },
    )
    assert stored.pop("warnings") == [
        "lee@example.org has no account, so nothing is sent there: create one, or have an "
        "administrator subscribe the address."
    ]
    assert stored == {
        "id": stored["id"],
        "agreement": "supply",
        "ref": "O-2",
        "title": "Deliver lot O-2",
        "text": "The supplier shall deliver ...",
        "clause": "Art. 3(1)",
        "kind": "achieve",
        "obligors": ["CHN"],
        "obligees": ["ACME"],
        "due": {
            "type": "date",
            "on": "2099-03-15",
            "time": None,
            "timezone": None,
            "precision": "day",
            "is_two_sided": False,
        },
        "grace": {"count": 5, "unit": "business_days"},
        "binds_on": None,
        "binds_on_precision": None,
        "starts": None,
        "survives_termination": False,
        "severity": "high",
        "tags": ["supply", "hs:2805"],
        "responsible": ["lee@example.org"],
        "parent": "O-1",
        "roll_up": "all",
        "roll_up_share": None,
        "target_quantity": 100.5,
        "target_bound": "at_least",
        "unit": "t",
        "notification_policy": None,
        "remedy_for": None,
        "consequences": [],
        "replaces": [],
        "components": None,
    }
    [deadline] = rows(api, "deadlines/", obligation_ref="O-2")
    assert (deadline["status"], deadline["due_at"]) == ("pending", "2099-03-15T16:00:00Z")
    for query in (
        {"tag": "supply"}, {"responsible": "lee@example.org"}, {"parent": "O-1"},
        {"severity": "high"}, {"ref": "O-2"}, {"q": "lot o-2"},
        {"obligor": "CHN", "obligee": "ACME", "parent": "O-1"},
    ):  # fmt: skip
        assert rows(api, "obligations/", agreement="supply", **query) == [stored]
    assert get(api, f"obligations/{stored['id']}/") == stored


@in_one_world(
    ("change", "path"),
    [
        ({"agreement": "nothing"}, "agreement"),
        ({"agreement": None}, "agreement"),
        ({"ref": "O-1"}, "ref"),
        ({"ref": "O 2"}, "ref"),
        ({"obligors": ["FRA"]}, "obligors/0"),
        ({"obligors": []}, "obligors"),
        ({"obligees": ["ACME", "ACME"]}, "obligees"),
        ({"due": {"type": "date", "on": "2099-02-29"}}, "due/on"),
        ({"due": {"type": "date", "on": "2099-02-28", "at": "17:00"}}, "due/at"),
        ({"due": {"type": "date", "on": "2099-02-28", "time": "25:00"}}, "due/time"),
        ({"due": {"type": "date", "on": "2099-02-28", "timezone": "Mars"}}, "due/timezone"),
        ({"due": {"type": "date", "on": "0001-01-01"}}, "due/on"),
        ({"due": {"type": "date", "on": "9999-12-31"}}, "due/on"),
        ({"due": {"type": "moon"}}, "due/type"),
        ({"due": "2099-02-28"}, "due"),
        ({"grace": {"count": -1, "unit": "days"}}, "grace/count"),
        ({"grace": {"count": 10**30, "unit": "days"}}, "grace/count"),
        ({"target_quantity": "NaN"}, "target_quantity"),
        ({"target_quantity": "Infinity"}, "target_quantity"),
        ({"target_quantity": 0}, "target_quantity"),
        ({"target_quantity": 1e20}, "target_quantity"),
        ({"target_quantity": "1E+9999999"}, "target_quantity"),
        ({"responsible": ["lee@example.org\r\nBcc: all@example.org"]}, "responsible/0"),
        ({"tags": ["a,b"]}, "tags/0"),
        ({"parent": "O-9"}, "parent"),
        ({"text": "\x00"}, "text"),
        ({"text": "x" * 20_001}, "text"),
        ({"title": 7}, "title"),
    ],
)
def test_an_invalid_obligation_is_refused_at_the_field(
    api: Client, supply: Deadline, change: dict[str, object], path: str
) -> None:
    assert paths(post(api, "obligations/", NEW | change, 400)) == {path}
    assert Obligation.objects.count() == Deadline.objects.count() == 1


def test_a_due_time_in_a_dst_gap_is_refused_at_its_path(api: Client) -> None:
    create_agreement()
    due = {"type": "date", "on": "2099-03-29", "time": "02:30"}
    problem = post(api, "obligations/", NEW | {"due": due | {"timezone": "Europe/Berlin"}}, 400)
    assert paths(problem) == {"due/time"}
    assert "does not exist in Europe/Berlin" in problem["detail"]
    # The same if the zone comes from the obligor.
    by_buyer = {"due": due, "obligors": ["ACME"], "obligees": ["CHN"]}
    assert paths(post(api, "obligations/", NEW | by_buyer, 400)) == {"due/time"}


def test_a_corrected_due_rule_moves_the_deadline(api: Client) -> None:
    deadline = create_agreement(obligation(due_on="2099-03-15"))
    row = patch(
        api,
        f"obligations/{deadline.obligation_id}/",
        {"due": {"type": "date", "on": "2099-04-15"}, "severity": "critical"},
    )
    assert (row["due"]["on"], row["severity"], row["title"]) == (
        "2099-04-15", "critical", "Deliver lot O-1",
    )  # fmt: skip
    [moved] = rows(api, "deadlines/")
    assert moved["due_on"] == "2099-04-15"


@in_one_world(
    ("change", "path"),
    [
        ({"ref": "O-7"}, "ref"),
        ({"due": None}, "due"),
        ({"id": 7}, "id"),
        ({"agreement": "other"}, "agreement"),
        ({"obligors": ["FRA"]}, "obligors/0"),
        ({"parent": "O-1"}, ""),
    ],
)
def test_an_invalid_correction_is_refused_at_the_field(
    api: Client, supply: Deadline, change: dict[str, object], path: str
) -> None:
    address = f"obligations/{supply.obligation_id}/"
    before = get(api, address)
    assert paths(patch(api, address, change, 400)) == {path}
    assert get(api, address) == before


def test_correcting_a_nonexistent_obligation_is_not_found(api: Client) -> None:
    patch(api, "obligations/4711/", {"title": "x"}, 404)


def test_a_target_is_not_removed_while_facts_state_parts_of_it(api: Client) -> None:
    deadline = create_agreement(obligation("A", target_quantity=100, unit="t"))
    now = utc("2026-03-01T00:00")
    record(deadline, as_of=now, type="performance", on="2026-02-20", quantity=40)
    path = f"obligations/{deadline.obligation_id}/"

    refused = patch(api, path, {"target_quantity": None, "unit": ""}, 400)

    assert paths(refused) == {"target_quantity"}
    assert get(api, path)["target_quantity"] == 100
    assert patch(api, path, {"target_quantity": 50})["target_quantity"] == 50
