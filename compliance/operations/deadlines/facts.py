"""Record facts, which are never edited afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from compliance.domain.civil_time import civil_day, day_end
from compliance.domain.deadlines.drafts import AgreementFactDraft, FactDraft
from compliance.domain.deadlines.facts import Fact as DomainFact
from compliance.domain.deadlines.facts import effective_facts
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.timeline import Timeline
from compliance.domain.due_dates.due_rules import dump_due_rule
from compliance.domain.due_dates.periods import Event
from compliance.domain.integrity.chains import link
from compliance.domain.problems import placed_at, refusal
from compliance.domain.vocabulary import FactKind, ObligationKind, Verdict
from compliance.models import Agreement, AgreementChain, Deadline, Evidence, Fact, Obligation, User
from compliance.models.bulk import fetch, write
from compliance.models.deadlines.deadlines import duty_of, terms_of
from compliance.models.deadlines.facts import chained_fact, fact_of, facts_about
from compliance.models.locks import lock_agreement, lock_deadline
from compliance.operations.deadlines import projection, schedule
from compliance.operations.deadlines.instants import effective_instant
from compliance.operations.evidence import evidence

# The clock of a client that reports a performance may be ahead of the server by this much.
CLOCK_SKEW = timedelta(minutes=5)

# The facts that need a second person if the agreement requires approval.
GUARDED = frozenset({FactKind.DETERMINATION, FactKind.WAIVER, FactKind.EXTENSION})


@transaction.atomic
def record(
    *,
    deadline: Deadline,
    draft: FactDraft,
    by: User | None,
    as_of: datetime,
    approved_by: User | None = None,
) -> Fact:
    """Record a fact about a deadline, and refresh the deadline and its dependents.

    Args:
        approved_by: the second person, if the fact needed approval and has it.

    Raises:
        Invalid: the fact does not fit the kind of obligation; its performance is in the future;
            it extends to a time that does not exist; the fact to supersede does not exist or is
            not effective; its evidence is unknown; or it needs approval and has none (see
            `proposals.submit`).
    """
    sets_dates = draft.type in {FactKind.EXTENSION, FactKind.TRIGGER} or draft.supersedes
    deadline = lock_deadline(deadline.pk)
    if approved_by is None and needs_approval(deadline, draft):
        sentence = f"A second person must approve this {draft.type}. Propose it instead."
        raise refusal("type", sentence)
    fact = build(deadline, draft, by=by, as_of=as_of)
    fact.approved_by = approved_by
    found = evidence.by_ref(deadline.agreement, draft.evidence)
    store([(fact, found)], deadlines=[deadline], as_of=as_of)
    touched = {deadline.pk}
    if sets_dates:
        touched |= schedule.reschedule([deadline.obligation_id], as_of=as_of).touched
    projection.refresh(touched, as_of=as_of)
    return fact


@transaction.atomic
def record_of_agreement(
    *, agreement: Agreement, draft: AgreementFactDraft, by: User | None, as_of: datetime
) -> Fact:
    """Record a fact about a whole agreement, and refresh every deadline that it affects.

    Raises:
        Invalid: the fact to supersede does not exist or is not effective, or its evidence is
            unknown.
    """
    agreement = lock_agreement(agreement.pk)
    fact = build_of_agreement(agreement, draft, by=by, as_of=as_of)
    found = evidence.by_ref(agreement, draft.evidence)
    store([(fact, found)], deadlines=[], as_of=as_of)
    projection.refresh(affected_deadlines(agreement), as_of=as_of)
    return fact


def project_with(*, deadline: Deadline, drafts: Sequence[FactDraft], as_of: datetime) -> Timeline:
    """Return the timeline of a deadline if these facts were also recorded, one after another.

    Stores nothing. Uses the checks of `record`, so that recording the facts gives the same
    timeline. In the timeline, the hypothetical facts are numbered from `HYPOTHETICAL` on.

    Raises:
        Invalid: `record` would refuse a fact; the path is its place in the list.
    """
    duty = duty_of(deadline.obligation)
    surviving = {deadline.pk} if duty.survives_termination else set()
    facts = facts_about([deadline], surviving=surviving).get(deadline.pk, [])
    for number, draft in enumerate(drafts):
        with placed_at(f"facts/{number}"):
            fact = build(deadline, draft, by=None, as_of=as_of)
            evidence.by_ref(deadline.agreement, draft.evidence)
            if fact.supersedes_id and not _is_effective(fact.supersedes_id, facts):
                sentence = (
                    f"Fact {fact.supersedes_id} is superseded by an earlier fact in this list."
                )
                raise refusal("supersedes", sentence)
        # If two facts are equal, the newer one is the cause. These are newer than any stored fact.
        fact.pk = HYPOTHETICAL + number
        facts = [*facts, fact_of(_values(fact), deadline.timezone)]
    return project(terms_of(deadline, duty), facts)


# No stored fact reaches this id.
HYPOTHETICAL = 2**62


def _is_effective(fact_id: int, facts: Sequence[DomainFact]) -> bool:
    return any(each.id == fact_id for each in effective_facts(facts))


def _values(fact: Fact) -> dict[str, Any]:
    return {column.attname: getattr(fact, column.attname) for column in Fact._meta.fields}


def needs_approval(deadline: Deadline, draft: FactDraft) -> bool:
    """Return whether a second person must approve a fact before it takes effect."""
    if not deadline.agreement.requires_approval:
        return False
    if draft.type in GUARDED:
        return True
    # Otherwise one person could withdraw what two have decided, or restore it by withdrawing the
    # fact that superseded it.
    superseded = draft.supersedes
    while superseded is not None:
        fact = Fact.objects.filter(pk=superseded, deadline=deadline).first()
        if fact is not None and fact.kind in GUARDED:
            return True
        superseded = fact.supersedes_id if fact is not None else None
    return False


def store(
    facts: Sequence[tuple[Fact, Sequence[Evidence]]],
    *,
    deadlines: Iterable[Deadline],
    as_of: datetime,
) -> None:
    """Save facts with their evidence, and append them to their hash chains.

    Args:
        facts: unsaved facts, each with its evidence.
        deadlines: the deadlines of the facts. The caller has locked them, or the agreement for
            facts about a whole agreement.
        as_of: when the facts are stored.
    """
    heads = {each.pk: _bytes(each.facts_head) for each in deadlines}
    agreements = {fact.agreement_id for fact, _ in facts if fact.agreement_id is not None}
    chains = AgreementChain.objects.in_bulk(agreements)
    agreement_heads = {pk: _bytes(chain.facts_head) for pk, chain in chains.items()}
    moved: set[int] = set()
    # Drawn in advance, because the hash covers the id.
    ids = fetch(_NEXT_IDS, count=len(facts))
    for (fact, found), (pk,) in zip(facts, ids, strict=True):
        fact.pk, fact.stored_at = pk, as_of
        values = chained_fact(_values(fact), [each.pk for each in found])
        if fact.deadline_id is not None:
            fact.hash = heads[fact.deadline_id] = link(heads[fact.deadline_id], values)
            moved.add(fact.deadline_id)
        elif fact.agreement_id is not None:
            head = link(agreement_heads.get(fact.agreement_id), values)
            fact.hash = agreement_heads[fact.agreement_id] = head
    Fact.objects.bulk_create(fact for fact, _ in facts)
    links: Any = Fact.evidence.through
    links.objects.bulk_create(
        links(fact_id=fact.pk, evidence_id=each.pk) for fact, found in facts for each in found
    )
    write(_MOVE_HEADS, [{"id": pk, "head": (heads[pk] or b"").hex()} for pk in moved])
    for pk in agreements:
        AgreementChain.objects.update_or_create(
            agreement_id=pk, defaults={"facts_head": agreement_heads[pk]}
        )


_NEXT_IDS = """
    SELECT nextval(pg_get_serial_sequence('compliance_fact', 'id'))
    FROM generate_series(1, %(count)s)
