"""The ledger replays to the projected timeline, for every `as_of` and `known_at`."""

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
from compliance.domain.deadlines.terms import KnownTerms, Terms
from compliance.domain.deadlines.timeline import BreachInterval, Timeline
from compliance.domain.vocabulary import BreachEnd, FactKind
from tests.domain.strategies import LAST_HOUR, due_at_hour, histories, hour, terms

TERMS = Terms(begins_at=hour(0), due=due_at_hour(24))


def appended(ledger: list[Entry], timeline: Timeline, as_of: datetime) -> list[Entry]:
    """Return the ledger after one refresh at `as_of`."""
    last = max((entry.recorded_at for entry in ledger), default=None)
    recorded_at = next_recorded_at(as_of, last)
    return ledger + [
        entry_of(each, recorded_at) for each in ledger_delta(ledger, timeline.until(as_of))
    ]


def test_an_up_to_date_ledger_has_an_empty_delta() -> None:
    timeline = project(TERMS, [])
    ledger = appended([], timeline, hour(30))
    assert ledger_delta(ledger, timeline.until(hour(30))) == ()


def test_the_first_delta_contains_the_timeline_so_far_and_no_future() -> None:
    timeline = project(TERMS, [])
    assert len(ledger_delta([], timeline.until(hour(3)))) == 1
    assert len(ledger_delta([], timeline.until(hour(24)))) == 2


def test_a_waiver_recorded_late_corrects_the_ledger_from_its_effective_time() -> None:
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


def test_two_deltas_never_have_the_same_recorded_time() -> None:
    assert next_recorded_at(hour(3), hour(3)) == hour(3) + timedelta(microseconds=1)
    assert next_recorded_at(hour(2), hour(3)) == hour(3) + timedelta(microseconds=1)
    assert next_recorded_at(hour(4), hour(3)) == hour(4)


@given(terms(), histories())
def test_replay_equals_projection_with_the_facts_known_then(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    instants = sorted({recorded for _, recorded in history} | {hour(n) for n in range(0, 41, 5)})
    ledger: list[Entry] = []
    timelines: dict[datetime, Timeline] = {}
    for known_at in instants:
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
def test_frequent_refreshes_append_the_same_entries_as_a_single_one(
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
def test_refreshed_breaches_equal_those_of_the_timeline(
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
def test_a_replayed_history_equals_the_ledger_recorded_at_the_time(
    agreed: Terms, history: list[tuple[Fact, datetime]], begin: int
) -> None:
    facts = [fact for fact, _ in history]
    entries = replay_history([KnownTerms(hour(begin), agreed)], facts, as_of=hour(LAST_HOUR))
    ledger = [entry_of(*each) for each in entries]
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
def test_a_replay_records_nothing_before_its_first_known_instant(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    facts = [fact for fact, _ in history]
    entries = replay_history([KnownTerms(hour(7), agreed)], facts, as_of=hour(LAST_HOUR))
    assert all(recorded_at >= hour(7) for _, recorded_at in entries)
