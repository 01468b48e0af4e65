"""The timeline of a deadline, given its terms and the facts recorded about it."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.deadlines.facts import Fact, effective_facts
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Move, Terms
from compliance.domain.deadlines.timeline import (
    BREACHED,
    CLOSED,
    BreachInterval,
    Timeline,
    Transition,
    is_ambiguous,
)
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import (
    BreachEnd,
    FactKind,
    ObligationKind,
    Reason,
    Status,
    Verdict,
)
from tests.domain.strategies import (
    DATING,
    LAST_HOUR,
    achieved,
    due_at_hour,
    histories,
    hour,
    kept,
    terms,
)

DUE = due_at_hour(24)
WITH_GRACE = due_at_hour(24, grace=6)
TERMS = Terms(begins_at=hour(0), due=DUE)
TERMS_WITH_GRACE = Terms(begins_at=hour(0), due=WITH_GRACE)
MOMENT = timedelta(microseconds=1)
LATE = hour(LAST_HOUR)
WINDOW = Terms(begins_at=hour(0), due=due_at_hour(24, grace=6, window=4))
DORMANT = Terms(begins_at=hour(0), due=None)
KEPT = Terms(begins_at=hour(0), due=DUE, kind=ObligationKind.MAINTAIN, starts_at=hour(6))
ENDLESS = Terms(begins_at=hour(0), due=None, kind=ObligationKind.REFRAIN, is_endless=True)
WITHOUT_END = {Status.DORMANT, Status.SUSPENDED, Status.HOLDING}
LOT = Terms(begins_at=hour(0), due=DUE, target_quantity=Decimal(100))


def performance(at: datetime, **more: object) -> Fact:
    return Fact(id=1, kind=FactKind.PERFORMANCE, effective_at=at, **more)  # type: ignore[arg-type]


def fact(kind: FactKind, at: int, until: int | None = None, **more: object) -> Fact:
    """A fact in the hours of the small world."""
    more.setdefault("id", 1)
    more.setdefault("until_at", None if until is None else hour(until))
    return Fact(kind=kind, effective_at=hour(at), **more)  # type: ignore[arg-type]


def suspension(at: int, until: int | None = None, **more: object) -> Fact:
    return fact(FactKind.SUSPENSION, at, until, **more)


def violation(at: int, until: int | None = None, **more: object) -> Fact:
    return fact(FactKind.VIOLATION, at, until, **more)


def reasons(timeline: Timeline) -> list[tuple[datetime, Status, Reason]]:
    return [(each.effective_at, each.status, each.reason) for each in timeline.transitions]


def end_of(timeline: Timeline) -> Transition:
    return timeline.transitions[-1]


def due_at_end(timeline: Timeline) -> datetime:
    due = end_of(timeline).due
    assert due is not None
    return due.due_at


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


# Dormancy, triggers and what moves with its anchor.


def test_without_a_due_date_a_deadline_is_dormant_and_stays_so() -> None:
    assert reasons(project(DORMANT, [])) == [(hour(0), Status.DORMANT, Reason.AGREED)]


def test_a_trigger_wakes_a_dormant_deadline() -> None:
    trigger = fact(FactKind.TRIGGER, 10, due=DUE)
    assert reasons(project(DORMANT, [trigger])) == [
        (hour(0), Status.DORMANT, Reason.AGREED),
        (hour(10), Status.PENDING, Reason.TRIGGERED),
        (hour(24), Status.UNMET, Reason.DUE_PASSED),
    ]


def test_a_deadline_that_is_woken_too_late_is_unmet_from_then() -> None:
    trigger = fact(FactKind.TRIGGER, 30, due=DUE)
    assert statuses(project(DORMANT, [trigger]))[1:] == [(hour(30), Status.UNMET)]


def test_a_deadline_woken_within_its_grace_period_is_in_grace() -> None:
    trigger = fact(FactKind.TRIGGER, 26, due=WITH_GRACE)
    assert statuses(project(DORMANT, [trigger]))[1:] == [
        (hour(26), Status.IN_GRACE),
        (hour(30), Status.UNMET),
    ]


def test_an_event_wakes_and_its_correction_puts_to_sleep() -> None:
    moves = (
        Move(at=hour(5), due=DUE, reason=Reason.TRIGGERED),
        Move(at=hour(26), due=None, reason=Reason.RESCHEDULED),
    )
    timeline = project(Terms(begins_at=hour(0), due=None, moves=moves), [])
    assert statuses(timeline) == [
        (hour(0), Status.DORMANT),
        (hour(5), Status.PENDING),
        (hour(24), Status.UNMET),
        (hour(26), Status.DORMANT),
    ]
    assert timeline.breaches(LATE)[0].end_reason is BreachEnd.RESCHEDULED


def test_a_recorded_trigger_wins_over_an_event_at_the_same_instant() -> None:
    moves = (Move(at=hour(5), due=DUE, reason=Reason.TRIGGERED),)
    timeline = project(
        Terms(begins_at=hour(0), due=None, moves=moves),
        [fact(FactKind.TRIGGER, 5, due=due_at_hour(30))],
    )
    assert due_at_end(timeline) == hour(30)


def test_an_extended_anchor_moves_the_due_date_with_it_and_ends_a_breach() -> None:
    moves = (Move(at=hour(26), due=due_at_hour(30), reason=Reason.RESCHEDULED),)
    timeline = project(Terms(begins_at=hour(0), due=DUE, moves=moves), [])
    first, second = timeline.breaches(LATE)
    assert (first.occurred_at, first.ended_at) == (hour(24), hour(26))
    assert first.end_reason is BreachEnd.RESCHEDULED
    assert second.occurred_at == hour(30)


def test_a_move_to_where_it_already_was_is_no_change() -> None:
    moved = Move(at=hour(5), due=due_at_hour(30), reason=Reason.RESCHEDULED)
    again = Move(at=hour(6), due=due_at_hour(30), reason=Reason.RESCHEDULED)
    once, twice = (
        project(Terms(begins_at=hour(0), due=DUE, moves=moves), [])
        for moves in ((moved,), (moved, again))
    )
    assert once == twice


def test_what_is_done_while_dormant_is_done_on_time() -> None:
    assert end_of(project(DORMANT, [performance(hour(30))])).status is Status.MET


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FactKind.WAIVER, Status.WAIVED),
        (FactKind.CANCELLATION, Status.CANCELLED),
        (FactKind.TERMINATION, Status.CANCELLED),
    ],
)
def test_a_dormant_deadline_can_be_closed(kind: FactKind, status: Status) -> None:
    assert end_of(project(DORMANT, [fact(kind, 9)])).status is status


def test_a_dormant_deadline_is_dormant_again_after_a_suspension() -> None:
    assert reasons(project(DORMANT, [suspension(5, 9)])) == [
        (hour(0), Status.DORMANT, Reason.AGREED),
        (hour(5), Status.SUSPENDED, Reason.SUSPENDED),
        (hour(9), Status.DORMANT, Reason.RESUMED),
    ]


def test_a_withdrawn_deadline_never_was_whatever_was_recorded() -> None:
    withdrawn = Terms(begins_at=hour(0), due=DUE, is_withdrawn=True)
    assert reasons(project(withdrawn, [performance(hour(3))])) == [
        (hour(0), Status.CANCELLED, Reason.WITHDRAWN)
    ]


# The window in which the due day has ended for one and not for another.


def test_a_window_is_known_when_it_begins_and_late_is_only_what_is_late_for_all() -> None:
    assert reasons(project(WINDOW, [])) == [
        (hour(0), Status.PENDING, Reason.AGREED),
        (hour(20), Status.PENDING, Reason.WINDOW_BEGAN),
        (hour(24), Status.IN_GRACE, Reason.DUE_PASSED),
        (hour(30), Status.UNMET, Reason.GRACE_ENDED),
    ]


@pytest.mark.parametrize(
    ("at", "status", "reason"),
    [
        (hour(20) - MOMENT, Status.MET, Reason.PERFORMED),
        (hour(20), Status.MET, Reason.PERFORMED_IN_WINDOW),
        (hour(24) - MOMENT, Status.MET, Reason.PERFORMED_IN_WINDOW),
        (hour(24), Status.MET_LATE, Reason.PERFORMED),
    ],
)
def test_a_performance_within_the_window_is_met_and_says_that_it_is_open_to_dispute(
    at: datetime, status: Status, reason: Reason
) -> None:
    end = end_of(project(WINDOW, [performance(at)]))
    assert (end.status, end.reason) == (status, reason)
    assert end.is_ambiguous is is_ambiguous(reason) is (reason is Reason.PERFORMED_IN_WINDOW)


def test_a_performance_by_day_on_the_due_day_is_met_beyond_dispute() -> None:
    end = end_of(project(WINDOW, [performance(hour(0), effective_on=date(2026, 1, 1))]))
    assert (end.status, end.reason) == (Status.MET, Reason.PERFORMED)


def test_what_is_recorded_within_the_window_leaves_the_answer_open() -> None:
    parts = [fact(FactKind.PERFORMANCE, 21, quantity=Decimal(4))]
    lot = Terms(begins_at=hour(0), due=WINDOW.due, target_quantity=Decimal(10))
    timeline = project(lot, parts)
    assert [each.is_ambiguous for each in timeline.transitions] == [False, True, True, False, False]


# Suspensions.


def test_a_suspension_hides_the_status_and_the_due_date_passes_all_the_same() -> None:
    timeline = project(TERMS, [suspension(20, 30)])
    assert reasons(timeline) == [
        (hour(0), Status.PENDING, Reason.AGREED),
        (hour(20), Status.SUSPENDED, Reason.SUSPENDED),
        (hour(30), Status.UNMET, Reason.RESUMED),
    ]


def test_a_suspension_that_tolls_moves_the_due_date_by_its_length() -> None:
    timeline = project(TERMS_WITH_GRACE, [suspension(20, 30, tolls=True)])
    assert statuses(timeline)[1:] == [
        (hour(20), Status.SUSPENDED),
        (hour(30), Status.PENDING),
        (hour(34), Status.IN_GRACE),
        (hour(40), Status.UNMET),
    ]


def test_a_suspension_that_begins_at_the_due_instant_no_longer_moves_it() -> None:
    timeline = project(TERMS, [suspension(24, 30, tolls=True)])
    assert due_at_end(timeline) == hour(24)
    assert statuses(timeline)[-1] == (hour(30), Status.UNMET)


def test_a_suspension_that_begins_in_the_grace_period_moves_only_its_end() -> None:
    timeline = project(TERMS_WITH_GRACE, [suspension(26, 30, tolls=True)])
    assert due_at_end(timeline) == hour(24)
    assert statuses(timeline)[-2:] == [(hour(30), Status.IN_GRACE), (hour(34), Status.UNMET)]


def test_a_suspension_that_begins_in_the_window_moves_only_its_end() -> None:
    due = end_of(project(WINDOW, [suspension(22, 30, tolls=True)])).due
    assert due is not None
    assert (due.earliest_due_at, due.due_at, due.unmet_at) == (hour(20), hour(32), hour(38))


def test_suspensions_that_overlap_stop_the_clock_once() -> None:
    both = [suspension(10, 16, tolls=True), suspension(14, 20, id=2, tolls=True)]
    assert due_at_end(project(TERMS, both)) == hour(34)
    assert statuses(project(TERMS, both))[1:3] == [
        (hour(10), Status.SUSPENDED),
        (hour(14), Status.SUSPENDED),
    ]
    assert statuses(project(TERMS, both))[3] == (hour(20), Status.PENDING)


def test_a_suspension_within_another_tells_nothing_new() -> None:
    outer, inner = suspension(10, 20), suspension(12, 14, id=2)
    assert project(TERMS, [outer, inner]) == project(TERMS, [outer])


def test_the_status_returns_only_when_the_last_suspension_ends() -> None:
    timeline = project(TERMS, [suspension(10, 16), suspension(14, 20, id=2)])
    assert statuses(timeline)[-2:] == [(hour(20), Status.PENDING), (hour(24), Status.UNMET)]


def test_a_suspension_until_further_notice_does_not_end() -> None:
    assert statuses(project(TERMS, [suspension(10)]))[-1] == (hour(10), Status.SUSPENDED)


def test_a_suspension_ends_a_breach_and_another_begins_after_it() -> None:
    first, second = project(TERMS, [suspension(26, 30)]).breaches(LATE)
    assert (first.ended_at, first.end_reason) == (hour(26), BreachEnd.SUSPENDED)
    assert (second.occurred_at, second.ended_at) == (hour(30), None)


def test_a_breach_stays_ended_by_the_suspension_where_a_part_is_delivered_with_it() -> None:
    part = fact(FactKind.PERFORMANCE, 26, id=2, quantity=Decimal(4))
    [breach] = project(LOT, [suspension(26), part]).breaches(LATE)
    assert breach.end_reason is BreachEnd.SUSPENDED


def test_a_breach_stays_ended_by_the_extension_where_a_part_is_delivered_with_it() -> None:
    extension = fact(FactKind.EXTENSION, 26, due=due_at_hour(36))
    part = fact(FactKind.PERFORMANCE, 26, id=2, quantity=Decimal(4))
    first, _ = project(LOT, [extension, part]).breaches(LATE)
    assert first.end_reason is BreachEnd.EXTENDED


@pytest.mark.parametrize(
    ("stopped", "at", "status"),
    [
        (suspension(20, id=2), 23, Status.MET),
        (suspension(20, id=2), 30, Status.MET_LATE),
        (suspension(20, id=2, tolls=True), 30, Status.MET),
        (suspension(24, id=2, tolls=True), 30, Status.MET_LATE),
    ],
)
def test_a_performance_while_suspended_is_on_time_where_the_clock_stopped_in_time(
    stopped: Fact, at: int, status: Status
) -> None:
    assert end_of(project(TERMS, [stopped, performance(hour(at))])).status is status


def test_an_extension_while_suspended_replaces_the_due_date_and_the_suspension_goes_on() -> None:
    extension = fact(FactKind.EXTENSION, 22, id=2, due=due_at_hour(36))
    timeline = project(TERMS, [suspension(20, 30, tolls=True), extension])
    assert timeline.at(hour(25)).status is Status.SUSPENDED  # type: ignore[union-attr]
    assert statuses(timeline)[-2:] == [(hour(30), Status.PENDING), (hour(36), Status.UNMET)]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FactKind.PERFORMANCE, Status.MET),
        (FactKind.WAIVER, Status.WAIVED),
        (FactKind.CANCELLATION, Status.CANCELLED),
        (FactKind.TERMINATION, Status.CANCELLED),
    ],
)
def test_a_suspended_deadline_can_be_closed(kind: FactKind, status: Status) -> None:
    timeline = project(TERMS, [suspension(10, 20), fact(kind, 12, id=2)])
    assert statuses(timeline)[-1] == (hour(12), status)


def test_days_of_suspension_move_a_day_by_days_across_a_change_of_clocks() -> None:
    # Clocks in Berlin go forward on 29 March 2026: that day has 23 hours.
    due_at = datetime(2026, 3, 28, 23, tzinfo=UTC)
    due = Due(due_on=date(2026, 3, 28), due_at=due_at, unmet_at=due_at, timezone="Europe/Berlin")
    stopped = Fact(
        id=1,
        kind=FactKind.SUSPENSION,
        effective_at=datetime(2026, 3, 9, 23, tzinfo=UTC),
        effective_on=date(2026, 3, 10),
        until_at=datetime(2026, 3, 12, 23, tzinfo=UTC),
        until_on=date(2026, 3, 12),
        tolls=True,
    )
    agreed = Terms(begins_at=datetime(2026, 3, 1, tzinfo=UTC), due=due)
    moved = end_of(project(agreed, [stopped]))
    assert moved.due is not None
    assert moved.due.due_on == date(2026, 3, 31)
    assert moved.due.due_at == datetime(2026, 3, 31, 22, tzinfo=UTC)


def test_days_of_suspension_keep_the_hour_at_which_something_is_due() -> None:
    at = datetime(2026, 3, 28, 16, tzinfo=UTC)
    due = Due(due_on=date(2026, 3, 28), due_at=at, unmet_at=at, timezone="Europe/Berlin")
    stopped = Fact(
        id=1,
        kind=FactKind.SUSPENSION,
        effective_at=datetime(2026, 3, 9, 23, tzinfo=UTC),
        effective_on=date(2026, 3, 10),
        until_at=datetime(2026, 3, 11, 23, tzinfo=UTC),
        until_on=date(2026, 3, 11),
        tolls=True,
    )
    agreed = Terms(begins_at=datetime(2026, 3, 1, tzinfo=UTC), due=due)
    moved = end_of(project(agreed, [stopped]))
    assert moved.due is not None
    assert moved.due.due_on == date(2026, 3, 30)
    assert moved.due.due_at == datetime(2026, 3, 30, 15, tzinfo=UTC)


# Termination of the agreement.


def test_the_end_of_the_agreement_closes_a_breach_as_unmet() -> None:
    timeline = project(TERMS, [fact(FactKind.TERMINATION, 26, is_of_agreement=True)])
    assert reasons(timeline)[-1] == (hour(26), Status.UNMET, Reason.TERMINATED)
    assert end_of(timeline).is_closed
    assert timeline.breaches(LATE) == (BreachInterval(hour(24), hour(26), BreachEnd.TERMINATED),)


def test_the_end_of_the_agreement_cancels_what_is_not_due_yet() -> None:
    timeline = project(TERMS, [fact(FactKind.TERMINATION, 20, is_of_agreement=True)])
    assert reasons(timeline)[-1] == (hour(20), Status.CANCELLED, Reason.TERMINATED)
    assert timeline.breaches(LATE) == ()


def test_a_grace_period_runs_to_its_end_after_the_agreement_has_ended() -> None:
    terms = TERMS._replace(due=due_at_hour(24, grace=10))
    ended = fact(FactKind.TERMINATION, 26, is_of_agreement=True)
    assert reasons(project(terms, [ended]))[-2:] == [
        (hour(24), Status.IN_GRACE, Reason.DUE_PASSED),
        (hour(34), Status.UNMET, Reason.TERMINATED),
    ]
    done = project(terms, [ended, fact(FactKind.PERFORMANCE, 30, id=2)])
    assert end_of(done).status is Status.MET_LATE
    assert done.breaches(LATE) == ()


def test_an_agreement_that_expires_when_something_is_due_leaves_it_unmet() -> None:
    timeline = project(TERMS._replace(expires_at=hour(24)), [])
    assert reasons(timeline)[-1] == (hour(24), Status.UNMET, Reason.EXPIRED)
    assert timeline.breaches(LATE) == (BreachInterval(hour(24), hour(24), BreachEnd.EXPIRED),)


@given(achieved)
def test_a_deadline_without_facts_is_like_one_whose_only_fact_was_retracted(terms: Terms) -> None:
    recorded = performance(hour(1))
    retraction = fact(FactKind.RETRACTION, 1, id=2, supersedes=1)
    assert project(terms, []) == project(terms, [recorded, retraction])


def test_an_agreement_that_expires_cancels_what_is_due_later() -> None:
    timeline = project(TERMS._replace(expires_at=hour(23)), [])
    assert reasons(timeline)[-1] == (hour(23), Status.CANCELLED, Reason.EXPIRED)


def test_a_duty_without_an_end_is_met_when_its_agreement_expires() -> None:
    agreed = ENDLESS._replace(expires_at=hour(30))
    assert reasons(project(agreed, []))[-1] == (hour(30), Status.MET, Reason.PERIOD_ENDED)
    violated = project(agreed, [violation(10)])
    assert reasons(violated)[-1] == (hour(30), Status.UNMET, Reason.EXPIRED)
    suspended = project(agreed, [suspension(10)])
    assert reasons(suspended)[-1] == (hour(30), Status.MET, Reason.PERIOD_ENDED)


def test_a_performance_after_the_agreement_expired_changes_nothing() -> None:
    agreed = TERMS._replace(expires_at=hour(30))
    assert project(agreed, [fact(FactKind.PERFORMANCE, 31)]) == project(agreed, [])


# Postponed without a date, and replaced.


def test_an_extension_without_a_date_leaves_the_deadline_dormant_until_one_is_set() -> None:
    postponed = fact(FactKind.EXTENSION, 20)
    assert reasons(project(TERMS, [postponed]))[-1] == (
        hour(20), Status.DORMANT, Reason.POSTPONED,
    )  # fmt: skip
    dated = fact(FactKind.EXTENSION, 30, due=due_at_hour(36), id=2)
    assert reasons(project(TERMS, [postponed, dated]))[-2:] == [
        (hour(30), Status.PENDING, Reason.EXTENDED),
        (hour(36), Status.UNMET, Reason.DUE_PASSED),
    ]


def test_a_breach_ends_when_the_deadline_is_postponed() -> None:
    timeline = project(TERMS, [fact(FactKind.EXTENSION, 26)])
    assert timeline.breaches(LATE) == (BreachInterval(hour(24), hour(26), BreachEnd.POSTPONED),)


@pytest.mark.parametrize("at", [10, 26])
def test_a_deadline_that_is_replaced_is_superseded(at: int) -> None:
    timeline = project(
        TERMS, [fact(FactKind.REPLACEMENT, at), fact(FactKind.PERFORMANCE, 30, id=2)]
    )
    assert reasons(timeline)[-1] == (hour(at), Status.SUPERSEDED, Reason.REPLACED)
    assert [each.end_reason for each in timeline.breaches(LATE)] == [BreachEnd.REPLACED][: at > 24]


# What is to be maintained, or refrained from, during a period.


def test_a_period_without_a_violation_is_met_when_it_ends() -> None:
    assert reasons(project(KEPT, [])) == [
        (hour(0), Status.PENDING, Reason.AGREED),
        (hour(6), Status.HOLDING, Reason.PERIOD_BEGAN),
        (hour(24), Status.MET, Reason.PERIOD_ENDED),
    ]


def test_an_endless_period_holds_from_its_beginning() -> None:
    assert reasons(project(ENDLESS, [])) == [(hour(0), Status.HOLDING, Reason.PERIOD_BEGAN)]


def test_a_violation_that_is_cured_leaves_the_period_met_late() -> None:
    timeline = project(KEPT, [violation(10, 14)])
    assert reasons(timeline)[2:] == [
        (hour(10), Status.UNMET, Reason.VIOLATED),
        (hour(14), Status.HOLDING, Reason.CURED),
        (hour(24), Status.MET_LATE, Reason.PERIOD_ENDED),
    ]
    assert timeline.breaches(LATE) == (
        BreachInterval(occurred_at=hour(10), ended_at=hour(14), end_reason=BreachEnd.CURED),
    )


def test_violations_that_overlap_are_one_breach() -> None:
    timeline = project(KEPT, [violation(10, 14), violation(12, 18, id=2)])
    [breach] = timeline.breaches(LATE)
    assert (breach.occurred_at, breach.ended_at) == (hour(10), hour(18))


def test_a_violation_counts_from_the_beginning_of_the_period() -> None:
    [breach] = project(KEPT, [violation(2, 10)]).breaches(LATE)
    assert (breach.occurred_at, breach.ended_at) == (hour(6), hour(10))
    assert end_of(project(KEPT, [violation(2, 6)])).status is Status.MET


def test_a_violation_at_the_end_of_the_period_does_not_count() -> None:
    assert project(KEPT, [violation(24)]) == project(KEPT, [])


def test_a_violation_still_running_at_the_end_stays_a_breach_until_it_is_cured() -> None:
    assert statuses(project(KEPT, [violation(20)]))[-1] == (hour(20), Status.UNMET)
    assert reasons(project(KEPT, [violation(20, 30)]))[-2:] == [
        (hour(20), Status.UNMET, Reason.VIOLATED),
        (hour(30), Status.MET_LATE, Reason.CURED),
    ]


def test_a_violation_cured_as_the_period_ends_is_a_breach_that_was_cured() -> None:
    timeline = project(KEPT, [violation(20, 24)])
    assert reasons(timeline)[-1] == (hour(24), Status.MET_LATE, Reason.CURED)
    assert timeline.breaches(LATE)[0].end_reason is BreachEnd.CURED


def test_a_violation_while_suspended_does_not_count() -> None:
    timeline = project(KEPT, [suspension(8, 16), violation(10, 14, id=2)])
    assert reasons(timeline)[2:] == [
        (hour(8), Status.SUSPENDED, Reason.SUSPENDED),
        (hour(16), Status.HOLDING, Reason.RESUMED),
        (hour(24), Status.MET, Reason.PERIOD_ENDED),
    ]


def test_a_violation_that_outlasts_the_suspension_counts_from_its_end() -> None:
    timeline = project(KEPT, [suspension(8, 16), violation(10, id=2)])
    assert reasons(timeline)[-1] == (hour(16), Status.UNMET, Reason.RESUMED)


def test_a_violation_that_one_suspension_after_another_covers_never_counts() -> None:
    covered = [suspension(8, 12), suspension(12, 26, id=2), violation(10, 30, id=3)]
    assert reasons(project(KEPT, covered))[-1] == (hour(26), Status.MET, Reason.PERIOD_ENDED)


def test_a_period_that_ends_while_suspended_is_met_when_the_suspension_ends() -> None:
    timeline = project(KEPT, [suspension(20, 30)])
    assert reasons(timeline)[-1] == (hour(30), Status.MET, Reason.PERIOD_ENDED)


def test_a_suspension_that_tolls_moves_the_end_of_a_period() -> None:
    timeline = project(KEPT, [suspension(20, 30, tolls=True)])
    assert reasons(timeline)[-1] == (hour(34), Status.MET, Reason.PERIOD_ENDED)


def test_an_extension_moves_the_end_of_a_period_and_excuses_no_violation() -> None:
    extension = fact(FactKind.EXTENSION, 12, id=2, due=due_at_hour(36))
    assert statuses(project(KEPT, [extension]))[-1] == (hour(36), Status.MET)
    [breach] = project(KEPT, [violation(10, 14), extension]).breaches(LATE)
    assert (breach.occurred_at, breach.ended_at) == (hour(10), hour(14))


def test_a_dormant_period_begins_with_its_trigger() -> None:
    dormant = Terms(begins_at=hour(0), due=None, kind=ObligationKind.REFRAIN)
    timeline = project(dormant, [fact(FactKind.TRIGGER, 8, due=DUE)])
    assert reasons(timeline) == [
        (hour(0), Status.DORMANT, Reason.AGREED),
        (hour(8), Status.HOLDING, Reason.TRIGGERED),
        (hour(24), Status.MET, Reason.PERIOD_ENDED),
    ]


@pytest.mark.parametrize("kind", [FactKind.WAIVER, FactKind.CANCELLATION, FactKind.TERMINATION])
def test_a_running_violation_ends_as_a_breach_when_the_duty_does(kind: FactKind) -> None:
    timeline = project(ENDLESS, [violation(10), fact(kind, 20, id=2)])
    assert timeline.transitions[-1].is_closed
    [breach] = timeline.breaches(LATE)
    assert (breach.occurred_at, breach.ended_at) == (hour(10), hour(20))


def test_a_performance_means_nothing_where_something_is_to_be_kept() -> None:
    assert project(KEPT, [performance(hour(10))]) == project(KEPT, [])


def test_a_violation_means_nothing_where_something_is_to_be_achieved() -> None:
    assert project(TERMS, [violation(10)]) == project(TERMS, [])


# Targets.


def test_each_transition_carries_the_quantity_so_far_and_the_target_then() -> None:
    history = [
        fact(FactKind.PERFORMANCE, 5, quantity=Decimal(60)),
        fact(FactKind.RESTATEMENT, 7, id=2, quantity=Decimal(120)),
        fact(FactKind.PERFORMANCE, 9, id=3, quantity=Decimal(60)),
    ]
    timeline = project(LOT, history)
    assert [(each.performed, each.target, each.status) for each in timeline.transitions] == [
        (Decimal(0), Decimal(100), Status.PENDING),
        (Decimal(60), Decimal(100), Status.PENDING),
        (Decimal(60), Decimal(120), Status.PENDING),
        (Decimal(120), Decimal(120), Status.MET),
    ]


@pytest.mark.parametrize(("at", "status"), [(23, Status.MET), (24, Status.MET_LATE)])
def test_a_target_lowered_to_what_was_performed_is_met_then(at: int, status: Status) -> None:
    part = fact(FactKind.PERFORMANCE, 5, quantity=Decimal(60))
    lower = fact(FactKind.RESTATEMENT, at, id=2, quantity=Decimal(60))
    end = end_of(project(LOT, [part, lower]))
    assert (end.effective_at, end.status) == (hour(at), status)
    assert end.reason is Reason.TARGET_RESTATED


def test_a_target_restated_within_a_breach_is_the_same_breach() -> None:
    part = fact(FactKind.PERFORMANCE, 5, quantity=Decimal(60))
    lower = fact(FactKind.RESTATEMENT, 30, id=2, quantity=Decimal(80))
    timeline = project(LOT, [part, lower])
    assert reasons(timeline)[-1] == (hour(30), Status.PARTLY_MET, Reason.TARGET_RESTATED)
    assert timeline.breaches(LATE) == (
        BreachInterval(occurred_at=hour(24), ended_at=None, end_reason=None),
    )


def test_a_target_raised_before_the_last_part_keeps_the_deadline_open() -> None:
    higher = fact(FactKind.RESTATEMENT, 8, quantity=Decimal(200))
    whole = fact(FactKind.PERFORMANCE, 9, id=2, quantity=Decimal(100))
    assert end_of(project(LOT, [higher, whole])).status is Status.PARTLY_MET


def test_a_target_raised_after_the_last_part_reopens_nothing() -> None:
    higher = fact(FactKind.RESTATEMENT, 10, quantity=Decimal(200))
    whole = fact(FactKind.PERFORMANCE, 9, id=2, quantity=Decimal(100))
    assert end_of(project(LOT, [higher, whole])).status is Status.MET


# The following holds for every timeline.

ORDER = [
    FactKind.TRIGGER,
    FactKind.EXTENSION,
    FactKind.RESTATEMENT,
    FactKind.SUSPENSION,
    FactKind.VIOLATION,
    FactKind.PERFORMANCE,
    FactKind.DETERMINATION,
    FactKind.WAIVER,
    FactKind.REPLACEMENT,
    FactKind.CANCELLATION,
    FactKind.TERMINATION,
]
CLOSING = {
    FactKind.WAIVER: Status.WAIVED,
    FactKind.REPLACEMENT: Status.SUPERSEDED,
    FactKind.CANCELLATION: Status.CANCELLED,
}


COUNTING = {FactKind.RESTATEMENT, FactKind.PERFORMANCE, FactKind.DETERMINATION}
LIMITING = {Verdict.PARTLY_MET, Verdict.NOT_MET}


def accepted(determination: Fact, target: Decimal | None) -> Decimal | None:
    """How much of the whole a determination accepts; without a target the whole is 1.

    None if it accepts a part without saying how much.
    """
    if determination.verdict is Verdict.NOT_MET:
        return Decimal(0)
    if determination.share is not None:
        return determination.share * (1 if target is None else target)
    return determination.quantity


def in_order_of_effect(agreed: Terms, facts: list[Fact]) -> list[Move | Fact]:
    """Return the moves and the effective facts in the order in which they take effect."""

    def holds(fact: Fact) -> bool:
        ends = [each for each in facts if each.kind is FactKind.RETRACTION]
        return not any(each.supersedes == fact.id and holds(each) for each in ends)

    def stands(fact: Fact) -> bool:
        return not any(each.supersedes == fact.id and holds(each) for each in facts)

    counting = [each for each in facts if stands(each) and each.kind is not FactKind.RETRACTION]

    def place(event: Move | Fact) -> tuple[object, ...]:
        if isinstance(event, Move):
            return (event.at, -1)
        return (
            event.effective_at,
            ORDER.index(event.kind),
            (event.due.due_at, event.due.unmet_at) if event.due else (),
            (event.quantity or Decimal(0), event.verdict or "", event.share or Decimal(0)),
            (event.until_at or hour(1000), event.tolls, event.effective_on is not None),
            event.id,
        )

    moves = list(agreed.moves)
    if agreed.expires_at is not None:
        moves.append(Move(at=agreed.expires_at, due=None, reason=Reason.EXPIRED))
    return sorted([*moves, *counting], key=place)


def ends_agreement(event: Move | Fact) -> bool:
    """Whether the agreement expires or is terminated."""
    if isinstance(event, Move):
        return event.reason is Reason.EXPIRED
    return event.kind is FactKind.TERMINATION


def covers(fact: Fact, agreed: Terms, instant: datetime) -> bool:
    """Whether what lasts was running at `instant`."""
    began = max(fact.effective_at, agreed.begins_at)
    return began <= instant and (fact.until_at is None or instant < fact.until_at)


def tolled(due: Due | None, fact: Fact, agreed: Terms, stopped: set[int]) -> Due | None:
    """The due date after a suspension, hour by hour of those in which the clock stands."""
    if due is None or not fact.tolls or fact.until_at is None:
        return due
    began = max(fact.effective_at, agreed.begins_at)
    if began >= due.unmet_at:
        return due
    first, last = ((each - hour(0)) // timedelta(hours=1) for each in (began, fact.until_at))
    added = set(range(first, last)) - stopped
    stopped |= added
    at, unmet_at, earliest_due_at = (
        each + timedelta(hours=len(added)) if each is not None and each > began else each
        for each in (due.due_at, due.unmet_at, due.earliest_due_at)
    )
    assert at is not None
    assert unmet_at is not None
    return Due(
        due_on=(at - MOMENT).date(),
        due_at=at,
        unmet_at=unmet_at,
        timezone="UTC",
        earliest_due_at=earliest_due_at,
    )


def status_by_reading_the_rules(
    agreed: Terms, facts: list[Fact], instant: datetime
) -> Status | None:
    """The rules of the design read slowly, instant by instant, without a state machine.

    An independent oracle: it asks of one instant what has happened by then, from scratch.
    """
    if instant < agreed.begins_at:
        return None
    if agreed.is_withdrawn:
        return Status.CANCELLED
    if agreed.kind is ObligationKind.ACHIEVE:
        return achieved_status_by_reading(agreed, facts, instant)
    return kept_status_by_reading(agreed, facts, instant)


def achieved_status_by_reading(agreed: Terms, facts: list[Fact], instant: datetime) -> Status:
    due, target, total, has_part = agreed.due, agreed.target_quantity, Decimal(0), False
    is_endless, closes = agreed.is_endless, False
    is_found_unmet = False
    suspensions: list[Fact] = []
    stopped: set[int] = set()
    at = agreed.begins_at
    events = in_order_of_effect(agreed, facts)

    def is_breached(moment: datetime) -> bool:
        is_suspended = any(covers(each, agreed, moment) for each in suspensions)
        is_owed = is_found_unmet if due is None else moment >= due.unmet_at
        return is_owed and not is_suspended

    def was_breached(since: datetime, until: datetime) -> bool:
        ends = [each.until_at for each in suspensions if each.until_at is not None]
        moments = [since, until, *ends, *([due.unmet_at] if due else [])]
        return any(since <= each <= until and is_breached(each) for each in moments)

    def breached() -> Status:
        return Status.PARTLY_MET if total or has_part else Status.UNMET

    for place, event in enumerate(events):
        before, at = at, max(at, event.at if isinstance(event, Move) else event.effective_at)
        if isinstance(event, Fact) and event.effective_on is not None and due is not None:
            # Known by its day alone, and that the day after: it was late, by however little.
            is_next_day = at == due.unmet_at and event.effective_on > due.due_on
            if is_next_day and not any(covers(each, agreed, at) for each in suspensions):
                at += MOMENT
        if closes and was_breached(before, min(at, instant)):
            return breached()
        if at > instant:
            break
        stops = [
            max(each.effective_at, agreed.begins_at)
            for each in suspensions
            if each.tolls and covers(each, agreed, at)
        ]
        if ends_agreement(event):
            has_stopped = due is not None and any(each < due.due_at for each in stops)
            if due is None and is_found_unmet:
                return breached()
            if due is None or at < due.due_at or has_stopped:
                return Status.CANCELLED
            if at >= due.unmet_at:
                return breached()
            closes = True
        elif isinstance(event, Move) or event.kind in DATING:
            due, is_found_unmet = event.due, False
            is_endless = is_endless and (isinstance(event, Move) or due is not None)
        elif event.kind in CLOSING:
            return CLOSING[event.kind]
        elif event.kind is FactKind.SUSPENSION:
            if covers(event, agreed, at):
                due = tolled(due, event, agreed, stopped)
                suspensions.append(event)
        elif event.kind in COUNTING and event.verdict is not Verdict.UNDETERMINED:
            limits = [
                accepted(each, target)
                for each in events[place + 1 :]
                if isinstance(each, Fact) and each.verdict in LIMITING
            ]
            known = [each for each in limits if each is not None]
            is_open = len(known) < len(limits)
            amounts = list(known)
            if event.kind is FactKind.RESTATEMENT:
                target = event.quantity
                amounts = [total]
            elif event.verdict in LIMITING:
                found = accepted(event, target)
                amounts.append(total if found is None else found)
            elif event.kind is FactKind.PERFORMANCE and event.quantity and target is not None:
                amounts.append(total + event.quantity)
            found = min(amounts, default=None)
            is_all = found is None or (target is not None and found >= target)
            is_whole = is_all and not is_open
            if event.verdict in LIMITING and accepted(event, target) is None:
                is_whole = False
                total = found or Decimal(0)
            elif is_all and is_open:
                pass
            elif event.kind is FactKind.PERFORMANCE:
                total = max(total, found or Decimal(0))
            elif found is not None:
                total = found
            is_part = is_open and Decimal(0) not in known
            if event.kind is FactKind.PERFORMANCE:
                has_part = has_part or is_part
            elif event.verdict is Verdict.NOT_MET:
                has_part = False
            elif event.verdict is not None:
                by_itself = event.verdict is Verdict.PARTLY_MET and not event.share
                by_itself = by_itself and not event.quantity
                has_part = is_part or (by_itself and Decimal(0) not in known)
            if target is not None and total >= target and not is_open:
                is_whole = is_whole or event.kind is FactKind.PERFORMANCE
            if not is_whole:
                if event.is_final:
                    closes = True
                # Without a date, a finding says that it was owed by then.
                is_found_unmet |= due is None and event.verdict in LIMITING
                continue
            if due is None:
                return Status.MET_LATE if is_found_unmet else Status.MET
            if any(each < due.due_at for each in stops):
                return Status.MET
            if event.effective_on is not None and due.earliest_due_at is None:
                return Status.MET if event.effective_on <= due.due_on else Status.MET_LATE
            is_by_day = event.effective_on is not None and event.effective_on <= due.due_on
            is_on_time = is_by_day or event.effective_at < due.due_at
            return Status.MET if is_on_time else Status.MET_LATE
    if any(covers(each, agreed, instant) for each in suspensions) and not (
        closes and was_breached(at, instant)
    ):
        return Status.SUSPENDED
    if due is None and is_found_unmet:
        return breached()
    if due is None and not is_endless:
        return Status.DORMANT
    if due is None or instant < due.due_at:
        return Status.PENDING
    if instant < due.unmet_at:
        return Status.IN_GRACE
    return breached()


def kept_status_by_reading(agreed: Terms, facts: list[Fact], instant: datetime) -> Status:
    """Goes through the hours one by one: nothing happens between them."""
    due, starts_at = agreed.due, agreed.starts_at or agreed.begins_at
    is_endless, closes, was_broken = agreed.is_endless, False, False
    events = in_order_of_effect(agreed, facts)
    lasting: list[Fact] = []
    stopped: set[int] = set()
    counted: set[int] = set()
    finding: Fact | None = None
    status = Status.PENDING
    now = agreed.begins_at

    def running(kind: FactKind) -> set[int]:
        return {each.id for each in lasting if each.kind is kind and covers(each, agreed, now)}

    def is_over() -> bool:
        return due is not None and due.due_at <= now

    def broken() -> Status | None:
        """Unmet or partly met, by the violations and findings that count now."""
        violations = running(FactKind.VIOLATION)
        found = [finding] if finding is not None else []
        if is_over():
            violations &= counted
            found = [each for each in found if each.id in counted]
            found += [
                each for each in events if isinstance(each, Fact) and each.verdict in LIMITING
            ]
        if violations or any(each.verdict is Verdict.NOT_MET for each in found):
            return Status.UNMET
        return Status.PARTLY_MET if found else None

    def kept() -> Status:
        return Status.MET_LATE if was_broken else Status.MET

    def status_now() -> Status:
        if running(FactKind.SUSPENSION):
            return Status.SUSPENDED
        if due is None and not is_endless:
            return Status.DORMANT
        if now < starts_at and not is_over():
            return Status.PENDING
        return broken() or (kept() if is_over() else Status.HOLDING)

    def is_closed() -> bool:
        return status in CLOSED or (closes and status in BREACHED)

    while now <= instant:
        # Nothing that happens at the very end comes before it.
        status = status_now()
        if is_closed():
            return status
        while events:
            event = events[0]
            if (event.at if isinstance(event, Move) else event.effective_at) > now:
                break
            del events[0]
            if ends_agreement(event):
                if running(FactKind.SUSPENSION):
                    lasting = [each for each in lasting if each.id in counted]
                    finding = finding if finding and finding.id in counted else None
                    status = status_now()
                is_expired = isinstance(event, Move)
                if is_expired and due is None and is_endless and status is Status.HOLDING:
                    return kept()
                has_begun = now >= starts_at or is_over()
                is_dated = due is not None or is_endless
                return (broken() if has_begun and is_dated else None) or Status.CANCELLED
            if isinstance(event, Move) or event.kind in DATING:
                due = event.due
                if isinstance(event, Fact) and due is None:
                    is_endless = False
            elif event.kind in CLOSING:
                return CLOSING[event.kind]
            elif event.verdict is Verdict.MET:
                was_broken = was_broken or status in BREACHED
                finding, lasting = None, [e for e in lasting if e.kind is FactKind.SUSPENSION]
                closes = False
            elif event.verdict in LIMITING:
                finding = event
                if event.verdict is Verdict.PARTLY_MET:
                    # It says what became of the violations up to then.
                    lasting = [each for each in lasting if each.kind is FactKind.SUSPENSION]
                closes = closes or event.is_final
                if is_over():
                    counted.add(event.id)
            elif event.kind in {FactKind.SUSPENSION, FactKind.VIOLATION}:
                if event.kind is FactKind.SUSPENSION and covers(event, agreed, now):
                    due = tolled(due, event, agreed, stopped)
                lasting.append(event)
            status = status_now()
            if is_closed():
                return status
        if status in BREACHED and not is_over():
            was_broken = True
            counted |= running(FactKind.VIOLATION) | ({finding.id} if finding else set())
        now += timedelta(hours=1)
    return status


@given(terms(), histories())
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
def test_the_order_in_which_facts_are_given_does_not_matter(
    agreed: Terms, history: list[tuple[Fact, datetime]], shuffler: random.Random
) -> None:
    facts = [fact for fact, _ in history]
    shuffled = list(facts)
    shuffler.shuffle(shuffled)
    assert project(agreed, shuffled) == project(agreed, facts)


@given(terms(), histories())
def test_a_timeline_runs_forward_and_ends_where_time_alone_changes_nothing(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    timeline = project(agreed, [fact for fact, _ in history])
    instants = [each.effective_at for each in timeline.transitions]
    assert instants == sorted(set(instants))
    assert timeline.transitions[-1].status in CLOSED | BREACHED | WITHOUT_END
    for earlier in timeline.transitions[:-1]:
        assert not earlier.is_closed
    for breach in timeline.breaches(LATE + timedelta(days=10)):
        is_closed = breach.ended_at == end_of(timeline).effective_at and end_of(timeline).is_closed
        assert breach.ended_at is None or breach.occurred_at < breach.ended_at or is_closed
        assert breach.occurred_at >= agreed.begins_at


@given(terms(), histories())
def test_retracting_a_fact_gives_the_timeline_in_which_it_had_never_been(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    facts = [fact for fact, _ in history]
    for fact in effective_facts(facts):
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


@given(terms(), histories())
def test_no_transition_says_what_the_one_before_it_said(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    found = [
        (
            each.status,
            each.reason,
            each.fact_id,
            each.due and (each.due.due_at, each.due.unmet_at, each.due.earliest_due_at),
            (each.performed, each.target),
        )
        for each in project(agreed, [fact for fact, _ in history]).transitions
    ]
    assert all(earlier != later for earlier, later in pairwise(found))


@given(terms(), histories())
def test_a_deadline_is_suspended_just_while_a_suspension_runs_and_nothing_closed_it(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    facts = [fact for fact, _ in history]
    timeline = project(agreed, facts)
    suspensions = [each for each in effective_facts(facts) if each.kind is FactKind.SUSPENSION]
    for number in range(2 * LAST_HOUR):
        # Between the hours: what is known by its day alone may begin a moment after it.
        instant = hour(number) + timedelta(minutes=30)
        found = timeline.at(instant)
        if found is None or found.is_closed:
            continue
        is_running = any(covers(each, agreed, instant) for each in suspensions)
        assert (found.status is Status.SUSPENDED) == is_running, instant


@given(terms(), histories())
def test_suspensions_never_shorten_a_due_date(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    agreed = agreed._replace(moves=())
    facts = [each for each, _ in history if each.kind not in DATING]
    dues = [each.due for each in project(agreed, facts).transitions]
    if agreed.due is None:
        assert dues == [None] * len(dues)
        return
    moved = [agreed.due, *(each for each in dues if each is not None)]
    assert len(moved) == len(dues) + 1
    for earlier, later in pairwise(moved):
        assert later.due_at >= earlier.due_at
        assert later.unmet_at - later.due_at >= earlier.unmet_at - earlier.due_at


@given(terms(), histories())
def test_the_due_instant_is_always_within_or_just_after_the_day_it_names(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    for each in project(agreed, [fact for fact, _ in history]).transitions:
        if each.due is not None:
            assert (each.due.due_at - MOMENT).date() == each.due.due_on
            assert each.due.unmet_at >= each.due.due_at
            assert each.due.earliest_due_at is None or each.due.earliest_due_at < each.due.due_at


@given(kept, st.lists(st.tuples(st.integers(0, LAST_HOUR), st.integers(1, 20)), max_size=4))
def test_a_period_is_unmet_just_while_a_violation_of_it_runs(
    agreed: Terms, spans: list[tuple[int, int]]
) -> None:
    agreed = agreed._replace(
        moves=(), is_withdrawn=False, is_endless=agreed.due is None, expires_at=None
    )
    starts_at = max(agreed.starts_at or agreed.begins_at, agreed.begins_at)
    end = agreed.due.due_at if agreed.due else None
    broken = [
        (max(hour(at), starts_at), hour(at + length))
        for at, length in spans
        if end is None or max(hour(at), starts_at) < end
    ]
    facts = [violation(at, at + length, id=n) for n, (at, length) in enumerate(spans, start=1)]
    timeline = project(agreed, facts)
    for number in range(2 * LAST_HOUR):
        found = timeline.at(hour(number))
        is_broken = any(first <= hour(number) < last for first, last in broken)
        is_unmet = found is not None and found.status is Status.UNMET
        assert is_unmet == is_broken, hour(number)
    assert end_of(timeline).status in CLOSED or end is None


@given(achieved, histories())
def test_a_change_is_open_to_dispute_only_while_the_readings_differ(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    for each in project(agreed, [fact for fact, _ in history]).transitions:
        if each.is_ambiguous:
            assert each.status in {Status.PENDING, Status.MET}
            assert each.due is not None
            assert each.due.earliest_due_at is not None
        assert each.is_ambiguous or not is_ambiguous(each.reason)
        if each.reason is Reason.WINDOW_BEGAN:
            assert each.due is not None
            assert each.effective_at == each.due.earliest_due_at
