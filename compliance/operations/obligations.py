"""Writing obligations, and the deadlines that follow from their due rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from compliance.domain.calendars import NoBusinessDay
from compliance.domain.civil_time import DayOutOfRange, NonexistentLocalTime, day_start
from compliance.domain.drafts import ObligationDraft
from compliance.domain.due_rules import (
    Due,
    DueRule,
    Grace,
    GraceOutOfRange,
    dump_due_rule,
    dump_grace,
    parse_due_rule,
    parse_grace,
    resolve,
)
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.domain.vocabulary import Capacity, Status
from compliance.models import Agreement, Deadline, Obligation, ObligationParty, Party
from compliance.operations import course


@transaction.atomic
def create(*, agreement: Agreement, draft: ObligationDraft, as_of: datetime) -> Obligation:
    """Store an obligation and its deadline, settled as of `as_of`.

    Raises:
        Invalid: its ref is taken, a side of it is no party to the agreement, its parent is not
            there, or its due time does not exist in its zone.
    """
    agreement = Agreement.objects.select_for_update(no_key=True).get(pk=agreement.pk)
    [obligation] = store(agreement=agreement, drafts={"": draft}, as_of=as_of)
    course.settle(obligation.deadlines.values_list("id", flat=True), as_of=as_of)
    return obligation


@transaction.atomic
def update(*, obligation: Obligation, draft: ObligationDraft, as_of: datetime) -> Obligation:
    """Correct an obligation. A corrected due rule moves its deadline, through the ledger.

    A change that the parties agreed on is not a correction: record an extension for it.

    Raises:
        Invalid: as `create`; also if the ref differs, or the due rule of an obligation that has
            a deadline is taken away.
    """
    agreement = Agreement.objects.select_for_update(no_key=True).get(pk=obligation.agreement_id)
    touched = correct(agreement=agreement, obligation=obligation, draft=draft, as_of=as_of)
    course.settle(touched, as_of=as_of)
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
    obligation = Obligation.objects.select_for_update(no_key=True).get(pk=obligation.pk)
    if draft.ref != obligation.ref:
        raise refusal("ref", f"The ref of an obligation stays as it is: {obligation.ref}.")
    has_deadline = obligation.deadlines.exists()
    if draft.due is None and has_deadline:
        raise refusal("due", "This obligation has a deadline: cancel that, and keep the rule.")
    context = _Context.of(agreement)
    problems = context.problems(draft)
    if draft.parent is not None and not problems:
        problems = context.ring(draft)
    if problems:
        raise Invalid(problems)
    for name, value in _columns(draft).items():
        setattr(obligation, name, value)
    obligation.parent_id = context.refs[draft.parent] if draft.parent else None
    obligation.save()
    wanted = {(each.party_id, each.capacity): each for each in context.sides(obligation, draft)}
    for side in obligation.sides.all():
        if wanted.pop((side.party_id, side.capacity), None) is None:
            side.delete()
    ObligationParty.objects.bulk_create(wanted.values())
    if draft.due is not None and not has_deadline:
        Deadline.objects.bulk_create([_deadline(context, obligation, draft, as_of)])
    return recompute(obligations=[obligation])


def recompute(*, obligations: Iterable[Obligation]) -> set[int]:
    """Work out again when the given obligations are due; their deadlines' ids are returned.

    The caller settles those, in the same transaction.

    Raises:
        Invalid: a due time does not exist in the zone that now holds.
    """
    found = Deadline.objects.filter(obligation__in=list(obligations)).select_related(
        "obligation__agreement"
    )
    touched = set()
    for deadline in found.order_by("id").select_for_update(no_key=True, of=("self",)):
        obligation = deadline.obligation
        due = due_of(
            rule=parse_due_rule(obligation.due),
            grace=parse_grace(obligation.grace) if obligation.grace else None,
            fallback_timezone=fallback_timezone(obligation),
            calendars=tuple(obligation.agreement.calendars),
            path="due",
        )
        deadline.timezone = due.timezone
        deadline.original_due_on = due.due_on
        deadline.original_due_at = due.due_at
        deadline.original_unmet_at = due.unmet_at
        deadline.begins_at = min(deadline.begins_at, due.due_at)
        deadline.save(
            update_fields=[
                "timezone",
                "original_due_on",
                "original_due_at",
                "original_unmet_at",
                "begins_at",
            ]
        )
        touched.add(deadline.pk)
    return touched


def store(
    *, agreement: Agreement, drafts: Mapping[str, ObligationDraft], as_of: datetime
) -> list[Obligation]:
    """Store obligations, by the paths to name them by when refused, with unsettled deadlines.

    The caller settles them, in the same transaction.

    Raises:
        Invalid: with every problem of every draft.
    """
    context = _Context.of(agreement)
    problems = [
        problem.below(path)
        for path, draft in drafts.items()
        for problem in context.problems(draft, beside=drafts.values())
    ]
    for path, draft in drafts.items():
        if draft.ref in context.refs:
            sentence = f"{agreement.ref} already has an obligation {draft.ref}: choose another."
            problems.append(Problem(path="ref", detail=sentence).below(path))
        context.refs.setdefault(draft.ref, 0)
        context.parents[draft.ref] = draft.parent
    if not problems:
        problems = [
            each.below(path) for path, draft in drafts.items() for each in context.ring(draft)
        ]
    if problems:
        raise Invalid(problems)
    obligations = [Obligation(agreement=agreement, **_columns(draft)) for draft in drafts.values()]
    Obligation.objects.bulk_create(obligations)
    context.refs.update((obligation.ref, obligation.pk) for obligation in obligations)
    components = []
    sides = []
    deadlines = []
    for obligation, draft in zip(obligations, drafts.values(), strict=True):
        if draft.parent is not None:
            obligation.parent_id = context.refs[draft.parent]
            components.append(obligation)
        sides += context.sides(obligation, draft)
        if draft.due is not None:
            deadlines.append(_deadline(context, obligation, draft, as_of))
    Obligation.objects.bulk_update(components, ["parent"], batch_size=1_000)
    ObligationParty.objects.bulk_create(sides)
    Deadline.objects.bulk_create(deadlines)
    return obligations


def due_of(
    *,
    rule: DueRule,
    grace: Grace | None,
    fallback_timezone: str | None,
    calendars: tuple[str, ...],
    path: str,
) -> Due:
    """When `rule` is due.

    Raises:
        Invalid: no zone decides it, or its time of day does not exist there; at `path`.
    """
    if rule.timezone is None and fallback_timezone is None:
        sentence = (
            "The obligors are in different time zones: name the one that counts in timezone, "
            "here or on the agreement."
        )
        raise refusal(f"{path}/timezone", sentence)
    try:
        return resolve(
            rule,
            fallback_timezone=fallback_timezone or "UTC",
            grace=grace,
            calendars=calendars,
        )
    except NonexistentLocalTime as error:
        raise refusal(f"{path}/time", str(error)) from None
    except (GraceOutOfRange, NoBusinessDay) as error:
        raise refusal("grace/count", str(error)) from None
    except DayOutOfRange as error:
        raise refusal(f"{path}/on", str(error)) from None


def fallback_timezone(obligation: Obligation) -> str | None:
    """The zone that counts where a due rule names none; None if the obligors' zones differ."""
    return _fallback(
        obligation.agreement,
        Party.objects.filter(
            sides__obligation=obligation, sides__capacity=Capacity.OBLIGOR.value
        ).values_list("timezone", flat=True),
    )


