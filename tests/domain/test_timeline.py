"""What the course of a deadline is, given its terms and what has been recorded."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.domain.due_rules import Due
from compliance.domain.timeline import (
    BREACHED,
    CLOSED,
    BreachInterval,
    Fact,
    Terms,
    Timeline,
    project,
    standing,
)
from compliance.domain.vocabulary import BreachEnd, FactKind, Reason, Status
from tests.domain.courses import LAST_HOUR, due_at_hour, histories, hour, terms

DUE = due_at_hour(24)
WITH_GRACE = due_at_hour(24, grace=6)
TERMS = Terms(begins_at=hour(0), due=DUE)
TERMS_WITH_GRACE = Terms(begins_at=hour(0), due=WITH_GRACE)
MOMENT = timedelta(microseconds=1)
LATE = hour(LAST_HOUR)


def performance(at: datetime, **more: object) -> Fact:
    return Fact(id=1, kind=FactKind.PERFORMANCE, effective_at=at, **more)  # type: ignore[arg-type]


def statuses(timeline: Timeline) -> list[tuple[datetime, Status]]:
    return [(each.effective_at, each.status) for each in timeline.transitions]


def test_a_deadline_of_which_nothing_is_heard_is_unmet_from_the_due_instant() -> None:
    assert statuses(project(TERMS, [])) == [(hour(0), Status.PENDING), (hour(24), Status.UNMET)]


def test_the_due_instant_itself_is_too_late() -> None:
    on_time = project(TERMS, [performance(hour(24) - MOMENT)])
    late = project(TERMS, [performance(hour(24))])
    assert on_time.transitions[-1].status is Status.MET
    assert late.transitions[-1].status is Status.MET_LATE


def test_a_performance_on_the_due_day_is_on_time_whatever_the_hour() -> None:
    by_day = performance(hour(0), effective_on=DUE.due_on)
    assert project(TERMS, [by_day]).transitions[-1].status is Status.MET


def test_a_performance_by_day_on_the_day_after_is_late() -> None:
    by_day = performance(hour(24), effective_on=DUE.due_on + timedelta(days=1))
    assert project(TERMS, [by_day]).transitions[-1].status is Status.MET_LATE


def test_a_day_counts_as_on_time_even_where_the_due_hour_is_earlier_that_day() -> None:
    due = Due(due_on=date(2026, 1, 2), due_at=hour(24), unmet_at=hour(24), timezone="UTC")
    by_day = performance(hour(24), effective_on=date(2026, 1, 2))
    timeline = project(Terms(begins_at=hour(0), due=due), [by_day])
    assert timeline.transitions[-1].status is Status.MET
    assert timeline.breaches(LATE) == ()


def test_a_performance_within_the_grace_period_is_late_but_no_breach() -> None:
    timeline = project(TERMS_WITH_GRACE, [performance(hour(26))])
    assert statuses(timeline) == [
        (hour(0), Status.PENDING),
        (hour(24), Status.IN_GRACE),
        (hour(26), Status.MET_LATE),
    ]
    assert timeline.breaches(LATE) == ()


def test_a_performance_after_grace_ends_the_breach_but_keeps_it() -> None:
    timeline = project(TERMS_WITH_GRACE, [performance(hour(33))])
    assert timeline.breaches(LATE) == (
        BreachInterval(occurred_at=hour(30), ended_at=hour(33), end_reason=BreachEnd.PERFORMED),
    )


def test_a_breach_begins_when_the_grace_period_ends() -> None:
    assert project(TERMS_WITH_GRACE, []).breaches(hour(30)) == (
        BreachInterval(occurred_at=hour(30), ended_at=None, end_reason=None),
    )
    assert project(TERMS_WITH_GRACE, []).breaches(hour(30) - MOMENT) == ()


@pytest.mark.parametrize(
    ("kind", "status"),
    [(FactKind.WAIVER, Status.WAIVED), (FactKind.CANCELLATION, Status.CANCELLED)],
)
def test_what_forgives_before_the_due_instant_leaves_no_breach(
    kind: FactKind, status: Status
) -> None:
    timeline = project(TERMS, [Fact(id=1, kind=kind, effective_at=hour(23))])
    assert timeline.transitions[-1].status is status
    assert timeline.breaches(LATE) == ()


def test_a_waiver_after_the_due_instant_ends_the_breach_at_that_point() -> None:
    timeline = project(TERMS, [Fact(id=1, kind=FactKind.WAIVER, effective_at=hour(30))])
    [breach] = timeline.breaches(LATE)
    assert (breach.occurred_at, breach.ended_at) == (hour(24), hour(30))
    assert breach.end_reason is BreachEnd.WAIVED


def test_an_extension_before_the_due_instant_moves_it() -> None:
    longer = Fact(
        id=1, kind=FactKind.EXTENSION, effective_at=hour(20), due=due_at_hour(36, grace=2)
    )
    assert statuses(project(TERMS, [longer])) == [
        (hour(0), Status.PENDING),
        (hour(20), Status.PENDING),
        (hour(36), Status.IN_GRACE),
        (hour(38), Status.UNMET),
    ]


def test_an_extension_after_the_due_instant_ends_the_breach_and_a_second_one_can_follow() -> None:
    longer = Fact(id=1, kind=FactKind.EXTENSION, effective_at=hour(26), due=due_at_hour(30))
    first, second = project(TERMS, [longer]).breaches(LATE)
    assert (first.occurred_at, first.ended_at) == (hour(24), hour(26))
    assert first.end_reason is BreachEnd.EXTENDED
    assert (second.occurred_at, second.ended_at) == (hour(30), None)


def test_an_extension_to_an_instant_already_past_forgives_nothing() -> None:
    shorter = Fact(id=1, kind=FactKind.EXTENSION, effective_at=hour(30), due=due_at_hour(28))
    assert project(TERMS, [shorter]).breaches(LATE) == (
        BreachInterval(occurred_at=hour(24), ended_at=None, end_reason=None),
    )


def test_quantities_add_up_to_the_target() -> None:
    target = Terms(begins_at=hour(0), due=DUE, target_quantity=Decimal(100))
    parts = [
        Fact(id=1, kind=FactKind.PERFORMANCE, effective_at=hour(5), quantity=Decimal(60)),
        Fact(id=2, kind=FactKind.PERFORMANCE, effective_at=hour(9), quantity=Decimal(40)),
    ]
    assert project(target, parts[:1]).at(hour(24)).status is Status.PARTLY_MET  # type: ignore[union-attr]
    assert project(target, parts).at(hour(24)).status is Status.MET  # type: ignore[union-attr]


def test_something_delivered_after_the_due_instant_is_still_the_same_breach() -> None:
    target = Terms(begins_at=hour(0), due=DUE, target_quantity=Decimal(100))
    parts = [
        Fact(id=1, kind=FactKind.PERFORMANCE, effective_at=hour(26), quantity=Decimal(60)),
        Fact(id=2, kind=FactKind.PERFORMANCE, effective_at=hour(30), quantity=Decimal(40)),
    ]
    timeline = project(target, parts)
    assert [status for _, status in statuses(timeline)][1:] == [
        Status.UNMET,
        Status.PARTLY_MET,
        Status.MET_LATE,
    ]
    [breach] = timeline.breaches(LATE)
    assert (breach.occurred_at, breach.ended_at) == (hour(24), hour(30))


def test_what_comes_after_the_end_changes_nothing() -> None:
    done = performance(hour(10))
    afterwards = Fact(id=2, kind=FactKind.WAIVER, effective_at=hour(12))
    assert project(TERMS, [done, afterwards]) == project(TERMS, [done])


def test_a_superseding_fact_replaces_the_one_before_it() -> None:
    wrong = performance(hour(10))
    right = Fact(id=2, kind=FactKind.PERFORMANCE, effective_at=hour(30), supersedes=1)
    timeline = project(TERMS, [wrong, right])
    assert timeline.transitions[-1].status is Status.MET_LATE
    assert timeline.transitions[-1].fact_id == 2


def test_status_since_is_the_first_instant_of_the_status_not_of_the_last_change() -> None:
    longer = Fact(id=1, kind=FactKind.EXTENSION, effective_at=hour(20), due=due_at_hour(36))
    timeline = project(TERMS, [longer])
    assert timeline.status_since(hour(25)) == hour(0)
    assert timeline.status_since(hour(36)) == hour(36)


def test_before_the_deadline_exists_it_has_no_status() -> None:
    assert project(TERMS, []).at(hour(0) - MOMENT) is None


def test_the_reason_tells_whether_grace_was_given() -> None:
    assert project(TERMS, []).transitions[-1].reason is Reason.DUE_PASSED
    assert project(TERMS_WITH_GRACE, []).transitions[-1].reason is Reason.GRACE_ENDED


def test_the_founding_case_is_unmet_from_the_end_of_the_day_in_beijing() -> None:
    due_at = datetime(2025, 5, 14, 16, tzinfo=UTC)
    due = Due(due_on=date(2025, 5, 14), due_at=due_at, unmet_at=due_at, timezone="Asia/Shanghai")
    timeline = project(Terms(begins_at=datetime(2025, 5, 11, 16, tzinfo=UTC), due=due), [])
    assert timeline.at(datetime(2025, 5, 14, 12, tzinfo=UTC)).status is Status.PENDING  # type: ignore[union-attr]
    assert timeline.breaches(datetime(2026, 1, 1, tzinfo=UTC))[0].occurred_at == due_at


# What follows holds for every course.


def status_by_reading_the_rules(
    agreed: Terms, facts: list[Fact], instant: datetime
) -> Status | None:
    """The rules of the design read slowly, instant by instant, without a state machine.

    An independent oracle: it asks of one instant what has happened by then, from scratch.
    """
    if instant < agreed.begins_at:
        return None
    by_id = {fact.id: fact for fact in facts}

    def stands(fact: Fact) -> bool:
        return not any(each.supersedes == fact.id and stands(each) for each in by_id.values())

    order = {
        FactKind.EXTENSION: 0,
        FactKind.PERFORMANCE: 1,
        FactKind.WAIVER: 2,
        FactKind.CANCELLATION: 3,
    }
    happened = sorted(
        (
            (max(fact.effective_at, agreed.begins_at), fact)
            for fact in facts
            if stands(fact) and fact.kind is not FactKind.RETRACTION
        ),
        key=lambda pair: (
            pair[1].effective_at,
            order[pair[1].kind],
            pair[1].due.due_at if pair[1].due else pair[1].effective_at,
            pair[1].quantity or Decimal(0),
            pair[1].id,
        ),
    )
    due = agreed.due
    total = Decimal(0)
    for at, fact in happened:
        # Known by its day alone, and that the day after: it was late, by however little.
        is_next_day = (
            fact.effective_on is not None and at == due.unmet_at and fact.effective_on > due.due_on
        )
        if at > instant or (is_next_day and at == instant):
            break
        if fact.kind is FactKind.EXTENSION and fact.due is not None:
            due = fact.due
        elif fact.kind is FactKind.WAIVER:
            return Status.WAIVED
        elif fact.kind is FactKind.CANCELLATION:
            return Status.CANCELLED
        else:
            total += fact.quantity or Decimal(0)
            target = agreed.target_quantity
            if fact.quantity is None or target is None or total >= target:
                if fact.effective_on is not None:
                    on_time = fact.effective_on <= due.due_on
                else:
                    on_time = fact.effective_at < due.due_at
                return Status.MET if on_time else Status.MET_LATE
    if instant < due.due_at:
        return Status.PENDING
    if instant < due.unmet_at:
        return Status.IN_GRACE
    return Status.PARTLY_MET if total else Status.UNMET


@given(terms(), histories())
@settings(deadline=None, max_examples=600)
def test_at_every_instant_the_status_is_what_the_rules_say(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    facts = [fact for fact, _ in history]
    timeline = project(agreed, facts)
    for number in range(-1, 2 * LAST_HOUR + 1):
        instant = hour(0) + timedelta(minutes=30 * number)
        found = timeline.at(instant)
        expected = status_by_reading_the_rules(agreed, facts, instant)
        assert (found.status if found else None) == expected, instant


@given(terms(), histories(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=200)
def test_the_order_in_which_facts_are_given_does_not_matter(
    agreed: Terms, history: list[tuple[Fact, datetime]], shuffler: random.Random
) -> None:
    facts = [fact for fact, _ in history]
    shuffled = list(facts)
    shuffler.shuffle(shuffled)
    assert project(agreed, shuffled) == project(agreed, facts)


@given(terms(), histories())
@settings(deadline=None, max_examples=300)
def test_a_course_runs_forward_and_ends_closed_or_unmet(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    timeline = project(agreed, [fact for fact, _ in history])
    instants = [each.effective_at for each in timeline.transitions]
    assert instants == sorted(set(instants))
    assert timeline.transitions[-1].status in CLOSED | BREACHED
    for earlier in timeline.transitions[:-1]:
        assert earlier.status not in CLOSED
    for breach in timeline.breaches(LATE + timedelta(days=10)):
        assert breach.ended_at is None or breach.occurred_at < breach.ended_at
        assert breach.occurred_at >= agreed.begins_at


@given(terms(), histories())
@settings(deadline=None, max_examples=300)
def test_retracting_a_fact_gives_the_course_in_which_it_had_never_been(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    facts = [fact for fact, _ in history]
    for fact in standing(facts):
        if any(each.supersedes == fact.id for each in facts):
            continue
        retraction = Fact(
            id=99,
            kind=FactKind.RETRACTION,
            effective_at=fact.effective_at,
            supersedes=fact.id,
        )
        without = [each for each in facts if each.id != fact.id]
        assert project(agreed, [*facts, retraction]) == project(agreed, without)


@given(terms(), histories(), st.integers(-1, LAST_HOUR))
@settings(deadline=None, max_examples=300)
def test_nothing_changes_between_now_and_the_next_change(
    agreed: Terms, history: list[tuple[Fact, datetime]], number: int
) -> None:
    timeline = project(agreed, [fact for fact, _ in history])
    now = hour(number)
    following = timeline.next_after(now)
    if following is None:
        assert timeline.at(now) == timeline.transitions[-1]
    else:
        assert following > now
        assert timeline.at(following - MOMENT) == timeline.at(now)
        assert timeline.at(following) != timeline.at(now)
