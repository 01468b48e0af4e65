"""Build the rows of facts from drafts, and refuse facts that do not fit. Nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef

from compliance.domain.civil_periods import period_of
from compliance.domain.civil_time import civil_day, day_end, displayed_zone_name
from compliance.domain.deadlines.drafts import AgreementFactDraft, DayOrInstant, FactDraft
from compliance.domain.deadlines.facts import effective_facts
from compliance.domain.deadlines.terms import is_only_measured
from compliance.domain.due_dates.due_rules import dump_due_rule
from compliance.domain.due_dates.periods import Event, event_in
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import FactKind, ObligationKind, TargetBound, Verdict
from compliance.models import Agreement, Deadline, Fact, Obligation, User
from compliance.models.deadlines.fact_values import fact_of
from compliance.models.people.readers import current_reader
from compliance.models.visibility import visible_to
from compliance.operations.deadlines import fact_dues
from compliance.operations.deadlines.fact_dues import Snapshots
from compliance.operations.deadlines.instants import (
    effective_instant,
    refusing_unknown_zone,
    stored_precision,
)

# The clock of a client that reports a performance may be ahead of the server by this much.
CLOCK_SKEW = timedelta(minutes=5)


def column_values(fact: Fact) -> dict[str, Any]:
    """Return the columns of a fact by name."""
    return {column.attname: getattr(fact, column.attname) for column in Fact._meta.fields}


def build(
    deadline: Deadline,
    draft: FactDraft,
    *,
    by: User | None,
    as_of: datetime,
    snapshots: Snapshots | None = None,
    is_history: bool = False,
) -> Fact:
    """Return the row of a draft, recorded at `as_of`, without saving it.

    Args:
        snapshots: for many facts, the snapshots of their obligations.
        is_history: `as_of` is the `recorded_at` of the draft, and not now.

    Raises:
        Invalid: as `facts.record`.
    """
    fact = Fact(
        deadline=deadline,
        quantity=draft.quantity,
        verdict=draft.verdict.value if draft.verdict else None,
        share=draft.share,
        is_final=draft.is_final,
    )
    if not _fill(fact, draft, deadline.timezone, by=by, as_of=as_of):
        return fact
    obligation = deadline.obligation
    _check_kind(draft, obligation)
    _check_quantity(draft, obligation)
    target, quantity = deadline.target_quantity, draft.quantity
    if draft.verdict is Verdict.PARTLY_MET and target and quantity and quantity >= target:
        raise refusal("quantity", "This reaches the target. Determine that the obligation was met.")
    if draft.type in _PAST and fact.effective_at > as_of + CLOCK_SKEW:
        sentence = _in_the_future(draft.type, deadline.timezone, as_of, is_history=is_history)
        raise refusal("on" if draft.on else "at", sentence)
    if draft.successor is not None:
        fact.successor = _successor(deadline, draft.successor, draft.successor_agreement)
    due = None
    snapshots = snapshots or Snapshots([deadline.obligation_id])
    if draft.due is not None:
        fact.due = dump_due_rule(draft.due)
        due = fact_dues.due_of_extension(deadline, draft.due, snapshots)
    if draft.type is FactKind.TRIGGER:
        if fact.effective_on is not None:
            event = event_in(period_of(fact.effective_on, draft.precision))
        else:
            with refusing_unknown_zone("at"):
                on = civil_day(fact.effective_at, deadline.timezone)
            event = Event(on=on, at=fact.effective_at)
        due = fact_dues.due_of_trigger(deadline, event, snapshots)
    if due is not None:
        fact.due_on, fact.due_at, fact.unmet_at = due.due_on, due.due_at, due.unmet_at
    return fact


def _in_the_future(kind: FactKind, timezone: str, as_of: datetime, *, is_history: bool) -> str:
    zone = displayed_zone_name(timezone)
    today = civil_day(as_of, zone)
    if not is_history:
        return f"A {kind} cannot be in the future. Today is {today}."
    return (
        f"A {kind} cannot become known before it happens: at its recorded_at it was still {today} "
        f"in {zone}. Give a later recorded_at, such as the end of the day."
    )


# These record what has happened, so they cannot be in the future.
_PAST = frozenset(
    {
        FactKind.PERFORMANCE,
        FactKind.MEASUREMENT,
        FactKind.VIOLATION,
        FactKind.DETERMINATION,
        FactKind.TRIGGER,
    }
)


def build_of_agreement(
    agreement: Agreement, draft: AgreementFactDraft, *, by: User | None, as_of: datetime
) -> Fact:
    """Return the row of a draft, recorded at `as_of`, without saving it.

    Raises:
        Invalid: as `facts.record_of_agreement`.
    """
    fact = Fact(agreement=agreement)
    # For each deadline, the day begins in its own zone. This zone is only for display.
    zone = displayed_zone_name(agreement.timezone or "UTC")
    _fill(fact, draft, zone, by=by, as_of=as_of)
    return fact


def _fill(
    fact: Fact,
    draft: FactDraft | AgreementFactDraft,
    timezone: str,
    *,
    by: User | None,
    as_of: datetime,
) -> bool:
    """Set the columns that all facts have, and return whether others must be set too."""
    fact.kind = draft.type.value
    fact.note = draft.note
    fact.recorded_at = as_of
    fact.recorded_by = by
    named: object = draft.supersedes
    if isinstance(named, int):
        fact.supersedes = _superseded(fact, named, timezone)
    if isinstance(named, DayOrInstant) and draft.type is FactKind.RETRACTION:
        # A document names what it retracts by its date.
        fact.effective_at, fact.effective_on = effective_instant(named, timezone)
        fact.precision = stored_precision(named.precision)
        return False
    if fact.supersedes is not None and draft.type is FactKind.RETRACTION:
        fact.effective_at = fact.supersedes.effective_at
        fact.effective_on = fact.supersedes.effective_on
        fact.precision = fact.supersedes.precision
        return False
    fact.effective_at, fact.effective_on = effective_instant(draft, timezone)
    fact.precision = stored_precision(draft.precision)
    fact.until_precision = stored_precision(draft.until_precision)
    fact.is_tolling = draft.is_tolling
    if isinstance(draft.until, datetime):
        fact.until_at = draft.until
    elif draft.until is not None:
        fact.until_on = draft.until
        with refusing_unknown_zone("until"):
            fact.until_at = day_end(draft.until, timezone)
    if fact.until_at is not None and fact.until_at <= fact.effective_at:
        raise refusal("until", "The end is not after the beginning. Correct until.")
    return True


def _check_kind(draft: FactDraft, obligation: Obligation) -> None:
    """Refuse a fact that does not fit the kind of obligation."""
    is_achieved = obligation.kind == ObligationKind.ACHIEVE
    if draft.type is FactKind.VIOLATION and is_achieved:
        sentence = "An obligation to achieve cannot be violated. Record performances instead."
        raise refusal("type", sentence)
    if draft.type is FactKind.PERFORMANCE and not is_achieved:
        sentence = (
            f"An obligation to {obligation.kind} cannot be performed. It is met when its period "
            "ends without a violation. Record violations instead."
        )
        raise refusal("type", sentence)
    if draft.type is FactKind.PERFORMANCE and obligation.target_bound == TargetBound.AT_MOST:
        sentence = "Measured values decide whether a ceiling is kept. Record measurements instead."
        raise refusal("type", sentence)
    if draft.type is FactKind.MEASUREMENT and obligation.target_quantity is None:
        sentence = "The obligation has no target_quantity with which a value could be compared."
        raise refusal("type", sentence)


def _check_quantity(draft: FactDraft, obligation: Obligation) -> None:
    """Refuse a quantity that does not fit the target of the obligation."""
    if draft.quantity is None:
        return
    if obligation.target_quantity is None:
        sentence = "The obligation has no target_quantity. Omit quantity."
        raise refusal("quantity", sentence)
    kind, bound = ObligationKind(obligation.kind), TargetBound(obligation.target_bound)
    if not is_only_measured(kind, bound):
        if draft.type is FactKind.RESTATEMENT and draft.quantity <= 0:
            raise refusal("quantity", "Performances add up to it: give a number greater than 0.")
    elif draft.type is FactKind.DETERMINATION:
        sentence = "Performances do not add up to this target. Give a share, or omit quantity."
        raise refusal("quantity", sentence)


def _successor(deadline: Deadline, ref: str, agreement_ref: str | None) -> Obligation:
    agreement_ref = agreement_ref or deadline.agreement.ref
    rows = visible_to(Obligation.objects.select_related("agreement"), current_reader())
    found = rows.filter(agreement__ref=agreement_ref, ref=ref).first()
    if found is None:
        advice = "Correct the successor."
        if agreement_ref != deadline.agreement.ref:
            advice = "Import that agreement with it first, or correct the successor."
        sentence = f"Agreement {agreement_ref} has no obligation {ref}. {advice}"
        raise refusal("successor", sentence)
    if found.pk == deadline.obligation_id:
        raise refusal("successor", "An obligation cannot replace itself. Name another one.")
    _refuse_circle(found, deadline)
    return found


def refuse_circles(facts: Iterable[Fact]) -> None:
    """Refuse replacements that were stored together, or at the same time, and form a circle.

    The caller has stored them, and holds `lock_replacements` since before.

    Raises:
        Invalid: they do.
    """
    for fact in facts:
        if fact.successor is not None and fact.deadline is not None:
            _refuse_circle(fact.successor, fact.deadline)


def _refuse_circle(successor: Obligation, deadline: Deadline) -> None:
    if _leads_back(successor, deadline.obligation_id):
        name = deadline.obligation.ref
        sentence = (
            f"{successor.ref} was itself replaced, and {name} took its place in the end. Retract "
            "that replacement first, or name another obligation."
        )
        raise refusal("successor", sentence)


def _leads_back(successor: Obligation, obligation_id: int) -> bool:
    """Return whether the replacements of an obligation lead to another obligation."""
    seen: set[int] = set()
    current = {successor.pk}
    replacements = Fact.objects.filter(kind=FactKind.REPLACEMENT.value)
    while current and obligation_id not in current:
        seen |= current
        rows = replacements.filter(deadline__obligation_id__in=current)
        superseded = Fact.objects.filter(supersedes_id=OuterRef("pk"))
        found = rows.filter(~Exists(superseded)).values_list("successor_id", flat=True)
        current = set(found) - seen
    return obligation_id in current


def _superseded(fact: Fact, fact_id: int, timezone: str) -> Fact:
    """Return the stored fact with this id, which `fact` supersedes."""
    zone = displayed_zone_name(timezone)
    others = Fact.objects.filter(deadline=fact.deadline, agreement=fact.agreement)
    rows = {row["id"]: row for row in others.values()}
    effective = {each.id for each in effective_facts(fact_of(row, zone) for row in rows.values())}
    if fact_id not in rows:
        raise refusal("supersedes", f"Fact {fact_id} does not exist here.")
    if fact_id not in effective:
        raise refusal("supersedes", f"Fact {fact_id} is already superseded, or is a retraction.")
    return Fact.objects.get(pk=fact_id)
