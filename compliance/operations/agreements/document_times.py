"""When the parts of an agreement document became known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from compliance.domain.agreements.document_drafts import AgreementDocument, DocumentMilestone
from compliance.domain.agreements.milestone_drafts import MilestoneDraft
from compliance.domain.civil_time import day_start
from compliance.models import Agreement, Deadline, Obligation
from compliance.models.bulk import write
from compliance.operations.agreements.import_targets import Added, ImportTarget
from compliance.operations.agreements.milestones import DatingTimes


def obligations_recorded_at(document: AgreementDocument) -> dict[str, datetime]:
    """Return when obligations became known, by ref.

    Without a `recorded_at` of their own, this is at the latest with the first fact.
    """
    found = {}
    for each in document.obligations:
        known = [at for fact in each.facts if (at := fact.recorded_at) is not None]
        if document.recorded_at is not None:
            known.append(document.recorded_at)
        if each.recorded_at is not None:
            found[each.ref] = each.recorded_at
        elif known:
            found[each.ref] = min(known)
    return found


def agreement_known_from(document: AgreementDocument, *, as_of: datetime) -> datetime:
    """Return when the agreement of a document became known: with the first part that did."""
    if not document.has_history:
        return as_of
    began_on = document.in_force_on or document.signed_on
    known = [as_of, *document.recorded_times()]
    if document.recorded_at is None and began_on is not None:
        known.append(day_start(began_on, document.timezone or "UTC"))
    return min(known)


def dating_times(document: AgreementDocument, *, as_of: datetime) -> DatingTimes:
    """Return when the dates of milestones became known.

    Milestones without `recorded_at` take that of the document, or else now: the day on
    which an agreement was signed does not say when a date was recorded.
    """
    otherwise = document.recorded_at or as_of
    last: dict[str, datetime] = {}
    earlier: dict[str, Sequence[tuple[datetime, MilestoneDraft]]] = {}
    for each in document.milestones:
        if any((each.recorded_at, each.on, each.at, each.due, each.dates, each.earlier)):
            last[each.ref], earlier[each.ref] = times_of(each, otherwise)
    return DatingTimes(last=last, earlier=earlier)


def times_of(
    milestone: DocumentMilestone, otherwise: datetime
) -> tuple[datetime, list[tuple[datetime, MilestoneDraft]]]:
    """Return when the current date of a milestone became known, and its former states in order.

    Args:
        otherwise: when dates became known that have no `recorded_at`.
    """
    last = milestone.recorded_at or otherwise
    if not milestone.dates:
        return last, [
            (
                each.recorded_at,
                milestone.model_copy(
                    update={
                        "on": each.on, "precision": each.precision, "at": each.at, "due": None,
                    }
                ),
            )
            for each in milestone.earlier
        ]  # fmt: skip
    known = {each.party: each.recorded_at or last for each in milestone.dates}
    *former, last = sorted(set(known.values()))
    return last, [
        (
            at,
            milestone.model_copy(
                update={"dates": tuple(x for x in milestone.dates if known[x.party] <= at)}
            ),
        )
        for at in former
    ]


def known_from(
    document: AgreementDocument, target: ImportTarget, new: Sequence[Obligation], added: Added
) -> dict[int, datetime]:
    """Return since when deadlines are known, and store since when new obligations are known.

    A new deadline became known when the document recorded its obligation; if it does not say, at
    the latest with the first fact about the deadline. One that is due before its obligation binds
    became known with the first fact about it. A stored one is named if a fact about it
    became known before `as_of`. Empty if the document describes no history.
    """
    if not document.has_history:
        return {}
    never = datetime.max.replace(tzinfo=UTC)
    refs = {each.pk: each.ref for each in new}
    recorded_at = {each.ref: each.recorded_at for each in document.obligations}
    found = {pk: at for pk, at in added.recorded_at.items() if at < target.as_of}
    since: dict[int, datetime] = {}
    for pk, obligation_id, begins_at in Deadline.objects.filter(obligation__in=new).values_list(
        "id", "obligation_id", "begins_at"
    ):
        at = recorded_at[refs[obligation_id]] or min(
            target.as_of, document.recorded_at or begins_at, added.recorded_at.get(pk, never)
        )
        found[pk] = max(at, added.recorded_at.get(pk, at)) if pk in added.early else at
        since[obligation_id] = min(at, since.get(obligation_id, at))
    write(_KNOWN_FROM, [{"id": pk, "at": at} for pk, at in since.items()])
    if since:
        first = min(since.values())
        agreements = Agreement.objects.filter(pk=target.agreement.pk, recorded_at__gt=first)
        agreements.update(recorded_at=first)
    return found


_KNOWN_FROM = """
    UPDATE compliance_obligation AS o SET recorded_at = v.at
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(id bigint, at timestamptz)
    WHERE o.id = v.id AND o.recorded_at <> v.at
"""
