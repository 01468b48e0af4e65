"""What rules are counted from, the order of dependent obligations, and cycles."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.deadlines.dependencies import (
    DependencyCycle,
    dependency_levels,
    dependents_by_source,
    find_cycle,
    nodes_on_cycles,
    referenced_obligations,
    references,
)
from compliance.domain.due_dates.due_rules import DueRule, parse_due_rule

NODES = range(12)
Edges = set[tuple[int, int]]

nodes = st.sampled_from(NODES)
graphs = st.sets(st.tuples(nodes, nodes), max_size=30)
# Every edge leads from a smaller node to a larger one, so that there can be no cycle.
acyclic = st.sets(
    st.tuples(nodes, nodes).filter(lambda edge: edge[0] != edge[1]).map(lambda e: (min(e), max(e))),
    max_size=40,
)


def dependents_of(edges: Edges) -> dict[int, set[int]]:
    """The dependents of each node; an edge leads from a source to its dependent."""
    return dependents_by_source((dependent, source) for source, dependent in edges)


def reachable(start: int, edges: Edges) -> set[int]:
    """Everything that can be reached from `start` in one step or more, found by brute force."""
    found: set[int] = set()
    while True:
        more = {end for begin, end in edges if begin == start or begin in found}
        if more <= found:
            return found
        found |= more


def rule(**fields: Any) -> DueRule:
    return parse_due_rule(fields)


def after(count: int = 1, **anchor: str) -> DueRule:
    return rule(type="offset", **{"from": anchor}, count=count, unit="days")


# References


def test_a_rule_with_a_date_is_counted_from_nothing() -> None:
    found = references(rule(type="date", on="2026-03-15"), after(date="2026-03-01"), None)
    assert (found.milestones, found.obligations) == (frozenset(), frozenset())


def test_references_of_several_rules_are_joined() -> None:
    found = references(after(milestone="signing"), after(deadline="A"))
    assert found.milestones == {"signing"}
    assert found.obligations == {"A"}


def test_a_trigger_refers_to_its_event_and_to_the_anchor_of_its_period() -> None:
    then = {"type": "offset", "from": {"deadline": "A"}, "count": 1, "unit": "days"}
    trigger = rule(type="trigger", on={"breach_of": "B"}, then=then)
    assert referenced_obligations(trigger) == ["B", "A"]
    woken = rule(type="trigger", on={"milestone": "signing"}, then={"count": 1, "unit": "days"})
    assert references(woken).milestones == {"signing"}
    assert referenced_obligations(woken) == []


# Order


def test_everything_is_on_a_later_level_than_what_it_depends_on() -> None:
    # B depends on A; C on A and B; D on C.
    edges = {(1, 2), (1, 3), (2, 3), (3, 4)}
    assert dependency_levels([1], dependents_of(edges)) == [[1], [2], [3], [4]]
    assert dependency_levels([4, 2], dependents_of(edges)) == [[2], [3], [4]]
    assert dependency_levels([], dependents_of(edges)) == []
    assert dependency_levels([9, 7], {}) == [[7, 9]]


@given(acyclic, st.sets(nodes, min_size=1))
def test_levels_hold_what_can_be_reached_and_respect_every_dependency(
    edges: Edges, start: set[int]
) -> None:
    levels = dependency_levels(start, dependents_of(edges))
    level_of = {pk: number for number, level in enumerate(levels) for pk in level}
    expected = start.union(*(reachable(each, edges) for each in start))
    assert set(level_of) == expected
    assert sum(map(len, levels)) == len(expected)
    assert all(level == sorted(level) for level in levels)
    for source, dependent in edges:
        if source in level_of:
            assert level_of[source] < level_of[dependent]
    # No level is later than it must be.
    for pk, number in level_of.items():
        sources = [level_of[each] for each, end in edges if end == pk and each in level_of]
        assert number == max(sources, default=-1) + 1


def test_a_dense_graph_is_ordered_without_revisiting_nodes() -> None:
    # The number of paths doubles with each of these nodes.
    edges = {(source, dependent) for dependent in range(300) for source in range(dependent)}
    asked: Counter[int] = Counter()

    class Dependents(dict[int, set[int]]):
        def get(self, key: int, default: Any = None) -> Any:
            asked[key] += 1
            return super().get(key, default)

    levels = dependency_levels([0], Dependents(dependents_of(edges)))
    assert len(levels) == 300
    assert asked == Counter(range(300)), "each node is visited once"


def test_a_cycle_has_no_order() -> None:
    with pytest.raises(DependencyCycle, match="2 > 3 > 2"):
        dependency_levels([1], dependents_of({(1, 2), (2, 3), (3, 2)}))


@given(graphs, nodes)
def test_there_is_an_order_exactly_if_no_cycle_can_be_reached(edges: Edges, start: int) -> None:
    within = {start} | reachable(start, edges)
    has_cycle = any(node in reachable(node, edges) for node in within)
    try:
        dependency_levels([start], dependents_of(edges))
    except DependencyCycle:
        assert has_cycle
    else:
        assert not has_cycle


# Cycles


@given(graphs, nodes)
def test_a_cycle_is_a_path_back_to_its_start(edges: Edges, start: int) -> None:
    successors = dependents_of(edges)
    cycle = find_cycle(start, lambda node: successors.get(node, ()))
    if not cycle:
        assert start not in reachable(start, edges)
        return
    assert cycle[0] == cycle[-1] == start
    assert all(step in edges for step in pairwise(cycle))
    assert len(set(cycle[1:])) == len(cycle) - 1


@given(graphs, st.sets(nodes))
def test_the_nodes_on_cycles_are_those_that_can_be_reached_from_themselves(
    edges: Edges, start: set[int]
) -> None:
    successors = dependents_of(edges)
    within = start.union(*(reachable(each, edges) for each in start))
    expected = {node for node in within if node in reachable(node, edges)}
    assert nodes_on_cycles(start, lambda node: successors.get(node, ())) == expected


def test_two_nodes_and_a_single_one_can_form_a_cycle() -> None:
    successors = dependents_of({(1, 2), (2, 1), (2, 3), (4, 4), (4, 5)})
    assert nodes_on_cycles([1, 4], lambda node: successors.get(node, ())) == {1, 2, 4}
    assert find_cycle(1, lambda node: successors.get(node, ())) == [1, 2, 1]
    assert find_cycle(4, lambda node: successors.get(node, ())) == [4, 4]


def test_a_long_chain_is_searched_for_cycles_without_revisiting_nodes() -> None:
    count = 20_000
    asked: Counter[int] = Counter()

    def next_in_chain(node: int) -> list[int]:
        asked[node] += 1
        return [node + 1] if node < count else []

    def next_in_ring(node: int) -> list[int]:
        asked[node] += 1
        return [(node + 1) % count]

    assert nodes_on_cycles(range(count), next_in_chain) == set()
    assert asked == Counter(range(count + 1)), "each node is visited once"
    asked.clear()
    assert len(nodes_on_cycles(range(count), next_in_ring)) == count
    assert asked == Counter(range(count)), "each node is visited once"
