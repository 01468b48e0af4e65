"""The shortcut for missed deadlines decides exactly what their timelines decide."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from compliance.domain.alerts.notification_policies import load_notification_policy
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.ledger import entry_of, ledger_delta
from compliance.domain.deadlines.projection import project
from compliance.domain.vocabulary import FactKind, ObligationKind
from compliance.models.deadlines.deadlines import Duty, terms_of
from compliance.operations.deadlines import projection_outcome
from compliance.operations.deadlines.deadline_rows import DeadlineRow
from compliance.operations.deadlines.projection_inputs import Inputs, Policy
from compliance.operations.deadlines.projection_outcome import Outcome, decide, decide_from_timeline
from tests.domain.strategies import LAST_HOUR, due_at_hour, hour, hours

PLAIN = Duty()
POLICIES = [
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


@st.composite
def deadlines(draw: st.DrawFn) -> DeadlineRow:
    """Return deadlines most of which differ in at most one respect from a plain one."""
    due = due_at_hour(
        draw(st.integers(2, LAST_HOUR)),
        grace=draw(st.sampled_from([0, 0, 0, 3])),
        window=draw(st.sampled_from([0, 0, 0, 2])),
    )
    is_dormant = draw(st.integers(0, 9)) == 9
    begins_at = min(hour(draw(st.integers(0, 8))), due.due_at)
    return row(
        begins_at=begins_at,
        original_due_on=None if is_dormant else due.due_on,
        original_due_at=None if is_dormant else due.due_at,
        original_unmet_at=None if is_dormant else due.unmet_at,
        original_earliest_due_at=None if is_dormant else due.earliest_due_at,
        is_withdrawn=draw(st.integers(0, 9)) == 9,
        recorded_at=draw(st.none() | hours.map(hour) | st.just(begins_at)),
        ledger_head=draw(st.sampled_from([None, b"h" * 32])),
        timezone=draw(st.sampled_from(["UTC", "Asia/Shanghai"])),
    )


facts = st.sampled_from(
    [
        (),
        (),
        (Fact(id=1, kind=FactKind.PERFORMANCE, effective_at=hour(1)),),
        (Fact(id=1, kind=FactKind.WAIVER, effective_at=hour(30)),),
    ]
)
duties = st.sampled_from([PLAIN, PLAIN, Duty(kind=ObligationKind.MAINTAIN)])


@given(deadlines(), duties, facts, st.sampled_from(POLICIES), hours.map(hour))
def test_both_ways_of_deciding_agree(
    deadline: DeadlineRow,
    duty: Duty,
    recorded: tuple[Fact, ...],
    policy: dict[str, Any] | None,
    as_of: datetime,
) -> None:
    stored = inputs(deadline, duty=duty, facts=recorded, policy=policy)
    target(float(used_shortcut(deadline, stored, as_of)))
    assert same(decide(deadline, stored, as_of=as_of)) == same(
        decide_from_timeline(deadline, stored, as_of=as_of)
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
        {"moves": [{"at": "2026-01-01T05:00:00+00:00", "due": None, "reason": "rescheduled"}]},
        {"is_withdrawn": True},
        {"recorded_at": hour(30)},
        {"recorded_at": None},
        {"begins_at": hour(24)},
    ],
    ids=lambda different: next(iter(different)),
)
def test_the_shortcut_is_not_used_for_anything_else(different: dict[str, Any]) -> None:
    deadline = row(**different)
    assert not used_shortcut(deadline, inputs(deadline), hour(26))


def test_the_shortcut_is_not_used_before_the_due_instant_or_once_a_fact_is_recorded() -> None:
    deadline = row()
    done = Fact(id=1, kind=FactKind.PERFORMANCE, effective_at=hour(30))
    assert not used_shortcut(deadline, inputs(deadline), hour(23))
    assert not used_shortcut(deadline, inputs(deadline, facts=(done,)), hour(26))
    assert not used_shortcut(deadline, inputs(deadline, duty=Duty(has_due_rule=False)), hour(26))


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
