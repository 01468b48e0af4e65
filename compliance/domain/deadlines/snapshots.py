"""Snapshots of obligations: the input of scheduling, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import count

from compliance.domain.civil_periods import CivilPeriod
from compliance.domain.deadlines.components import Part
from compliance.domain.deadlines.dependencies import referenced_obligations, references
from compliance.domain.deadlines.due_changes import DatedFact, zone_named_by
from compliance.domain.deadlines.numbers import source_of_event, source_of_occurrence
from compliance.domain.deadlines.sources import DeadlineSource, Source
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.datings import Dating
from compliance.domain.due_dates.due_rules import DueRule
from compliance.domain.due_dates.rule_types import RecurrenceRule
from compliance.domain.vocabulary import ObligationKind


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredDeadline:
    """A deadline as it is stored.

    `has_facts` says whether anything was recorded about it, even if that was retracted.
    `dated_facts` are its extensions and triggers, in order of effect. `party` is the obligor whose
    deadline it is, if each has one of its own.
    """

    is_closed: bool = False
    is_withdrawn: bool = False
    has_facts: bool = False
    dated_facts: tuple[DatedFact, ...] = ()
    party: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ObligationSnapshot:
    """An obligation and everything that its rules refer to.

    Attributes:
        context: what applies to its rules, without the deadlines that they are counted from.
        datings: what is known about the milestones of the agreement, by ref.
        recorded_at: when it was recorded.
        binds_on: the day from which it binds, if it states one.
        agreement_began_on: when the agreement entered into force or was signed, if known.
        sources: the deadlines that its rules are counted from, by ref and then by number.
        components: its components, if it is done when they are.
        stored: its deadlines by number.
        recorded_on: when deadlines are due about which facts are being recorded.
        obligors: the codes of its obligors.
        party: the obligor whose deadline is considered, if each has one of its own.
    """

    recorded_at: datetime
    kind: ObligationKind = ObligationKind.ACHIEVE
    due: DueRule | None = None
    starts: DueRule | None = None
    context: ResolutionContext = field(default_factory=ResolutionContext)
    datings: Mapping[str, Dating] = field(default_factory=dict)
    binds_on: date | None = None
    agreement_began_on: date | None = None
    sources: Mapping[str, Mapping[int, Source]] = field(default_factory=dict)
    components: Part | None = None
    stored: Mapping[int, StoredDeadline] = field(default_factory=dict)
    recorded_on: tuple[CivilPeriod, ...] = ()
    obligors: tuple[str, ...] = ()
    party: str | None = None

    def is_recorded(self, number: int, due_on: date) -> bool:
        """Return whether there are facts about a deadline, or some are being recorded."""
        stored = self.stored.get(number)
        return (stored is not None and stored.has_facts) or any(
            period.first <= due_on <= period.last for period in self.recorded_on
        )

    def party_places(self) -> dict[int, str]:
        """Return the obligors by place, if the rules count from a date that each party has.

        The place of an obligor is the number of the source of its deadlines. An obligor keeps it
        when others come or go. Empty if all obligors have the same deadlines.
        """
        named = references(self.due, self.starts).milestones
        if all(self.datings[ref].by_party is None for ref in named if ref in self.datings):
            return {}
        places: dict[int, str] = {}
        for number, stored in sorted(self.stored.items()):
            if stored.party is not None and stored.party not in places.values():
                places.setdefault(self.source_of(number), stored.party)
        for code in self.obligors:
            if code not in places.values():
                places[next(each for each in count(1) if each not in places)] = code
        return {place: code for place, code in places.items() if code in self.obligors}

    def source_of(self, number: int) -> int:
        """Return the number of the source of one of its deadlines."""
        if isinstance(self.due, RecurrenceRule):
            return source_of_occurrence(number)
        return source_of_event(number)

    def for_source(self, source: int) -> ObligationSnapshot:
        """Return it with the dates of the obligor that has this place, if each has its own.

        What counts from the deadline of one obligor is due for this obligor, if it owes it too.
        """
        code = None
        if any(each.by_party is not None for each in self.datings.values()):
            code = self.party_places().get(source)
        if code is None:
            party = self._party_of_source(source)
            return self if party is None else replace(self, party=party)
        datings = {ref: each.of_party(code) for ref, each in self.datings.items()}
        context = replace(
            self.context,
            timezone=self.context.timezone or self.context.party_timezones.get(code),
            milestones={ref: each.event for ref, each in datings.items()},
        )
        return replace(self, context=context, datings=datings, party=code)

    def _party_of_source(self, number: int) -> str | None:
        """Return whose deadline one of its sources is, if each has one and this is an obligor."""
        refs = [*referenced_obligations(self.due)]
        if not isinstance(self.due, RecurrenceRule):
            refs += referenced_obligations(self.starts)
        source = self.sources.get(refs[0], {}).get(number) if refs else None
        party = source.party if isinstance(source, DeadlineSource) else None
        return party if party in self.obligors else None

    def sources_of(self, number: int) -> dict[str, Source | None]:
        """Return the sources of one of its deadlines, by ref.

        These are the deadlines with the same number, or else the first ones.
        """
        return {
            ref: by_number.get(number) or by_number.get(1)
            for ref, by_number in self.sources.items()
        }

    @property
    def own_timezone(self) -> str | None:
        """The zone of its due rule, which also applies to extensions that name no zone."""
        return zone_named_by(self.due) or self.context.timezone
