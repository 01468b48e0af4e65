"""Months, quarters and years where a day is not known."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from compliance.domain.agreements.drafts import AgreementTerms, ObligationDraft
from compliance.domain.agreements.milestone_drafts import MilestoneDraft
from compliance.domain.civil_periods import period_from_text
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.due_rules import dump_due_rule, parse_due_rule
from compliance.domain.due_dates.periods import event_in
from compliance.domain.due_dates.resolution import resolve
from compliance.domain.problems import Invalid
from compliance.domain.vocabulary import Precision

AGREEMENT = {"ref": "a", "title": "A", "kind": "treaty"}


def test_what_starts_starts_with_a_period_and_what_ends_ends_with_it() -> None:
    terms = read(AgreementTerms, {**AGREEMENT, "signed_on": "2007-06", "ends_on": "2009-Q2"})
    assert (terms.signed_on, terms.signed_on_precision) == (date(2007, 6, 1), Precision.MONTH)
    assert (terms.ends_on, terms.ends_on_precision) == (date(2009, 6, 30), Precision.QUARTER)
    assert terms.in_force_on_precision is Precision.DAY


def test_a_day_corrects_the_precision_that_is_sent_back_with_it() -> None:
    again = {**AGREEMENT, "signed_on": "2007-06-15", "signed_on_precision": "month"}
    terms = read(AgreementTerms, again)
    assert (terms.signed_on, terms.signed_on_precision) == (date(2007, 6, 15), Precision.DAY)


@pytest.mark.parametrize("wrong", [5, [], {}, "week", ""])
@pytest.mark.parametrize("given", [{"signed_on": "2007-06-15"}, {"signed_on": None}, {}])
def test_an_impossible_precision_is_refused_although_the_text_tells(
    given: dict[str, Any], wrong: object
) -> None:
    with pytest.raises(Invalid) as refused:
        read(AgreementTerms, {**AGREEMENT, **given, "signed_on_precision": wrong})
    assert [each.path for each in refused.value.problems] == ["signed_on_precision"]


_FROM = {"type": "offset", "count": 3, "unit": "days"}
_RULES = [
    *({"type": "date", "on": on} for on in ("2007-06", "2007-06-30")),
    *(
        {**_FROM, "from": anchor}
        for anchor in ({"date": "2007-06"}, {"date": "2007-06-01"}, {"milestone": "m"})
    ),
]


_WRONG: list[object] = [5, 0, False, [], {}, "week", ""]


def _with_precision(rule: dict[str, Any], precision: object) -> dict[str, Any]:
    if "from" in rule:
        return {**rule, "from": {**rule["from"], "precision": precision}}
    return {**rule, "precision": precision}


@pytest.mark.parametrize("rule", _RULES)
def test_an_impossible_precision_in_a_due_rule_is_refused(rule: dict[str, Any]) -> None:
    path = ("from", "precision") if "from" in rule else ("precision",)
    for wrong in _WRONG:
        with pytest.raises(ValidationError) as refused:
            parse_due_rule(_with_precision(rule, wrong))
        assert [each["loc"] for each in refused.value.errors()] == [path]
    assert parse_due_rule(_with_precision(rule, None)) == parse_due_rule(rule)


@pytest.mark.parametrize("anchor", [{"date": "2007-06-15"}, {"milestone": "m"}])
def test_an_anchor_that_gives_no_month_is_not_one(anchor: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        parse_due_rule({**_FROM, "from": {**anchor, "precision": "month"}})
    assert [each["loc"] for each in refused.value.errors()] == [("from", "precision")]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("2007-Q5", "There is no quarter Q5: a year has Q1 to Q4."),
        ("2007-13", "There is no month 13: a year has months 01 to 12."),
        ("June", "Give the day as year-month-day, such as '2025-05-14', or only the month"),
        ("2007-06-31", "2007-06-31 does not exist: that month has days 01 to 30."),
    ],
)
@pytest.mark.parametrize(
    ("model", "field", "more"),
    [
        (AgreementTerms, "signed_on", AGREEMENT),
        (MilestoneDraft, "on", {"ref": "m"}),
        (FactDraft, "on", {"type": "waiver"}),
    ],
)
def test_impossible_periods_are_refused_in_words_of_our_own(
    model: Any, field: str, more: dict[str, Any], value: str, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read(model, {**more, field: value})
    [problem] = refused.value.problems
    assert problem.path == field
    assert sentence in problem.detail


def test_an_obligation_binds_from_the_first_day_of_a_period() -> None:
    fields = {"ref": "O", "title": "O", "obligors": ["A"], "obligees": ["B"], "binds_on": "2007"}
    draft = read(ObligationDraft, fields)
    assert (draft.binds_on, draft.binds_on_precision) == (date(2007, 1, 1), Precision.YEAR)


@pytest.mark.parametrize(
    "start",
    [{"date": "2007-Q2"}, {"milestone": "m"}],
)
def test_an_offset_from_a_period_has_a_reading_for_its_first_and_last_day(
    start: dict[str, str],
) -> None:
    value = {"type": "offset", "from": start, "count": 30, "unit": "days"}
    rule = parse_due_rule(value)
    assert dump_due_rule(rule)["from"] == start
    period = period_from_text("2007-Q2")
    assert period is not None
    context = ResolutionContext(timezone="UTC", milestones={"m": event_in(period)})
    [found] = resolve(rule, context)
    assert (found.earliest_on, found.due.due_on) == (date(2007, 5, 1), date(2007, 7, 30))
    assert found.due.earliest_due_at is not None
    assert "it is read as 2007-04-01 and as 2007-06-30." in found.warnings[0]


def test_a_recurrence_starts_and_ends_with_periods() -> None:
    value = {"type": "recurrence", "rrule": "FREQ=MONTHLY", "start": "2026-Q1", "until": "2026-06"}
    rule = parse_due_rule(value)
    dates = [each.due.due_on for each in resolve(rule, ResolutionContext(timezone="UTC"))]
    assert (dates[0], dates[-1], len(dates)) == (date(2026, 1, 1), date(2026, 6, 1), 6)
    dumped = dump_due_rule(rule)
    assert (dumped["start"], dumped["until"]) == ("2026-Q1", "2026-06")
    assert parse_due_rule(dumped) == rule
