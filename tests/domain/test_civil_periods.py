"""Dates of reduced precision: months, quarters and years."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.civil_periods import period_from_text, period_of, period_phrase, period_text
from compliance.domain.deadlines.drafts import FactDraft, PositionDraft
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.positions import Position, is_disputed
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Terms
from compliance.domain.drafts import read
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.due_rules import dump_due_rule, parse_due_rule
from compliance.domain.due_dates.resolution import resolve
from compliance.domain.problems import Invalid
from compliance.domain.vocabulary import FactKind, Precision, Reason, Status, Verdict
from tests.domain.strategies import due_at_hour, hour


@pytest.mark.parametrize(
    ("text", "first", "last", "phrase"),
    [
        ("2007-06", date(2007, 6, 1), date(2007, 6, 30), "June 2007"),
        ("2008-02", date(2008, 2, 1), date(2008, 2, 29), "February 2008"),
        ("2007-Q2", date(2007, 4, 1), date(2007, 6, 30), "Q2 2007"),
        ("2007", date(2007, 1, 1), date(2007, 12, 31), "2007"),
        (2007, date(2007, 1, 1), date(2007, 12, 31), "2007"),
    ],
)
def test_a_month_a_quarter_and_a_year_are_read(
    text: object, first: date, last: date, phrase: str
) -> None:
    found = period_from_text(text)
    assert found is not None
    assert (found.first, found.last) == (first, last)
    assert period_phrase(last, found.precision) == phrase


@pytest.mark.parametrize(
    "text", ["2007-13", "2007-Q5", "07", "2007-6", "", None, True, "2007-06-1"]
)
def test_anything_else_is_no_period(text: object) -> None:
    assert period_from_text(text) is None


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.sampled_from(Precision))
def test_a_period_contains_its_days_and_its_text_means_the_same(
    day: date, precision: Precision
) -> None:
    found = period_of(day, precision)
    assert found.first <= day <= found.last
    if precision is not Precision.DAY:
        assert period_from_text(period_text(day, precision)) == found
        assert period_of(found.last + timedelta(days=1), precision).first > found.last


# In drafts of facts and positions, and in due rules.


def test_a_fact_keeps_the_precision_of_its_date() -> None:
    draft = read(FactDraft, {"type": "performance", "on": "2007-06"})
    assert (draft.on, draft.precision) == (date(2007, 6, 1), Precision.MONTH)
    assert read(FactDraft, draft.model_dump(mode="json")) == draft


def test_a_period_lasts_until_the_end_of_a_month() -> None:
    values = {"type": "suspension", "on": "2007-05", "until": "2007-06"}
    draft = read(FactDraft, values)
    assert (draft.until, draft.until_precision) == (date(2007, 6, 30), Precision.MONTH)
    assert read(FactDraft, draft.model_dump(mode="json")) == draft


@pytest.mark.parametrize("value", [{"on": "2007-06-15", "precision": "month"}, {"on": "2007-13"}])
def test_a_precision_that_contradicts_the_date_is_refused(value: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        read(FactDraft, {"type": "performance", **value})


def test_a_due_date_given_as_a_month_falls_at_its_end() -> None:
    rule = parse_due_rule({"type": "date", "on": "2007-06"})
    [resolved] = resolve(rule, ResolutionContext(timezone="UTC"))
    assert resolved.due.due_on == date(2007, 6, 30)
    assert resolved.steps[0] == "June 2007 ends on 2007-06-30."
    dumped = dump_due_rule(rule)
    assert (dumped["on"], dumped["precision"]) == ("2007-06", "month")
    assert parse_due_rule(dumped) == rule


# In timelines. January 2026 ends after hour 744.

JANUARY = Terms(begins_at=hour(0), due=due_at_hour(744))
MIDDLE = Terms(begins_at=hour(0), due=due_at_hour(360))


def performed(month: int) -> Fact:
    on = date(2026, month, 1)
    return Fact(
        id=1,
        kind=FactKind.PERFORMANCE,
        effective_at=hour(0) if month == 1 else hour(744),
        effective_on=on,
        precision=Precision.MONTH,
    )


@pytest.mark.parametrize(
    ("agreed", "month", "expected"),
    [
        (JANUARY, 1, (Status.MET, Reason.PERFORMED)),
        (MIDDLE, 1, (Status.MET, Reason.PERFORMED_IN_WINDOW)),
        (MIDDLE, 2, (Status.MET_LATE, Reason.PERFORMED)),
        (JANUARY, 2, (Status.MET_LATE, Reason.PERFORMED)),
    ],
)
def test_a_month_is_on_time_late_or_ambiguous_as_a_whole(
    agreed: Terms, month: int, expected: tuple[Status, Reason]
) -> None:
    last = project(agreed, [performed(month)]).transitions[-1]
    assert (last.status, last.reason) == expected
    assert last.is_ambiguous == (expected[1] is Reason.PERFORMED_IN_WINDOW)


# Shares in positions.


def said(party: int, verdict: Verdict, share: str | None = None) -> Position:
    return Position(
        id=party,
        party_id=party,
        verdict=verdict,
        stated_at=hour(party),
        share=None if share is None else Decimal(share),
    )


@pytest.mark.parametrize(
    ("shares", "expected"),
    [(("0.4", "0.6"), True), (("0.4", "0.4"), False), (("0.4", None), False)],
)
def test_different_shares_make_a_deadline_disputed(
    shares: tuple[str | None, str | None], expected: bool
) -> None:
    positions = [said(n, Verdict.PARTLY_MET, share) for n, share in enumerate(shares, start=1)]
    assert is_disputed(positions) is expected


def test_only_partly_met_has_a_share() -> None:
    with pytest.raises(Invalid, match="Only partly_met has a share"):
        read(PositionDraft, {"party": "X", "verdict": "met", "share": "0.4", "on": "2026-01-01"})
