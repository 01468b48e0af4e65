"""Import agreements from documents, with all records and when they became known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from compliance.domain.agreements.document_drafts import (
    AgreementDocument,
    DocumentObligation,
)
from compliance.domain.agreements.drafts import (
    AgreementDraft,
    MembershipDraft,
    ObligationDraft,
)
from compliance.domain.agreements.import_reports import ImportMode, ImportReport, Made
from compliance.domain.agreements.milestone_drafts import MilestoneDraft
from compliance.domain.phrases import counted
from compliance.domain.problems import Problem
from compliance.domain.vocabulary import Announcement, ProposedChange
from compliance.models import Agreement, ImportBatch, User
from compliance.models.locks import for_update, lock_import
from compliance.models.people.readers import current_reader
from compliance.models.visibility import visible_to
from compliance.operations.agreements import (
    agreements,
    document_checks,
    document_records,
    document_times,
    early_dates,
    import_batches,
    obligations,
    visibility,
)
from compliance.operations.agreements.document_corrections import (
    correct_agreement,
    correct_obligations,
)
from compliance.operations.agreements.document_differences import StoredObligations
from compliance.operations.agreements.document_parties import affected_agreements, load_parties
from compliance.operations.agreements.document_warnings import warn
from compliance.operations.agreements.import_targets import Added, ImportTarget
from compliance.operations.deadlines import projection
from compliance.operations.deadlines.approvals import (
    Approval,
    ApprovalNeeded,
    Change,
    guarding,
)
from compliance.operations.evidence import verification


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """The agreement of a document, how many rows of each kind were added, and what else changed.

    `batch` is what can be purged; None: nothing was stored.
    """

    agreement: Agreement
    batch: ImportBatch | None
    is_new: bool
    obligations: int
    facts: int
    positions: int
    evidence: int
    report: ImportReport

    @property
    def is_changed(self) -> bool:
        """Whether anything was stored."""
        return self.report.is_change


@transaction.atomic
def load(
    *,
    document: AgreementDocument,
    by: User | None,
    as_of: datetime,
    mode: ImportMode = ImportMode.ADD,
    is_dry_run: bool = False,
    announcement: Announcement = Announcement.SUMMARY,
    source_name: str = "",
    approval: Approval | None = None,
) -> Loaded:
    """Store everything in a document that is not stored yet. Importing it twice changes nothing.

    What is stored differently is kept, except a missing date of the agreement or of a milestone,
    and a missing due rule. `ImportMode.UPDATE` corrects it instead, as the API does when these
    fields are sent. The report lists both. What a document does not give stays as it is.

    Args:
        is_dry_run: store nothing, and report what would be stored.
        announcement: how breaches that began before `as_of` are announced.
        source_name: the name of the file, which the list of imports shows.
        approval: of a second person, if an agreement requires it.

    Raises:
        Invalid: with every problem and its path in the document; nothing is stored.
        ApprovalNeeded: the document weakens an agreement that requires approval, or has facts that
            need it. A dry run warns about this instead.
    """
    lock_import(document.ref)
    report = ImportReport()
    document_checks.check(document, as_of=as_of)
    drafts = {"document": document, "mode": mode, "announcement": announcement}
    agreement = _stored(document).first()
    change = Change(
        kind=ProposedChange.IMPORT,
        agreement_id=None if agreement is None else agreement.pk,
        drafts=drafts,
    )
    affected, moves_others = affected_agreements(document, agreement, mode)
    try:
        with guarding(affected, change, approval, moves_others=moves_others) as weakened:
            loaded, guarded = _load(
                document,
                report,
                mode=mode,
                by=by,
                as_of=as_of,
                announcement=announcement,
                source_name=source_name,
                approved_by=None if approval is None else approval.by,
            )
            weakened += guarded
    except ApprovalNeeded as needed:
        if not is_dry_run:
            raise
        report.warnings.append(Problem(path="", detail=str(needed)))
    if not is_dry_run:
        return loaded
    transaction.set_rollback(True)
    return replace(loaded, batch=None)


def _load(
    document: AgreementDocument,
    report: ImportReport,
    *,
    mode: ImportMode,
    by: User | None,
    as_of: datetime,
    announcement: Announcement,
    source_name: str,
    approved_by: User | None,
) -> tuple[Loaded, list[str]]:
    """Store a document. Also return, in sentences, which of its facts need approval."""
    touched = load_parties(document, report, mode=mode, as_of=as_of)
    agreement = for_update(_stored(document)).first()
    is_new = agreement is None
    requires_approval = agreement is not None and agreement.requires_approval
    marks = import_batches.Marks.take(agreement)
    if agreement is None:
        agreement = _create(document, report, by=by, as_of=as_of)
    else:
        touched |= correct_agreement(document, agreement, report, mode=mode, by=by, as_of=as_of)
        visibility.correct(document, agreement, report, mode=mode, by=by)
    stored = StoredObligations.load(agreement, is_empty=is_new)
    touched |= correct_obligations(document, agreement, stored, report, mode=mode, as_of=as_of)
    created = _create_obligations(document, agreement, stored, report, is_new=is_new, as_of=as_of)
    obligations.set_announcement(created.obligations, announcement)
    target = ImportTarget(
        agreement=agreement,
        is_new=is_new,
        new_refs={row.ref for row in created.obligations},
        mode=mode,
        by=by,
        as_of=as_of,
        approved_by=approved_by,
    )
    early = early_dates.create(document, agreement, as_of=as_of)
    added = document_records.add(target=target, document=document, report=report)
    added.early = early.early
    _refresh(document, target, created, added, touched | early.touched)
    warn(document, agreement, added, report, as_of=as_of)
    batch = import_batches.keep(target, marks, report, source_name=source_name)
    loaded = Loaded(
        agreement=agreement,
        batch=batch,
        is_new=is_new,
        obligations=len(created.obligations),
        facts=len(added.facts),
        positions=len(added.positions),
        evidence=len(added.evidence),
        report=report,
    )
    if not added.guarded or not (requires_approval or document.requires_approval):
        return loaded, []
    kinds = (counted(count, kind) for kind, count in sorted(added.guarded.items()))
    return loaded, [f"Facts that need approval: {', '.join(kinds)}."]


def _refresh(
    document: AgreementDocument,
    target: ImportTarget,
    created: obligations.Stored,
    added: Added,
    touched: set[int],
) -> None:
    known_from = document_times.known_from(document, target, created.obligations, added)
    document_checks.check_replay(document, target.agreement, known_from)
    projection.refresh_imported(
        touched | created.touched | added.deadline_ids,
        as_of=target.as_of,
        known_from=known_from,
    )
    verification.refresh(added.searched)


def _create(
    document: AgreementDocument, report: ImportReport, *, by: User | None, as_of: datetime
) -> Agreement:
    agreement = agreements.add(
        draft=_draft_of(document),
        as_of=as_of,
        by=by,
        recorded_at=document_times.agreement_known_from(document, as_of=as_of),
        dating_times=document_times.dating_times(document, as_of=as_of),
    )
    report.made.append(Made(path="", ref=agreement.ref))
    report.made += [
        Made(path=f"milestones/{index}", ref=each.ref)
        for index, each in enumerate(document.milestones)
    ]
    return agreement


def _create_obligations(
    document: AgreementDocument,
    agreement: Agreement,
    stored: StoredObligations,
    report: ImportReport,
    *,
    is_new: bool,
    as_of: datetime,
) -> obligations.Stored:
    drafts = {
        f"obligations/{index}": _without_records(each)
        for index, each in enumerate(document.obligations)
        if each.ref not in stored.rows
    }
    report.made += [Made(path=path, ref=each.ref) for path, each in drafts.items()]
    return obligations.store(
        agreement=agreement,
        drafts=drafts,
        as_of=as_of,
        is_first=is_new,
        recorded_at=document_times.obligations_recorded_at(document),
    )


def _draft_of(document: AgreementDocument) -> AgreementDraft:
    return AgreementDraft(
        ref=document.ref,
        title=document.title,
        kind=document.kind,
        signed_on=document.signed_on,
        signed_on_precision=document.signed_on_precision,
        in_force_on=document.in_force_on,
        in_force_on_precision=document.in_force_on_precision,
        ends_on=document.ends_on,
        ends_on_precision=document.ends_on_precision,
        timezone=document.timezone,
        calendars=document.calendars,
        requires_approval=document.requires_approval,
        visibility=document.visibility,
        teams=document.teams,
        notification_policy=document.notification_policy,
        milestones=tuple(
            MilestoneDraft.model_construct(
                **{name: getattr(each, name) for name in MilestoneDraft.model_fields}
            )
            for each in document.milestones
        ),
        parties=tuple(MembershipDraft(code=each.code, role=each.role) for each in document.parties),
    )


def _without_records(draft: DocumentObligation) -> ObligationDraft:
    return ObligationDraft.model_construct(
        **{name: getattr(draft, name) for name in ObligationDraft.model_fields}
    )


def _stored(document: AgreementDocument) -> QuerySet[Agreement]:
    """Return the stored agreement with the ref of a document, if it exists for the user."""
    return visible_to(Agreement.objects.filter(ref=document.ref), current_reader())
