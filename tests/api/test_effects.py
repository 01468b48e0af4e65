"""Records that change nothing are accepted with a warning, never ignored silently."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from compliance.models import Deadline, Fact
from compliance.operations.deadlines.effects import MOST_WARNINGS
from tests.api.answers import patch, post
from tests.samples import create_agreement, deadline_of, document, obligation

pytestmark = pytest.mark.django_db


@pytest.fixture
def deadline() -> Deadline:
    return create_agreement(obligation())


def warnings(api: Client, path: str, expected: int = 201, /, **value: Any) -> list[str]:
    found: list[str] = post(api, path, value, expected)["warnings"]
    return found


def test_a_fact_with_an_effect_has_no_warning(api: Client, deadline: Deadline) -> None:
    assert warnings(api, "facts/", deadline=deadline.pk, type="performance", on="2026-03-01") == []


def test_a_performance_after_the_closure(api: Client, deadline: Deadline) -> None:
    first = post(api, "facts/", {"deadline": deadline.pk, "type": "waiver", "on": "2026-03-01"})
    assert warnings(api, "facts/", deadline=deadline.pk, type="performance", on="2026-03-02") == [
        "The performance changes nothing: the deadline was closed (waived) on 1 March 2026 by fact "
        f"{first['id']}, and nothing later counts."
    ]


def test_a_violation_before_the_obligation_binds(api: Client) -> None:
    endless = {**obligation("R-1"), "kind": "refrain"}
    del endless["due"]
    deadline = create_agreement(endless)
    assert warnings(
        api, "facts/", deadline=deadline.pk, type="violation", on="2025-03-05", until="2025-03-07"
    ) == [
        "The violation changes nothing: it ended on 7 March 2025, but the obligation binds from "
        "10 January 2026."
    ]


def test_an_extension_that_another_one_overrides(api: Client, deadline: Deadline) -> None:
    def extension(on: str, due_on: str) -> dict[str, Any]:
        due = {"type": "date", "on": due_on}
        return {"deadline": deadline.pk, "type": "extension", "on": on, "due": due, "confirm": True}

    first = post(api, "facts/", extension("2026-03-01", "2026-09-01"))
    assert first["warnings"] == []
    assert warnings(api, "facts/", **extension("2026-02-15", "2026-06-01")) == [
        "The extension changes nothing after 1 March 2026: the extension of 1 March 2026 (fact "
        f"{first['id']}) prevails."
    ]


def test_a_determination_of_a_closed_deadline(api: Client, deadline: Deadline) -> None:
    post(api, "facts/", {"deadline": deadline.pk, "type": "waiver", "on": "2026-03-01"})
    value = {"deadline": deadline.pk, "verdict": "met", "on": "2026-03-02", "note": "It is."}
    [warning] = warnings(api, "determinations/", **value)
    assert warning.startswith("The determination changes nothing: the deadline was closed (waived)")


def test_a_position_that_precedes_the_latest_one(api: Client, deadline: Deadline) -> None:
    value = {"deadline": deadline.pk, "party": "CHN", "verdict": "met"}
    assert warnings(api, "positions/", **value, on="2026-03-05") == []
    assert warnings(api, "positions/", **value, on="2026-03-03") == [
        "The position does not count: CHN stated a later one on 5 March 2026."
    ]


def test_a_fact_about_an_agreement_that_changes_no_deadline(
    api: Client, deadline: Deadline
) -> None:
    value = {"agreement": "supply", "type": "suspension"}
    assert warnings(api, "facts/", **value, on="2026-02-01", until="2026-02-02") == []
    done = post(api, "facts/", {"deadline": deadline.pk, "type": "waiver", "on": "2026-03-01"})
    assert warnings(api, "facts/", **value, on="2026-04-01", until="2026-04-02") == [
        "No deadline changes. For example: The suspension changes nothing: the deadline was closed "
        f"(waived) on 1 March 2026 by fact {done['id']}, and nothing later counts."
    ]


def test_a_fact_about_an_agreement_whose_obligations_all_survive(api: Client) -> None:
    create_agreement(obligation(survives_termination=True))
    assert warnings(api, "facts/", agreement="supply", type="termination", on="2026-02-05") == [
        "The termination changes nothing: no deadline of the agreement is affected by it."
    ]


def test_a_proposal_of_a_fact_without_effect(api: Client) -> None:
    guarded = create_agreement(obligation(), requires_approval=True)
    post(api, "facts/", {"deadline": guarded.pk, "type": "performance", "on": "2026-03-01"})
    value = {"deadline": guarded.pk, "type": "waiver", "on": "2026-03-02"}
    [warning] = warnings(api, "facts/", 202, **value)
    assert warning.startswith("The waiver changes nothing: the deadline was closed (met)")


def test_only_the_deadline_of_the_fact_is_named(api: Client) -> None:
    create_agreement(obligation("O-1"), obligation("O-2"))
    other = deadline_of("O-2")
    post(api, "facts/", {"deadline": deadline_of("O-1").pk, "type": "waiver", "on": "2026-03-01"})
    assert warnings(api, "facts/", deadline=other.pk, type="performance", on="2026-03-02") == []


# Documents and milestones


def imported(api: Client, *obligations: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    """Import a document, and return the paths and sentences of its warnings."""
    answer = post(api, "agreements/import/", document("supply", *obligations, **more))
    return [(each["path"], each["detail"]) for each in answer["warnings"]]


def test_the_report_of_an_import_names_every_record_that_changes_nothing(api: Client) -> None:
    endless = {**obligation("R-1"), "kind": "refrain"}
    del endless["due"]
    old = {"type": "violation", "on": "2025-03-05", "until": "2025-03-07"}
    new = {"type": "violation", "on": "2026-03-05", "until": "2026-03-07"}
    done = {"type": "performance", "on": "2026-03-01"}
    again = {"type": "performance", "on": "2026-03-02"}
    found = imported(
        api,
        {**endless, "facts": [new, old]},
        obligation("O-1", facts=[again, done]),
        milestones=[{"ref": "M-1", "on": "2026-01-01"}, {"ref": "M-2"}],
        facts=[{"type": "suspension", "on": "2025-01-01", "until": "2025-01-03"}],
    )
    fact = Fact.objects.get(effective_on="2026-03-01")
    assert found == [
        (
            "milestones/0",
            "The date of milestone M-1 changes nothing: no obligation counts from it.",
        ),
        (
            "obligations/0/facts/1",
            "The violation changes nothing: it ended on 7 March 2025, but the obligation binds "
            "from 10 January 2026.",
        ),
        (
            "obligations/1/facts/0",
            "The performance changes nothing: the deadline was closed (met) on 1 March 2026 by "
            f"fact {fact.pk}, and nothing later counts.",
        ),
        (
            "facts/0",
            "No deadline changes. For example: The suspension changes nothing: it ended on 3 "
            "January 2025, but the obligation binds from 10 January 2026.",
        ),
    ]


def test_a_document_in_which_everything_counts_has_no_warnings(api: Client) -> None:
    extensions = [
        {"type": "extension", "on": f"2026-0{month}-01", "due": {"type": "date", "on": due_on}}
        for month, due_on in ((2, "2026-05-01"), (3, "2026-06-01"))
    ]
    said = [
        {"party": "CHN", "verdict": verdict, "on": on}
        for verdict, on in (("met", "2026-05-02"), ("not_met", "2026-06-02"))
    ]
    counting = {"type": "offset", "from": {"milestone": "M-1"}, "count": 5, "unit": "days"}
    assert (
        imported(
            api,
            obligation("O-1", facts=extensions, positions=said),
            obligation("O-2", due=counting),
            milestones=[{"ref": "M-1", "on": "2026-02-01"}],
        )
        == []
    )


def test_a_document_with_thousands_of_ineffective_facts_is_answered_with_a_bounded_list(
    api: Client,
) -> None:
    many = [{"type": "performance", "on": "2026-03-01", "note": f"{n}"} for n in range(200)]
    found = imported(api, *(obligation(f"O-{n}", facts=many) for n in range(10)))
    assert len(found) <= MOST_WARNINGS + 2
    assert found[-1][0] == ""


def test_the_date_of_a_milestone_from_which_nothing_counts(api: Client) -> None:
    counting = {"type": "offset", "from": {"milestone": "M-1"}, "count": 5, "unit": "days"}
    imported(api, obligation("O-1", due=counting), milestones=[{"ref": "M-1"}, {"ref": "M-2"}])
    dated = [{"ref": "M-1", "on": "2026-02-01"}, {"ref": "M-2", "on": "2026-02-01"}]
    answer = patch(api, "agreements/supply/", {"milestones": dated, "confirm": True})
    assert answer["warnings"] == [
        "The date of milestone M-2 changes nothing: no obligation counts from it."
    ]
    assert patch(api, "agreements/supply/", {"title": "Supplies"})["warnings"] == []
