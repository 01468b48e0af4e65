"""Import agreements from documents, with all records and when they became known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from compliance.domain.agreements.document_drafts import (
    AgreementDocument,
    DocumentObligation,
)
from compliance.domain.agreements.drafts import (
    AgreementDraft,
    MembershipDraft,
    MilestoneDraft,
    ObligationDraft,
)
from compliance.domain.problems import Problem
from compliance.domain.vocabulary import Announcement
from compliance.models import Agreement, User
from compliance.models.locks import for_update
from compliance.operations.agreements import (
    agreements,
    document_checks,
    document_records,
    document_times,
    milestones,
    obligations,
    parties,
)
from compliance.operations.agreements.document_records import Added
from compliance.operations.deadlines import effects, known_terms
from compliance.operations.evidence import verification


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """The agreement of a document, and how many rows of each kind were added.

    `warnings` say which of them change nothing, and why.
    """

    agreement: Agreement
    is_new: bool
    obligations: int
    facts: int
    positions: int
    evidence: int
    warnings: Sequence[Problem] = ()

    @property
    def is_changed(self) -> bool:
        """Whether anything was stored."""
        return self.is_new or any((self.obligations, self.facts, self.positions, self.evidence))


@transaction.atomic
def load(
    *,
    document: AgreementDocument,
    by: User | None,
    as_of: datetime,
    announcement: Announcement = Announcement.SUMMARY,
) -> Loaded:
    """Store everything in a document that is not stored yet. Importing it twice changes nothing.

    A document never overwrites stored data: existing parties, agreements and obligations keep their
    fields (correct them in the admin or the API). Missing facts, positions and evidence are added.

    Args:
        announcement: how breaches are announced that began before `as_of`.

    Raises:
        Invalid: with every problem and its path in the document; nothing is stored.
    """
    _check_and_create_parties(document, as_of=as_of)
    agreement, is_new, new_milestones = _agreement_of(document, by=by, as_of=as_of)
    stored = set() if is_new else set(agreement.obligations.values_list("ref", flat=True))
    created = obligations.store(
        agreement=agreement,
        drafts={
            f"obligations/{index}": _without_records(each)
            for index, each in enumerate(document.obligations)
            if each.ref not in stored
        },
        as_of=as_of,
        is_first=is_new,
        recorded_at=document_times.obligations_recorded_at(document),
    )
    obligations.set_announcement(created.obligations, announcement)
    added = document_records.add(
        agreement=agreement,
        document=document,
        is_new=is_new,
        new_refs={each.ref for each in created.obligations},
        by=by,
        as_of=as_of,
    )
    known_terms.refresh(
        created.touched | added.deadline_ids,
        as_of=as_of,
        known_from=document_times.known_from(
            document, agreement, created.obligations, added, as_of=as_of
        ),
    )
    verification.refresh(added.searched)
    return Loaded(
        agreement=agreement,
        is_new=is_new,
        obligations=len(created.obligations),
        facts=added.facts,
        positions=added.positions,
        evidence=added.evidence,
        warnings=_warnings(document, agreement, new_milestones, added),
    )


def _check_and_create_parties(document: AgreementDocument, *, as_of: datetime) -> None:
    stored_parties = document_checks.stored_parties(document.parties)
    document_checks.check_parties(document.parties, stored_parties)
    document_checks.check_recorded_at(document, as_of=as_of)
    document_checks.check_obligation_refs(document.obligations)
    parties.create_all(
        drafts=[each for each in document.parties if each.code not in stored_parties]
    )


def _agreement_of(
    document: AgreementDocument, *, by: User | None, as_of: datetime
) -> tuple[Agreement, bool, set[str]]:
    """Return the agreement of a document, whether it is new, and the refs of its new milestones."""
    agreement = for_update(Agreement.objects.filter(ref=document.ref)).first()
    if agreement is not None:
        missing = _create_missing_milestones(agreement, document, by=by, as_of=as_of)
        return agreement, False, missing
    agreement = agreements.add(
        draft=_draft_of(document),
        as_of=as_of,
        by=by,
        recorded_at=document_times.agreement_known_from(document, as_of=as_of),
        milestones_recorded_at=document_times.milestones_recorded_at(document),
    )
    return agreement, True, {each.ref for each in document.milestones}


def _create_missing_milestones(
    agreement: Agreement, document: AgreementDocument, *, by: User | None, as_of: datetime
) -> set[str]:
    stored = set(agreement.milestones.values_list("ref", flat=True))
    missing = [each for each in document.milestones if each.ref not in stored]
    milestones.date_milestones(agreement=agreement, drafts=missing, by=by, as_of=as_of)
    return {each.ref for each in missing}


def _warnings(
    document: AgreementDocument, agreement: Agreement, new_milestones: set[str], added: Added
) -> list[Problem]:
    """Return which new milestones, facts and positions change nothing, and why."""
    unused = effects.warnings_about_milestones(agreement, new_milestones)
    return [
        *(
            Problem(path=f"milestones/{index}", detail=unused[each.ref])
            for index, each in enumerate(document.milestones)
            if each.ref in unused
        ),
        *effects.warnings_of_import(added.fact_paths, added.position_paths),
    ]


def _draft_of(document: AgreementDocument) -> AgreementDraft:
    return AgreementDraft(
        ref=document.ref,
        title=document.title,
        kind=document.kind,
        signed_on=document.signed_on,
        in_force_on=document.in_force_on,
        ends_on=document.ends_on,
        timezone=document.timezone,
        calendars=document.calendars,
        requires_approval=document.requires_approval,
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
