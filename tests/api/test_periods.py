"""Months, quarters and years over HTTP, wherever a day is accepted."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.utils import timezone

from compliance.models import Agreement
from tests.api.answers import get, patch, paths, post, refs, rows
from tests.samples import create_agreement, document, obligation, utc

DATES = {"signed_on": "2007-06", "in_force_on": "2007-Q3", "ends_on": "2009"}
FROM_M = {"type": "offset", "from": {"milestone": "m"}, "count": 30, "unit": "days"}


def agreement(**more: Any) -> dict[str, Any]:
    create_agreement(ref="other")
    value = {"ref": "a", "title": "A", "kind": "treaty", "parties": [{"code": "CHN"}]}
    return {**value, **more}


def test_the_dates_of_an_agreement_are_shown_as_precisely_as_they_are_known(api: Client) -> None:
    row = post(api, "agreements/", agreement(**DATES))
    assert {name: row[name] for name in DATES} == DATES
    assert row["signed_on_precision"] == "month"
    assert (row["ends_on_precision"], row["status"]) == ("year", "expired")
    before = timezone.now().isoformat().replace("+00:00", "Z")
    again = patch(api, "agreements/a/", {each: row[each] for each in row if each != "status"})
    assert {name: again[name] for name in row} == row
    known = patch(api, "agreements/a/", {"signed_on": "2007-06-15"})
    assert (known["signed_on"], known["signed_on_precision"]) == ("2007-06-15", "day")
    then = get(api, "agreements/a/", known_at=before)
    assert (then["signed_on"], then["signed_on_precision"]) == ("2007-06", "month")
    assert paths(patch(api, "agreements/a/", {"signed_on": "2007-Q5"}, 400)) == {"signed_on"}


def test_what_counts_from_a_milestone_of_a_quarter_is_ambiguous(api: Client) -> None:
    create_agreement(obligation(due=FROM_M), milestones=[{"ref": "m", "on": "2099-Q2"}])
    [milestone] = get(api, "agreements/supply/")["milestones"]
    assert (milestone["on"], milestone["precision"]) == ("2099-Q2", "quarter")
    [row] = rows(api, "deadlines/")
    assert row["due_on"] == "2099-07-30"
    assert row["earliest_due_at"] == "2099-05-01T16:00:00Z"
    trace = get(api, f"deadlines/{row['id']}/")
    assert "Milestone m was dated 2099-Q2" in trace["trace"][0]
    exact = {"milestones": [{**milestone, "on": "2099-06-30"}]}
    patch(api, "agreements/supply/", exact)
    [row] = rows(api, "deadlines/")
    assert (row["due_on"], row["earliest_due_at"]) == ("2099-07-30", None)


def test_an_obligation_and_evidence_keep_their_precision(api: Client) -> None:
    create_agreement(obligation(binds_on="2026-Q1"))
    [row] = rows(api, "obligations/")
    assert (row["binds_on"], row["binds_on_precision"]) == ("2026-Q1", "quarter")
    known = patch(api, f"obligations/{row['id']}/", {"binds_on": "2026-01-15"})
    assert (known["binds_on"], known["binds_on_precision"]) == ("2026-01-15", "day")
    evidence = {
        "agreement": "supply", "ref": "E", "title": "E", "kind": "document", "stance": "for",
        "published_on": "2026", "obligations": ["O-1"],
    }  # fmt: skip
    shown = post(api, "evidence/", evidence)
    assert (shown["published_on"], shown["published_on_precision"]) == ("2026", "year")


def test_deadlines_can_be_filtered_by_periods(api: Client) -> None:
    dues = {"A": "2027-03-31", "B": "2027-04-01", "C": "2027-06-30", "D": "2027-07-01"}
    create_agreement(*(obligation(ref, due_on=on) for ref, on in dues.items()))
    assert refs(api, due_after="2027-Q2", due_before="2027-Q3") == ["B", "C"]
    assert refs(api, due_after="2027-07") == ["D"]
    assert paths(get(api, "deadlines/", 400, due_after="2027-Q5")) == {"due_after"}


def test_a_document_is_compared_with_the_precision_of_what_is_stored(api: Client) -> None:
    fact = {"type": "performance", "on": "2007-Q2", "due_on": "2007-Q2"}
    due = {"type": "date", "on": "2007-05-31"}
    value = {
        **document("supply", obligation(due=due, binds_on="2007", facts=[fact])),
        **DATES,
        "milestones": [{"ref": "m", "on": "2008"}],
    }
    post(api, "agreements/import/", value)
    assert Agreement.objects.get().signed_on_precision == "month"
    [deadline] = rows(api, "deadlines/")
    assert (deadline["status"], deadline["is_ambiguous"]) == ("met", True)
    again = post(api, "agreements/import/", value, 200)
    assert again["made"] == again["ignored"] == []
    exact = {**value, "signed_on": "2007-06-01", "milestones": [{"ref": "m", "on": "2008-01-01"}]}
    kept = post(api, "agreements/import/", exact, 200)["ignored"]
    assert [(each["stored"], each["sent"]) for each in kept] == [
        ("2007-06", "2007-06-01"), ("2008", "2008-01-01"),
    ]  # fmt: skip
    changed = post(api, "agreements/import/?mode=update", exact)["changed"]
    assert len(changed) == 2
    row = get(api, "agreements/supply/")
    assert (row["signed_on"], row["signed_on_precision"]) == ("2007-06-01", "day")
    assert row["milestones"][0]["precision"] == "day"


def test_what_happened_in_a_month_is_explained_without_a_day(api: Client) -> None:
    done = {"type": "performance", "on": "2026-05"}
    later = {"type": "extension", "on": "2026-04", "due": {"type": "date", "on": "2028"}}
    create_agreement(
        obligation("A", "2026-03-15", facts=[done]),
        obligation("B", "2026-03-15", facts=[later]),
        as_of=utc("2026-08-01T00:00"),
    )
    texts = [
        get(api, f"deadlines/{row['id']}/why/")["paragraph"] for row in rows(api, "deadlines/")
    ]
    assert texts[0].startswith("Met late since May 2026.")
    assert "In May 2026: A performance was recorded." in texts[0]
    assert texts[1].startswith("Pending since April 2026.")
    assert "In April 2026: The due date was extended. It is now due in 2028." in texts[1]
