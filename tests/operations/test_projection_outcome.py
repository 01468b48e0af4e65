"""The shortcut for missed deadlines decides exactly what their timelines decide."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from compliance.domain.alerts.notification_policies import load_notification_policy
from compliance.domain.civil_time import UnknownTimeZone
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.ledger import Entry, entry_of, ledger_delta
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.timeline import BreachInterval
from compliance.domain.vocabulary import FactKind, ObligationKind, Reason, Status
from compliance.models.deadlines.terms import Duty, terms_of
from compliance.operations.deadlines import projection_outcome
from compliance.operations.deadlines.deadline_rows import DeadlineRow
from compliance.operations.deadlines.projection_inputs import Inputs, Policy
from compliance.operations.deadlines.projection_outcome import Outcome, decide, decide_from_timeline
from tests.domain.strategies import LAST_HOUR, due_at_hour, hour

PLAIN = Duty()
POLICIES: list[dict[str, Any] | None] = [
    None,
    {"reminders": [], "escalations": []},
    {"reminders": [], "escalations": [{"count": 0, "unit": "days"}, {"count": 1, "unit": "days"}]},
]


def row(**more: Any) -> DeadlineRow:
    """Return the row of a deadline that is due at hour 24 and was recorded at hour 0."""
    due = due_at_hour(24)
    values: dict[str, Any] = {
        "id": 1,
        "agreement_id": 2,
        "obligation_id": 3,
        "begins_at": hour(0),
        "is_start_presumed": False,
        "starts_at": None,
        "original_due_on": due.due_on,
        "original_due_at": due.due_at,
        "original_unmet_at": due.unmet_at,
        "original_earliest_due_at": None,
        "moves": None,
        "is_withdrawn": False,
        "has_dependents": False,
        "timezone": "UTC",
        "recorded_at": hour(0),
        "ledger_head": b"h" * 32,
    }
    return DeadlineRow(**{**values, **more})


def inputs(
    deadline: DeadlineRow,
    *,
    duty: Duty = PLAIN,
    facts: tuple[Fact, ...] = (),
    policy: dict[str, Any] | None = None,
) -> Inputs:
    """Return what is stored of a deadline that was last refreshed when it was last recorded."""
    recorded_at = deadline.recorded_at
    timeline = project(terms_of(deadline, duty), ())
    past = timeline.until(recorded_at) if recorded_at is not None else ()
    return Inputs(
        facts={deadline.id: list(facts)} if facts else {},
        ledger={
            deadline.id: [entry_of(each, recorded_at or hour(0)) for each in ledger_delta((), past)]
        },
        breaches={deadline.id: list(timeline.breaches(recorded_at))} if recorded_at else {},
        detected={},
        duties={} if duty == PLAIN else {deadline.obligation_id: duty},
        policies={deadline.obligation_id: Policy(steps=load_notification_policy(policy))},
    )


def used_shortcut(deadline: DeadlineRow, stored: Inputs, as_of: datetime) -> bool:
    return projection_outcome._missed(deadline, stored, as_of=as_of) is not None


def plain_ledger(deadline: DeadlineRow) -> list[Entry]:
    """Return the ledger of a deadline that was recorded as pending, and nothing since."""
    due_at = deadline.original_due_at
    begins_at, reason = deadline.begins_at, Reason.AGREED
    return [Entry(begins_at, begins_at, Status.PENDING, reason, None, due_at, due_at)]


MOVES = [{"at": hour(5).isoformat(), "due": None, "reason": "rescheduled"}]


FACTS = [
    Fact(id=1, kind=FactKind.PERFORMANCE, effective_at=hour(1)),
    Fact(id=1, kind=FactKind.WAIVER, effective_at=hour(30)),
]
RESPECTS = ["nothing", "nothing", "nothing", "column", "column", "duty", "facts", "time"]


def deviations(due_hour: int, as_of: datetime) -> list[dict[str, Any]]:
    """Return columns by which a deadline can differ from a plain one, and some that change it."""
    due_at, earlier = hour(due_hour), hour(due_hour - 1)
    return [
        {"original_unmet_at": due_at + timedelta(hours=3)},
        {"original_earliest_due_at": earlier},
        {"original_due_at": earlier, "original_unmet_at": earlier},
        {"original_due_on": None, "original_due_at": None, "original_unmet_at": None},
        {"begins_at": due_at},
        {"starts_at": earlier},
        {"moves": MOVES},
        {"is_withdrawn": True},
        {"recorded_at": None},
        {"recorded_at": as_of},
        {"recorded_at": as_of + timedelta(hours=2)},
    ]


@st.composite
def situations(draw: st.DrawFn) -> tuple[DeadlineRow, Inputs, datetime]:
    """Return a deadline that mostly was missed, what is stored about it, and now.

    It differs from a plain one in at most one respect. Its ledger states its present terms or its
    former ones.
    """
    due_hour = draw(st.integers(4, 30))
    begins = draw(st.integers(0, 2))
    respect = draw(st.sampled_from(RESPECTS))
    as_of = hour(due_hour - 1 if respect == "time" else draw(st.integers(due_hour, LAST_HOUR)))
    due = due_at_hour(due_hour)
    plain = row(
        begins_at=hour(begins),
        original_due_on=due.due_on,
        original_due_at=due.due_at,
        original_unmet_at=due.unmet_at,
        recorded_at=hour(draw(st.integers(begins, due_hour - 1))),
        ledger_head=draw(st.sampled_from([b"h" * 32, b"", None])),
        timezone=draw(st.sampled_from(["UTC", "Asia/Shanghai"])),
    )
    deadline = plain
    if respect == "column":
        deadline = plain._replace(**draw(st.sampled_from(deviations(due_hour, as_of))))
    stored = inputs(
        draw(st.sampled_from([deadline, plain])),
        duty=Duty(kind=ObligationKind.MAINTAIN) if respect == "duty" else PLAIN,
        facts=(draw(st.sampled_from(FACTS)),) if respect == "facts" else (),
        policy=draw(st.sampled_from(POLICIES)),
    )
    if respect == "column" and draw(st.booleans()):
        stored.ledger = {deadline.id: plain_ledger(deadline)}
    return deadline, stored, as_of


@given(situations())
def test_both_ways_of_deciding_agree(situation: tuple[DeadlineRow, Inputs, datetime]) -> None:
    deadline, stored, as_of = situation
    event(f"used the shortcut: {used_shortcut(deadline, stored, as_of)}")
    assert same(decide(deadline, stored, as_of=as_of)) == same(
        decide_from_timeline(deadline, stored, as_of=as_of)
    )


def test_both_ways_agree_on_a_deadline_that_was_recorded_at_this_instant() -> None:
    now = hour(26)
    deadline, stored = row(recorded_at=now), inputs(row())
    stored.ledger = {deadline.id: plain_ledger(deadline)}
    assert used_shortcut(deadline, stored, now)
    assert same(decide(deadline, stored, as_of=now)) == same(
        decide_from_timeline(deadline, stored, as_of=now)
    )


def same(outcome: Outcome) -> list[object]:
    """Return an outcome with lists in place of other sequences."""
    return [list(each) for each in outcome]


def test_the_shortcut_is_used_for_a_missed_deadline_without_facts() -> None:
    deadline = row()
    assert used_shortcut(deadline, inputs(deadline), hour(24))


@pytest.mark.parametrize(
    "different",
    [
        {"original_unmet_at": hour(25)},
        {"original_earliest_due_at": hour(20)},
        {"original_due_at": None},
        {"moves": MOVES},
        {"is_withdrawn": True},
        {"recorded_at": hour(30)},
        {"recorded_at": None},
        {"begins_at": hour(24)},
    ],
    ids=lambda different: next(iter(different)),
)
def test_the_shortcut_is_not_used_for_anything_else(different: dict[str, Any]) -> None:
    deadline, stored = row(**different), inputs(row())
    stored.ledger = {deadline.id: plain_ledger(deadline)}
    assert not used_shortcut(deadline, stored, hour(26))


def test_the_shortcut_is_not_used_once_anything_else_was_recorded() -> None:
    deadline, stored = row(), inputs(row())
    assert used_shortcut(deadline, stored, hour(26))
    [entry] = stored.ledger[deadline.id]
    stored.ledger[deadline.id] = [entry, entry._replace(recorded_at=hour(1), fact_id=1)]
    assert not used_shortcut(deadline, stored, hour(26))
    stored = inputs(row())
    stored.breaches[deadline.id] = [BreachInterval(hour(24), None, None)]
    assert not used_shortcut(deadline, stored, hour(26))


def test_the_shortcut_is_not_used_before_the_due_instant_or_once_a_fact_is_recorded() -> None:
    deadline = row()
    done = Fact(id=1, kind=FactKind.PERFORMANCE, effective_at=hour(30))
    assert not used_shortcut(deadline, inputs(deadline), hour(23))
    assert not used_shortcut(deadline, inputs(deadline, facts=(done,)), hour(26))
    assert not used_shortcut(deadline, inputs(deadline, duty=Duty(has_due_rule=False)), hour(26))


def test_the_shortcut_is_not_used_if_the_facts_could_not_be_loaded() -> None:
    deadline, stored = row(), inputs(row())
    stored.failures[deadline.id] = UnknownTimeZone("Mars/Olympus")
    with pytest.raises(UnknownTimeZone):
        decide(deadline, stored, as_of=hour(26))


@pytest.mark.parametrize(
    "corrected",
    [
        {"original_unmet_at": hour(25)},
        {"original_due_at": hour(23), "original_unmet_at": hour(23)},
        {"begins_at": hour(1)},
    ],
    ids=lambda corrected: next(iter(corrected)),
)
def test_the_shortcut_is_not_used_if_the_ledger_still_states_former_terms(
    corrected: dict[str, Any],
) -> None:
    deadline, stored = row(**corrected), inputs(row())
    assert not used_shortcut(deadline, stored, hour(26))
    assert same(decide(deadline, stored, as_of=hour(26))) == same(
        decide_from_timeline(deadline, stored, as_of=hour(26))
    )
