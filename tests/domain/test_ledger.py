"""The ledger rule: what is appended replays to what was projected, for every V and K."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.deadlines.breaches import breach_changes
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.ledger import (
    Entry,
    entry_of,
    ledger_delta,
    next_recorded_at,
    replay,
    replay_history,
)
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Terms
from compliance.domain.deadlines.timeline import BreachInterval, Timeline
from compliance.domain.vocabulary import BreachEnd, FactKind
from tests.domain.strategies import LAST_HOUR, due_at_hour, histories, hour, terms

TERMS = Terms(begins_at=hour(0), due=due_at_hour(24))


def appended(ledger: list[Entry], timeline: Timeline, as_of: datetime) -> list[Entry]:
    """The ledger after one settlement at `as_of`."""
    last = max((entry.recorded_at for entry in ledger), default=None)
    recorded_at = next_recorded_at(as_of, last)
    return ledger + [
        entry_of(each, recorded_at) for each in ledger_delta(ledger, timeline.until(as_of))
    ]


def test_a_ledger_that_is_up_to_date_gets_nothing() -> None:
    timeline = project(TERMS, [])
    ledger = appended([], timeline, hour(30))
    assert ledger_delta(ledger, timeline.until(hour(30))) == ()


def test_the_first_batch_tells_the_whole_course_so_far_and_nothing_of_the_future() -> None:
    timeline = project(TERMS, [])
    assert len(ledger_delta([], timeline.until(hour(3)))) == 1
    assert len(ledger_delta([], timeline.until(hour(24)))) == 2


def test_a_waiver_learned_of_late_restates_from_the_instant_at_which_belief_was_wrong() -> None:
    ledger = appended([], project(TERMS, []), hour(30))
    waived = project(TERMS, [Fact(id=1, kind=FactKind.WAIVER, effective_at=hour(20))])
    [correction] = ledger_delta(ledger, waived.until(hour(31)))
    assert correction.effective_at == hour(20)
    ledger = appended(ledger, waived, hour(31))
    believed = replay(ledger, as_of=hour(25), known_at=hour(30))
    known = replay(ledger, as_of=hour(25), known_at=hour(31))
    assert believed is not None
    assert known is not None
    assert (believed.status, known.status) == ("unmet", "waived")


def test_two_batches_never_bear_the_same_instant() -> None:
    assert next_recorded_at(hour(3), hour(3)) == hour(3) + timedelta(microseconds=1)
    assert next_recorded_at(hour(2), hour(3)) == hour(3) + timedelta(microseconds=1)
    assert next_recorded_at(hour(4), hour(3)) == hour(4)


@given(terms(), histories())
def test_replay_equals_projection_with_the_facts_known_then(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    moments = sorted({recorded for _, recorded in history} | {hour(n) for n in range(0, 41, 5)})
    ledger: list[Entry] = []
    timelines: dict[datetime, Timeline] = {}
    for known_at in moments:
        known = [fact for fact, recorded in history if recorded <= known_at]
        timelines[known_at] = project(agreed, known)
        ledger = appended(ledger, timelines[known_at], known_at)
        assert ledger_delta(ledger, timelines[known_at].until(known_at)) == ()
    for known_at, timeline in timelines.items():
        for number in range(-1, LAST_HOUR + 1):
            as_of = hour(number)
            if as_of > known_at:
                break
            expected = timeline.at(as_of)
            found = replay(ledger, as_of=as_of, known_at=known_at)
            if expected is None:
                assert found is None
                continue
            assert found is not None
            assert found == entry_of(expected.effective_from(found.effective_at), found.recorded_at)


@given(terms(), histories(), st.lists(st.integers(0, LAST_HOUR), max_size=8))
def test_settling_more_often_appends_nothing_that_settling_once_would_not(
    agreed: Terms, history: list[tuple[Fact, datetime]], extra: list[int]
) -> None:
    timeline = project(agreed, [fact for fact, _ in history])
    once = appended([], timeline, hour(LAST_HOUR))
    often: list[Entry] = []
    for number in [*sorted(extra), LAST_HOUR]:
        often = appended(often, timeline, hour(number))
    assert [(each.effective_at, each.status, each.fact_id) for each in often] == [
        (each.effective_at, each.status, each.fact_id) for each in once
    ]


@given(terms(), histories())
def test_stored_breaches_brought_up_to_date_are_those_of_the_timeline(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    stored: dict[datetime, BreachInterval] = {}
    for index in range(len(history) + 1):
        known = [fact for fact, _ in history[:index]]
        now = hour(LAST_HOUR)
        projected = project(agreed, known).breaches(now)
        changes = breach_changes(stored.values(), projected)
        for breach in (*changes.begun, *changes.ended, *changes.resumed):
            stored[breach.occurred_at] = breach
        for at in changes.voided:
            stored[at] = BreachInterval(occurred_at=at, ended_at=at, end_reason=BreachEnd.VOIDED)
        live = [each for each in stored.values() if each.end_reason is not BreachEnd.VOIDED]
        assert sorted(live, key=lambda each: each.occurred_at) == list(projected)
        assert not breach_changes(stored.values(), projected)


@given(terms(), histories(), st.integers(0, LAST_HOUR))
def test_a_history_told_again_is_what_following_it_would_have_left(
    agreed: Terms, history: list[tuple[Fact, datetime]], begin: int
) -> None:
    facts = [fact for fact, _ in history]
    told = replay_history(agreed, facts, known_from=hour(begin), as_of=hour(LAST_HOUR))
    ledger = [entry_of(*each) for each in told]
    for number in range(begin, LAST_HOUR + 1):
        known_at = hour(number)
        timeline = project(agreed, [fact for fact, recorded in history if recorded <= known_at])
        for instant in (hour(each) for each in range(-1, number + 1)):
            found = replay(ledger, as_of=instant, known_at=known_at)
            expected = timeline.at(instant)
            assert (found is None) == (expected is None), instant
            if found is not None and expected is not None:
                assert found == entry_of(
                    expected.effective_from(found.effective_at), found.recorded_at
                )


@given(terms(), histories())
def test_what_was_not_known_before_the_beginning_was_not_believed(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    facts = [fact for fact, _ in history]
    told = replay_history(agreed, facts, known_from=hour(7), as_of=hour(LAST_HOUR))
    assert all(recorded_at >= hour(7) for _, recorded_at in told)
