"""Load the snapshots of obligations, which are the input of scheduling, for many at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, OuterRef

from compliance.domain.deadlines.components import Part, is_done_by_components
from compliance.domain.deadlines.due_changes import DatedFact
from compliance.domain.deadlines.facts import Fact as DomainFact
from compliance.domain.deadlines.snapshots import ObligationSnapshot, StoredDeadline
from compliance.domain.deadlines.sources import ComponentSource, DeadlineSource, Source
from compliance.domain.due_dates.calendars import CustomCalendar
from compliance.domain.due_dates.contexts import ResolutionContext, default_timezone
from compliance.domain.due_dates.datings import Dating
from compliance.domain.due_dates.due_rules import load_due_rule
from compliance.domain.due_dates.grace_periods import parse_grace
from compliance.domain.vocabulary import Capacity, FactKind, ObligationKind, Precision, RollUp
from compliance.models import Deadline, Dependency, Fact, Obligation, ObligationParty
from compliance.models.agreements.milestones import datings_of
from compliance.models.deadlines.fact_values import facts_about
from compliance.models.deadlines.terms import duty_of, terms_of
from compliance.models.due_dates.calendars import custom_calendars
from compliance.models.locks import for_update

_SourcesByRef = dict[str, dict[int, Source]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    """A party of an obligation, with its capacity and time zone."""

    capacity: Capacity
    code: str
    timezone: str
    party_id: int


@dataclass(kw_only=True, slots=True)
class ScheduleInputs:
    """Obligations with their deadlines, and everything that their rules refer to.

    `deadlines` are by obligation and number. `with_dependents` are the obligations from which
    others count. `datings` has the datings of milestones by agreement, in the order of recording.
    """

    obligations: list[Obligation]
    deadlines: dict[int, dict[int, Deadline]]
    with_dependents: set[int]
    _sides: dict[int, list[_Side]]
    datings: dict[int, list[Dating]]
    _custom_calendars: Mapping[str, CustomCalendar]
    _with_facts: set[int | None]
    _dated_facts: dict[int, list[Any]]
    _sources: dict[int, _SourcesByRef]
    _components: dict[int, Part]

    def snapshot(self, obligation: Obligation) -> ObligationSnapshot:
        """Return the snapshot of one of the obligations.

        Raises:
            ValueError: a stored rule cannot be read.
        """
        agreement = obligation.agreement
        kind = ObligationKind(obligation.kind)
        by_components = is_done_by_components(kind, obligation.target_quantity)
        return ObligationSnapshot(
            recorded_at=obligation.recorded_at,
            kind=kind,
            due=load_due_rule(obligation.due),
            starts=load_due_rule(obligation.starts),
            context=self._context(obligation),
            datings=self._current_datings(obligation),
            binds_on=obligation.binds_on,
            agreement_began_on=agreement.in_force_on or agreement.signed_on,
            sources=self._sources.get(obligation.pk, {}),
            components=self._components.get(obligation.pk) if by_components else None,
            obligors=tuple(
                side.code
                for side in self._sides[obligation.pk]
                if side.capacity is Capacity.OBLIGOR
            ),
            stored={
                number: self._stored(deadline)
                for number, deadline in self.deadlines.get(obligation.pk, {}).items()
            },
        )

    def party_id_of(self, obligation: Obligation, code: str | None) -> int | None:
        """Return the id of an obligor by its code."""
        return next(
            (side.party_id for side in self._sides[obligation.pk] if side.code == code), None
        )

    def _context(self, obligation: Obligation) -> ResolutionContext:
        sides = self._sides[obligation.pk]
        obligor_timezones = [side.timezone for side in sides if side.capacity is Capacity.OBLIGOR]
        return ResolutionContext(
            timezone=default_timezone(obligation.agreement.timezone, obligor_timezones),
            party_timezones={side.code: side.timezone for side in sides},
            calendars=tuple(obligation.agreement.calendars),
            custom_calendars=self._custom_calendars,
            grace=parse_grace(obligation.grace) if obligation.grace else None,
            milestones={ref: each.event for ref, each in self._current_datings(obligation).items()},
            ends_on=None if obligation.survives_termination else obligation.agreement.ends_on,
        )

    def _current_datings(self, obligation: Obligation) -> dict[str, Dating]:
        return {each.ref: each for each in self.datings.get(obligation.agreement_id, ())}

    def _stored(self, deadline: Deadline) -> StoredDeadline:
        return StoredDeadline(
            is_closed=deadline.is_closed,
            is_withdrawn=deadline.is_withdrawn,
            has_facts=deadline.pk in self._with_facts,
            party=deadline.party.code if deadline.party is not None else None,
            dated_facts=tuple(
                DatedFact(
                    id=fact.pk,
                    kind=FactKind(fact.kind),
                    effective_at=fact.effective_at,
                    effective_on=fact.effective_on,
                    precision=Precision(fact.precision or Precision.DAY),
                    is_superseded=fact.is_superseded,
                    due=load_due_rule(fact.due),
                )
                for fact in self._dated_facts.get(deadline.pk, ())
            ),
        )


def load(obligation_ids: Iterable[int], *, is_for_update: bool = False) -> ScheduleInputs:
    """Load obligations and everything to which their rules refer, optionally locking deadlines."""
    ids = sorted(set(obligation_ids))
    obligations = list(
        Obligation.objects.filter(id__in=ids).select_related("agreement").order_by("id")
    )
    sides: dict[int, list[_Side]] = defaultdict(list)
    for pk, capacity, code, timezone, party_id in (
        ObligationParty.objects.filter(obligation__in=ids)
        .order_by("id")
        .values_list("obligation_id", "capacity", "party__code", "party__timezone", "party_id")
    ):
        side = _Side(capacity=Capacity(capacity), code=code, timezone=timezone, party_id=party_id)
        sides[pk].append(side)
    deadlines: dict[int, dict[int, Deadline]] = defaultdict(dict)
    rows = Deadline.objects.filter(obligation__in=ids).prefetch_related("party").order_by("id")
    for deadline in for_update(rows) if is_for_update else rows:
        deadlines[deadline.obligation_id][deadline.number] = deadline
    # A purge leaves the head of the chain as it is.
    chained = [
        row.pk for each in deadlines.values() for row in each.values() if row.facts_head is not None
    ]
    recorded = Fact.objects.order_by().filter(deadline__in=chained).values_list("deadline_id")
    dated_facts: dict[int, list[Any]] = defaultdict(list)
    for fact in (
        Fact.objects.filter(
            deadline__obligation__in=ids, kind__in=[FactKind.EXTENSION, FactKind.TRIGGER]
        )
        .annotate(is_superseded=Exists(Fact.objects.filter(supersedes=OuterRef("pk"))))
        .order_by("effective_at", "id")
    ):
        if fact.deadline_id is not None:
            dated_facts[fact.deadline_id].append(fact)
    sources, components = _load_sources(ids)
    with_dependents = Dependency.objects.filter(on__in=ids).values_list("on_id", flat=True)
    return ScheduleInputs(
        obligations=obligations,
        deadlines=deadlines,
        with_dependents=set(with_dependents),
        _sides=sides,
        datings=datings_of({each.agreement_id for each in obligations}),
        _custom_calendars=custom_calendars(),
        _with_facts={pk for (pk,) in recorded.distinct()} if chained else set(),
        _dated_facts=dated_facts,
        _sources=sources,
        _components=components,
    )


def _load_sources(ids: list[int]) -> tuple[dict[int, _SourcesByRef], dict[int, Part]]:
    """Return the sources of obligations, and the components that complete their parents."""
    dependencies = list(
        Dependency.objects.filter(obligation__in=ids, on__isnull=False).values_list(
            "obligation_id", "obligation__survives_termination", "on_id", "on__ref"
        )
    )
    if not dependencies:
        return {}, {}
    family = _load_family({on for _, _, on, _ in dependencies} | set(ids))
    found: dict[int, _SourcesByRef] = defaultdict(dict)
    for obligation_id, survives_termination, on_id, ref in dependencies:
        found[obligation_id][ref] = family.sources(on_id, is_for_surviving=survives_termination)
    return found, {pk: family.with_components(pk) for pk in ids if family.children.get(pk)}


@dataclass(kw_only=True, slots=True)
class _Family:
    """Obligations with their components, and the deadlines of all of them as sources.

    `deadlines` and `surviving` are by obligation and number; `surviving` are the same sources for
    dependents to which facts about the agreement do not apply. `children` are the components of
    obligations that are done by them, and `parents` are these obligations, by id.
    """

    rows: list[Deadline] = field(default_factory=list)
    children: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    parents: dict[int, Obligation] = field(default_factory=dict)
    deadlines: dict[int, dict[int, DeadlineSource]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    surviving: dict[int, dict[int, DeadlineSource]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def sources(self, pk: int, *, is_for_surviving: bool) -> dict[int, Source]:
        """Return an obligation as a source: its deadlines by number, or its components as one."""
        deadlines = (self.surviving if is_for_surviving else self.deadlines).get(pk)
        if deadlines:
            return {**deadlines}
        if not self.children.get(pk):
            return {}
        last = max(
            self._rows_below(pk),
            key=lambda row: (row.recorded_at or row.begins_at, row.pk),
            default=None,
        )
        return {
            1: ComponentSource(
                part=self.with_components(pk),
                timezone=last.timezone if last else "UTC",
                recorded_at=last.recorded_at if last else None,
            )
        }

    def with_components(self, pk: int) -> Part:
        """Return how an obligation is done by its components."""
        parent = self.parents[pk]
        return Part(
            parts=tuple(self._part(child) for child in self.children[pk]),
            rule=RollUp(parent.roll_up),
            share=parent.roll_up_share,
        )

    def _part(self, pk: int) -> Part:
        if deadlines := self.deadlines.get(pk):
            return Part(timelines=tuple(each.timeline for each in deadlines.values()))
        return self.with_components(pk) if self.children.get(pk) else Part()

    def _rows_below(self, pk: int) -> list[Deadline]:
        own = [row for row in self.rows if row.obligation_id == pk]
        return own or [row for each in self.children.get(pk, ()) for row in self._rows_below(each)]


def _load_family(obligation_ids: set[int]) -> _Family:
    """Load obligations, their components at every level, and the deadlines of all of them."""
    family = _Family()
    new, seen = obligation_ids, set[int]()
    while new:
        seen |= new
        family.rows += Deadline.objects.filter(
            obligation__in=new, is_withdrawn=False
        ).select_related("obligation__agreement", "party")
        found: set[int] = set()
        components = Obligation.objects.filter(parent__in=new).select_related("parent")
        for each in components.order_by("id"):
            parent = each.parent
            if parent is not None and is_done_by_components(
                ObligationKind(parent.kind), parent.target_quantity
            ):
                family.parents[parent.pk] = parent
                family.children[parent.pk].append(each.pk)
                found.add(each.pk)
        new = found - seen
    _add_deadline_sources(family)
    return family


def _add_deadline_sources(family: _Family) -> None:
    duties = {row.pk: duty_of(row.obligation) for row in family.rows}
    surviving = {pk for pk, duty in duties.items() if duty.survives_termination}
    facts: Mapping[int, list[DomainFact]] = facts_about(family.rows, surviving=surviving)
    for row in family.rows:
        for sources, is_suspended_with_dependent in (
            (family.deadlines, True),
            (family.surviving, False),
        ):
            sources[row.obligation_id][row.number] = DeadlineSource(
                terms=terms_of(row, duties[row.pk]),
                facts=facts.get(row.pk, []),
                timezone=row.timezone,
                recorded_at=row.recorded_at,
                is_suspended_with_dependent=is_suspended_with_dependent,
                party=None if row.party is None else row.party.code,
            )
