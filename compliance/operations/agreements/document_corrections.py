"""Apply the differences between a document and a stored agreement, or list them as ignored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Max

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.import_reports import Difference, ImportMode, ImportReport, Made
from compliance.models import Agreement, MilestoneDating, User
from compliance.operations.agreements import (
    agreements,
    document_times,
    obligation_corrections,
)
from compliance.operations.agreements.document_differences import StoredObligations, StoredTerms
from compliance.operations.agreements.milestones import DatingTimes


def correct_agreement(
    document: AgreementDocument,
    agreement: Agreement,
    report: ImportReport,
    *,
    mode: ImportMode,
    by: User | None,
    as_of: datetime,
) -> set[int]:
    """Correct a stored agreement, and return the ids of the deadlines to refresh.

    The caller holds the lock of the agreement.

    Raises:
        Invalid: as `agreements.update`.
    """
    stored = StoredTerms(agreement)
    applied = _sort(stored.differences(document), report, mode=mode)
    if not applied:
        return set()
    return agreements.correct(
        agreement,
        stored.merged(applied),
        by=by,
        as_of=as_of,
        dating_times=_later_datings(document, agreement, as_of=as_of),
    )


def correct_obligations(
    document: AgreementDocument,
    agreement: Agreement,
    stored: StoredObligations,
    report: ImportReport,
    *,
    mode: ImportMode,
    as_of: datetime,
) -> set[int]:
    """Correct stored obligations, and return the ids of the deadlines to refresh.

    The caller holds the lock of the agreement.

    Raises:
        Invalid: as `obligations.update`.
    """
    drafts = {}
    for index, each in enumerate(document.obligations):
        if each.ref in stored.rows:
            path = f"obligations/{index}"
            applied = _sort(stored.differences(each, path), report, mode=mode)
            if applied:
                drafts[path] = stored.merged(each, path, applied)
    return obligation_corrections.correct(agreement=agreement, drafts=drafts, as_of=as_of)


def _sort(
    found: Sequence[Difference], report: ImportReport, *, mode: ImportMode
) -> list[Difference]:
    """Report differences as made, changed or ignored, and return those to apply."""
    applied = []
    for each in found:
        if each.fills_gap:
            report.made.append(Made(path=each.path, ref=each.ref))
        elif mode is ImportMode.UPDATE:
            report.changed.append(each)
        else:
            report.ignored.append(each)
            continue
        applied.append(each)
    return applied


def _later_datings(
    document: AgreementDocument, agreement: Agreement, *, as_of: datetime
) -> DatingTimes:
    """Return when the dates of milestones became known.

    What is not later than what is already known about the milestone becomes known now.
    """
    datings = MilestoneDating.objects.filter(agreement=agreement).order_by()
    last = dict(datings.values_list("ref").annotate(Max("recorded_at")))
    present, earlier = {}, {}
    for each in document.milestones:
        known = last.get(each.ref, agreement.recorded_at)
        at, former = document_times.times_of(each, as_of)
        if at > known:
            present[each.ref] = at
        earlier[each.ref] = [step for step in former if step[0] > known]
    return DatingTimes(last=present, earlier=earlier)
