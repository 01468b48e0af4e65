"""The deadlines of new obligations are counted before any of them is created."""

from __future__ import annotations

from compliance.domain.deadlines.deadline_counts import deadline_counts, source_of
from compliance.domain.due_dates.due_rules import parse_due_rule


def test_an_obligation_has_deadlines_for_each_deadline_of_its_source() -> None:
    own = {"C": 1, "B": 3, "A": 20, "alone": 2}
    sources = {"C": "B", "B": "A", "A": None, "alone": None}
    assert dict(deadline_counts(own, sources, {})) == {"C": 60, "B": 60, "A": 20, "alone": 2}


def test_stored_sources_count_as_stored() -> None:
    own = {"B": 2, "C": 1, "D": 1}
    sources = {"B": "A", "C": "empty", "D": "unknown"}
    found = dict(deadline_counts(own, sources, {"A": 7, "empty": 0}))
    assert found == {"B": 14, "C": 1, "D": 1}


def test_a_long_chain_is_counted_once() -> None:
    own = {f"O-{number}": 1 for number in reversed(range(20_000))}
    sources = {f"O-{number}": f"O-{number - 1}" if number else None for number in range(20_000)}
    assert sum(count for _, count in deadline_counts(own, sources, {})) == 20_000


def test_a_recurrence_with_a_fixed_start_has_the_same_dates_whatever_starts_its_period() -> None:
    starts = parse_due_rule(
        {"type": "offset", "from": {"deadline": "A"}, "count": 1, "unit": "days"}
    )
    recurrence = {"type": "recurrence", "rrule": "FREQ=MONTHLY"}
    fixed = parse_due_rule({**recurrence, "start": "2026-01-01"})
    assert source_of(fixed, starts) is None
    assert source_of(parse_due_rule({**recurrence, "start": {"met": "B"}}), starts) == "B"
    assert source_of(starts, None) == "A"
