"""Drafts accept what the product can use, and say at which field something is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.domain.agreements.drafts import (
    AgreementDraft,
    ObligationDraft,
)
from compliance.domain.agreements.milestone_drafts import MilestoneDraft
from compliance.domain.alerts.drafts import SubscriptionDraft
from compliance.domain.deadlines.drafts import AgreementFactDraft, FactDraft, PositionDraft
from compliance.domain.drafts import Draft, read
from compliance.domain.due_dates.drafts import CustomCalendarDraft
from compliance.domain.problems import Invalid

FACT = {"type": "performance", "on": "2026-03-15"}
DETERMINATION = {"type": "determination", "on": "2026-03-20", "verdict": "met", "note": "Seen."}
OBLIGATION = {"ref": "O-1", "title": "Deliver", "obligors": ["CHN"], "obligees": ["ACME"]}
DUE = {"type": "date", "on": "2026-03-15"}
AGREEMENT = {"ref": "supply", "title": "S", "kind": "contract", "parties": [{"code": "CHN"}]}
CALENDAR = {"code": "hq", "title": "Headquarters"}


def problem(model: type[Draft], value: dict[str, Any]) -> tuple[str, str]:
    """The path and the sentence of the only problem of a value."""
    with pytest.raises(Invalid) as refused:
        read(model, value)
    [found] = refused.value.problems
    return found.path, found.detail


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (FactDraft, FACT),
        (FactDraft, {**FACT, "quantity": "60"}),
        (FactDraft, DETERMINATION),
        (FactDraft, {**DETERMINATION, "verdict": "partly_met", "share": "0.5"}),
        (FactDraft, {"type": "extension", "on": "2026-03-01", "due": DUE}),
        (FactDraft, {"type": "retraction", "supersedes": 7}),
        (FactDraft, {"type": "violation", "on": "2026-03-01", "until": "2026-03-01"}),
        (AgreementFactDraft, {"type": "termination", "at": "2026-03-01T00:00:00Z"}),
        (PositionDraft, {"party": "CHN", "verdict": "not_met", "on": "2026-03-20"}),
        (ObligationDraft, {**OBLIGATION, "kind": "maintain", "starts": DUE}),
        (SubscriptionDraft, {"email": "desk@example.org", "kinds": ["missed", "recovered"]}),
        (CustomCalendarDraft, CALENDAR),
    ],
)
def test_a_valid_draft_is_read(model: type[Draft], value: dict[str, Any]) -> None:
    assert isinstance(read(model, value), model)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"type": "performance"}, "Give either on (a day) or at (an instant with its offset)."),
        ({**FACT, "at": "2026-03-15T00:00:00Z"}, "Give either on (a day) or at"),
        ({**FACT, "until": "2026-03-16"}, "Only a violation or a suspension can have until"),
        ({**FACT, "is_tolling": True}, "Only a suspension can be tolling"),
        ({**FACT, "due": DUE}, "Only an extension has a new due date"),
        ({**FACT, "verdict": "met"}, "Only a determination has verdict, share and is_final"),
        ({"type": "replacement", "on": "2026-03-01"}, "give successor"),
        ({**FACT, "successor": "O-2"}, "Only a replacement has a successor"),
        (
            {"type": "waiver", "on": "2026-03-01", "quantity": 1},
            "Only a performance, a measurement, a restatement or a determination",
        ),
        ({"type": "measurement", "on": "2026-03-01"}, "give quantity"),
        ({"type": "restatement", "on": "2026-03-01"}, "A restatement needs the new target"),
        ({"type": "termination", "on": "2026-03-01"}, "record it on the agreement"),
        ({"type": "retraction"}, "Set supersedes to the id of the fact"),
        ({"type": "retraction", "supersedes": 7, "on": "2026-03-01"}, "remove on and at"),
        ({**DETERMINATION, "verdict": None}, "set verdict"),
        ({**DETERMINATION, "note": ""}, "state them in note"),
        ({**DETERMINATION, "share": "0.5"}, "Only partly_met has a quantity or a share"),
        (
            {**DETERMINATION, "verdict": "partly_met", "share": "0.5", "quantity": 1},
            "as quantity or as share (0 to 1), not both",
        ),
        ({**DETERMINATION, "is_final": True}, "Only not_met and partly_met can be final"),
        (
            {"type": "suspension", "on": "2026-03-05", "until": "2026-03-04"},
            "The end, 2026-03-04, is before the start, 2026-03-05: correct until.",
        ),
    ],
)
def test_a_fact_that_does_not_fit_its_type_is_refused(value: dict[str, Any], sentence: str) -> None:
    path, detail = problem(FactDraft, value)
    assert path == ""
    assert sentence in detail


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"starts": DUE}, "Only an obligation to maintain or refrain has a start"),
        ({"kind": "refrain", "due": DUE, "grace": {"count": 1, "unit": "days"}}, "remove grace"),
        ({"target_bound": "at_most"}, "needs a target: give target_quantity"),
        ({"grace": {"count": 1, "unit": "days"}}, "give due, or remove grace"),
        ({"unit": "t"}, "give target_quantity, or remove unit"),
        ({"roll_up": "share"}, "Give roll_up_share (such as 0.75)"),
        ({"roll_up_share": "0.5"}, "if, and only if, roll_up is share"),
        ({"parent": "O-1"}, "An obligation cannot be a component of itself"),
    ],
)
def test_an_inconsistent_obligation_is_refused(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in problem(ObligationDraft, {**OBLIGATION, **changes})[1]


@pytest.mark.parametrize(
    ("model", "value", "path", "sentence"),
    [
        (FactDraft, {**FACT, "on": "2026-02-30"}, "on", "2026-02-30 does not exist"),
        (FactDraft, {**FACT, "supersedes": 0}, "supersedes", "Give a number not less than 1."),
        (FactDraft, {**FACT, "colour": "red"}, "colour", "Unknown field"),
        (FactDraft, {"type": "violation", "on": "2026-03-01", "until": "2026-02-30"}, "until", ""),
        (FactDraft, {**FACT, "evidence": ["E1", "E1"]}, "evidence", "Remove the duplicates"),
        (
            PositionDraft,
            {"party": "CHN", "verdict": "undetermined", "on": "2026-03-20"},
            "verdict",
            "Give one of these: 'met', 'partly_met' or 'not_met'.",
        ),
        (ObligationDraft, {**OBLIGATION, "obligors": []}, "obligors", "Give at least one."),
        (ObligationDraft, {**OBLIGATION, "obligors": ["chn"]}, "obligors/0", "Use capital letters"),
        (ObligationDraft, {**OBLIGATION, "tags": ["a,b"]}, "tags/0", "Remove the comma"),
        (
            ObligationDraft,
            {**OBLIGATION, "responsible": ["desk"]},
            "responsible/0",
            "Name a user by",
        ),
        (ObligationDraft, {**OBLIGATION, "title": "a\nb"}, "title", "Write it on one line"),
        (AgreementDraft, {**AGREEMENT, "ref": "import"}, "ref", "'import' is reserved"),
        (AgreementDraft, {**AGREEMENT, "ref": "Supply"}, "ref", "Use lower-case letters"),
        (
            AgreementDraft,
            {**AGREEMENT, "milestones": [{"ref": "m"}, {"ref": "m"}]},
            "milestones",
            "The milestone m is given more than once",
        ),
        (
            MilestoneDraft,
            {"ref": "m", "on": "2026-03-01", "at": "2026-03-01T00:00:00Z"},
            "",
            "Give on (a day) or at (an instant), or neither",
        ),
        (
            CustomCalendarDraft,
            {**CALENDAR, "closing_days": [{"on": "2026-05-01", "reason": "May"}] * 2},
            "closing_days",
            "Remove the duplicates",
        ),
        (SubscriptionDraft, {}, "", "Give either email (an address) or webhook (its id)."),
    ],
)
def test_a_wrong_value_is_refused_at_its_field(
    model: type[Draft], value: dict[str, Any], path: str, sentence: str
) -> None:
    found = problem(model, value)
    assert found[0] == path
    assert sentence in found[1]
