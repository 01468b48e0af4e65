"""Recording facts. Nothing recorded is ever edited."""

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
from compliance.operations.deadlines.instants import moment
from compliance.operations.evidence import evidence

# How far the clock of whoever reports a performance may be ahead of ours.
CLOCK_SKEW = timedelta(minutes=5)

# What a second person must approve where an agreement is kept by four eyes.
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
    """Record a fact about a deadline and settle it, and what hangs on it.

    Raises:
        Invalid: a fact that does not fit the obligation's kind, a performance in the future, an
            extension to a time that does not exist, a superseded fact that is not there or
            stands no more, unknown evidence, or a fact that a second person must approve first
            and none has (see `proposals.submit`).
    """
    sets_dates = draft.type in {FactKind.EXTENSION, FactKind.TRIGGER} or draft.supersedes
    deadline = lock_deadline(deadline.pk)
    if approved_by is None and needs_approval(deadline, draft):
        sentence = f"A second person must approve this {draft.type}: propose it."
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
    """Record what befell a whole agreement and settle every deadline that it reaches.

    Raises:
        Invalid: a superseded fact that is not there or stands no more, or unknown evidence.
    """
    agreement = lock_agreement(agreement.pk)
    fact = build_of_agreement(agreement, draft, by=by, as_of=as_of)
    found = evidence.by_ref(agreement, draft.evidence)
    store([(fact, found)], deadlines=[], as_of=as_of)
    projection.refresh(reached(agreement), as_of=as_of)
    return fact


def suppose(*, deadline: Deadline, drafts: Sequence[FactDraft], as_of: datetime) -> Timeline:
    """The course that a deadline would take if these facts were recorded too, one after another.

    Stores nothing. It stands beside `record`, whose checks it shares, because it must come to
    the same. In the course they are numbered from `SUPPOSED` on.

    Raises:
        Invalid: a fact that `record` would refuse, at its place in the list.
    """
    duty = duty_of(deadline.obligation)
    surviving = {deadline.pk} if duty.survives_termination else set()
    facts = facts_about([deadline], surviving=surviving).get(deadline.pk, [])
    for number, draft in enumerate(drafts):
        with placed_at(f"facts/{number}"):
            fact = build(deadline, draft, by=None, as_of=as_of)
            evidence.by_ref(deadline.agreement, draft.evidence)
            if fact.supersedes_id and not _stands(fact.supersedes_id, facts):
                sentence = f"Fact {fact.supersedes_id} is superseded by one before this."
                raise refusal("supersedes", sentence)
        # Of two equal facts the newer is named as the cause; no stored one is as new as these.
        fact.pk = SUPPOSED + number
        facts = [*facts, fact_of(_values(fact), deadline.timezone)]
    return project(terms_of(deadline, duty), facts)


# No stored fact has an id from here on.
SUPPOSED = 2**62


def _stands(fact_id: int, facts: Sequence[DomainFact]) -> bool:
    return any(each.id == fact_id for each in effective_facts(facts))


def _values(fact: Fact) -> dict[str, Any]:
    return {column.attname: getattr(fact, column.attname) for column in Fact._meta.fields}


def needs_approval(deadline: Deadline, draft: FactDraft) -> bool:
    """Whether a second person must approve a fact before it counts."""
    if not deadline.agreement.requires_approval:
        return False
    if draft.type in GUARDED:
        return True
    # Else one person could take back what two have decided, or bring it back by taking back
    # what superseded it.
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
    """Save facts at the ends of their chains, with what they rest on, as stored at `as_of`.

    The caller holds their deadlines, which are given as locked, or their agreement.
    """
    heads = {each.pk: _bytes(each.facts_head) for each in deadlines}
    agreements = {fact.agreement_id for fact, _ in facts if fact.agreement_id is not None}
    chains = AgreementChain.objects.in_bulk(agreements)
    agreement_heads = {pk: _bytes(chain.facts_head) for pk, chain in chains.items()}
    moved: set[int] = set()
    # Drawn before, because the hash covers it.
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


def reached(agreement: Agreement) -> set[int]:
    """The deadlines that facts of an agreement reach."""
    return set(
        Deadline.objects.filter(
            agreement=agreement, obligation__survives_termination=False
        ).values_list("id", flat=True)
    )


def build(deadline: Deadline, draft: FactDraft, *, by: User | None, as_of: datetime) -> Fact:
    """The row of a draft that becomes known at `as_of`, not saved.

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
    _refuse_unfit(draft, obligation)
    most, part = deadline.target_quantity, draft.quantity
    if draft.verdict is Verdict.PARTLY_MET and most and part and part >= most:
        raise refusal("quantity", "That is the whole: determine that it was met.")
    if draft.type in _PAST and fact.effective_at > as_of + CLOCK_SKEW:
        today = civil_day(as_of, deadline.timezone)
        sentence = f"A {draft.type} cannot lie in the future; today is {today}."
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


# What has not happened yet cannot be recorded as having happened.
_PAST = frozenset(
    {FactKind.PERFORMANCE, FactKind.VIOLATION, FactKind.DETERMINATION, FactKind.TRIGGER}
)


def build_of_agreement(
    agreement: Agreement, draft: AgreementFactDraft, *, by: User | None, as_of: datetime
) -> Fact:
    """The row of a draft that becomes known at `as_of`, not saved.

    Raises:
        Invalid: as `record_of_agreement`.
    """
    fact = Fact(agreement=agreement)
    rows = {row["id"]: row for row in Fact.objects.filter(agreement=agreement).values()}
    # A civil day begins for each deadline in its own zone; this one is only for show.
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
    """Set what all facts have; whether there is more to set."""
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
    fact.effective_at, fact.effective_on = moment(draft, timezone)
    fact.is_tolling = draft.is_tolling
    if isinstance(draft.until, datetime):
        fact.until_at = draft.until
    elif draft.until is not None:
        fact.until_on = draft.until
        fact.until_at = day_end(draft.until, timezone)
    if fact.until_at is not None and fact.until_at <= fact.effective_at:
        raise refusal("until", "It ends before it begins: correct until.")
    return True


def _refuse_unfit(draft: FactDraft, obligation: Obligation) -> None:
    """Refuse a kind of fact that this kind of obligation cannot have."""
    is_achieved = obligation.kind == ObligationKind.ACHIEVE
    if draft.type is FactKind.VIOLATION and is_achieved:
        sentence = "What is to be achieved is not violated: it is performed or not."
        raise refusal("type", sentence)
    if draft.type is FactKind.PERFORMANCE and not is_achieved:
        sentence = (
            f"What is to {obligation.kind} is not performed: it is met when its period ends "
            "without a violation. Record violations."
        )
        raise refusal("type", sentence)
    if draft.verdict in {Verdict.PARTLY_MET, Verdict.NOT_MET} and not is_achieved:
        sentence = (
            f"What is to {obligation.kind} is unmet while a violation lasts: record the violation "
            "that you found."
        )
        raise refusal("verdict", sentence)
    if draft.quantity is not None and obligation.target_quantity is None:
        sentence = "The obligation has no target_quantity to count towards: leave this out."
        raise refusal("quantity", sentence)


def _superseded(rows: Mapping[int, Mapping[str, Any]], fact_id: int, timezone: str) -> Fact:
    stands = {fact.id for fact in effective_facts(fact_of(row, timezone) for row in rows.values())}
    if fact_id not in rows:
        raise refusal("supersedes", f"There is no fact {fact_id} here.")
    if fact_id not in stands:
        raise refusal("supersedes", f"Fact {fact_id} is already superseded, or is a retraction.")
    return Fact.objects.get(pk=fact_id)
