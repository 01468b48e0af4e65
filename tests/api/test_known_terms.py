"""`known_at` shows no date, obligation or milestone that was not known then."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.api.answers import get, post, rows
from tests.samples import (
    create_agreement,
    document,
    load,
    obligation,
    update_agreement,
    update_obligation,
    utc,
)

pytestmark = pytest.mark.django_db

AFTER_ENTRY = {"type": "offset", "from": {"milestone": "M"}, "count": 30, "unit": "days"}
FEBRUARY, MARCH = utc("2026-02-01T00:00"), utc("2026-03-01T00:00")
BEFORE, AFTER = "2026-02-15T00:00:00Z", "2026-03-15T00:00:00Z"


def text_of(api: Client, **query: Any) -> str:
    """Return everything that is said about a deadline and its agreement, as text."""
    [row] = rows(api, "deadlines/", obligation_ref="O-1", **query)
    path = f"deadlines/{row['id']}/"
    [stored] = rows(api, "obligations/", ref="O-1", **query)
    return str(
        [
            row,
            get(api, path, **query),
            get(api, f"{path}timeline/", **query),
            get(api, f"{path}why/", **query),
            stored,
            get(api, f"obligations/{stored['id']}/", **query),
            get(api, "agreements/supply/", **query),
            rows(api, "agreements/", **query),
            get(api, "summary/", group_by="month", **query),
        ]
    )


def test_a_milestone_has_no_date_before_it_was_dated(api: Client) -> None:
    create_agreement(obligation(due=AFTER_ENTRY), milestones=[{"ref": "M"}], as_of=FEBRUARY)
    update_agreement(milestones=[{"ref": "M", "on": "2026-02-20"}], as_of=MARCH)
    then = text_of(api, known_at=BEFORE)
    assert "2026-02-20" not in then
    assert "2026-03-2" not in then
    assert "dormant" in then
    later = text_of(api, known_at=AFTER)
    assert "Milestone M was dated 2026-02-20, recorded 2026-03-01." in later
    assert "2026-03-22" in later
    undated = dict.fromkeys(("on", "precision", "at", "due", "dates"))
    milestone = {"ref": "M", "title": "", **undated}
    assert get(api, "agreements/supply/", known_at=BEFORE)["milestones"] == [milestone]
    [dated] = get(api, "agreements/supply/", known_at=AFTER)["milestones"]
    assert dated["on"] == "2026-02-20"


def test_a_removed_milestone_is_shown_while_it_was_known(api: Client) -> None:
    create_agreement(milestones=[{"ref": "M", "on": "2026-02-20"}], as_of=FEBRUARY)
    update_agreement(milestones=[], as_of=MARCH)
    assert get(api, "agreements/supply/")["milestones"] == []
    [then] = get(api, "agreements/supply/", known_at=BEFORE)["milestones"]
    assert then["on"] == "2026-02-20"
    assert get(api, "agreements/supply/", known_at=AFTER)["milestones"] == []


def test_a_corrected_rule_shows_the_former_date_before_the_correction(api: Client) -> None:
    create_agreement(obligation(due_on="2026-05-15", title="Deliver in May"), as_of=FEBRUARY)
    update_obligation(obligation(due_on="2026-07-20", title="Deliver in July"), as_of=MARCH)
    then = text_of(api, known_at=BEFORE)
    assert "2026-07" not in then
    assert "July" not in then
    assert "2026-05-15" in then
    later = text_of(api, known_at=AFTER)
    assert "2026-07-20" in later


def test_a_corrected_agreement_shows_the_former_dates(api: Client) -> None:
    create_agreement(obligation(due_on="2026-05-15"), as_of=FEBRUARY, ends_on="2026-12-31")
    update_agreement(ends_on="2027-06-30", as_of=MARCH)
    assert get(api, "agreements/supply/", known_at=BEFORE)["ends_on"] == "2026-12-31"
    assert get(api, "agreements/supply/", known_at=AFTER)["ends_on"] == "2027-06-30"


def test_nothing_is_known_before_it_was_recorded(api: Client) -> None:
    value = document(
        "supply",
        obligation("EARLY", "2026-05-01"),
        obligation("LATE", "2026-06-01", recorded_at="2026-02-20T00:00:00Z"),
        recorded_at="2026-02-01T00:00:00Z",
    )
    load(value, as_of=MARCH)
    for path in ("deadlines/", "obligations/"):
        key = "obligation_ref" if path == "deadlines/" else "ref"
        known = [each[key] for each in rows(api, path, known_at=BEFORE)]
        assert known == ["EARLY"]
        known = [each[key] for each in rows(api, path, known_at="2026-02-21T00:00:00Z")]
        assert known == ["EARLY", "LATE"]
    [late] = rows(api, "obligations/", ref="LATE")
    get(api, f"obligations/{late['id']}/", 404, known_at=BEFORE)
    get(api, "agreements/supply/", 404, known_at="2026-01-31T00:00:00Z")
    assert rows(api, "agreements/", known_at="2026-01-31T00:00:00Z") == []


def test_the_status_of_an_agreement_follows_the_dates_known_then(api: Client) -> None:
    create_agreement(obligation(due_on="2026-05-15"), as_of=FEBRUARY)
    update_agreement(ends_on="2026-02-05", as_of=MARCH)
    then = {"known_at": "2026-02-10T00:00:00Z", "as_of": "2026-02-10T00:00:00Z"}
    for path in ("deadlines/", "obligations/"):
        assert len(rows(api, path, agreement_status="in_force", **then)) == 1
        assert rows(api, path, agreement_status="expired", **then) == []
        known_now = {"as_of": "2026-02-10T00:00:00Z"}
        assert rows(api, path, agreement_status="in_force", **known_now) == []
    [row] = rows(api, "deadlines/", **then)
    assert get(api, f"deadlines/{row['id']}/why/", **then)["agreement_status"] == "in_force"
    assert get(api, "agreements/supply/", **then)["status"] == "in_force"


def test_a_deadline_is_dormant_until_its_milestone_was_recorded(api: Client) -> None:
    value = document(
        "supply",
        obligation(due=AFTER_ENTRY),
        milestones=[{"ref": "M", "on": "2026-01-05", "recorded_at": "2026-02-15T00:00:00Z"}],
        recorded_at="2026-01-10T00:00:00Z",
    )
    load(value, as_of=MARCH)
    [then] = rows(api, "deadlines/", known_at="2026-01-20T00:00:00Z")
    assert (then["status"], then["due_at"]) == ("dormant", None)
    path = f"deadlines/{then['id']}/"
    why = get(api, f"{path}why/", known_at="2026-01-20T00:00:00Z")
    assert why["status"] == "dormant"
    [later] = rows(api, "deadlines/", known_at="2026-02-16T00:00:00Z")
    assert later["status"] == "unmet"


def test_the_precision_of_a_due_date_is_the_one_known_then(api: Client) -> None:
    create_agreement(obligation(due={"type": "date", "on": "2026-06"}), as_of=FEBRUARY)
    update_obligation(obligation(due_on="2026-06-30"), as_of=MARCH)
    [then] = rows(api, "deadlines/", known_at=BEFORE)
    assert then["due_precision"] == "month"
    assert get(api, f"deadlines/{then['id']}/", known_at=BEFORE)["due_precision"] == "month"
    [later] = rows(api, "deadlines/", known_at=AFTER)
    assert later["due_precision"] == "day"


def test_records_about_an_obligation_are_unknown_while_it_is(api: Client) -> None:
    early = "2026-02-10T00:00:00Z"
    value = document(
        "supply",
        obligation(
            recorded_at="2026-02-20T00:00:00Z",
            facts=[{"type": "performance", "on": "2026-02-09", "recorded_at": early}],
            positions=[
                {"party": "ACME", "verdict": "met", "on": "2026-02-09", "recorded_at": early}
            ],
        ),
        recorded_at="2026-02-01T00:00:00Z",
    )
    load(value, as_of=MARCH)
    for path in ("facts/", "positions/", "deadlines/", "obligations/", "breaches/"):
        assert rows(api, path, known_at=BEFORE) == []
    for path in ("facts/", "positions/"):
        assert len(rows(api, path, known_at=AFTER)) == 1


def test_a_rule_of_a_milestone_is_shown_as_known_then(api: Client) -> None:
    rule = {"type": "offset", "from": {"milestone": "N"}, "count": 3, "unit": "days"}
    create_agreement(milestones=[{"ref": "M"}, {"ref": "N"}], as_of=FEBRUARY)
    ruled = [{"ref": "M", "due": rule}, {"ref": "N", "on": "2026-05-29"}]
    update_agreement(milestones=ruled, as_of=MARCH)
    [then, _] = get(api, "agreements/supply/", known_at=BEFORE)["milestones"]
    assert (then["due"], then["on"]) == (None, None)
    [later, _] = get(api, "agreements/supply/", known_at=AFTER)["milestones"]
    assert (later["due"]["count"], later["on"]) == (3, "2026-06-01")


def test_filters_and_groups_use_the_fields_that_were_known(api: Client) -> None:
    load(document("supply", obligation(title="First title", tags=["old"], severity="high")),
         as_of=FEBRUARY)  # fmt: skip
    corrected = obligation(title="Second title", tags=["new"], severity="low")
    update_obligation({**corrected, "obligors": ["ACME"], "obligees": ["CHN"]}, as_of=MARCH)
    first: dict[str, Any] = {"q": "first", "tag": "old", "severity": "high", "obligor": "CHN",
                             "obligee": "ACME"}  # fmt: skip
    second: dict[str, Any] = {"q": "second", "tag": "new", "severity": "low", "obligor": "ACME",
                              "obligee": "CHN"}  # fmt: skip
    for name, value in first.items():
        former, present = {name: value}, {name: second[name]}
        for path in ("deadlines/", "obligations/"):
            assert len(rows(api, path, known_at=BEFORE, **former)) == 1, (path, name)
            assert rows(api, path, known_at=BEFORE, **present) == [], (path, name)
            assert rows(api, path, known_at=AFTER, **former) == [], (path, name)
            assert len(rows(api, path, known_at=AFTER, **present)) == 1, (path, name)
            assert len(rows(api, path, **present)) == 1, (path, name)
    for group in ("tag", "severity", "obligor", "obligee"):
        groups = [
            [each["group"] for each in rows(api, "summary/", group_by=group, **moment)]
            for moment in ({"known_at": BEFORE}, {"known_at": AFTER}, {})
        ]
        assert groups == [[first[group]], [second[group]], [second[group]]]


def test_agreements_are_found_by_the_title_that_was_known(api: Client) -> None:
    create_agreement(as_of=FEBRUARY)
    update_agreement(title="Renamed", kind="treaty", as_of=MARCH)
    for query in ({"q": "renamed"}, {"kind": "treaty"}):
        assert rows(api, "agreements/", known_at=BEFORE, **query) == []
        assert len(rows(api, "agreements/", known_at=AFTER, **query)) == 1
    assert len(rows(api, "agreements/", known_at=BEFORE, q="Agreement supply")) == 1


def test_a_consequence_is_not_shown_before_its_rule_said_so(api: Client) -> None:
    remedy = obligation("R", due_on="2026-05-01")
    load(document("supply", obligation(), remedy), as_of=FEBRUARY)
    ten_days = {"type": "offset", "count": 10, "unit": "days"}
    due = {"type": "trigger", "on": {"breach_of": "O-1"}, "then": ten_days}
    update_obligation({**remedy, "due": due}, as_of=MARCH)
    [then] = rows(api, "obligations/", ref="O-1", known_at=BEFORE)
    [now] = rows(api, "obligations/", ref="O-1")
    assert (then["consequences"], now["consequences"]) == ([], ["R"])


def test_an_agreement_was_not_archived_before_it_was(api: Client) -> None:
    create_agreement(as_of=FEBRUARY)
    post(api, "agreements/supply/archive/", {"reason": "Done."}, 200)
    then = get(api, "agreements/supply/", known_at=BEFORE)
    assert (then["status"], then["archived_at"], then["archived_by"], then["archive_reason"]) == (
        "in_force", None, None, None,
    )  # fmt: skip
    assert len(rows(api, "agreements/", known_at=BEFORE)) == 1
    assert len(rows(api, "deadlines/", known_at=BEFORE)) == 1
    assert rows(api, "agreements/") == rows(api, "deadlines/") == []


def test_an_imported_breach_was_detected_when_it_became_known(api: Client) -> None:
    recorded = {"recorded_at": "2026-01-10T00:00:00+00:00"}
    load(document("supply", obligation(**recorded, due_on="2026-02-10")), as_of=MARCH)
    [breach] = rows(api, "breaches/", known_at=BEFORE)
    assert breach["detected_at"] == breach["occurred_at"] == "2026-02-10T16:00:00Z"
    assert rows(api, "breaches/")[0]["detected_at"] == "2026-03-01T00:00:00Z"
