"""Dependencies between due rules, and the order in which dependent obligations are computed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from compliance.domain.due_dates.due_rules import DueRule, awaited_event
from compliance.domain.due_dates.rule_types import OffsetRule, TriggerRule

NodeT = TypeVar("NodeT")
OrderedT = TypeVar("OrderedT", int, str)

MOST_LEVELS = 100
"""The maximum length of a chain of dependencies. Each level costs several statements."""


class DependencyCycle(ValueError):
    """Obligations that depend on each other in a cycle, so that none can be computed first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class References:
    """The refs of the milestones and obligations from which due rules count."""

    milestones: frozenset[str]
    obligations: frozenset[str]


def references(*rules: DueRule | None) -> References:
    """Return all milestones and obligations from which the rules count."""
    milestones: set[str] = set()
    for rule in rules:
        offset = offset_of(rule)
        if offset is not None and offset.anchor is not None and offset.anchor.milestone is not None:
            milestones.add(offset.anchor.milestone)
        event = awaited_event(rule)
        if event is not None and event.milestone is not None:
            milestones.add(event.milestone)
    obligations = {ref for rule in rules for ref in referenced_obligations(rule)}
    return References(milestones=frozenset(milestones), obligations=frozenset(obligations))


def referenced_obligations(rule: DueRule | None) -> list[str]:
    """Return the refs of the obligations from which a rule counts, beginning with its event."""
    found: list[str] = []
    event = awaited_event(rule)
    if event is not None:
        found += filter(None, (event.breach_of, event.met))
    offset = offset_of(rule)
    if offset is not None and offset.anchor is not None and offset.anchor.deadline is not None:
        found.append(offset.anchor.deadline)
    return found


def offset_of(rule: DueRule | None) -> OffsetRule | None:
    """Return the offset of a rule, or None if it has none."""
    if isinstance(rule, TriggerRule):
        return rule.then
    return rule if isinstance(rule, OffsetRule) else None


def dependency_levels(
    given: Iterable[OrderedT], dependents: Mapping[OrderedT, Iterable[OrderedT]]
) -> list[list[OrderedT]]:
    """Return the given obligations and all that depend on them, in levels.

    Each obligation is on a later level than those on which it depends. Levels are sorted.

    Args:
        given: the ids or refs of the obligations to start from.
        dependents: for each of them, those that depend on it directly.

    Raises:
        DependencyCycle: some of them depend on each other.
    """
    edges = _reachable_edges(given, dependents)
    sources_left = Counter(dependent for each in edges.values() for dependent in each)
    level = sorted(pk for pk in edges if not sources_left[pk])
    levels: list[list[OrderedT]] = []
    while level:
        levels.append(level)
        following = set()
        for pk in level:
            for dependent in edges.pop(pk):
                sources_left[dependent] -= 1
                if not sources_left[dependent]:
                    following.add(dependent)
        level = sorted(following)
    if edges:
        cycle = find_cycle(min(edges), lambda pk: edges.get(pk, ())) or sorted(edges)
        raise DependencyCycle(f"These depend on each other: {' > '.join(map(str, cycle))}.")
    return levels


def _reachable_edges(
    given: Iterable[OrderedT], dependents: Mapping[OrderedT, Iterable[OrderedT]]
) -> dict[OrderedT, set[OrderedT]]:
    """Return the dependents of everything that can be reached from the given ids."""
    edges: dict[OrderedT, set[OrderedT]] = {}
    to_visit = list(given)
    while to_visit:
        pk = to_visit.pop()
        if pk not in edges:
            edges[pk] = set(dependents.get(pk, ()))
            to_visit += edges[pk]
    return edges


def find_cycle(start: NodeT, successors: Callable[[NodeT], Iterable[NodeT]]) -> list[NodeT]:
    """Return a path from `start` back to `start`, both included; empty if there is none."""
    came_from: dict[NodeT, NodeT] = {}
    to_visit = [start]
    while to_visit:
        here = to_visit.pop()
        for there in successors(here):
            if there == start:
                path = [here]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return [*reversed(path), start]
            if there not in came_from:
                came_from[there] = here
                to_visit.append(there)
    return []


def nodes_on_cycles(
    nodes: Iterable[NodeT], successors: Callable[[NodeT], Iterable[NodeT]]
) -> set[NodeT]:
    """Return the nodes, among those reachable from `nodes`, that are on a cycle.

    Takes time linear in nodes and edges, unlike `find_cycle` for each node (Tarjan's algorithm for
    strongly connected components, without recursion).
    """
    search = _CycleSearch(successors)
    for node in nodes:
        search.visit(node)
    return search.on_cycles


class _CycleSearch(Generic[NodeT]):
    """Finds strongly connected components, depth first."""

    def __init__(self, successors: Callable[[NodeT], Iterable[NodeT]]) -> None:
        self.on_cycles: set[NodeT] = set()
        self._successors = successors
        self._number: dict[NodeT, int] = {}
        self._lowest: dict[NodeT, int] = {}
        # The nodes whose component is not complete yet, in the order in which they were reached.
        self._open: dict[NodeT, None] = {}

    def visit(self, root: NodeT) -> None:
        """Search everything that can be reached from `root` and was not visited before."""
        if root in self._number:
            return
        path = [self._enter(root)]
        while path:
            node, following = path[-1]
            new = next((each for each in following if not self._is_known(node, each)), None)
            if new is not None:
                path.append(self._enter(new))
                continue
            path.pop()
            if path:
                parent = path[-1][0]
                self._lowest[parent] = min(self._lowest[parent], self._lowest[node])
            self._leave(node)

    def _enter(self, node: NodeT) -> tuple[NodeT, Iterator[NodeT]]:
        self._number[node] = self._lowest[node] = len(self._number)
        self._open[node] = None
        return node, iter(self._successors(node))

    def _is_known(self, node: NodeT, successor: NodeT) -> bool:
        if successor == node:
            self.on_cycles.add(node)
        if successor in self._open:
            self._lowest[node] = min(self._lowest[node], self._number[successor])
        return successor in self._number

    def _leave(self, node: NodeT) -> None:
        if self._lowest[node] != self._number[node]:
            return
        members = [self._open.popitem()[0]]
        while members[-1] != node:
            members.append(self._open.popitem()[0])
        if len(members) > 1:
            self.on_cycles.update(members)


def dependents_by_source(pairs: Iterable[tuple[NodeT, NodeT]]) -> dict[NodeT, set[NodeT]]:
    """Return the dependents of each source, from pairs of a dependent and its source."""
    found: dict[NodeT, set[NodeT]] = defaultdict(set)
    for dependent, source in pairs:
        found[source].add(dependent)
    return found
