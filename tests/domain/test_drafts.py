"""Drafts accept what the product can use, and say at which field something is wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import jsonschema_rs
import pytest

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.drafts import (
    AgreementDraft,
    ObligationDraft,
    PartyDraft,
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
PARTY = {"code": "CHN", "name": "China", "kind": "state", "timezone": "Asia/Shanghai"}
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
        ({"type": "retraction"}, "Name the fact that is retracted"),
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
            {"party": "CHN", "verdict": "unclear", "on": "2026-03-20"},
            "verdict",
            "Give one of these: 'met', 'partly_met', 'not_met' or 'undetermined'.",
        ),
        (
            AgreementDocument,
            {**AGREEMENT, "parties": [PARTY], "format": "pacta.agreement/v2"},
            "format",
            "Give 'pacta.agreement/v1': nothing else is accepted here.",
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


@pytest.mark.parametrize(
    ("model", "value", "path"),
    [
        (FactDraft, {"type": "retraction", "supersedes": "7"}, "supersedes"),
        (SubscriptionDraft, {"webhook": "7"}, "webhook"),
        (SubscriptionDraft, {"email": "desk@example.org", "digest_hour": "8"}, "digest_hour"),
        (SubscriptionDraft, {"email": "desk@example.org", "digest_weekday": 1.5}, "digest_weekday"),
        (
            SubscriptionDraft,
            {"email": "desk@example.org", "digest_weekday": True},
            "digest_weekday",
        ),
        (CustomCalendarDraft, {**CALENDAR, "weekend": ["5"]}, "weekend/0"),
    ],
)
def test_only_a_whole_number_stands_for_a_whole_number(
    model: type[Draft], value: dict[str, Any], path: str
) -> None:
    assert problem(model, value) == (path, "Give a whole number.")


def test_a_number_without_a_fraction_is_a_whole_number() -> None:
    draft = read(SubscriptionDraft, {"webhook": Decimal("7.0"), "digest_hour": 8.0})
    assert (draft.webhook, draft.digest_hour) == (7, 8)
    assert isinstance(draft.webhook, int)
    assert isinstance(draft.digest_hour, int)


@pytest.mark.parametrize("hours", [79_200, "22:00Z", "22:00:00.5", "25:00", "10pm"])
def test_quiet_hours_are_times_of_day(hours: object) -> None:
    value = {"email": "desk@example.org", "quiet_from": hours, "quiet_until": "07:00"}
    assert problem(SubscriptionDraft, value)[0] == "quiet_from"


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (FactDraft, FACT),
        (FactDraft, {"type": "performance", "at": "2026-03-15T00:00:00Z", "on": None}),
        (FactDraft, {"type": "retraction", "supersedes": 7}),
        (SubscriptionDraft, {"webhook": 7}),
        (SubscriptionDraft, {"email": "desk@example.org", "webhook": None}),
        (ObligationDraft, {**OBLIGATION, "target_quantity": "12.5", "unit": "t"}),
        (ObligationDraft, {**OBLIGATION, "target_quantity": 12.5, "unit": "t"}),
        (PartyDraft, {"code": "CHN", "name": "China", "kind": "state", "country": "CN"}),
    ],
)
def test_the_json_schema_allows_what_is_read(model: type[Draft], value: dict[str, Any]) -> None:
    assert jsonschema_rs.is_valid(model.model_json_schema(), value)


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (FactDraft, {"type": "performance"}),
        (FactDraft, {**FACT, "at": "2026-03-15T00:00:00Z"}),
        (SubscriptionDraft, {}),
        (SubscriptionDraft, {"email": "desk@example.org", "webhook": 7}),
        (ObligationDraft, {**OBLIGATION, "tags": ["a", "a"]}),
        (
            ObligationDraft,
            {**OBLIGATION, "due": {"type": "trigger", "on": {"milestone": "M", "met": "O-2"}}},
        ),
    ],
)
def test_the_json_schema_forbids_what_is_refused(model: type[Draft], value: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        read(model, value)
    assert not jsonschema_rs.is_valid(model.model_json_schema(), value)
