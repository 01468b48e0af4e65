"""Record facts, which are never edited afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from compliance.domain.deadlines.drafts import AgreementFactDraft, FactDraft
from compliance.domain.deadlines.facts import Fact as DomainFact
from compliance.domain.deadlines.facts import effective_facts
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Terms
from compliance.domain.deadlines.timeline import Timeline
from compliance.domain.integrity.chains import link
from compliance.domain.limits import MOST_FACTS, too_many_facts
from compliance.domain.problems import placed_at, refusal
from compliance.domain.quantities import problem_of
from compliance.domain.vocabulary import FactKind, ProposedChange
from compliance.models import Agreement, Deadline, Evidence, Fact, User
from compliance.models.bulk import fetch, insert, next_ids, write
from compliance.models.deadlines.fact_values import fact_of, facts_about
from compliance.models.deadlines.facts import chained_fact
from compliance.models.deadlines.terms import duty_of, terms_of
from compliance.models.locks import lock_agreement, lock_deadline, lock_replacements
from compliance.operations.deadlines import approvals, fact_rows, projection, schedule
from compliance.operations.deadlines.fact_dues import SETTING_DATES
from compliance.operations.deadlines.guarded_facts import refusing_unapproved
from compliance.operations.deadlines.instants import refusing_unknown_zone
from compliance.operations.evidence import evidence
from compliance.operations.people.roles import check_may_record


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
            not effective; or its evidence is unknown.
        ApprovalNeeded: it needs approval and has none (see `proposals.submit`).
        PermissionDenied: only reviewers may record it, or replace what it supersedes.
    """
    sets_dates = draft.type in SETTING_DATES or draft.supersedes
    deadline = lock_deadline(deadline.pk)
    fact = fact_rows.build(deadline, draft, by=by, as_of=as_of)
    fact.approved_by = approved_by
    found = evidence.by_ref(deadline.agreement, draft.evidence)
    with refusing_unapproved(fact, deadline, draft):
        store([(fact, found)], deadlines=[deadline], as_of=as_of)
        touched = {deadline.pk}
        if sets_dates:
            touched |= schedule.reschedule([deadline.obligation_id], as_of=as_of).touched
        projection.refresh(touched, as_of=as_of)
    return fact


@transaction.atomic
def record_of_agreement(
    *,
    agreement: Agreement,
    draft: AgreementFactDraft,
    by: User | None,
    as_of: datetime,
    approved_by: User | None = None,
) -> Fact:
    """Record a fact about a whole agreement, and refresh every deadline that it affects.

    Args:
        approved_by: the second person, if the agreement requires approval and the fact has it.

    Raises:
        Invalid: the fact to supersede does not exist or is not effective, or its evidence is
            unknown.
        ApprovalNeeded: the agreement requires approval, and the fact has none.
    """
    agreement = lock_agreement(agreement.pk)
    fact = fact_rows.build_of_agreement(agreement, draft, by=by, as_of=as_of)
    fact.approved_by = approved_by
    found = evidence.by_ref(agreement, draft.evidence)
    if agreement.requires_approval and approved_by is None:
        change = approvals.Change(
            kind=ProposedChange.AGREEMENT_FACT,
            agreement_id=agreement.pk,
            drafts={"fact": draft},
        )
        count = len(affected_deadlines(agreement))
        raise approvals.ApprovalNeeded(change, f"Deadlines affected: {count:,}.")
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
    return project(*suppose(deadline=deadline, drafts=drafts, as_of=as_of))


def suppose(
    *, deadline: Deadline, drafts: Sequence[FactDraft], as_of: datetime
) -> tuple[Terms, list[DomainFact]]:
    """Return the terms of a deadline, and all facts about it if these were also recorded.

    The hypothetical facts come last.

    Raises:
        Invalid: as `project_with`.
    """
    duty = duty_of(deadline.obligation)
    surviving = {deadline.pk} if duty.survives_termination else set()
    with refusing_unknown_zone("facts"):
        facts = facts_about([deadline], surviving=surviving).get(deadline.pk, [])
    for number, draft in enumerate(drafts):
        with placed_at(f"facts/{number}"):
            fact = fact_rows.build(deadline, draft, by=None, as_of=as_of)
            evidence.by_ref(deadline.agreement, draft.evidence)
            if fact.supersedes_id and not _is_effective(fact.supersedes_id, facts):
                sentence = (
                    f"Fact {fact.supersedes_id} is superseded by an earlier fact in this list."
                )
                raise refusal("supersedes", sentence)
        # If two facts are equal, the newer one counts as the cause. Hypothetical facts are newer
        # than any stored fact.
        fact.pk = HYPOTHETICAL + number
        facts = [*facts, fact_of(fact_rows.column_values(fact), deadline.timezone)]
    return terms_of(deadline, duty), facts


# Ids of stored facts never become this high.
HYPOTHETICAL = 2**62


