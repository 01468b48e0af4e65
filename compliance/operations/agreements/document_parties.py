"""Create and correct the parties of an agreement document."""

from __future__ import annotations

from datetime import datetime

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.import_reports import ImportMode, ImportReport, Made
from compliance.models import Agreement
from compliance.models.locks import lock_agreement, lock_new_parties
from compliance.models.people.readers import SYSTEM, reading_as
from compliance.operations.agreements import document_checks, parties
from compliance.operations.agreements.document_differences import party_differences


# Also those that do not exist for whoever imports the document.
@reading_as(SYSTEM)
def affected_agreements(
    document: AgreementDocument, agreement: Agreement | None, mode: ImportMode
) -> tuple[set[int], bool]:
    """Lock the stored agreements that a document can change.

    Returns their ids, and whether it corrects the time zone of a party, which everybody shares.
    """
    moved: set[int] = set()
    moves_others = False
    if mode is ImportMode.UPDATE:
        stored = document_checks.stored_parties(document.parties)
        drafts = {draft.code: draft for _, draft in party_differences(document.parties, stored)}
        moves_others = bool(parties.moved_by([*drafts.values()]))
        moved = parties.agreements_moved_by([*drafts.values()])
    own = set() if agreement is None else {lock_agreement(agreement.pk).pk}
    return moved | own, moves_others


def load_parties(
    document: AgreementDocument, report: ImportReport, *, mode: ImportMode, as_of: datetime
) -> set[int]:
    """Create or correct the parties of a document; return the ids of the deadlines to refresh."""
    stored = document_checks.stored_parties(document.parties)
    if any(each.code not in stored for each in document.parties):
        # Another import may be creating them.
        lock_new_parties()
        stored = document_checks.stored_parties(document.parties)
    document_checks.check_parties(document.parties, stored if mode is ImportMode.ADD else {})
    corrected = {}
    for difference, draft in party_differences(document.parties, stored):
        if mode is ImportMode.ADD:
            report.ignored.append(difference)
        else:
            report.changed.append(difference)
            corrected[draft.code] = draft
    new = document_checks.new_parties(document, stored)
    report.made += [Made(path=path, ref=each.code) for path, each in new.items()]
    parties.create_all(drafts=new.values())
    return parties.correct(drafts=[*corrected.values()], as_of=as_of)
