"""Import agreements from documents, with all records and when they became known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction

from compliance.domain.agreements.document_drafts import AgreementDocument, DocumentObligation
from compliance.domain.agreements.drafts import (
    AgreementDraft,
    MembershipDraft,
    ObligationDraft,
    PartyDraft,
)
from compliance.models import Agreement, Deadline, Milestone, Party, User
from compliance.models.locks import for_update
from compliance.operations.agreements import (
    agreements,
    document_checks,
    document_records,
    obligations,
    parties,
)
from compliance.operations.agreements.document_records import Added
from compliance.operations.deadlines import projection
from compliance.operations.evidence import verification


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """The agreement of a document, and how many rows of each kind were added."""

    agreement: Agreement
    is_new: bool
    obligations: int
    facts: int
    positions: int
    evidence: int

    @property
    def is_changed(self) -> bool:
        """Whether anything was stored."""
        return self.is_new or any((self.obligations, self.facts, self.positions, self.evidence))


@transaction.atomic
def load(*, document: AgreementDocument, by: User | None, as_of: datetime) -> Loaded:
    """Store everything in a document that is not stored yet. Importing it twice changes nothing.

    A document never overwrites stored data: existing parties, agreements and obligations keep their
    fields (correct them in the admin or the API). Missing facts, positions and evidence are added.

    Raises:
        Invalid: with every problem and its path in the document; nothing is stored.
    """
    document_checks.check_parties(document.parties)
    document_checks.check_recorded_at(document, as_of=as_of)
    document_checks.check_obligation_refs(document.obligations)
    _create_missing_parties(document)
    agreement = for_update(Agreement.objects.filter(ref=document.ref)).first()
    is_new = agreement is None
    if agreement is None:
        agreement = agreements.create(draft=_draft_of(document), as_of=as_of)
    else:
        _create_missing_milestones(agreement, document)
    stored = set(agreement.obligations.values_list("ref", flat=True))
    created = obligations.store(
        agreement=agreement,
        drafts={
            f"obligations/{index}": _without_records(each)
            for index, each in enumerate(document.obligations)
            if each.ref not in stored
        },
        as_of=as_of,
        recorded_at=_recorded_at(document),
    )
    new = {row.pk: row for row in Deadline.objects.filter(obligation__in=created.obligations)}
    added = document_records.add(
        agreement=agreement,
        document=document,
        is_new=is_new,
        new_refs={each.ref for each in created.obligations},
        by=by,
        as_of=as_of,
    )
    projection.refresh(
        {*new, *created.touched, *added.deadline_ids},
        as_of=as_of,
        announce_ended=False,
        known_from=_known_from(document, new, added) if document.has_history else {},
    )
    verification.refresh(added.searched)
    return Loaded(
        agreement=agreement,
        is_new=is_new,
        obligations=len(created.obligations),
        facts=added.facts,
        positions=added.positions,
        evidence=added.evidence,
    )


def _create_missing_parties(document: AgreementDocument) -> None:
    stored = set(Party.objects.values_list("code", flat=True))
    for participant in document.parties:
        if participant.code not in stored:
            draft = PartyDraft.model_validate(participant.model_dump(exclude={"role"}))
            parties.create(draft=draft)


def _create_missing_milestones(agreement: Agreement, document: AgreementDocument) -> None:
    stored = set(agreement.milestones.values_list("ref", flat=True))
    for milestone in document.milestones:
        if milestone.ref not in stored:
            Milestone.objects.create(agreement=agreement, **milestone.model_dump())


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
        milestones=document.milestones,
        parties=tuple(MembershipDraft(code=each.code, role=each.role) for each in document.parties),
    )


def _recorded_at(document: AgreementDocument) -> dict[str, datetime]:
    """Return when obligations became known, by ref: at the latest with the first fact."""
    found = {}
    for each in document.obligations:
        known = [at for fact in each.facts if (at := fact.recorded_at) is not None]
        if document.recorded_at is not None:
            known.append(document.recorded_at)
        if known:
            found[each.ref] = min(known)
    return found


def _without_records(draft: DocumentObligation) -> ObligationDraft:
    return ObligationDraft.model_construct(
        **{name: getattr(draft, name) for name in ObligationDraft.model_fields}
    )


def _known_from(
    document: AgreementDocument, new: Mapping[int, Deadline], added: Added
) -> dict[int, datetime]:
    """Return when each new deadline became known: at the latest with the first fact about it."""
    never = datetime.max.replace(tzinfo=UTC)
    return {
        pk: min(document.recorded_at or row.begins_at, added.recorded_at.get(pk, never))
        for pk, row in new.items()
    }