def _is_effective(fact_id: int, facts: Sequence[DomainFact]) -> bool:
    return any(each.id == fact_id for each in effective_facts(facts))


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

    Raises:
        Invalid: the performances of a deadline add up to a number with too many digits.
        PermissionDenied: only reviewers may record a fact, or replace what it supersedes.
    """
    if not facts:
        return
    check_may_record(fact for fact, _ in facts)
    _check_number(facts)
    heads = {each.pk: _bytes(each.facts_head) for each in deadlines}
    agreements = {fact.agreement_id for fact, _ in facts if fact.agreement_id is not None}
    stored: Iterable[tuple[int, Any]] = ()
    if agreements:
        stored = Agreement.objects.filter(pk__in=agreements).values_list("id", "facts_head")
    agreement_heads = {pk: _bytes(head) for pk, head in stored}
    moved: set[int] = set()
    # Drawn in advance, because the hash covers the id.
    ids = next_ids(Fact, len(facts))
    for (fact, found), pk in zip(facts, ids, strict=True):
        fact.pk, fact.stored_at = pk, as_of
        if fact.supersedes is not None:
            # It may have been stored just before.
            fact.supersedes_id = fact.supersedes.pk
        values = chained_fact(fact_rows.column_values(fact), [each.pk for each in found])
        if fact.deadline_id is not None:
            fact.hash = heads[fact.deadline_id] = link(heads[fact.deadline_id], values)
            moved.add(fact.deadline_id)
        elif fact.agreement_id is not None:
            head = link(agreement_heads[fact.agreement_id], values)
            fact.hash = agreement_heads[fact.agreement_id] = head
    replacements = [fact for fact, _ in facts if fact.kind == FactKind.REPLACEMENT.value]
    if replacements:
        lock_replacements()
    insert([fact for fact, _ in facts])
    fact_rows.refuse_circles(replacements)
    links: Any = Fact.evidence.through
    insert([links(fact_id=fact.pk, evidence_id=each.pk) for fact, found in facts for each in found])
    _reject_unreadable_totals({fact.deadline_id for fact, _ in facts if fact.quantity is not None})
    write(_MOVE_HEADS, [{"id": pk, "head": (heads[pk] or b"").hex()} for pk in moved])
    for pk in agreements:
        Agreement.objects.filter(pk=pk).update(facts_head=agreement_heads[pk])


def _check_number(facts: Sequence[tuple[Fact, Sequence[Evidence]]]) -> None:
    """Refuse more facts about one deadline or agreement than can be projected in a short time.

    Raises:
        Invalid: at the empty path, naming the obligation or the agreement.
    """
    new = Counter((fact.deadline_id, fact.agreement_id) for fact, _ in facts)
    rows = fetch(
        _NUMBER_OF_FACTS,
        deadlines=[pk for pk, _ in new if pk is not None],
        agreements=[pk for _, pk in new if pk is not None],
    )
    stored = {(deadline_id, agreement_id): count for deadline_id, agreement_id, count in rows}
    for fact, _ in facts:
        key = (fact.deadline_id, fact.agreement_id)
        if stored.get(key, 0) + new[key] > MOST_FACTS:
            subject = (
                f"The deadline of obligation {fact.deadline.obligation.ref}"
                if fact.deadline is not None
                else "The agreement"
            )
            count = stored.get(key, 0) + new[key]
            raise refusal("", f"{subject} {too_many_facts(count)}")


_NUMBER_OF_FACTS = """
    SELECT deadline_id, agreement_id, count(*) FROM compliance_fact
    WHERE deadline_id = ANY(%(deadlines)s::bigint[]) OR agreement_id = ANY(%(agreements)s::bigint[])
    GROUP BY deadline_id, agreement_id
"""

_MOVE_HEADS = """
    UPDATE compliance_deadline AS d SET facts_head = decode(v.head, 'hex')
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(id bigint, head text)
    WHERE d.id = v.id
"""


# A fact that another one supersedes does not count.
_TOTALS = """
    SELECT o.ref, sum(f.quantity)
    FROM compliance_fact AS f
    JOIN compliance_deadline AS d ON d.id = f.deadline_id
    JOIN compliance_obligation AS o ON o.id = d.obligation_id
    WHERE f.deadline_id = ANY(%(deadlines)s) AND f.kind = 'performance'
      AND NOT EXISTS (SELECT 1 FROM compliance_fact AS s WHERE s.supersedes_id = f.id)
    GROUP BY o.ref, d.id
    HAVING sum(f.quantity) IS NOT NULL
"""


def _reject_unreadable_totals(deadline_ids: set[int | None]) -> None:
    """Refuse quantities whose sum is no longer an exact number."""
    if not deadline_ids:
        return
    for ref, performed in fetch(_TOTALS, deadlines=list(deadline_ids)):
        problem = problem_of(performed)
        if problem:
            sentence = f"The performances of {ref} would add up to too long a number. {problem}"
            raise refusal("quantity", sentence)


def _bytes(head: Any) -> bytes | None:
    return None if head is None else bytes(head)


def affected_deadlines(agreement: Agreement) -> set[int]:
    """Return the ids of the deadlines that facts about a whole agreement affect."""
    return set(
        Deadline.objects.filter(
            agreement=agreement, obligation__survives_termination=False
        ).values_list("id", flat=True)
    )
