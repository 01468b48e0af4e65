"""Writing obligations, and the deadlines that follow from their due rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import transaction

from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.alerts.drafts import dump_notification_policy
from compliance.domain.due_dates.calendars import CustomCalendar
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.due_rules import dump_due_rule, dump_grace
from compliance.domain.limits import MOST_PROBLEMS
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.domain.vocabulary import Capacity, ObligationKind
from compliance.models import (
    Agreement,
    Dependency,
    Fact,
    Milestone,
    Obligation,
    ObligationParty,
    Party,
)
from compliance.models.agreements.agreements import milestone_event
from compliance.models.bulk import fetch
from compliance.models.due_dates.calendars import custom_calendars
from compliance.models.locks import for_update, lock_agreement
from compliance.operations.deadlines import projection, schedule


@transaction.atomic
def create(*, agreement: Agreement, draft: ObligationDraft, as_of: datetime) -> Obligation:
    """Store an obligation and its deadline, settled as of `as_of`.

    Raises:
        Invalid: its ref is taken, a side of it is no party to the agreement, its parent is not
            there, or its due time does not exist in its zone.
    """
    agreement = lock_agreement(agreement.pk)
    stored = store(agreement=agreement, drafts={"": draft}, as_of=as_of)
    projection.refresh(stored.touched, as_of=as_of)
    [obligation] = stored.obligations
    return obligation


@transaction.atomic
def update(*, obligation: Obligation, draft: ObligationDraft, as_of: datetime) -> Obligation:
    """Correct an obligation. A corrected due rule moves its deadline, through the ledger.

    A change that the parties agreed on is not a correction: record an extension for it.

    Raises:
        Invalid: as `create`; also if the ref differs, or the due rule of an obligation that has
            a deadline is taken away.
    """
    agreement = lock_agreement(obligation.agreement_id)
    touched = correct(agreement=agreement, obligation=obligation, draft=draft, as_of=as_of)
    projection.refresh(touched, as_of=as_of)
    obligation.refresh_from_db()
    return obligation


def correct(
    *, agreement: Agreement, obligation: Obligation, draft: ObligationDraft, as_of: datetime
) -> set[int]:
    """Do what `update` does, but leave its deadlines, whose ids it returns, unsettled.

    The caller holds the agreement locked, and settles in the same transaction.

    Raises:
        Invalid: as `update`.
    """
    obligation = for_update(Obligation.objects.all()).get(pk=obligation.pk)
    if draft.ref != obligation.ref:
        raise refusal("ref", f"The ref of an obligation stays as it is: {obligation.ref}.")
    if draft.due is None and obligation.deadlines.exclude(is_withdrawn=True).exists():
        is_endless = draft.kind is not ObligationKind.ACHIEVE
        if not is_endless:
            raise refusal("due", "This obligation has a deadline: cancel that, and keep the rule.")
    if draft.kind.value != obligation.kind and _has_facts(obligation):
        sentence = f"Facts are recorded of it as something to {obligation.kind}: keep the kind."
        raise refusal("kind", sentence)
    context = _Context.of(agreement)
    problems = context.problems(draft, as_of=as_of)
    if not problems:
        context.note(draft)
        problems = context.rings(draft)
    if problems:
        raise Invalid(problems)
    for name, value in _columns(draft).items():
        setattr(obligation, name, value)
    former = obligation.parent_id
    obligation.parent_id = context.refs[draft.parent] if draft.parent else None
    obligation.save()
    wanted = {(each.party_id, each.capacity): each for each in context.sides(obligation, draft)}
    for side in obligation.sides.all():
        if wanted.pop((side.party_id, side.capacity), None) is None:
            side.delete()
    ObligationParty.objects.bulk_create(wanted.values())
    parents = [pk for pk in (former, obligation.parent_id) if pk is not None]
    hang(agreement, {obligation.pk, *parents})
    return recompute(obligation_ids=[obligation.pk, *parents], as_of=as_of) | set(
        obligation.deadlines.values_list("id", flat=True)
    )


def recompute(*, obligation_ids: Iterable[int], as_of: datetime) -> set[int]:
    """Work out again when obligations, and those that hang on them, are due.

    The ids of the deadlines touched are returned; the caller settles those, in the same
    transaction.

    Raises:
        Invalid: a rule cannot be resolved in the zone, or with the calendars, that now hold.
    """
    touched: set[int] = set()
    for level in schedule.levels(obligation_ids):
        touched |= schedule.arrange(level, as_of=as_of).touched
    return touched


def _has_facts(obligation: Obligation) -> bool:
    return Fact.objects.filter(deadline__obligation=obligation).exists()


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """New obligations, and the ids of the deadlines made for them or moved by them."""

    obligations: list[Obligation]
    touched: set[int]


def store(
    *, agreement: Agreement, drafts: Mapping[str, ObligationDraft], as_of: datetime
) -> Stored:
    """Store obligations, by the paths to name them by when refused, with unsettled deadlines.

    The caller settles what is touched, in the same transaction.

    Raises:
        Invalid: with every problem of every draft.
    """
    context = _Context.of(agreement)
    beside = {draft.ref for draft in drafts.values()}
    found = (
        problem.below(path)
        for path, draft in drafts.items()
        for problem in context.problems(draft, beside=beside, as_of=as_of)
    )
    problems = list(islice(found, MOST_PROBLEMS))
    for path, draft in drafts.items():
        if draft.ref in context.refs:
            sentence = f"{agreement.ref} already has an obligation {draft.ref}: choose another."
            problems.append(Problem(path="ref", detail=sentence).below(path))
        context.refs.setdefault(draft.ref, 0)
        context.note(draft)
    if not problems:
        problems = [
            each.below(path) for path, draft in drafts.items() for each in context.rings(draft)
        ]
    if problems:
        raise Invalid(problems)
    obligations = [Obligation(agreement=agreement, **_columns(draft)) for draft in drafts.values()]
    Obligation.objects.bulk_create(obligations)
    context.refs.update((obligation.ref, obligation.pk) for obligation in obligations)
    components = []
    sides = []
    for obligation, draft in zip(obligations, drafts.values(), strict=True):
        if draft.parent is not None:
            obligation.parent_id = context.refs[draft.parent]
            components.append(obligation)
        sides += context.sides(obligation, draft)
    Obligation.objects.bulk_update(components, ["parent"], batch_size=1_000)
    ObligationParty.objects.bulk_create(sides)
    parents = {each.parent_id for each in components if each.parent_id is not None}
    made = [each.pk for each in obligations]
    hang(agreement, {*made, *parents})
    try:
        touched = recompute(obligation_ids=[*made, *parents], as_of=as_of)
    except schedule.Unworkable as error:
        paths = dict(zip((each.pk for each in obligations), drafts, strict=True))
        path = paths[error.obligation_id]
        raise Invalid(problem.below(path) for problem in error.problems) from None
    return Stored(obligations=obligations, touched=touched)


@dataclass(kw_only=True, slots=True)
class _Context:
    """The agreement that obligations are checked against, as it is stored."""

    agreement: Agreement
    parties: dict[str, Party]
    refs: dict[str, int]
    parents: dict[str, str | None]
    components: dict[str, set[str]]
    sources: dict[str, set[str]]
    milestones: dict[str, Milestone]
    desk: Mapping[str, CustomCalendar]

    @classmethod
    def of(cls, agreement: Agreement) -> _Context:
        stored = list(agreement.obligations.order_by().values_list("ref", "id", "parent__ref"))
        components: dict[str, set[str]] = defaultdict(set)
        for ref, _, parent in stored:
            if parent is not None:
                components[parent].add(ref)
        sources: dict[str, set[str]] = defaultdict(set)
        for ref, on in Dependency.objects.filter(
            obligation__agreement=agreement, on__isnull=False
        ).values_list("obligation__ref", "on__ref"):
            sources[ref].add(on)
        return cls(
            agreement=agreement,
            parties={party.code: party for party in agreement.parties.all()},
            refs={ref: pk for ref, pk, _ in stored},
            parents={ref: parent for ref, _, parent in stored},
            components=components,
            sources=sources,
            milestones={each.ref: each for each in agreement.milestones.all()},
            desk=custom_calendars(),
        )

    def problems(
        self, draft: ObligationDraft, *, as_of: datetime, beside: Collection[str] = ()
    ) -> list[Problem]:
        found = [
            Problem(
                path=f"{side}/{index}",
                detail=f"{code} is no party to {self.agreement.ref}: make it one first.",
            )
            for side, codes in (("obligors", draft.obligors), ("obligees", draft.obligees))
            for index, code in enumerate(codes)
            if code not in self.parties
        ]
        is_known = draft.parent in self.refs or draft.parent in beside
        if draft.parent is not None and not is_known:
            detail = f"{self.agreement.ref} has no obligation {draft.parent}."
            found.append(Problem(path="parent", detail=detail))
        if not found:
            try:
                schedule.check(draft, self.context(draft, beside), as_of=as_of)
            except Invalid as error:
                found += error.problems
        return found

    def context(self, draft: ObligationDraft, beside: Collection[str]) -> ResolutionContext:
        """What surrounds the rules of a draft; when the obligations are due is left open."""
        milestones, refs = schedule.refs_of(draft.due, draft.starts)
        obligors = {code: self.parties[code].timezone for code in draft.obligors}
        obligees = {code: self.parties[code].timezone for code in draft.obligees}
        return ResolutionContext(
            timezone=schedule.fallback_timezone(self.agreement, obligors.values()),
            party_timezones=obligors | obligees,
            calendars=tuple(self.agreement.calendars),
            custom_calendars=self.desk,
            grace=draft.grace,
            milestones={
                ref: milestone_event(self.milestones[ref])
                for ref in milestones
                if ref in self.milestones
            },
            deadlines=dict.fromkeys(ref for ref in refs if ref in self.refs or ref in beside),
        )

    def note(self, draft: ObligationDraft) -> None:
        """Take in what a draft is a component of, and what it is counted from."""
        former = self.parents.get(draft.ref)
        if former is not None:
            self.components[former].discard(draft.ref)
        if draft.parent is not None:
            self.components[draft.parent].add(draft.ref)
        self.parents[draft.ref] = draft.parent
        self.sources[draft.ref] = schedule.refs_of(draft.due, draft.starts)[1]

    def rings(self, draft: ObligationDraft) -> list[Problem]:
        found = []
        if ring := _ring(draft.ref, lambda ref: filter(None, [self.parents.get(ref)])):
            detail = f"These would be components of each other: {' > '.join(ring)}."
            found.append(Problem(path="parent", detail=detail))
        if ring := _ring(draft.ref, lambda ref: self.sources.get(ref, ())):
            detail = f"These would be counted from each other: {' > '.join(ring)}."
            through = schedule.refs_of(draft.due)[1]
            found.append(Problem(path="due" if ring[1] in through else "starts", detail=detail))
        if not found and (ring := _ring(draft.ref, self.next_to)):
            detail = f"These would be counted from their own components: {' > '.join(ring)}."
            found.append(Problem(path="parent" if draft.parent else "due", detail=detail))
        return found

    def next_to(self, ref: str) -> Iterable[str]:
        """What an obligation is counted from, by its rules or as its components."""
        return [*self.sources.get(ref, ()), *self.components.get(ref, ())]

    def sides(self, obligation: Obligation, draft: ObligationDraft) -> list[ObligationParty]:
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


def hang(agreement: Agreement, obligation_ids: Collection[int]) -> None:
    """Store what obligations of a locked agreement are counted from: by their rules and, where
    they go by these, their components."""
    refs: dict[str, int] = {}
    components: dict[int, set[int]] = defaultdict(set)
    for ref, pk, parent_id in agreement.obligations.order_by().values_list("ref", "id", "parent"):
        refs[ref] = pk
        if parent_id is not None:
            components[parent_id].add(pk)
    milestones = dict(agreement.milestones.values_list("ref", "id"))
    rows = []
    for obligation in Obligation.objects.filter(id__in=obligation_ids).order_by("id"):
        events, others = schedule.refs_of(
            schedule.rule_of(obligation.due), schedule.rule_of(obligation.starts)
        )
        sources = {refs[ref] for ref in others}
        if schedule.goes_by_components(obligation):
            sources |= components[obligation.pk]
        rows += [
            Dependency(obligation=obligation, milestone_id=milestones[ref])
            for ref in sorted(events)
        ]
        rows += [Dependency(obligation=obligation, on_id=pk) for pk in sorted(sources)]
    former = Dependency.objects.filter(obligation__in=obligation_ids)
    marked = {*former.values_list("on_id", flat=True), *(row.on_id for row in rows)}
    former.delete()
    Dependency.objects.bulk_create(rows)
    # Before anything is computed from them: a sweep that has one of these in hand does not know
    # of what depends on it, and its outcome must be seen here.
    fetch(_MARK_SOURCES, ids=list(marked - {None}))


_MARK_SOURCES = """
    UPDATE compliance_deadline AS d SET has_dependents = NOT d.has_dependents
    WHERE d.obligation_id = ANY(%(ids)s) AND d.has_dependents <> EXISTS (
        SELECT FROM compliance_dependency AS e WHERE e.on_id = d.obligation_id)
    RETURNING d.id
