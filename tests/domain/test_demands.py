"""Whether a change of the facts about a deadline weakens what it demands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.deadlines.demands import EVERYDAY, demand, weakening
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Terms
from compliance.domain.deadlines.timeline import Timeline
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import FactKind, ObligationKind, Status, TargetBound, Verdict

START = datetime(2026, 1, 1, tzinfo=UTC)


def due(day: int, grace: int = 0) -> Due:
    at = START + timedelta(days=day)
    return Due(at.date() - timedelta(days=1), at, at + timedelta(days=grace), "UTC", None)


def terms(day: int = 60, **more: Any) -> Terms:
    return Terms(begins_at=START, due=due(day))._replace(**more)


def fact(kind: FactKind, day: int = 10, number: int = 1, **more: Any) -> Fact:
    return replace(Fact(id=number, kind=kind, effective_at=START + timedelta(days=day)), **more)


def changed(before: Terms, after: Terms) -> str | None:
    return weakening(demand(before, []), demand(after, []))


def test_an_earlier_due_date_is_not_weaker_and_a_later_one_is() -> None:
    assert changed(terms(60), terms(50)) is None
    assert changed(terms(60), terms(60)) is None
    assert "would be due on" in str(changed(terms(60), terms(61)))


def test_a_longer_grace_is_weaker() -> None:
    assert changed(terms(due=due(60, 5)), terms(due=due(60, 0))) is None
    assert changed(terms(due=due(60, 0)), terms(due=due(60, 5))) is not None


def test_a_lower_floor_and_a_higher_ceiling_are_weaker() -> None:
    low, high = Decimal(5), Decimal(9)
    for bound, weaker, stricter in (
        (TargetBound.AT_LEAST, low, high),
        (TargetBound.AT_MOST, high, low),
    ):
        before, after = (
            terms(target_quantity=each, target_bound=bound) for each in (stricter, weaker)
        )
        assert changed(before, after) is not None
        assert changed(after, before) is None
    assert changed(terms(target_quantity=low), terms()) is not None


def test_a_period_that_ends_earlier_is_weaker_even_if_an_open_violation_hides_its_end() -> None:
    violated = [fact(FactKind.VIOLATION)]
    long, short = (terms(day, kind=ObligationKind.MAINTAIN) for day in (90, 60))
    for facts in ([], violated):
        assert weakening(demand(long, facts), demand(short, facts)) is not None
        assert weakening(demand(short, facts), demand(long, facts)) is None


def test_a_performance_hides_nothing() -> None:
    # Without it, the later date would apply: retracting it is everyday work.
    done = fact(FactKind.PERFORMANCE, 5)
    moved = fact(FactKind.TRIGGER, 20, 2, due=due(300))
    assert weakening(demand(terms(), [done]), demand(terms(), [done, moved])) is not None


def test_what_cannot_be_projected_counts_as_weaker() -> None:
    broken = fact(FactKind.TRIGGER)  # without its due date
    assert weakening(demand(terms(), []), demand(terms(), [broken])) is not None
    assert weakening(demand(terms(), []), None) == "would be removed"


_KINDS = [each for each in FactKind if each is not FactKind.RETRACTION]
_DAYS = st.integers(1, 100)


@st.composite
def facts(draw: st.DrawFn, number: int) -> Fact:
    kind = draw(st.sampled_from(_KINDS))
    more: dict[str, Any] = {}
    if kind in {FactKind.TRIGGER, FactKind.EXTENSION}:
        more["due"] = due(draw(_DAYS) + 100)
    if kind in {FactKind.PERFORMANCE, FactKind.RESTATEMENT, FactKind.MEASUREMENT}:
        more["quantity"] = Decimal(draw(st.integers(1, 20)))
    if kind is FactKind.DETERMINATION:
        more["verdict"] = draw(st.sampled_from(Verdict))
    day = draw(_DAYS)
    if kind in {FactKind.SUSPENSION, FactKind.VIOLATION}:
        more["until_at"] = START + timedelta(days=day + draw(_DAYS))
    return fact(kind, day, number, **more)


@given(
    kind=st.sampled_from(ObligationKind),
    target=st.sampled_from([None, Decimal(10)]),
    data=st.data(),
)
def test_no_sequence_of_accepted_facts_releases_anybody_before_a_performance(
    kind: ObligationKind, target: Decimal | None, data: st.DataObject
) -> None:
    """One person adds and retracts facts; each step is refused if it weakens the demand."""
    agreed = terms(kind=kind, target_quantity=target)
    known: list[Fact] = []
    for number in range(1, 8):
        step = data.draw(facts(number))
        retracts: bool = data.draw(st.booleans())
        if known and retracts:
            step = replace(
                fact(FactKind.RETRACTION, 1, number),
                supersedes=data.draw(st.sampled_from(known)).id,
            )
        if step.kind in EVERYDAY or (
            weakening(demand(agreed, known), demand(agreed, [*known, step])) is None
        ):
            known.append(step)
    unperformed = [each for each in known if each.kind not in {FactKind.PERFORMANCE}]
    final = demand(agreed, unperformed).timelines
    assert final is not None
    if kind is ObligationKind.ACHIEVE:
        assert_never_easier(project(agreed, []), final[1])


def assert_never_easier(before: Timeline, after: Timeline) -> None:
    """Check with other means than `weakening` that the deadline still becomes unmet in time."""
    deadline = START + timedelta(days=60)
    for timeline in (before, after):
        state = timeline.at(deadline)
        assert state is not None
        assert state.status in {Status.UNMET, Status.PARTLY_MET}
        assert not state.is_closed
    assert date(2026, 3, 2) == deadline.date()
