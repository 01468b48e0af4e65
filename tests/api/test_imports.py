"""Importing a document again: what is added, changed, ignored and warned about."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from django.test import Client

from compliance.models import Agreement, Deadline, Fact, Milestone, Obligation, Party
from tests.api.answers import BASE
from tests.samples import BUYER, SUPPLIER, deadline_of, document, obligation

pytestmark = pytest.mark.django_db

AFTER_RATIFICATION = {
    "type": "offset", "count": 30, "unit": "days", "from": {"milestone": "RATIFIED"},
}  # fmt: skip


def imported(api: Client, value: dict[str, Any], *, status: int = 201, **how: str) -> Any:
    """Import a document, and return the response."""
    query = "&".join(f"{name}={given}" for name, given in how.items())
    response = api.post(
        f"{BASE}agreements/import/?{query}", orjson.dumps(value), content_type="application/json"
    )
    assert response.status_code == status, response.content
    return response.json()


def paths(entries: list[dict[str, Any]]) -> list[str]:
    return [each["path"] for each in entries]


def test_a_date_for_a_milestone_that_had_none_is_added_and_activates_the_deadline(
    api: Client,
) -> None:
    undated = document(
        "supply", obligation(due=AFTER_RATIFICATION), milestones=[{"ref": "RATIFIED"}]
    )
    imported(api, undated)
    assert deadline_of("O-1").status == "dormant"
    dated = {**undated, "milestones": [{"ref": "RATIFIED", "on": "2026-01-10"}]}
    found = imported(api, dated)
    assert found["made"] == [{"path": "milestones/0/on", "ref": "RATIFIED"}]
    assert (found["changed"], found["ignored"]) == ([], [])
    assert str(deadline_of("O-1").due_on) == "2026-02-09"


def test_adding_lists_every_difference_that_it_ignores(api: Client) -> None:
    first = document(
        "supply",
        obligation(tags=["steel"]),
        milestones=[{"ref": "M", "on": "2026-01-01"}],
        evidence=[{"ref": "E", "title": "Bill", "kind": "document", "stance": "for"}],
    )
    imported(api, first)
    second = document(
        "supply",
        obligation("O-1", "2026-04-01", title="Other", tags=["coal"], obligees=["CHN"]),
        title="Another title",
        parties=[{**BUYER, "name": "ACME AG", "role": "buyer"}, SUPPLIER],
        milestones=[{"ref": "M", "on": "2026-02-01"}],
        evidence=[{"ref": "E", "title": "Bill 2", "kind": "document", "stance": "for"}],
    )
    found = imported(api, second, status=200)
    assert (found["made"], found["changed"]) == ([], [])
    differences = {each["path"]: (each["ref"], each["stored"], each["sent"])
                   for each in found["ignored"]}  # fmt: skip
    due = differences.pop("obligations/0/due")
    assert (due[1]["on"], due[2]["on"]) == ("2026-03-15", "2026-04-01")
    assert differences == {
        "title": ("supply", "Agreement supply", "Another title"),
        "parties/0/name": ("ACME", "Acme GmbH", "ACME AG"),
        "parties/0/role": ("ACME", "", "buyer"),
        "milestones/0/on": ("M", "2026-01-01", "2026-02-01"),
        "obligations/0/title": ("O-1", "Deliver lot O-1", "Other"),
        "obligations/0/tags": ("O-1", ["steel"], ["coal"]),
        "obligations/0/obligees": ("O-1", ["ACME"], ["CHN"]),
        "evidence/0/title": ("E", "Bill", "Bill 2"),
    }
    assert Obligation.objects.get().title == "Deliver lot O-1"


def test_updating_corrects_the_differences_and_lists_them(api: Client) -> None:
    imported(api, document("supply", obligation(), obligation("O-2")))
    second = document(
        "supply",
        obligation("O-1", "2026-04-01", title="Other"),
        parties=[{**BUYER, "timezone": "Europe/London"}, SUPPLIER],
        title="Another title",
        timezone="Asia/Tokyo",
    )
    found = imported(api, second, mode="update")
    assert found["ignored"] == []
    assert paths(found["changed"]) == [
        "parties/0/timezone", "title", "timezone", "obligations/0/title", "obligations/0/due",
    ]  # fmt: skip
    assert str(deadline_of("O-1").due_on) == "2026-04-01"
    assert deadline_of("O-2").timezone == "Asia/Tokyo"
    assert Party.objects.get(code="ACME").timezone == "Europe/London"
    again = imported(api, second, mode="update", status=200)
    assert (again["made"], again["changed"], again["ignored"]) == ([], [], [])


def test_what_a_document_does_not_give_is_neither_changed_nor_ignored(api: Client) -> None:
    imported(api, document("supply", obligation(tags=["steel"], clause="2(d)"), timezone="UTC"))
    found = imported(api, document("supply", obligation()), mode="update", status=200)
    assert (found["changed"], found["ignored"]) == ([], [])
    assert Obligation.objects.get().tags == ["steel"]


@pytest.mark.parametrize("mode", ["add", "update"])
def test_a_dry_run_reports_the_same_and_stores_nothing(api: Client, mode: str) -> None:
    new = document(
        "supply", obligation(facts=[{"type": "performance", "on": "2026-03-01"}]),
        milestones=[{"ref": "M"}],
    )  # fmt: skip
    planned = imported(api, new, status=200, dry_run="true", mode=mode)
    assert planned["is_dry_run"]
    assert not Agreement.objects.exists()
    assert not Party.objects.exists()
    done = imported(api, new, mode=mode)
    assert planned.pop("import_id") is None
    assert done.pop("import_id") > 0
    assert {**planned, "is_dry_run": False} == done
    assert paths(done["made"]) == [
        "parties/0", "parties/1", "", "milestones/0", "obligations/0", "obligations/0/facts/0",
    ]  # fmt: skip
    other = {**new, "title": "Other", "milestones": [{"ref": "M", "on": "2026-01-01"}]}
    planned = imported(api, other, status=200, dry_run="true", mode=mode)
    assert Agreement.objects.get().title == "Agreement supply"
    assert Milestone.objects.get().on is None
    done = imported(api, other, mode=mode)
    for report in (planned, done):
        report.pop("import_id")
    assert {**planned, "is_dry_run": False} == done


def test_a_new_party_joins_the_agreement(api: Client) -> None:
    imported(api, document())
    third = {"code": "DEU", "name": "Germany", "kind": "state", "timezone": "Europe/Berlin"}
    later = document(
        "supply",
        obligation(),
        obligation("O-2", obligors=["DEU"]),
        parties=[BUYER, SUPPLIER, third],
    )
    found = imported(api, later)
    assert paths(found["made"]) == ["parties/2", "parties/2", "obligations/1"]
    assert deadline_of("O-2").timezone == "Europe/Berlin"


def test_a_fact_of_the_same_sort_and_day_is_not_counted_twice(api: Client) -> None:
    partly = {"type": "performance", "on": "2026-03-01", "quantity": 60}
    imported(api, document("supply", obligation(target_quantity=100, unit="t", facts=[partly])))
    more = {**partly, "quantity": 70}
    corrected = document("supply", obligation(target_quantity=100, unit="t", facts=[more]))
    found = imported(api, corrected, status=200)
    [ignored] = found["ignored"]
    assert (ignored["path"], ignored["stored"], ignored["sent"]) == (
        "obligations/0/facts/0/quantity", 60, 70,
    )  # fmt: skip
    assert Deadline.objects.get().performed_quantity == 60
    found = imported(api, corrected, mode="update")
    assert paths(found["changed"]) == ["obligations/0/facts/0/quantity"]
    assert Deadline.objects.get().performed_quantity == 70
    # A second delivery on the same day is another fact.
    both = document(
        "supply", obligation(target_quantity=100, unit="t", facts=[more, partly, partly])
    )
    imported(api, both)
    assert Fact.objects.count() == 3
    assert Deadline.objects.get().performed_quantity == 130


def test_outcomes_that_became_known_later_are_appended_as_of_then(api: Client) -> None:
    first = document("supply", obligation("O-1", "2020-03-15"), obligation("O-2", "2024-03-15"),
                     signed_on="2020-01-10", recorded_at="2020-02-01T00:00:00Z")  # fmt: skip
    imported(api, first)
    done = {"type": "performance", "on": "2020-03-20", "recorded_at": "2020-06-01T00:00:00Z"}
    early = {"type": "performance", "on": "2021-01-20", "recorded_at": "2021-06-01T00:00:00Z"}
    second = {
        **first,
        "obligations": [
            obligation("O-1", "2020-03-15", facts=[done]),
            obligation("O-2", "2024-03-15", facts=[early]),
        ],
    }
    found = imported(api, second)
    assert (found["facts"], found["warnings"], found["ignored"]) == (2, [], [])

    def status(ref: str, known_at: str) -> str:
        response = api.get(
            f"{BASE}deadlines/",
            {"obligation_ref": ref, "as_of": known_at, "known_at": known_at},
        )
        [row] = response.json()["results"]
        return str(row["status"])

    assert status("O-1", "2020-05-31T00:00:00Z") == "unmet"
    assert status("O-1", "2020-06-01T00:00:00Z") == "met_late"
    assert status("O-2", "2021-05-31T00:00:00Z") == "pending"
    assert status("O-2", "2021-06-01T00:00:00Z") == "met"
    assert status("O-2", "2025-01-01T00:00:00Z") == "met"
    assert deadline_of("O-2").status == "met"


def test_a_record_that_is_not_later_than_what_is_known_is_recorded_now_with_a_warning(
    api: Client,
) -> None:
    known = {"type": "performance", "on": "2020-03-20", "recorded_at": "2020-06-01T00:00:00Z"}
    value = document("supply", obligation("O-1", "2020-03-15", facts=[known]),
                     signed_on="2020-01-10")  # fmt: skip
    imported(api, value)
    earlier = {"type": "performance", "on": "2020-03-10", "recorded_at": "2020-04-01T00:00:00Z"}
    value["obligations"][0]["facts"].append(earlier)
    found = imported(api, value)
    [warning] = found["warnings"]
    assert warning["path"] == "obligations/0/facts/1/recorded_at"
    assert Fact.objects.latest("id").recorded_at.year > 2020


@pytest.mark.parametrize(("name", "value"), [("mode", "replace"), ("dry_run", "x"), ("foo", "1")])
def test_unknown_parameters_are_refused(api: Client, name: str, value: str) -> None:
    found = imported(api, document(), status=400, **{name: value})
    assert found["errors"][0]["path"] == name
