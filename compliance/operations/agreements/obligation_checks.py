"""Check obligation drafts against their agreement."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from compliance.domain.agreements.drafts import ASSESSOR, ObligationDraft
from compliance.domain.deadlines.deadline_counts import deadline_counts, has_own_dates, source_of
from compliance.domain.deadlines.dependencies import (
    MOST_LEVELS,
    dependency_levels,
    dependents_by_source,
    find_cycle,
    nodes_on_cycles,
    references,
)
from compliance.domain.deadlines.rule_checks import MOST_DEADLINES, TooManyDates, check_rules
from compliance.domain.due_dates.calendars import CustomCalendar
from compliance.domain.due_dates.contexts import ResolutionContext, default_timezone
from compliance.domain.problems import Invalid, Problem, placed_at
from compliance.domain.vocabulary import Capacity
from compliance.domain.work import check_new_deadlines
from compliance.models import (
    Agreement,
    Deadline,
    Dependency,
    Milestone,
    Obligation,
    ObligationParty,
    Party,
)
from compliance.models.agreements.milestones import milestone_event
from compliance.models.due_dates.calendars import custom_calendars
from compliance.operations.agreements.responsibilities import Named
from compliance.operations.deadlines import schedule

# How many members of a cycle are reported, and the longest cycle of which all are named.
MOST_CYCLE_PROBLEMS = 20


@dataclass(kw_only=True, slots=True)
class StoredAgreement:
    """A stored agreement, together with the drafts that `include` adds to it.

    Everything is by ref. `refs` are the ids of its obligations, `parents` and `components` are
    their hierarchy, and `sources` are the obligations from which each counts. `new_deadlines` are
    the numbers of deadlines that drafts have by themselves, and `count` is their sum.
    `refused_dates` is how many dates were computed of rules that have too many.
    """

    agreement: Agreement
    parties: dict[str, Party]
    assessors: frozenset[str]
    refs: dict[str, int]
    parents: dict[str, str | None]
    components: dict[str, set[str]]
    sources: dict[str, Collection[str]]
    milestones: dict[str, Milestone]
    custom_calendars: Mapping[str, CustomCalendar]
    named: Named = field(default_factory=Named)
    new_deadlines: dict[str, int] = field(default_factory=dict)
    count: int = 0
    refused_dates: int = 0

    @classmethod
    def load(cls, agreement: Agreement, *, is_empty: bool = False) -> StoredAgreement:
        """Load an agreement. If it is known to have no obligations, none are looked for."""
        rows = agreement.obligations.none() if is_empty else agreement.obligations.order_by()
        stored = list(rows.values_list("ref", "id", "parent__ref"))
        components: dict[str, set[str]] = defaultdict(set)
        for ref, _, parent in stored:
            if parent is not None:
                components[parent].add(ref)
        sources: dict[str, set[str]] = defaultdict(set)
        on_obligations = Dependency.objects.filter(obligation__in=rows, on__isnull=False)
        for ref, on in on_obligations.values_list("obligation__ref", "on__ref"):
            sources[ref].add(on)
        return cls(
            agreement=agreement,
            parties={party.code: party for party in agreement.parties.all()},
            assessors=frozenset(
                agreement.memberships.filter(role__iexact=ASSESSOR).values_list(
                    "party__code", flat=True
                )
            ),
            refs={ref: pk for ref, pk, _ in stored},
            parents={ref: parent for ref, _, parent in stored},
            components=components,
            sources={**sources},
            milestones={each.ref: each for each in agreement.milestones.all()},
            custom_calendars=custom_calendars(),
        )

    def problems_of(
        self, draft: ObligationDraft, *, as_of: datetime, others: Collection[str] = ()
    ) -> list[Problem]:
        """Return the problems of a draft. `others` are the refs of drafts stored with it.

        Raises:
            Invalid: the drafts so far would create more deadlines than one request may.
        """
        found = [
            Problem(
                path=f"{side}/{index}",
                detail=f"{code} is not a party to {self.agreement.ref}: add it to the parties.",
            )
            for side, codes in (("obligors", draft.obligors), ("obligees", draft.obligees))
            for index, code in enumerate(codes)
            if code not in self.parties
        ]
        found += [
            Problem(
                path=f"{side}/{index}",
                detail=(
                    f"{code} is an assessor of {self.agreement.ref}, so it cannot be obligor or "
                    "obligee: name another party, or change its role."
                ),
            )
            for side, codes in (("obligors", draft.obligors), ("obligees", draft.obligees))
            for index, code in enumerate(codes)
            if code in self.assessors
        ]
        # A document has thousands of drafts: joining the refs for each would be quadratic.
        is_known = draft.parent is None or draft.parent in self.refs or draft.parent in others
        if not is_known:
            detail = f"{self.agreement.ref} has no obligation {draft.parent}: correct the ref."
            found.append(Problem(path="parent", detail=detail))
        if found := [*found, *self.named.problems_of(draft)]:
            return found
        try:
            count = check_rules(
                due=draft.due,
                starts=draft.starts,
                context=self._context(draft, others),
                as_of=as_of,
                horizon=schedule.horizon(as_of),
            )
        except Invalid as error:
            self.refused_dates += MOST_DEADLINES if isinstance(error, TooManyDates) else 0
            return list(error.problems)
        if draft.ref not in self.refs:
            # If each party has its own date, each obligor has its own deadlines.
            obligors = () if has_own_dates(draft.due) else self._dated_parties(draft)
            self.new_deadlines[draft.ref] = count * max(1, len(obligors))
            self.count += self.new_deadlines[draft.ref]
            # Checking the others would take as long as storing them.
            check_new_deadlines(draft.ref, self.count)
        return []

    def check_number(self, drafts: Mapping[str, ObligationDraft]) -> None:
        """Refuse drafts, by path, that would create too many deadlines together.

        They have been checked and included. Those that count from recurring ones multiply.

        Raises:
            Invalid: at the `due` of the first one that is too many.
        """
        sources = {each.ref: source_of(each.due, each.starts) for each in drafts.values()}
        named = {each for each in sources.values() if each is not None}
        if not named:
            return
        rows = Deadline.objects.order_by().filter(
            agreement=self.agreement, obligation__ref__in=named, is_withdrawn=False
        )
        stored = dict(Counter(rows.values_list("obligation__ref", flat=True)))
        paths, total = {each.ref: path for path, each in drafts.items()}, 0
        for ref, count in deadline_counts(self.new_deadlines, sources, stored):
            total += count
            with placed_at(paths[ref]):
                check_new_deadlines(ref, total)

    def _dated_parties(self, draft: ObligationDraft) -> Sequence[str]:
        """Return the obligors of a draft if its rules count from a date that each party has."""
        named = references(draft.due, draft.starts).milestones
        rows = [self.milestones[ref] for ref in named if ref in self.milestones]
        return draft.obligors if any(each.dates is not None for each in rows) else ()

    def _context(self, draft: ObligationDraft, others: Collection[str]) -> ResolutionContext:
        """Return the context of the rules of a draft. Its deadlines have refs but no dates."""
        named = references(draft.due, draft.starts)
        obligors = {code: self.parties[code].timezone for code in draft.obligors}
        obligees = {code: self.parties[code].timezone for code in draft.obligees}
        # If each party has its own date, each deadline is in the zone of its obligor.
        zones = [*obligors.values()][: 1 if self._dated_parties(draft) else None]
        return ResolutionContext(
            timezone=default_timezone(self.agreement.timezone, zones),
            party_timezones=obligors | obligees,
            calendars=tuple(self.agreement.calendars),
            custom_calendars=self.custom_calendars,
            grace=draft.grace,
            milestones={
                ref: milestone_event(self.milestones[ref])
                for ref in named.milestones
                if ref in self.milestones
            },
            deadlines=dict.fromkeys(
                ref for ref in named.obligations if ref in self.refs or ref in others
            ),
        )

    def include(self, draft: ObligationDraft) -> None:
        """Add the parent and the sources of a draft, replacing the stored ones."""
        former = self.parents.get(draft.ref)
        if former is not None:
            self.components[former].discard(draft.ref)
        if draft.parent is not None:
            self.components[draft.parent].add(draft.ref)
        self.parents[draft.ref] = draft.parent
        self.sources[draft.ref] = references(draft.due, draft.starts).obligations

    def order_problems(self, drafts: Mapping[str, ObligationDraft]) -> Iterator[Problem]:
        """Yield the cycles and the too long chains that contain a draft. Drafts are by path.

        The drafts must have been included.
        """
        # Each one names a path through its cycle, and a cycle may have thousands of members.
        cycles = list(islice(self._cycles(drafts), MOST_CYCLE_PROBLEMS))
        yield from cycles or self._long_chains(drafts)

    def _long_chains(self, drafts: Mapping[str, ObligationDraft]) -> Iterator[Problem]:
        dependents = dependents_by_source(
            (ref, source) for ref in self.refs for source in self._sources_and_components(ref)
        )
        levels = dependency_levels(self.refs, dependents)
        if len(levels) <= MOST_LEVELS:
            return
        too_deep = {ref for level in levels[MOST_LEVELS:] for ref in level}
        detail = (
            f"A chain of more than {MOST_LEVELS} obligations would depend on each other: count "
            "some of them from a date or a milestone."
        )
        # A corrected obligation can also make the chain of its dependents too long.
        paths = [path for path, draft in drafts.items() if draft.ref in too_deep] or [*drafts]
        yield from (Problem(path="due", detail=detail).below(path) for path in paths)

    def _cycles(self, drafts: Mapping[str, ObligationDraft]) -> Iterator[Problem]:
        refs = [draft.ref for draft in drafts.values()]
        in_hierarchy = nodes_on_cycles(refs, self._parent)
        in_sources = nodes_on_cycles(refs, self._sources)
        in_both = nodes_on_cycles(refs, self._sources_and_components)
        for path, draft in drafts.items():
            ref = draft.ref
            found = []
            if ref in in_hierarchy:
                cycle = _path(find_cycle(ref, self._parent))
                detail = f"These obligations would be components of each other: {cycle}."
                found.append(Problem(path="parent", detail=detail))
            if ref in in_sources:
                nodes = find_cycle(ref, self._sources)
                detail = f"These obligations would depend on each other: {_path(nodes)}."
                is_due = nodes[1] in references(draft.due).obligations
                found.append(Problem(path="due" if is_due else "starts", detail=detail))
            if not found and ref in in_both:
                cycle = _path(find_cycle(ref, self._sources_and_components))
                detail = f"These obligations would depend on their own components: {cycle}."
                found.append(Problem(path="parent" if draft.parent else "due", detail=detail))
            yield from (problem.below(path) for problem in found)

    def depends(self, draft: ObligationDraft) -> bool:
        """Return whether a draft depends on anything, or its parent on it."""
        named = references(draft.due, draft.starts)
        return bool(draft.parent or named.milestones or named.obligations)

    def _parent(self, ref: str) -> Iterable[str]:
        parent = self.parents.get(ref)
        return () if parent is None else (parent,)

    def _sources(self, ref: str) -> Iterable[str]:
        return self.sources.get(ref, ())

    def _sources_and_components(self, ref: str) -> Iterable[str]:
        return [*self.sources.get(ref, ()), *self.components.get(ref, ())]

    def sides(self, obligation: Obligation, draft: ObligationDraft) -> list[ObligationParty]:
        """Return unsaved rows for the parties of a draft."""
        return [
            ObligationParty(
                agreement=self.agreement,
                obligation=obligation,
                party=self.parties[code],
                capacity=capacity,
            )
            for capacity, codes in (
                (Capacity.OBLIGOR, draft.obligors),
                (Capacity.OBLIGEE, draft.obligees),
            )
            for code in codes
        ]


def _path(refs: Sequence[str]) -> str:
    """Return the refs of a cycle in their order; of a long cycle, the first and the last."""
    shown = refs if len(refs) <= MOST_CYCLE_PROBLEMS else [*refs[:10], "…", *refs[-5:]]
    return " > ".join(shown)
