"""Which terms of deadlines were known at every instant of an imported history.

Terms follow from rules, milestones, facts and other deadlines. Each of these became known at some
time, so the terms are computed again whenever one of them did.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from heapq import heappop, heappush

from compliance.domain.deadlines.components import Part
from compliance.domain.deadlines.dependencies import dependency_levels, dependents_by_source
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.rule_checks import Horizon
from compliance.domain.deadlines.scheduling import ScheduledTerms, wanted_deadlines
from compliance.domain.deadlines.snapshots import ObligationSnapshot, StoredDeadline
from compliance.domain.deadlines.sources import ComponentSource, DeadlineSource, Source
from compliance.domain.deadlines.terms import KnownTerms, Terms
from compliance.domain.due_dates.datings import Dating, datings_known_at
from compliance.domain.vocabulary import RollUp


@dataclass(frozen=True, kw_only=True, slots=True)
class FormerObligation:
    """An obligation as it was known until `until`, when it or its agreement was corrected."""

    until: datetime
    snapshot: ObligationSnapshot
    terms_of: Callable[[ScheduledTerms], Terms]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedObligation:
    """An obligation with everything that was recorded about it.

    Attributes:
        snapshot: as it is known now. Sources that are not among the obligations of the same
            history keep their state.
        known_from: when the obligation became known.
        deadlines_known_from: when its deadlines became known, by number.
        datings: those of the milestones of the agreement, in the order of recording.
        facts: the facts about its deadlines, by number.
        terms_of: returns the terms of one of its deadlines.
        former: what was known of it before corrections, oldest first.
        sources: the obligations that its rules are counted from, by ref.
        components: the obligations that complete it together, if it is done when they are.
    """

    snapshot: ObligationSnapshot
    known_from: datetime
    deadlines_known_from: Mapping[int, datetime]
    datings: Sequence[Dating]
    facts: Mapping[int, Sequence[Fact]]
    terms_of: Callable[[ScheduledTerms], Terms]
    sources: Mapping[str, int]
    former: Sequence[FormerObligation] = ()
    components: tuple[int, ...] = ()
    roll_up: RollUp = RollUp.ALL
    share: Decimal | None = None
    survives_termination: bool = False

    def instants(self) -> Iterator[datetime]:
        """Yield when something about it became known."""
        yield self.known_from
        yield from self.deadlines_known_from.values()
        yield from (each.recorded_at for each in self.datings)
        yield from (each.until for each in self.former)
        for facts in self.facts.values():
            yield from (each.recorded_at for each in facts if each.recorded_at is not None)

    def known_at(self, at: datetime) -> RecordedObligation | FormerObligation:
        """Return what was known of its rules at an instant."""
        return next((each for each in self.former if at < each.until), self)


@dataclass(frozen=True, kw_only=True, slots=True)
class TermsVersion:
    """The terms of a deadline as known from `recorded_at` on."""

    scheduled: ScheduledTerms
    known: KnownTerms

    @property
    def recorded_at(self) -> datetime:
        """When they became known."""
        return self.known.recorded_at

    def states(
        self, scheduled: ScheduledTerms, terms_of: Callable[[ScheduledTerms], Terms]
    ) -> bool:
        """Return whether these are the terms that a rule yields."""
        return self.scheduled == scheduled and self.known.terms == terms_of(scheduled)


Versions = dict[tuple[int, int], list[TermsVersion]]
"""The versions of the terms of each deadline, by obligation and number, oldest first."""


def term_history(
    obligations: Mapping[int, RecordedObligation], *, as_of: datetime, horizon: Horizon
) -> Versions:
    """Return which terms were known of the deadlines of obligations, up to `as_of`.

    Recurrences yield deadlines within the horizon of today, also for the past.
    """
    replay = _Replay(obligations=obligations, horizon=horizon)
    replay.run(as_of)
    return replay.versions


@dataclass(kw_only=True, slots=True)
class _Replay:
    """The state of all obligations while time passes.

    `known` are their deadlines as sources, and `seen` are the obligations that are known.
    """

    obligations: Mapping[int, RecordedObligation]
    horizon: Horizon
    versions: Versions = field(default_factory=lambda: defaultdict(list))
    known: dict[int, dict[int, DeadlineSource]] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    _to_come: list[tuple[datetime, int]] = field(default_factory=list)

    def run(self, as_of: datetime) -> None:
        pairs = [
            (pk, source)
            for pk, each in self.obligations.items()
            for source in (*each.sources.values(), *each.components)
            if source in self.obligations
        ]
        dependents = dependents_by_source(pairs)
        levels = dependency_levels(self.obligations, dependents)
        order = [pk for level in levels for pk in level]
        place = {pk: number for number, pk in enumerate(order)}
        instants = {
            (max(at, each.known_from), pk)
            for pk, each in self.obligations.items()
            for at in each.instants()
        }
        self._to_come = sorted(instants)
        while self._to_come and self._to_come[0][0] <= as_of:
            at = self._to_come[0][0]
            affected: list[int] = []
            while self._to_come and self._to_come[0][0] == at:
                heappush(affected, place[heappop(self._to_come)[1]])
            last = -1
            while affected:
                number = heappop(affected)
                if number != last and self._learn(order[number], at):
                    for dependent in dependents.get(order[number], ()):
                        heappush(affected, place[dependent])
                last = number

    def _learn(self, pk: int, at: datetime) -> bool:
        """Compute the terms that are known of an obligation, and return whether they changed."""
        obligation = self.obligations[pk]
        if at < obligation.known_from:
            return False
        is_new = pk not in self.seen
        self.seen.add(pk)
        snapshot = self._snapshot(obligation, at)
        try:
            wanted = wanted_deadlines(snapshot, as_of=at, horizon=self.horizon)
        except (ValueError, ArithmeticError, LookupError):
            # It would have been refused at the time, and been tried again when more was known.
            return is_new
        known = {}
        terms_of = obligation.known_at(at).terms_of
        for number, scheduled in wanted.items():
            if at < obligation.deadlines_known_from.get(number, at):
                continue
            versions = self.versions[pk, number]
            if not versions or not versions[-1].states(scheduled, terms_of):
                terms = KnownTerms(at, terms_of(scheduled), scheduled.fact_dues)
                versions.append(TermsVersion(scheduled=scheduled, known=terms))
            known[number] = DeadlineSource(
                terms=versions[-1].known.terms,
                facts=versions[-1].known.facts_at(obligation.facts.get(number, ()), at),
                timezone=scheduled.timezone,
                party=scheduled.party,
            )
        before = self.known.get(pk)
        self.known[pk] = known
        self._wait_for_sources(pk, snapshot, at)
        return is_new or before != known

    def _snapshot(self, obligation: RecordedObligation, at: datetime) -> ObligationSnapshot:
        """Return an obligation as it was known at an instant."""
        snapshot = obligation.known_at(at).snapshot
        datings = datings_known_at(obligation.datings, at)
        return replace(
            snapshot,
            context=replace(
                snapshot.context, milestones={ref: each.event for ref, each in datings.items()}
            ),
            datings=datings,
            sources={
                ref: self._sources(obligation, ref, source)
                for ref, source in obligation.sources.items()
            },
            components=self._part_of(obligation) if obligation.components else None,
            stored={
                number: _known_of(each, obligation.facts.get(number, ()), at)
                for number, each in snapshot.stored.items()
            },
        )

    def _sources(
        self, obligation: RecordedObligation, ref: str, source: int
    ) -> Mapping[int, Source]:
        if source not in self.obligations:
            return obligation.snapshot.sources.get(ref, {})
        known = self.known.get(source)
        if known:
            is_suspended_too = not obligation.survives_termination
            return {
                number: replace(each, is_suspended_with_dependent=is_suspended_too)
                for number, each in known.items()
            }
        if not self.obligations[source].components:
            return {}
        below = self._deadlines_below(source)
        last = max(below, key=lambda each: each.terms.begins_at, default=None)
        part = self._part_of(self.obligations[source])
        return {1: ComponentSource(part=part, timezone=last.timezone if last else "UTC")}

    def _part_of(self, obligation: RecordedObligation) -> Part:
        return Part(
            parts=tuple(
                self._component(pk)
                for pk in obligation.components
                if pk in self.seen or pk not in self.obligations
            ),
            rule=obligation.roll_up,
            share=obligation.share,
        )

    def _component(self, pk: int) -> Part:
        if known := self.known.get(pk):
            return Part(timelines=tuple(each.timeline for each in known.values()))
        obligation = self.obligations.get(pk)
        return self._part_of(obligation) if obligation and obligation.components else Part()

    def _deadlines_below(self, pk: int) -> list[DeadlineSource]:
        own = list(self.known.get(pk, {}).values())
        obligation = self.obligations.get(pk)
        below = obligation.components if obligation else ()
        return own or [each for child in below for each in self._deadlines_below(child)]

    def _wait_for_sources(self, pk: int, snapshot: ObligationSnapshot, at: datetime) -> None:
        """Come back when time alone changes a source: that may activate the obligation."""
        for by_number in snapshot.sources.values():
            for source in by_number.values():
                following = source.timeline.next_after(at)
                if following is not None:
                    heappush(self._to_come, (following, pk))


def _known_of(stored: StoredDeadline, facts: Sequence[Fact], at: datetime) -> StoredDeadline:
    known = {fact.id for fact in facts if fact.recorded_at is not None and fact.recorded_at <= at}
    dated = tuple(fact for fact in stored.dated_facts if fact.id in known)
    return replace(stored, has_facts=stored.has_facts and bool(known), dated_facts=dated)