"""

_MOVE_HEADS = """
    UPDATE compliance_deadline AS d SET facts_head = decode(v.head, 'hex')
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(id bigint, head text)
    WHERE d.id = v.id
"""


def _bytes(head: Any) -> bytes | None:
    return None if head is None else bytes(head)


def affected_deadlines(agreement: Agreement) -> set[int]:
    """Return the ids of the deadlines that facts about a whole agreement affect."""
    return set(
        Deadline.objects.filter(
            agreement=agreement, obligation__survives_termination=False
        ).values_list("id", flat=True)
    )


def build(deadline: Deadline, draft: FactDraft, *, by: User | None, as_of: datetime) -> Fact:
    """Return the row of a draft, recorded at `as_of`, without saving it.

    Raises:
        Invalid: as `record`.
    """
    fact = Fact(
        deadline=deadline,
        quantity=draft.quantity,
        verdict=draft.verdict.value if draft.verdict else None,
        share=draft.share,
    )
    rows = {row["id"]: row for row in Fact.objects.filter(deadline=deadline).values()}
    if not _fill(fact, draft, rows, deadline.timezone, by=by, as_of=as_of):
        return fact
    obligation = deadline.obligation
    _check_kind(draft, obligation)
    target, quantity = deadline.target_quantity, draft.quantity
    if draft.verdict is Verdict.PARTLY_MET and target and quantity and quantity >= target:
        raise refusal("quantity", "This reaches the target. Determine that the obligation was met.")
    if draft.type in _PAST and fact.effective_at > as_of + CLOCK_SKEW:
        today = civil_day(as_of, deadline.timezone)
        sentence = f"A {draft.type} cannot be in the future. Today is {today}."
        raise refusal("on" if draft.on else "at", sentence)
    due = None
    if draft.due is not None:
        fact.due = dump_due_rule(draft.due)
        due = schedule.due_of_extension(deadline, draft.due)
    if draft.type is FactKind.TRIGGER:
        at = None if fact.effective_on else fact.effective_at
        on = fact.effective_on or civil_day(fact.effective_at, deadline.timezone)
        due = schedule.due_of_trigger(deadline, Event(on=on, at=at))
    if due is not None:
        fact.due_on, fact.due_at, fact.unmet_at = due.due_on, due.due_at, due.unmet_at
    return fact


# These record what has happened, so they cannot be in the future.
_PAST = frozenset(
    {FactKind.PERFORMANCE, FactKind.VIOLATION, FactKind.DETERMINATION, FactKind.TRIGGER}
)


def build_of_agreement(
    agreement: Agreement, draft: AgreementFactDraft, *, by: User | None, as_of: datetime
) -> Fact:
    """Return the row of a draft, recorded at `as_of`, without saving it.

    Raises:
        Invalid: as `record_of_agreement`.
    """
    fact = Fact(agreement=agreement)
    rows = {row["id"]: row for row in Fact.objects.filter(agreement=agreement).values()}
    # For each deadline, the day begins in its own zone. This zone is only for display.
    _fill(fact, draft, rows, agreement.timezone or "UTC", by=by, as_of=as_of)
    return fact


def _fill(
    fact: Fact,
    draft: FactDraft | AgreementFactDraft,
    rows: Mapping[int, Mapping[str, Any]],
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
    if draft.supersedes is not None:
        fact.supersedes = _superseded(rows, draft.supersedes, timezone)
    if fact.supersedes is not None and draft.type is FactKind.RETRACTION:
        fact.effective_at = fact.supersedes.effective_at
        fact.effective_on = fact.supersedes.effective_on
        return False
    fact.effective_at, fact.effective_on = effective_instant(draft, timezone)
    fact.is_tolling = draft.is_tolling
    if isinstance(draft.until, datetime):
        fact.until_at = draft.until
    elif draft.until is not None:
        fact.until_on = draft.until
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
    if draft.verdict in {Verdict.PARTLY_MET, Verdict.NOT_MET} and not is_achieved:
        sentence = (
            f"An obligation to {obligation.kind} is unmet while a violation lasts. Record the "
            "violation instead."
        )
        raise refusal("verdict", sentence)
    if draft.quantity is not None and obligation.target_quantity is None:
        sentence = "The obligation has no target_quantity. Omit quantity."
        raise refusal("quantity", sentence)


def _superseded(rows: Mapping[int, Mapping[str, Any]], fact_id: int, timezone: str) -> Fact:
    effective = {
        fact.id for fact in effective_facts(fact_of(row, timezone) for row in rows.values())
    }
    if fact_id not in rows:
        raise refusal("supersedes", f"Fact {fact_id} does not exist here.")
    if fact_id not in effective:
        raise refusal("supersedes", f"Fact {fact_id} is already superseded, or is a retraction.")
    return Fact.objects.get(pk=fact_id)
