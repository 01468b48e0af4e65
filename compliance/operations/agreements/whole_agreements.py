"""Create or correct an agreement together with its obligations, as one page of the admin does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from compliance.domain.agreements.drafts import AgreementDraft, ObligationDraft
from compliance.domain.vocabulary import Announcement, ProposedChange
from compliance.models import Agreement, User
from compliance.models.locks import lock_agreement
from compliance.operations.agreements import obligation_corrections, obligations
from compliance.operations.agreements.agreements import correct, create
from compliance.operations.agreements.surprises import refusing_surprises
from compliance.operations.deadlines import projection
from compliance.operations.deadlines.approvals import Approval, Change, guarding


@transaction.atomic
def save_whole(
    *,
    agreement: Agreement | None,
    draft: AgreementDraft,
    obligation_drafts: Mapping[str, ObligationDraft],
    as_of: datetime,
    by: User | None = None,
    is_confirmed: bool = True,
    announcement: Announcement = Announcement.SUMMARY,
    approval: Approval | None = None,
) -> Agreement:
    """Create or correct an agreement together with its obligations, in one transaction.

    Args:
        agreement: the agreement to correct; None creates a new one.
        draft: the agreement.
        obligation_drafts: new and corrected obligations, by the path to report problems under. A
            draft with the ref of a stored obligation corrects it.
        is_confirmed: whether a correction may make deadlines unmet at once. New obligations may.
        announcement: how breaches that began before `as_of` are announced, for new obligations.
        approval: of a second person, if the agreement requires it.

    Raises:
        Invalid: as `create` and `update`, here and in `obligations`.
        ApprovalNeeded: it weakens an obligation of an agreement that requires approval.
    """
    is_stored = agreement is not None
    if agreement is None:
        agreement = create(draft=draft, as_of=as_of, by=by)
    agreement = lock_agreement(agreement.pk)
    stored = set(agreement.obligations.values_list("ref", flat=True))
    new = {path: each for path, each in obligation_drafts.items() if each.ref not in stored}
    corrected = {path: each for path, each in obligation_drafts.items() if path not in new}
    drafts = {
        "agreement": draft,
        "obligations": [*obligation_drafts.values()],
        "announcement": announcement,
    }
    change = Change(kind=ProposedChange.CORRECTION, agreement_id=agreement.pk, drafts=drafts)
    with (
        guarding([agreement.pk] if is_stored else [], change, approval),
        refusing_surprises(
            agreement,
            as_of=as_of,
            is_confirmed=is_confirmed,
            except_obligations=[each.ref for each in new.values()],
        ),
    ):
        touched = correct(agreement, draft, by=by, as_of=as_of) if is_stored else set()
        agreement = lock_agreement(agreement.pk)
        created = obligations.store(agreement=agreement, drafts=new, as_of=as_of)
        obligations.set_announcement(created.obligations, announcement)
        touched |= created.touched
        touched |= obligation_corrections.correct(
            agreement=agreement, drafts=corrected, as_of=as_of
        )
        projection.refresh(touched, as_of=as_of)
    return agreement