def _fallback(agreement: Agreement, obligor_timezones: Iterable[str]) -> str | None:
    if agreement.timezone:
        return agreement.timezone
    zones = set(obligor_timezones)
    return zones.pop() if len(zones) == 1 else None


@dataclass(kw_only=True, slots=True)
class _Context:
    """The agreement that obligations are checked against, as it is stored."""

    agreement: Agreement
    parties: dict[str, Party]
    refs: dict[str, int]
    parents: dict[str, str | None]

    @classmethod
    def of(cls, agreement: Agreement) -> _Context:
        stored = list(agreement.obligations.order_by().values_list("ref", "id", "parent__ref"))
        return cls(
            agreement=agreement,
            parties={party.code: party for party in agreement.parties.all()},
            refs={ref: pk for ref, pk, _ in stored},
            parents={ref: parent for ref, _, parent in stored},
        )

    def problems(
        self, draft: ObligationDraft, *, beside: Iterable[ObligationDraft] = ()
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
        if (
            draft.parent is not None
            and draft.parent not in self.refs
            and all(draft.parent != other.ref for other in beside)
        ):
            detail = f"{self.agreement.ref} has no obligation {draft.parent}."
            found.append(Problem(path="parent", detail=detail))
        if draft.due is not None and not found:
            try:
                self.due(draft)
            except Invalid as error:
                found += error.problems
        return found

    def ring(self, draft: ObligationDraft) -> list[Problem]:
        path = [draft.ref]
        parent = draft.parent
        while parent is not None:
            path.append(parent)
            if parent == draft.ref:
                detail = f"These would be components of each other: {' > '.join(path)}."
                return [Problem(path="parent", detail=detail)]
            if path.count(parent) > 1:
                break
            parent = self.parents.get(parent)
        return []

    def due(self, draft: ObligationDraft) -> Due:
        if draft.due is None:
            sentence = f"{draft.ref} has no due rule."
            raise ValueError(sentence)
        return due_of(
            rule=draft.due,
            grace=draft.grace,
            fallback_timezone=_fallback(
                self.agreement, (self.parties[code].timezone for code in draft.obligors)
            ),
            calendars=tuple(self.agreement.calendars),
            path="due",
        )

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


def _deadline(
    context: _Context, obligation: Obligation, draft: ObligationDraft, as_of: datetime
) -> Deadline:
    due = context.due(draft)
    agreement = context.agreement
    began_on = agreement.in_force_on or agreement.signed_on
    begins_at = day_start(began_on, due.timezone) if began_on else as_of
    return Deadline(
        agreement=agreement,
        obligation=obligation,
        begins_at=min(begins_at, due.due_at),
        original_due_on=due.due_on,
        original_due_at=due.due_at,
        original_unmet_at=due.unmet_at,
        timezone=due.timezone,
        status=Status.PENDING,
        status_since=min(begins_at, due.due_at),
        due_on=due.due_on,
        due_at=due.due_at,
        unmet_at=due.unmet_at,
        next_check_at=as_of,
    )


def _columns(draft: ObligationDraft) -> dict[str, object]:
    return {
        "ref": draft.ref,
        "title": draft.title,
        "text": draft.text,
        "clause": draft.clause,
        "kind": draft.kind.value,
        "due": dump_due_rule(draft.due) if draft.due else None,
        "grace": dump_grace(draft.grace) if draft.grace else None,
        "severity": draft.severity.value,
        "tags": list(draft.tags),
        "owner": draft.owner,
        "target_quantity": draft.target_quantity,
        "unit": draft.unit,
    }
