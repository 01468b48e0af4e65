"""Roles that exclude obligations, and warnings about terms that say what they should."""

from __future__ import annotations

from django.test import Client

from tests.api.answers import get, patch, paths, post
from tests.samples import create_agreement, obligation


def test_an_assessor_is_neither_obligor_nor_obligee(api: Client) -> None:
    create_agreement(obligation())
    post(api, "parties/", {"code": "IMF", "name": "IMF", "kind": "organisation", "timezone": "UTC"})
    members = get(api, "agreements/supply/")["parties"]
    patch(api, "agreements/supply/", {"parties": [*members, {"code": "IMF", "role": "assessor"}]})
    for side in ("obligors", "obligees"):
        new = {**obligation("O-2"), "agreement": "supply", side: ["IMF"]}
        assert paths(post(api, "obligations/", new, 400)) == {f"{side}/0"}
    assessors = [{**each, "role": "assessor"} for each in members]
    refused = patch(api, "agreements/supply/", {"parties": assessors}, 400)
    assert paths(refused) == {"parties"}


def test_a_preview_does_not_warn_about_an_end_that_the_obligation_survives(api: Client) -> None:
    create_agreement(obligation(), ends_on="2026-12-31")
    rule = {"type": "date", "on": "2027-06-30"}
    value = {"rule": rule, "agreement": "supply", "timezone": "UTC"}
    assert "after the agreement ends" in post(api, "due-rules/preview/", value, 200)["warnings"][0]
    survives = {**value, "survives_termination": True}
    assert post(api, "due-rules/preview/", survives, 200)["warnings"] == []


def test_a_milestone_from_which_another_one_counts_changes_something(api: Client) -> None:
    due = {"type": "offset", "from": {"milestone": "a"}, "count": 1, "unit": "months"}
    after = {"type": "offset", "from": {"milestone": "b"}, "count": 1, "unit": "days"}
    create_agreement(
        obligation(due=after), milestones=[{"ref": "a"}, {"ref": "b", "due": due}, {"ref": "c"}]
    )
    dated = [{"ref": "a", "on": "2099-01-01"}, {"ref": "b", "due": due}]
    changed = patch(api, "agreements/supply/", {"milestones": [*dated, {"ref": "c"}]})
    assert changed["warnings"] == []
    unused = [*dated, {"ref": "c", "on": "2099-01-01"}]
    [warning] = patch(api, "agreements/supply/", {"milestones": unused})["warnings"]
    assert "milestone c changes nothing" in warning
