"""Store evidence, which is never edited afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from compliance.domain.evidence.drafts import EvidenceDraft
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.models import Agreement, Deadline, Evidence, Party, User
from compliance.models.locks import lock_agreement
from compliance.operations.evidence import verification


@transaction.atomic
def add(
    *, agreement: Agreement, draft: EvidenceDraft, by: User | None, as_of: datetime
) -> Evidence:
    """Store a piece of evidence.

    Raises:
        Invalid: its ref is taken, or it names a party, obligation or deadline that the agreement
            does not have.
    """
    agreement = lock_agreement(agreement.pk)
    if agreement.evidence.filter(ref=draft.ref).exists():
        sentence = f"{agreement.ref} already has evidence {draft.ref}. Choose another ref."
        raise refusal("ref", sentence)
    refs = dict(agreement.obligations.values_list("ref", "id"))
    members = {party.code: party for party in agreement.parties.all()}
    problems = reference_problems(draft, refs, members)
    known = set(agreement.deadlines.filter(id__in=draft.deadlines).values_list("id", flat=True))
    problems += [
        Problem(path=f"deadlines/{index}", detail=f"The agreement has no deadline {pk}.")
        for index, pk in enumerate(draft.deadlines)
        if pk not in known
    ]
    if problems:
        raise Invalid(problems)
    evidence = build(agreement, draft, members, by=by, as_of=as_of)
    evidence.save()
    evidence.obligations.add(*(refs[ref] for ref in draft.obligations))
    evidence.deadlines.add(*known)
    verification.refresh(deadline_ids_of([evidence]))
    return evidence


def deadline_ids_of(evidence: Sequence[Evidence]) -> set[int]:
    """Return the ids of the deadlines to which pieces of evidence apply.

    These are the deadlines that they name, and all deadlines of the obligations that they name.
    """
    if not evidence:
        return set()
    named = Deadline.objects.filter(evidence__in=evidence).values_list("id", flat=True)
    of_obligations = Deadline.objects.filter(obligation__evidence__in=evidence)
    return {*named, *of_obligations.values_list("id", flat=True)}


def by_ref(agreement: Agreement, refs: Sequence[str]) -> list[Evidence]:
    """Return the evidence of an agreement with these refs.

    Raises:
        Invalid: the agreement has no evidence with one of them.
    """
    found = {each.ref: each for each in agreement.evidence.filter(ref__in=refs)}
    check_refs(refs, found)
    return [found[ref] for ref in refs]


def check_refs(refs: Sequence[str], known: Mapping[str, Evidence]) -> None:
    """Check that all refs are known.

    Raises:
        Invalid: with a problem for each unknown ref.
    """
    problems = [
        Problem(path=f"evidence/{index}", detail=f"The agreement has no evidence {ref}.")
        for index, ref in enumerate(refs)
        if ref not in known
    ]
    if problems:
        raise Invalid(problems)


def reference_problems(
    draft: EvidenceDraft, refs: Mapping[str, int], members: Mapping[str, Party]
) -> list[Problem]:
    """Return a problem for each obligation or party that a draft names but its agreement lacks.

    Args:
        refs: the ids of the agreement's obligations by ref.
        members: its parties by code.
    """
    problems = [
        Problem(path=f"obligations/{index}", detail=f"The agreement has no obligation {ref}.")
        for index, ref in enumerate(draft.obligations)
        if ref not in refs
    ]
    if draft.asserted_by is not None and draft.asserted_by not in members:
        detail = f"{draft.asserted_by} is not a party to the agreement."
        problems.append(Problem(path="asserted_by", detail=detail))
    return problems


def build(
    agreement: Agreement,
    draft: EvidenceDraft,
    members: Mapping[str, Party],
    *,
    by: User | None,
    as_of: datetime,
) -> Evidence:
    """Return the row of a draft without saving it."""
    return Evidence(
        agreement=agreement,
        ref=draft.ref,
        title=draft.title,
        kind=draft.kind.value,
        url=draft.url,
        quote=draft.quote,
        published_on=draft.published_on,
        published_on_precision=draft.published_on_precision.value,
        asserted_by=members[draft.asserted_by] if draft.asserted_by else None,
        stance=draft.stance.value,
        recorded_at=as_of,
        recorded_by=by,
    )
