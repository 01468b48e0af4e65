"""Sources: the deadlines and components from which other deadlines count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from compliance.domain.deadlines.components import Part
from compliance.domain.deadlines.dependencies import offset_of
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Terms
from compliance.domain.deadlines.timeline import Timeline
from compliance.domain.due_dates.due_rules import DueRule
from compliance.domain.due_dates.dues import Due
from compliance.domain.due_dates.periods import Event


@dataclass(frozen=True, kw_only=True)
class DeadlineSource:
    """A deadline from which others count.

    It is projected on demand, so that a deadline that cannot be projected affects only the
    deadlines that depend on it.

    Attributes:
        timezone: the zone in which the days of its events are counted.
        recorded_at: when something was last recorded about it.
        is_suspended_with_dependent: facts about the agreement reach the dependent too.
        party: the obligor whose deadline it is, if each has one of its own.
    """

    terms: Terms
    facts: Sequence[Fact]
    timezone: str
    recorded_at: datetime | None = None
    is_suspended_with_dependent: bool = True
    party: str | None = None

    @cached_property
    def timeline(self) -> Timeline:
        """Its timeline."""
        return project(self.terms, self.facts)

    @cached_property
    def due_timeline(self) -> Timeline:
        """Its timeline, in so far as its due date moves the dependent.

        A suspension of the agreement that applies to both stops both clocks. It is left out here,
        because otherwise it would move the dependent twice.
        """
        own = [fact for fact in self.facts if not fact.is_of_agreement]
        if not self.is_suspended_with_dependent or len(own) == len(self.facts):
            return self.timeline
        return project(self.terms, own)


@dataclass(frozen=True, kw_only=True)
class ComponentSource:
    """An obligation without a deadline of its own that is done when its components are.

    `timezone` and `recorded_at` come from the component with the latest record.
    """

    part: Part
    timezone: str
    recorded_at: datetime | None = None

    @cached_property
    def timeline(self) -> Timeline:
        """Its timeline."""
        return self.part.as_timeline()

    @property
    def due_timeline(self) -> Timeline:
        """Its timeline; without a due date, it moves no dependent."""
        return self.timeline


Source = DeadlineSource | ComponentSource


def event_of_due(due: Due, rule: DueRule | None) -> Event:
    """Return a due date as an event to count from: its day, or its instant for hours or minutes."""
    offset = offset_of(rule)
    if offset is not None and offset.unit.is_elapsed:
        return Event(on=due.due_on, at=due.due_at)
    return Event(on=due.due_on)


def latest_events(
    sources: Mapping[str, Source | None], rule: DueRule | None
) -> dict[str, Event | None]:
    """Return the due dates of sources as events to count from, by ref, with all facts applied.

    None stands for a source without a due date.
    """
    found: dict[str, Event | None] = {}
    for ref, source in sources.items():
        transitions = source.due_timeline.transitions if source is not None else ()
        due = transitions[-1].due if transitions else None
        found[ref] = None if due is None else event_of_due(due, rule)
    return found
