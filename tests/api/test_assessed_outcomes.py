"""Data of others: demands without a date, findings of assessors, and when each became known."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from django.test import Client

from tests.api.answers import BASE, get, patch, post, rows
from tests.samples import document, obligation

pytestmark = pytest.mark.django_db

UNDATED = {"type": "undated"}


def imported(api: Client, value: dict[str, Any], status: int = 201, **how: str) -> Any:
    query = "&".join(f"{name}={given}" for name, given in how.items())
    response = api.post(
        f"{BASE}agreements/import/?{query}", orjson.dumps(value), content_type="application/json"
    )
    assert response.status_code == status, response.content
    return response.json()


def history(*obligations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return document("supply", *obligations, recorded_at="2026-01-10T12:00:00Z", **more)


def finding(verdict: str, on: str, recorded_at: str, **more: Any) -> dict[str, Any]:
    fact = {"type": "determination", "verdict": verdict, "on": on, "note": "Coded."}
    return {**fact, "recorded_at": recorded_at, **more}


def status(api: Client, ref: str = "O-1", known_at: str = "", **query: str) -> list[str]:
    """The statuses of the deadlines of an obligation, as of when they are known."""
    when = {"as_of": known_at, "known_at": known_at} if known_at else {}
    return [row["status"] for row in rows(api, "deadlines/", obligation_ref=ref, **when, **query)]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([], "dormant"),
        ([{"type": "performance", "on": "2026-02-03"}], "met"),
        ([finding("not_met", "2026-02-03", "2026-02-04T00:00:00Z")], "unmet"),
        ([finding("partly_met", "2026-02", "2026-03-01T00:00:00Z")], "partly_met"),
        ([{"type": "cancellation", "on": "2026-02-03"}], "cancelled"),
    ],
)
def test_what_became_of_a_demand_without_a_date_is_recorded(
    api: Client, facts: list[dict[str, Any]], expected: str
) -> None:
    found = imported(api, history(obligation(due=UNDATED, facts=facts)))
    assert found["warnings"] == []
    assert status(api) == [expected]
    assert status(api, known_at="2026-02-01T00:00:00Z") == ["dormant"]
    assert imported(api, history(obligation(due=UNDATED, facts=facts)), 200)["made"] == []


def test_a_demand_without_a_date_can_get_one(api: Client) -> None:
    body = {"agreement": "supply", **obligation(due=UNDATED)}
    imported(api, document("supply", obligation("O-0")))
    entered = post(api, "obligations/", body)
    [row] = rows(api, "deadlines/", obligation_ref="O-1")
    assert (row["status"], row["due_on"], entered["due"]) == ("dormant", None, UNDATED)
    patch(api, f"obligations/{entered['id']}/", {"due": {"type": "date", "on": "2099-01-31"}})
    assert get(api, f"deadlines/{row['id']}/")["due_on"] == "2099-01-31"


def test_a_rule_without_a_date_is_refused_where_there_is_no_end(api: Client) -> None:
    found = imported(api, history(obligation(due=UNDATED, kind="refrain")), 400)
    [problem] = found["errors"]
    assert problem["detail"].endswith(
        "Without an end, an obligation to refrain has no due rule: remove due."
    )


def test_records_about_an_obligation_without_a_rule_are_refused_with_the_one_to_give(
    api: Client,
) -> None:
    facts = [{"type": "performance", "on": "2026-02-03"}]
    [problem] = imported(api, history(obligation(due=None, facts=facts)), 400)["errors"]
    assert "{'type': 'undated'} if no date was set" in problem["detail"]


def test_a_fact_that_is_known_before_it_happens_is_refused_with_the_day_at_that_time(
    api: Client,
) -> None:
    fact = finding("not_met", "2026-03-20", "2026-03-20T00:00:00Z")
    value = history(obligation(facts=[fact]), timezone="America/New_York")
    [problem] = imported(api, value, 400)["errors"]
    assert problem["path"] == "obligations/0/facts/0/on"
    assert "it was still 2026-03-19 in America/New_York. Give a later" in problem["detail"]


def test_a_finding_that_it_is_partly_kept_replaces_the_violation_before_it(api: Client) -> None:
    facts = [
        {"type": "violation", "on": "2026-02-01", "recorded_at": "2026-02-02T00:00:00Z"},
        finding("partly_met", "2026-03-01", "2026-03-02T00:00:00Z"),
    ]
    imported(api, history(obligation(due=None, kind="maintain", facts=facts)))
    assert status(api) == ["partly_met"]
    assert status(api, known_at="2026-02-15T00:00:00Z") == ["unmet"]


DONE = {"type": "performance", "on": "2026-03-10", "recorded_at": "2026-03-11T00:00:00Z"}
CORRECTED = {
    "type": "performance", "on": "2026-03-20", "recorded_at": "2026-04-01T00:00:00Z",
    "supersedes": {"type": "performance", "on": "2026-03-10"},
}  # fmt: skip
RETRACTED = {
    "type": "retraction", "recorded_at": "2026-05-01T00:00:00Z",
    "supersedes": {"type": "performance", "on": "2026-03-20"},
}  # fmt: skip


def grid(api: Client) -> list[list[str]]:
    return [
        status(api, known_at=f"2026-{month}-15T00:00:00Z") for month in ("02", "03", "04", "05")
    ]


@pytest.mark.parametrize("is_at_once", [True, False])
def test_a_document_says_how_facts_were_corrected_and_when(api: Client, is_at_once: bool) -> None:
    # The order within the document does not matter. Without the correction, the first one counts.
    whole = history(obligation(facts=[RETRACTED, CORRECTED, DONE]))
    if not is_at_once:
        imported(api, history(obligation(facts=[DONE])))
        imported(api, history(obligation(facts=[DONE, CORRECTED])))
    assert imported(api, whole)["warnings"] == []
    assert grid(api) == [["pending"], ["met"], ["met_late"], ["met"]]
    assert imported(api, whole, 200)["made"] == []


RETURNED = {
    **DONE, "recorded_at": "2026-05-01T00:00:00Z",
    "supersedes": {"type": "performance", "on": "2026-03-20"},
}  # fmt: skip


@pytest.mark.parametrize("mode", ["add", "update"])
@pytest.mark.parametrize("is_whole", [True, False])
def test_a_later_document_corrects_a_fact_back_to_what_it_was(
    api: Client, mode: str, is_whole: bool
) -> None:
    facts: list[dict[str, Any]] = [DONE, CORRECTED, RETURNED]
    for number, fact in enumerate(facts):
        sent = facts[: number + 1] if is_whole else [fact]
        assert imported(api, history(obligation(facts=sent)), mode=mode)["facts"] == 1
    assert grid(api) == [["pending"], ["met"], ["met_late"], ["met"]]
    for repeated in (facts, [RETURNED], [CORRECTED], [DONE]):
        again = imported(api, history(obligation(facts=repeated)), 200, mode=mode)
        assert (again["made"], again["changed"]) == ([], [])
    assert len(rows(api, "facts/")) == 3


@pytest.mark.parametrize("mode", ["add", "update"])
def test_documents_retract_facts_of_the_same_day_one_after_the_other(
    api: Client, mode: str
) -> None:
    found = finding("not_met", "2026-03-10", "2026-03-12T00:00:00Z")
    imported(api, history(obligation(facts=[DONE, found])))
    assert status(api) == ["unmet"]
    for named, month in (("performance", "05"), ("determination", "06")):
        retracted = {
            "type": "retraction", "recorded_at": f"2026-{month}-01T00:00:00Z",
            "supersedes": {"type": named, "on": "2026-03-10"},
        }  # fmt: skip
        value = history(obligation(facts=[retracted]))
        assert imported(api, value, mode=mode)["facts"] == 1
        assert imported(api, value, 200, mode=mode)["made"] == []
    assert len(rows(api, "facts/")) == 4
    [row] = rows(api, "deadlines/", as_of="2026-03-11T00:00:00Z")
    assert row["status"] == "pending"


def test_facts_of_one_day_can_be_retracted_one_before_the_other_is_known(api: Client) -> None:
    facts = [
        DONE,
        {"type": "retraction", "recorded_at": "2026-03-20T00:00:00Z",
         "supersedes": {"type": "performance", "on": "2026-03-10"}},
        {**DONE, "recorded_at": "2026-05-01T00:00:00Z"},
    ]  # fmt: skip
    imported(api, history(obligation(facts=facts)))
    assert grid(api) == [["pending"], ["met"], ["unmet"], ["met"]]


def test_a_document_corrects_a_finding_of_the_same_day(api: Client) -> None:
    first = finding("met", "2026-03-10", "2026-03-11T00:00:00Z")
    second = finding(
        "not_met", "2026-03-10", "2026-04-01T00:00:00Z",
        supersedes={"type": "determination", "on": "2026-03-10"},
    )  # fmt: skip
    imported(api, history(obligation(facts=[first])))
    imported(api, history(obligation(facts=[second])))
    assert grid(api)[1:3] == [["met"], ["unmet"]]


def test_a_document_retracts_a_suspension_of_the_agreement(api: Client) -> None:
    facts = [
        {"type": "suspension", "on": "2026-02-01", "recorded_at": "2026-02-01T12:00:00Z"},
        {"type": "retraction", "recorded_at": "2026-03-01T12:00:00Z",
         "supersedes": {"type": "suspension", "on": "2026-02-01"}},
    ]  # fmt: skip
    imported(api, history(obligation(), facts=facts))
    assert grid(api) == [["suspended"], ["pending"], ["unmet"], ["unmet"]]


@pytest.mark.parametrize(
    ("facts", "path", "detail"),
    [
        ([CORRECTED], "0/supersedes", "no performance of 2026-03-10 that counts"),
        ([DONE, {**CORRECTED, "supersedes": 12}], "1/supersedes", "by its type and its date"),
        ([{"type": "retraction"}], "0", "give supersedes"),
        ([DONE, DONE, CORRECTED], "2/supersedes", "There are 2 facts"),
        (
            [DONE, {**CORRECTED, "recorded_at": "2026-03-10T18:00:00Z", "on": "2026-03-09"}],
            "1/supersedes",
            "became known later than this",
        ),
        (
            [DONE, CORRECTED, {**CORRECTED, "on": "2026-03-21"}],
            "2/supersedes",
            "name the latest fact",
        ),
    ],
)
def test_a_correction_that_names_no_fact_is_refused(
    api: Client, facts: list[dict[str, Any]], path: str, detail: str
) -> None:
    [problem] = imported(api, history(obligation(facts=facts)), 400)["errors"]
    assert problem["path"] == f"obligations/0/facts/{path}"
    assert detail in problem["detail"]


def test_a_document_that_withdraws_a_finding_needs_approval_if_the_agreement_requires_it(
    api: Client,
) -> None:
    found = finding("not_met", "2026-03-20", "2026-03-21T00:00:00Z")
    imported(api, history(obligation(facts=[found])))
    patch(api, "agreements/supply/", {"requires_approval": True})
    withdrawn = {**RETRACTED, "supersedes": {"type": "determination", "on": "2026-03-20"}}
    imported(api, history(obligation(facts=[found, withdrawn])), 202)
