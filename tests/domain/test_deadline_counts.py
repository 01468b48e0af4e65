"""The deadlines of new obligations are counted before any of them is created."""

from __future__ import annotations

from compliance.domain.deadlines.deadline_counts import deadline_counts


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