"""


def _ring(ref: str, next_to: Callable[[str], Iterable[str]]) -> list[str]:
    """The way from `ref` along what is `next_to` each back to it, if there is one."""
    came_from: dict[str, str] = {}
    waiting_at = [ref]
    while waiting_at:
        here = waiting_at.pop()
        for there in next_to(here):
            if there == ref:
                way = [here]
                while way[-1] != ref:
                    way.append(came_from[way[-1]])
                return [*reversed(way), ref]
            if there not in came_from:
                came_from[there] = here
                waiting_at.append(there)
    return []


def _columns(draft: ObligationDraft) -> dict[str, object]:
    return {
        "ref": draft.ref,
        "title": draft.title,
        "text": draft.text,
        "clause": draft.clause,
        "kind": draft.kind.value,
        "due": dump_due_rule(draft.due) if draft.due else None,
        "grace": dump_grace(draft.grace) if draft.grace else None,
        "starts": dump_due_rule(draft.starts) if draft.starts else None,
        "survives_termination": draft.survives_termination,
        "severity": draft.severity.value,
        "tags": list(draft.tags),
        "owner": draft.owner,
        "roll_up": draft.roll_up.value,
        "roll_up_share": draft.roll_up_share,
        "target_quantity": draft.target_quantity,
        "unit": draft.unit,
        "notification_policy": dump_notification_policy(draft.notification_policy),
    }
