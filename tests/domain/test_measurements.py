"""Values that were measured, and the targets that they must keep to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.deadlines.effects import without_effect
from compliance.domain.deadlines.explanations import Case, StatusChange, changes
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.ledger import entry_of, recorded_quantity
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.summaries import FactSummary
from compliance.domain.deadlines.terms import Terms
from compliance.domain.deadlines.timeline import BreachInterval, Timeline
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import (
    BreachEnd,
    FactKind,
    ObligationKind,
    Precision,
    Reason,
    Status,
    TargetBound,
    Verdict,
)
from tests.domain.strategies import due_at_hour, hour

AT_MOST, AT_LEAST = TargetBound.AT_MOST, TargetBound.AT_LEAST


def instant(month: int, day: int) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


JUNE_END = Due(date(2026, 6, 30), instant(7, 1), instant(7, 1), "UTC")
CEILING = Terms(
    begins_at=instant(1, 1), due=JUNE_END, target_quantity=Decimal(100), target_bound=AT_MOST
)
FLOOR = CEILING._replace(target_bound=AT_LEAST)
RATIO = CEILING._replace(
    kind=ObligationKind.MAINTAIN, target_quantity=Decimal(8), target_bound=AT_LEAST
)


def value(
    quantity: str | int,
    on: date,
    *,
    number: int = 1,
    precision: Precision = Precision.DAY,
    **more: object,
) -> Fact:
    return Fact(
        id=number,
        kind=FactKind.MEASUREMENT,
        effective_at=datetime(on.year, on.month, on.day, tzinfo=UTC),
        effective_on=on,
        precision=precision,
        quantity=Decimal(quantity),
        **more,  # type: ignore[arg-type]
    )


def states(timeline: Timeline) -> list[tuple[datetime, Status, Reason, int | None]]:
    return [(t.effective_at, t.status, t.reason, t.fact_id) for t in timeline.transitions]


def test_the_value_in_force_at_the_due_date_decides_about_a_ceiling() -> None:
    early = value(120, date(2026, 3, 31))
    later = value(95, date(2026, 6, 30), number=2)
    assert states(project(CEILING, [early, later])) == [
        (instant(1, 1), Status.PENDING, Reason.AGREED, None),
        (instant(3, 31), Status.PENDING, Reason.MEASURED, 1),
        (instant(6, 30), Status.PENDING, Reason.MEASURED, 2),
        (instant(7, 1), Status.MET, Reason.MEASURED, 2),
    ]
    assert states(project(CEILING, [early]))[-1] == (
        instant(7, 1), Status.UNMET, Reason.DUE_PASSED, None,
    )  # fmt: skip


def test_a_ceiling_of_which_nothing_was_measured_is_unmet() -> None:
    assert states(project(CEILING, []))[-1] == (
        instant(7, 1), Status.UNMET, Reason.DUE_PASSED, None,
    )  # fmt: skip


def test_the_target_itself_keeps_to_it() -> None:
    for terms in (CEILING, FLOOR):
        exactly = value("100.000000", date(2026, 6, 30))
        assert project(terms, [exactly]).transitions[-1].status is Status.MET


def test_a_value_within_bounds_after_the_due_date_achieves_it_late() -> None:
    found = project(CEILING, [value(120, date(2026, 6, 30)), value(99, date(2026, 8, 1), number=2)])
    assert states(found)[-2:] == [
        (instant(7, 1), Status.UNMET, Reason.DUE_PASSED, None),
        (instant(8, 1), Status.MET_LATE, Reason.MEASURED, 2),
    ]
    assert found.breaches(instant(12, 1)) == (
        BreachInterval(instant(7, 1), instant(8, 1), BreachEnd.PERFORMED),
    )


def test_a_value_of_the_day_after_is_late() -> None:
    found = project(CEILING, [value(99, date(2026, 7, 1))])
    assert found.transitions[-1].status is Status.MET_LATE
    assert len(found.breaches(instant(12, 1))) == 1


def test_within_the_grace_period_a_value_is_late_but_no_breach() -> None:
    due = JUNE_END._replace(unmet_at=instant(7, 31))
    found = project(CEILING._replace(due=due), [value(99, date(2026, 7, 15))])
    assert [each.status for each in found.transitions] == [
        Status.PENDING, Status.IN_GRACE, Status.MET_LATE,
    ]  # fmt: skip
    assert found.breaches(instant(12, 1)) == ()


def test_performances_and_values_reach_a_floor_each_on_their_own() -> None:
    part = Fact(id=2, kind=FactKind.PERFORMANCE, effective_at=instant(3, 1), quantity=Decimal(60))
    both = project(FLOOR, [part, value(99, date(2026, 6, 30))])
    assert (both.transitions[-1].status, both.transitions[-1].measured) == (
        Status.PARTLY_MET, Decimal(99),
    )  # fmt: skip
    reached = project(FLOOR, [part, value(100, date(2026, 6, 30))])
    assert reached.transitions[-1].status is Status.MET
    assert reached.transitions[-1].performed == 60


def test_only_measured_values_count_towards_a_ceiling() -> None:
    [last] = project(CEILING, [value(95, date(2026, 6, 30))]).transitions[-1:]
    assert (last.performed, last.measured, last.accepted_share) == (None, Decimal(95), None)


@pytest.mark.parametrize(
    ("precision", "start", "due_on", "expected"),
    [
        (Precision.QUARTER, date(2026, 4, 1), date(2026, 6, 30), (Status.MET, Reason.MEASURED)),
        (
            Precision.QUARTER,
            date(2026, 4, 1),
            date(2026, 5, 15),
            (Status.MET, Reason.PERFORMED_IN_WINDOW),
        ),
        (Precision.YEAR, date(2026, 1, 1), date(2025, 12, 31), (Status.MET_LATE, Reason.MEASURED)),
    ],
)
def test_a_value_of_a_period_is_on_time_if_all_of_it_is(
    precision: Precision, start: date, due_on: date, expected: tuple[Status, Reason]
) -> None:
    at = datetime(due_on.year, due_on.month, due_on.day, tzinfo=UTC) + timedelta(days=1)
    terms = CEILING._replace(begins_at=instant(1, 1) - timedelta(days=90))
    terms = terms._replace(due=Due(due_on, at, at, "UTC"))
    last = project(terms, [value(95, start, precision=precision)]).transitions[-1]
    assert (last.status, last.reason) == expected


def test_the_value_of_a_year_prevails_over_one_measured_within_it() -> None:
    terms = CEILING._replace(due=Due(date(2026, 12, 31), instant(12, 31), instant(12, 31), "UTC"))
    june = value(105, date(2026, 6, 30), number=1)
    year = value(98, date(2026, 1, 1), number=2, precision=Precision.YEAR)
    last = project(terms, [june, year]).transitions[-1]
    assert (last.status, last.fact_id) == (Status.MET, 2)


def test_readings_that_disagree_are_ambiguous() -> None:
    due = due_at_hour(24, window=4)
    terms = CEILING._replace(begins_at=hour(0), due=due)
    early = Fact(id=1, kind=FactKind.MEASUREMENT, effective_at=hour(2), quantity=Decimal(120))
    within = replace(early, id=2, effective_at=hour(22), quantity=Decimal(90))
    found = project(terms, [early, within]).transitions[-1]
    assert (found.status, found.reason, found.fact_id) == (
        Status.MET, Reason.PERFORMED_IN_WINDOW, 2,
    )  # fmt: skip


def test_a_value_out_of_bounds_is_a_violation_until_a_value_within_bounds() -> None:
    found = project(
        RATIO,
        [
            value("8.4", date(2026, 2, 1)),
            value("7.9", date(2026, 3, 5), number=2),
            value("7.5", date(2026, 3, 8), number=3),
            value("8.1", date(2026, 4, 1), number=4),
        ],
    )
    assert states(found) == [
        (instant(1, 1), Status.HOLDING, Reason.PERIOD_BEGAN, None),
        (instant(2, 1), Status.HOLDING, Reason.MEASURED, 1),
        (instant(3, 5), Status.UNMET, Reason.OUT_OF_BOUNDS, 2),
        (instant(3, 8), Status.UNMET, Reason.OUT_OF_BOUNDS, 3),
        (instant(4, 1), Status.HOLDING, Reason.WITHIN_BOUNDS, 4),
        (instant(7, 1), Status.MET_LATE, Reason.PERIOD_ENDED, None),
    ]
    assert found.breaches(instant(12, 1)) == (
        BreachInterval(instant(3, 5), instant(4, 1), BreachEnd.CURED),
    )


def test_a_value_from_before_the_period_is_in_force_when_it_begins() -> None:
    terms = RATIO._replace(starts_at=instant(2, 1))
    found = project(terms, [value("7.9", date(2026, 1, 15))])
    assert states(found)[-1] == (instant(2, 1), Status.UNMET, Reason.OUT_OF_BOUNDS, 1)


def test_a_breach_goes_on_after_the_period_but_none_begins_there() -> None:
    before = value("7.9", date(2026, 6, 1))
    cured = value("8.2", date(2026, 9, 1), number=2)
    assert states(project(RATIO, [before, cured]))[-1] == (
        instant(9, 1), Status.MET_LATE, Reason.WITHIN_BOUNDS, 2,
    )  # fmt: skip
    after = value("7.9", date(2026, 8, 1))
    assert project(RATIO, [after]).transitions[-1].status is Status.MET


def test_a_restated_target_judges_the_value_in_force() -> None:
    raised = Fact(id=2, kind=FactKind.RESTATEMENT, effective_at=instant(3, 1), quantity=Decimal(9))
    lowered = replace(raised, id=3, effective_at=instant(4, 1), quantity=Decimal(8))
    found = project(RATIO, [value("8.4", date(2026, 2, 1)), raised, lowered])
    assert states(found)[2:4] == [
        (instant(3, 1), Status.UNMET, Reason.TARGET_RESTATED, 2),
        (instant(4, 1), Status.HOLDING, Reason.WITHIN_BOUNDS, 3),
    ]
    late = replace(raised, effective_at=instant(8, 1), quantity=Decimal(130))
    missed = project(CEILING, [value(120, date(2026, 6, 30)), late])
    assert states(missed)[-1] == (instant(8, 1), Status.MET_LATE, Reason.TARGET_RESTATED, 2)


def test_a_determination_overrides_the_values_up_to_then() -> None:
    finding = Fact(
        id=2, kind=FactKind.DETERMINATION, effective_at=instant(8, 1), verdict=Verdict.NOT_MET
    )
    found = project(CEILING, [value(95, date(2026, 6, 30)), finding])
    assert [each.status for each in found.transitions][-2:] == [Status.UNMET, Status.UNMET]
    later = project(
        CEILING, [value(95, date(2026, 6, 30)), finding, value(90, date(2026, 9, 1), number=3)]
    )
    assert states(later)[-1] == (instant(9, 1), Status.MET_LATE, Reason.MEASURED, 3)


def test_an_extension_postpones_the_decision() -> None:
    extended = Fact(
        id=2,
        kind=FactKind.EXTENSION,
        effective_at=instant(7, 10),
        due=Due(date(2026, 9, 30), instant(10, 1), instant(10, 1), "UTC"),
    )
    found = project(
        CEILING, [value(120, date(2026, 6, 30)), extended, value(90, date(2026, 8, 1), number=3)]
    )
    assert [(each.effective_at, each.status) for each in found.transitions][-4:] == [
        (instant(7, 1), Status.UNMET),
        (instant(7, 10), Status.PENDING),
        (instant(8, 1), Status.PENDING),
        (instant(10, 1), Status.MET),
    ]


def test_a_measurement_that_decides_nothing_is_pointed_out() -> None:
    def warning(terms: Terms, *facts: Fact) -> str | None:
        recorded = [
            replace(each, recorded_at=instant(10, number)) for number, each in enumerate(facts, 1)
        ]
        return without_effect(terms, recorded, recorded[-1], timezone="UTC")

    on_time = value(95, date(2026, 6, 30))
    assert warning(CEILING, on_time) is None
    # A value that repeats the one in force confirms it.
    assert warning(CEILING, value(95, date(2026, 5, 31), number=2), replace(on_time, id=3)) is None
    assert warning(CEILING, on_time, value(80, date(2026, 8, 1), number=2)) == (
        "The measurement changes nothing: the deadline was closed (met) on 1 July 2026 by fact 1, "
        "and nothing later counts."
    )
    assert warning(CEILING, on_time, value(97, date(2026, 5, 1), number=2)) == (
        "The measurement changes nothing after 30 June 2026: the measurement of 30 June 2026 "
        "(fact 1) prevails."
    )
    assert warning(RATIO, value("7.0", date(2026, 8, 1))) == (
        "The measurement changes nothing: its period had ended on 1 July 2026."
    )


def test_explanations_name_the_value_and_the_target() -> None:
    summary = FactSummary(
        kind=FactKind.MEASUREMENT,
        effective_at=instant(6, 30),
        effective_on=date(2026, 6, 30),
        quantity=Decimal(95),
    )
    found = project(CEILING, [value(95, date(2026, 6, 30))])
    case = Case(
        timezone="UTC",
        history=[
            StatusChange(
                effective_at=each.effective_at,
                status=each.status,
                reason=each.reason,
                fact_id=each.fact_id,
                due_on=JUNE_END.due_on,
                due_at=JUNE_END.due_at,
                performed=recorded_quantity(each),
                target=each.target,
                measured=each.measured,
            )
            for each in found.transitions
        ],
        facts={1: summary},
        unit="kt",
        target_bound=AT_MOST,
    )
    assert changes(case)[-1] == (
        "1 July 2026, 00:00 UTC: The value in force keeps to the target (on 30 June 2026, 95 kt). "
        "The value is 95 kt; the target is at most 100 kt."
    )


# The following holds for every series of values.

days = st.integers(0, 40)
numbers = st.sampled_from([Decimal(-3), Decimal(0), Decimal(7), Decimal(8), Decimal("8.5")])


@st.composite
def series(draw: st.DrawFn) -> list[Fact]:
    found = []
    for number in range(1, 1 + draw(st.integers(0, 6))):
        on = date(2026, 1, 1) + timedelta(days=draw(days))
        supersedes = draw(st.sampled_from([None, None, None, *range(1, number)]))
        found.append(value(str(draw(numbers)), on, number=number, supersedes=supersedes))
    return found


def standing(facts: list[Fact]) -> list[tuple[date, Decimal]]:
    """The values that were not superseded, in order, each with its day."""

    superseded = {each.supersedes for each in facts}
    return sorted(
        (each.effective_on, each.quantity)
        for each in facts
        if each.id not in superseded and each.effective_on is not None and each.quantity is not None
    )


def in_force(facts: list[Fact], on: date) -> Decimal | None:
    """The value on a day, read from scratch: the latest of that day or before."""
    known = [quantity for day, quantity in standing(facts) if day <= on]
    return known[-1] if known else None


@given(series(), st.sampled_from(TargetBound), numbers)
def test_on_every_day_of_a_period_the_value_in_force_decides(
    facts: list[Fact], bound: TargetBound, target: Decimal
) -> None:
    start = date(2026, 1, 5)
    end = datetime(2026, 2, 5, tzinfo=UTC)
    terms = Terms(
        begins_at=datetime(2026, 1, 1, tzinfo=UTC),
        starts_at=datetime(2026, 1, 5, tzinfo=UTC),
        due=Due(date(2026, 2, 4), end, end, "UTC"),
        kind=ObligationKind.REFRAIN,
        target_quantity=target,
        target_bound=bound,
    )
    timeline = project(terms, facts)
    for number in range(31):
        on = start + timedelta(days=number)
        number_now = in_force(facts, on)
        is_out = number_now is not None and (
            number_now > target if bound is AT_MOST else number_now < target
        )
        now = timeline.at(datetime(on.year, on.month, on.day, 12, tzinfo=UTC))
        assert now is not None
        assert now.status is (Status.UNMET if is_out else Status.HOLDING)
        assert now.measured == number_now
    for earlier, later in pairwise(timeline.transitions):
        assert earlier.effective_at < later.effective_at


@given(series(), st.sampled_from(TargetBound), st.integers(0, 40))
def test_at_the_due_date_the_value_in_force_decides(
    facts: list[Fact], bound: TargetBound, due_day: int
) -> None:
    due_on = date(2026, 1, 1) + timedelta(days=due_day)
    due_at = datetime(due_on.year, due_on.month, due_on.day, tzinfo=UTC) + timedelta(days=1)
    terms = Terms(
        begins_at=datetime(2025, 12, 1, tzinfo=UTC),
        due=Due(due_on, due_at, due_at, "UTC"),
        target_quantity=Decimal(8),
        target_bound=bound,
    )
    timeline = project(terms, facts)

    def is_kept(number: Decimal | None) -> bool:
        return number is not None and (number <= 8 if bound is AT_MOST else number >= 8)

    at_due = timeline.at(due_at + timedelta(hours=1))
    assert at_due is not None
    kept_on = [on for on, quantity in standing(facts) if is_kept(quantity) and on > due_on]
    late = Status.MET_LATE if kept_on else Status.UNMET
    if is_kept(in_force(facts, due_on)):
        expected = final = Status.MET
    else:
        final = late
        expected = late if due_on + timedelta(days=1) in kept_on else Status.UNMET
    assert at_due.status is expected
    assert timeline.transitions[-1].status is final
    recorded = [entry_of(each, due_at) for each in timeline.transitions]
    assert [each.measured for each in recorded] == [each.measured for each in timeline.transitions]
