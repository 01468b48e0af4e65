"""Storing evidence. Nothing stored is ever edited."""

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
        Invalid: its ref is taken, or it names a party or obligation that is not there.
    """
    agreement = lock_agreement(agreement.pk)
    if agreement.evidence.filter(ref=draft.ref).exists():
        sentence = f"{agreement.ref} already has evidence {draft.ref}: choose another ref."
        raise refusal("ref", sentence)
    refs = dict(agreement.obligations.values_list("ref", "id"))
    members = {party.code: party for party in agreement.parties.all()}
    problems = problems_of(draft, refs, members)
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
    verification.mark(borne_on(evidence))
    return evidence


def borne_on(evidence: Evidence) -> set[int]:
    """The ids of the deadlines that a piece of evidence bears on: those named, and all of the
    obligations named."""
    named = Deadline.objects.filter(evidence=evidence).values_list("id", flat=True)
    of_obligations = Deadline.objects.filter(obligation__evidence=evidence)
    return {*named, *of_obligations.values_list("id", flat=True)}


def named(agreement: Agreement, refs: Sequence[str]) -> list[Evidence]:
    """The pieces of evidence of an agreement that have these refs.

    Raises:
        Invalid: one is not there.
    """
    found = {each.ref: each for each in agreement.evidence.filter(ref__in=refs)}
    refuse_unknown(refs, found)
    return [found[ref] for ref in refs]


def refuse_unknown(refs: Sequence[str], known: Mapping[str, Evidence]) -> None:
    """Refuse refs that are not among the known.

    Raises:
        Invalid: with a problem for each.
    """
    problems = [
        Problem(path=f"evidence/{index}", detail=f"There is no evidence {ref} in the agreement.")
        for index, ref in enumerate(refs)
        if ref not in known
    ]
    if problems:
        raise Invalid(problems)


def problems_of(
    draft: EvidenceDraft, refs: Mapping[str, int], members: Mapping[str, Party]
) -> list[Problem]:
    """What a draft names that the agreement, with these obligations and parties, lacks."""
    problems = [
        Problem(path=f"obligations/{index}", detail=f"The agreement has no obligation {ref}.")
        for index, ref in enumerate(draft.obligations)
        if ref not in refs
    ]
    if draft.asserted_by is not None and draft.asserted_by not in members:
        detail = f"{draft.asserted_by} is no party to the agreement."
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
    """The row of a draft, not saved."""
    return Evidence(
        agreement=agreement,
        ref=draft.ref,
        title=draft.title,
        kind=draft.kind.value,
        url=draft.url,
        quote=draft.quote,
        published_on=draft.published_on,
        asserted_by=members[draft.asserted_by] if draft.asserted_by else None,
        stance=draft.stance.value,
        recorded_at=as_of,
        recorded_by=by,
    )
