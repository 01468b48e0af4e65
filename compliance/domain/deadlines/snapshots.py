"""Snapshots of obligations: the input of scheduling, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from compliance.domain.deadlines.components import Part
from compliance.domain.deadlines.due_changes import DatedFact, zone_named_by
from compliance.domain.deadlines.sources import Source
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.datings import Dating
from compliance.domain.due_dates.due_rules import DueRule
from compliance.domain.vocabulary import ObligationKind


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredDeadline:
    """A deadline as it is stored.

    `has_facts` says whether anything was recorded about it, even if that was retracted.
    `dated_facts` are its extensions and triggers, in order of effect.
    """

    is_closed: bool = False
    is_withdrawn: bool = False
    has_facts: bool = False
    dated_facts: tuple[DatedFact, ...] = ()


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
