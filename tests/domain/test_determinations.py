"""How determinations change the timeline of a deadline."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Move, Terms
from compliance.domain.deadlines.timeline import Timeline
from compliance.domain.vocabulary import (
    BreachEnd,
    FactKind,
    ObligationKind,
    Reason,
    Status,
    Verdict,
)
from tests.domain.strategies import due_at_hour, hour

DUE = due_at_hour(24)
TERMS = Terms(begins_at=hour(0), due=DUE)
WITH_GRACE = Terms(begins_at=hour(0), due=due_at_hour(24, grace=6))
LOT = Terms(begins_at=hour(0), due=DUE, target_quantity=Decimal(100))
LATE = hour(100)


def concluded(verdict: Verdict, at: int, number: int = 9, **more: object) -> Fact:
    """A determination at an hour since `START`."""
    return Fact(
        id=number,
        kind=FactKind.DETERMINATION,
        effective_at=hour(at),
        verdict=verdict,
        **more,  # type: ignore[arg-type]
    )


def met(at: int, **more: object) -> Fact:
    return concluded(Verdict.MET, at, **more)  # type: ignore[arg-type]


def not_met(at: int, **more: object) -> Fact:
    return concluded(Verdict.NOT_MET, at, **more)  # type: ignore[arg-type]


def partly(at: int, amount: str, **more: object) -> Fact:
    """Partly met, by a share (`0.4`) or by a quantity (`40`)."""
    value = Decimal(amount)
    name = "share" if value < 1 else "quantity"
    return concluded(Verdict.PARTLY_MET, at, **{name: value}, **more)  # type: ignore[arg-type]


def performed(at: int, quantity: int | None = None, number: int = 1, **more: object) -> Fact:
    return fact(
        FactKind.PERFORMANCE,
        at,
        number,
        quantity=None if quantity is None else Decimal(quantity),
        **more,
    )


def fact(kind: FactKind, at: int, number: int = 2, **more: object) -> Fact:
    return Fact(id=number, kind=kind, effective_at=hour(at), **more)  # type: ignore[arg-type]


def changes(timeline: Timeline) -> list[tuple[int, Status]]:
    """Each status with the hour at which it begins."""
    return [
        (int((each.effective_at - hour(0)) / timedelta(hours=1)), each.status)
        for each in timeline.transitions
    ]


def accepted(timeline: Timeline) -> list[Decimal | None]:
    return [each.performed for each in timeline.transitions]


def ends(timeline: Timeline) -> list[BreachEnd | None]:
    return [each.end_reason for each in timeline.breaches(LATE)]


PENDING = (0, Status.PENDING)
UNMET = (24, Status.UNMET)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (10, [PENDING, (10, Status.MET)]),
        (24, [PENDING, (24, Status.MET_LATE)]),
        (30, [PENDING, UNMET, (30, Status.MET_LATE)]),
    ],
)
def test_a_determination_of_met_takes_effect_at_its_instant(
    at: int, expected: list[tuple[int, Status]]
) -> None:
    timeline = project(TERMS, [met(at)])
    assert changes(timeline) == expected
    assert timeline.transitions[-1].reason is Reason.DETERMINED
    assert timeline.transitions[-1].fact_id == 9


def test_a_late_determination_of_met_ends_the_breach_as_performed() -> None:
    assert ends(project(TERMS, [met(30)])) == [BreachEnd.PERFORMED]


def test_met_on_the_due_day_is_on_time_and_a_day_later_is_late() -> None:
    on_the_day = met(0, effective_on=DUE.due_on)
    day_after = met(24, effective_on=DUE.due_on + timedelta(days=1))
    assert project(TERMS, [on_the_day]).transitions[-1].status is Status.MET
    late = project(TERMS, [day_after])
    assert late.transitions[-1].status is Status.MET_LATE
    assert ends(late) == [BreachEnd.PERFORMED]


def test_met_within_grace_is_late_but_not_a_breach() -> None:
    timeline = project(WITH_GRACE, [met(26)])
    assert changes(timeline)[-1] == (26, Status.MET_LATE)
    assert not timeline.breaches(LATE)


def test_met_between_two_readings_of_the_due_date_is_ambiguous() -> None:
    window = Terms(begins_at=hour(0), due=due_at_hour(24, window=4))
    assert project(window, [met(22)]).transitions[-1].is_ambiguous
    assert not project(window, [met(19)]).transitions[-1].is_ambiguous


def test_a_part_by_share_without_a_target_is_partly_met_once_due() -> None:
    timeline = project(TERMS, [partly(10, "0.4")])
    assert changes(timeline) == [PENDING, (10, Status.PENDING), (24, Status.PARTLY_MET)]
    assert timeline.transitions[-1].accepted_share == Decimal("0.4")
    assert accepted(timeline) == [0, 0, 0]


@pytest.mark.parametrize("amount", ["0.4", "40"])
def test_a_part_of_a_target_counts_by_share_or_by_quantity(amount: str) -> None:
    timeline = project(LOT, [partly(30, amount)])
    assert changes(timeline) == [PENDING, UNMET, (30, Status.PARTLY_MET)]
    assert accepted(timeline)[-1] == 40
    assert ends(timeline) == [None]


def test_an_accepted_part_caps_earlier_performances_from_its_instant() -> None:
    timeline = project(LOT, [performed(10, 30), performed(20, 60, number=2), partly(30, "40")])
    assert changes(timeline) == [
        PENDING, (10, Status.PENDING), (20, Status.PENDING), (24, Status.PARTLY_MET),
        (30, Status.PARTLY_MET),
    ]  # fmt: skip
    assert accepted(timeline) == [0, 30, 40, 40, 40]


def test_a_performance_that_is_accepted_only_in_part_does_not_meet_the_deadline() -> None:
    timeline = project(LOT, [performed(10), partly(30, "0.75")])
    assert (24, Status.PARTLY_MET) in changes(timeline)
    assert accepted(timeline)[-1] == 75


def test_later_performances_add_up_to_the_accepted_part() -> None:
    timeline = project(LOT, [performed(10, 90), partly(20, "40"), performed(22, 60, number=2)])
    assert changes(timeline)[-1] == (22, Status.MET)
    short = project(LOT, [performed(10, 90), partly(20, "40"), performed(22, 59, number=2)])
    assert accepted(short)[-1] == 99
    assert changes(short)[-1] == (24, Status.PARTLY_MET)


def test_a_later_performance_completes_an_accepted_part_without_a_target() -> None:
    timeline = project(TERMS, [partly(26, "0.4"), performed(30)])
    assert changes(timeline)[-1] == (30, Status.MET_LATE)


def test_not_met_voids_earlier_performances_and_reopens_a_met_deadline() -> None:
    timeline = project(TERMS, [performed(10), not_met(30)])
    assert [each for each in changes(timeline) if each[0] == 24] == [UNMET]
    assert timeline.at(hour(29)) is not None
    assert timeline.at(hour(40)).status is Status.UNMET  # type: ignore[union-attr]
    assert ends(timeline) == [None]


def test_not_met_before_the_due_instant_leaves_it_pending() -> None:
    timeline = project(TERMS, [performed(10), not_met(15)])
    assert timeline.at(hour(20)).status is Status.PENDING  # type: ignore[union-attr]
    assert changes(timeline)[-1] == UNMET


def test_a_performance_after_not_met_counts() -> None:
    timeline = project(TERMS, [performed(10), not_met(15), performed(20, number=2)])
    assert changes(timeline)[-1] == (20, Status.MET)
    late = project(TERMS, [performed(10), not_met(30), performed(33, number=2)])
    assert changes(late)[-1] == (33, Status.MET_LATE)


def test_not_met_within_grace_keeps_the_grace_period() -> None:
    timeline = project(WITH_GRACE, [performed(25), not_met(27)])
    assert timeline.at(hour(28)).status is Status.IN_GRACE  # type: ignore[union-attr]
    assert changes(timeline)[-1] == (30, Status.UNMET)


def test_a_part_within_grace_is_a_breach_when_grace_ends() -> None:
    assert changes(project(WITH_GRACE, [partly(27, "0.5")]))[-1] == (30, Status.PARTLY_MET)


@pytest.mark.parametrize("at", [10, 30])
def test_undetermined_changes_nothing(at: int) -> None:
    undetermined = concluded(Verdict.UNDETERMINED, at)
    for others in ([], [performed(10)], [performed(33)]):
        assert project(TERMS, [undetermined, *others]) == project(TERMS, others)


def test_a_part_accepted_during_a_suspension_shows_when_it_ends() -> None:
    paused = fact(FactKind.SUSPENSION, 20, until_at=hour(40))
    timeline = project(LOT, [paused, partly(30, "40")])
    assert timeline.at(hour(35)).status is Status.SUSPENDED  # type: ignore[union-attr]
    assert changes(timeline)[-1] == (40, Status.PARTLY_MET)


def test_met_while_the_clock_is_stopped_is_on_time() -> None:
    paused = fact(FactKind.SUSPENSION, 20, until_at=hour(40), tolls=True)
    assert changes(project(TERMS, [paused, met(30)]))[-1] == (30, Status.MET)


def test_a_waived_deadline_stays_waived() -> None:
    waived = fact(FactKind.WAIVER, 20)
    for verdict in (met(30), not_met(30), partly(30, "0.5")):
        assert changes(project(TERMS, [waived, verdict]))[-1] == (20, Status.WAIVED)


def test_a_share_is_of_the_target_then_in_force() -> None:
    restated = fact(FactKind.RESTATEMENT, 12, quantity=Decimal(200))
    before = project(LOT, [partly(10, "0.5"), restated])
    after = project(LOT, [restated, partly(15, "0.5")])
    assert [accepted(before)[-1], accepted(after)[-1]] == [50, 100]


def test_an_accepted_part_can_reach_a_lowered_target() -> None:
    restated = fact(FactKind.RESTATEMENT, 30, quantity=Decimal(40))
    timeline = project(LOT, [partly(26, "40"), restated])
    assert changes(timeline)[-1] == (30, Status.MET_LATE)
    assert ends(timeline) == [BreachEnd.PERFORMED]


@pytest.mark.parametrize("amount", ["0.4", "40"])
def test_an_extension_ends_the_breach_though_a_part_is_determined_at_that_instant(
    amount: str,
) -> None:
    extended = fact(FactKind.EXTENSION, 30, due=due_at_hour(48))
    timeline = project(LOT, [extended, partly(30, amount)])
    assert ends(timeline)[0] is BreachEnd.EXTENDED
    assert changes(timeline)[-1] == (48, Status.PARTLY_MET)


def test_met_at_the_instant_of_an_extension_is_judged_by_the_later_date() -> None:
    extended = fact(FactKind.EXTENSION, 30, due=due_at_hour(48))
    timeline = project(TERMS, [extended, met(30)])
    assert changes(timeline)[-1] == (30, Status.MET)
    assert ends(timeline) == [BreachEnd.PERFORMED]


def test_a_superseded_determination_counts_again_when_its_successor_is_retracted() -> None:
    first = not_met(30, number=2)
    second = met(10, number=3, supersedes=2)
    back = fact(FactKind.RETRACTION, 10, number=4, supersedes=3)
    performance = performed(12)
    assert changes(project(TERMS, [performance, first, second]))[-1] == (10, Status.MET)
    assert project(TERMS, [performance, first, second, back]) == project(
        TERMS, [performance, first]
    )


def test_the_later_of_two_determinations_holds() -> None:
    assert changes(project(TERMS, [met(10), not_met(30, number=10)]))[-1] == (30, Status.UNMET)
    assert changes(project(TERMS, [not_met(30), met(33, number=10)]))[-1] == (33, Status.MET_LATE)


def test_a_lower_part_determined_later_caps_the_higher_one() -> None:
    timeline = project(LOT, [performed(10, 90), partly(20, "40"), partly(30, "20", number=10)])
    assert max(each or 0 for each in accepted(timeline)) == 20
    assert accepted(timeline)[-1] == 20


def test_a_higher_part_determined_later_adds_to_the_lower_one() -> None:
    timeline = project(LOT, [performed(10, 90), partly(20, "20"), partly(30, "40", number=10)])
    assert timeline.at(hour(25)).performed == 20  # type: ignore[union-attr]
    assert accepted(timeline)[-1] == 40


def test_a_determination_known_by_its_day_judges_what_was_done_before_that_day() -> None:
    by_day = not_met(0, effective_on=DUE.due_on)
    same_day = performed(0, effective_on=DUE.due_on)
    assert changes(project(TERMS, [same_day, by_day]))[-1] == UNMET
    # At an hour of that day: after it began.
    assert changes(project(TERMS, [performed(10), by_day]))[-1] == (10, Status.MET)


def test_not_met_reopens_a_deadline_that_its_components_had_met() -> None:
    done = Move(
        at=hour(10),
        due=DUE,
        reason=Reason.COMPONENT_DONE,
        performed=Decimal(2),
        target=Decimal(2),
    )
    terms = Terms(begins_at=hour(0), due=DUE, moves=(done,))
    assert changes(project(terms, []))[-1] == (10, Status.MET)
    assert changes(project(terms, [not_met(30)]))[-1] == (30, Status.UNMET)
    assert (24, Status.PARTLY_MET) in changes(project(terms, [partly(30, "0.5")]))


def test_without_a_target_a_quantity_is_no_share_of_the_whole() -> None:
    plain = Terms(begins_at=hour(0), due=DUE)
    *_, last = project(plain, [performed(5, 40)]).transitions
    assert (last.status, last.accepted_share) == (Status.MET, None)


# Partly met without saying how much, and final.


def some(at: int, **more: object) -> Fact:
    """Partly met, without saying how much."""
    return concluded(Verdict.PARTLY_MET, at, **more)  # type: ignore[arg-type]


def test_partly_met_without_a_share_invents_none() -> None:
    timeline = project(TERMS, [some(30)])
    assert changes(timeline) == [PENDING, UNMET, (30, Status.PARTLY_MET)]
    assert timeline.transitions[-1].accepted_share is None


def test_a_part_of_unknown_size_keeps_the_quantity_accepted_before() -> None:
    timeline = project(LOT, [performed(10, 60, 1), performed(12, 40, 2), some(30)])
    assert changes(timeline)[-1] == (30, Status.PARTLY_MET)
    assert accepted(timeline)[-1] == 60


def test_the_whole_performed_after_a_part_of_unknown_size_is_met_late() -> None:
    timeline = project(TERMS, [some(30), performed(40)])
    assert changes(timeline)[-1] == (40, Status.MET_LATE)


@pytest.mark.parametrize("found", [not_met(30, is_final=True), some(30, is_final=True)])
def test_a_final_determination_closes_an_unmet_deadline_as_unmet(found: Fact) -> None:
    timeline = project(TERMS, [found, performed(40), fact(FactKind.TERMINATION, 50)])
    last = timeline.transitions[-1]
    assert (last.effective_at, last.reason) == (hour(30), Reason.DETERMINED_FINALLY)
    assert last.is_closed
    assert ends(timeline) == [BreachEnd.DETERMINED]


def test_a_final_determination_before_the_due_date_closes_the_deadline_when_it_passes() -> None:
    timeline = project(TERMS, [not_met(20, is_final=True)])
    assert changes(timeline)[-1] == UNMET
    assert timeline.transitions[-1].is_closed
    assert ends(timeline) == [BreachEnd.DETERMINED]


# What is to be maintained, or refrained from, during a period.

KEPT = Terms(begins_at=hour(0), due=DUE, kind=ObligationKind.MAINTAIN)


def test_not_met_breaches_a_period_until_it_is_found_to_be_met() -> None:
    found = [not_met(10), met(15, number=10)]
    assert changes(project(KEPT, found)) == [
        (0, Status.HOLDING),
        (10, Status.UNMET),
        (15, Status.HOLDING),
        (24, Status.MET_LATE),
    ]
    assert ends(project(KEPT, found)) == [BreachEnd.CURED]


def test_partly_met_breaches_a_period_in_part() -> None:
    timeline = project(KEPT, [partly(10, "0.4")])
    assert changes(timeline) == [(0, Status.HOLDING), (10, Status.PARTLY_MET)]
    assert timeline.transitions[-1].accepted_share == Decimal("0.4")


def test_partly_met_after_the_period_shows_the_accepted_share_from_its_end() -> None:
    timeline = project(KEPT, [partly(40, "0.4")])
    assert changes(timeline) == [(0, Status.HOLDING), (24, Status.PARTLY_MET)]
    assert timeline.transitions[-1].accepted_share == Decimal("0.4")


def test_not_met_after_the_period_judges_all_of_it() -> None:
    timeline = project(KEPT, [not_met(40)])
    assert changes(timeline)[:2] == [(0, Status.HOLDING), UNMET]
    assert ends(timeline) == [None]
    assert changes(project(KEPT, [not_met(40), met(50, number=10)]))[-1] == (50, Status.MET_LATE)


def test_a_final_finding_closes_a_period_as_unmet() -> None:
    timeline = project(KEPT, [not_met(40, is_final=True)])
    assert timeline.transitions[-1].is_closed
    assert ends(timeline) == [BreachEnd.DETERMINED]


def test_met_ends_a_violation_that_is_in_progress() -> None:
    violated = fact(FactKind.VIOLATION, 5)
    timeline = project(KEPT, [violated, met(15)])
    assert changes(timeline)[-2:] == [(15, Status.HOLDING), (24, Status.MET_LATE)]


UNDATED = Terms(begins_at=hour(0), due=None)


def test_what_is_found_unmet_without_a_date_is_in_breach_until_it_is_met() -> None:
    timeline = project(UNDATED, [not_met(30, number=1), performed(40, number=2)])
    assert changes(timeline) == [
        (0, Status.DORMANT),
        (30, Status.UNMET),
        (40, Status.MET_LATE),
    ]
    [breach] = timeline.breaches(LATE)
    assert (breach.occurred_at, breach.ended_at) == (hour(30), hour(40))
    assert breach.end_reason is BreachEnd.PERFORMED


def test_what_is_found_partly_met_without_a_date_is_partly_met() -> None:
    found = concluded(Verdict.PARTLY_MET, 30)
    assert changes(project(UNDATED, [found]))[1:] == [(30, Status.PARTLY_MET)]
    assert changes(project(UNDATED, [not_met(20, number=1), found]))[1:] == [
        (20, Status.UNMET),
        (30, Status.PARTLY_MET),
    ]


def test_a_final_finding_closes_what_has_no_date() -> None:
    timeline = project(UNDATED, [not_met(30, is_final=True), performed(40, number=10)])
    assert changes(timeline)[1:] == [(30, Status.UNMET)]
    assert timeline.transitions[-1].is_closed


def test_a_date_that_is_set_later_counts_from_then_on() -> None:
    extension = fact(FactKind.EXTENSION, 40, 10, due=due_at_hour(60))
    assert changes(project(UNDATED, [not_met(30), extension])) == [
        (0, Status.DORMANT),
        (30, Status.UNMET),
        (40, Status.PENDING),
        (60, Status.UNMET),
    ]


def test_what_was_found_before_a_postponement_does_not_count_after_it() -> None:
    postponed = fact(FactKind.EXTENSION, 40, 10)
    assert changes(project(TERMS, [not_met(30), postponed]))[-1] == (40, Status.DORMANT)
    again = [not_met(30, number=9), postponed, not_met(50, number=11)]
    assert changes(project(TERMS, again))[-1] == (50, Status.UNMET)


def test_what_is_found_during_a_suspension_shows_after_it() -> None:
    suspended = fact(FactKind.SUSPENSION, 20, 1, until_at=hour(50))
    timeline = project(UNDATED, [suspended, not_met(30)])
    assert changes(timeline)[1] == (20, Status.SUSPENDED)
    assert changes(timeline)[-1] == (50, Status.UNMET)


def test_a_finding_that_it_is_partly_kept_replaces_the_violation_before_it() -> None:
    terms = Terms(begins_at=hour(0), due=None, kind=ObligationKind.MAINTAIN, is_endless=True)
    violation = fact(FactKind.VIOLATION, 10, 1)
    found = concluded(Verdict.PARTLY_MET, 30)
    assert changes(project(terms, [violation, found])) == [
        (0, Status.HOLDING),
        (10, Status.UNMET),
        (30, Status.PARTLY_MET),
    ]
    again = fact(FactKind.VIOLATION, 40, 12)
    assert changes(project(terms, [violation, found, again]))[-1] == (40, Status.UNMET)
