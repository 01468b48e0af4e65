"""Check an agreement document against the stored data before any of it is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from compliance.domain.agreements.document_drafts import (
    AgreementDocument,
    DocumentAgreementFact,
    DocumentFact,
    DocumentObligation,
    ParticipantDraft,
)
from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.models import Party


def stored_parties(participants: Iterable[ParticipantDraft]) -> dict[str, Party]:
    """Return the stored parties among those of a document, by code."""
    return Party.objects.in_bulk([each.code for each in participants], field_name="code")


def check_parties(participants: Iterable[ParticipantDraft], stored: Mapping[str, Party]) -> None:
    """Reject parties that occur twice, or that differ from the stored party with the same code.

    Names may differ, because they have several spellings. A different kind, country or time zone
    would be misleading, or would move the deadlines of the party's other agreements.

    Raises:
        Invalid: with every problem.
    """
    problems = []
    seen: set[str] = set()
    for index, draft in enumerate(participants):
        if draft.code in seen:
            detail = f"The party {draft.code} occurs twice in this document: remove one."
            problems.append(Problem(path=f"parties/{index}/code", detail=detail))
        seen.add(draft.code)
        party = stored.get(draft.code)
        for name in ("kind", "country", "timezone"):
            if party is not None and getattr(draft, name) != getattr(party, name):
                detail = (
                    f"{draft.code} is stored with {name} {getattr(party, name)}: "
                    "use that, or correct the party first."
                )
                problems.append(Problem(path=f"parties/{index}/{name}", detail=detail))
    if problems:
        raise Invalid(problems)


def check_obligation_refs(drafts: Iterable[ObligationDraft]) -> None:
    """Reject obligations with the same ref.

    Raises:
        Invalid: with every problem.
    """
    seen: set[str] = set()
    problems = []
    for index, draft in enumerate(drafts):
        if draft.ref in seen:
            detail = f"The ref {draft.ref} occurs twice in this document: choose another one."
            problems.append(Problem(path=f"obligations/{index}/ref", detail=detail))
        seen.add(draft.ref)
    if problems:
        raise Invalid(problems)


def check_recorded_at(document: AgreementDocument, *, as_of: datetime) -> None:
    """Reject anything with a `recorded_at` after `as_of`.

    Raises:
        Invalid: with every problem.
    """
    parts: list[tuple[str, datetime | None]] = [("", document.recorded_at)]
    parts += [(f"milestones/{n}", each.recorded_at) for n, each in enumerate(document.milestones)]
    parts += [(f"evidence/{n}", each.recorded_at) for n, each in enumerate(document.evidence)]
    parts += [(f"facts/{n}", each.recorded_at) for n, each in enumerate(document.facts)]
    for index, each in enumerate(document.obligations):
        path = f"obligations/{index}"
        parts.append((path, each.recorded_at))
        parts += [(f"{path}/facts/{n}", fact.recorded_at) for n, fact in enumerate(each.facts)]
        parts += [
            (f"{path}/positions/{n}", position.recorded_at)
            for n, position in enumerate(each.positions)
        ]
    problem = Problem(path="recorded_at", detail="This is in the future: remove it.")
    late = [path for path, at in parts if at is not None and at > as_of]
    if late:
        raise Invalid(problem.below(path) for path in late)


def reject_records(draft: DocumentObligation) -> None:
    """Reject the facts and positions of an obligation without a deadline.

    Raises:
        Invalid: it has some.
    """
    if draft.facts or draft.positions:
        sentence = (
            "There is no deadline to record facts or positions on: give a due rule, or remove them."
        )
        raise refusal("due", sentence)


def reject_supersedes(draft: DocumentFact | DocumentAgreementFact) -> None:
    """Reject a fact that supersedes another one.

    Raises:
        Invalid: it does.
    """
    if draft.supersedes is not None:
        sentence = "A document cannot refer to stored facts: remove supersedes."
        raise refusal("supersedes", sentence)
