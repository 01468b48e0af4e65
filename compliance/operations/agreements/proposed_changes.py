"""What a proposal stores about its change, and how the change is made once it is approved.

A correction is stored as the fields that it changes, so that approving it later reverts nothing
that was corrected in the meantime.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.drafts import (
    AgreementDraft,
    ObligationDraft,
    PartyDraft,
    ReasonDraft,
)
from compliance.domain.agreements.import_reports import ImportMode
from compliance.domain.deadlines.drafts import AgreementFactDraft, FactDraft
from compliance.domain.drafts import Draft, read
from compliance.domain.due_dates.drafts import CustomCalendarDraft
from compliance.domain.problems import placed_at, refusal
from compliance.domain.vocabulary import Announcement, ProposedChange
from compliance.models import Agreement, CustomCalendar, Fact, ImportBatch, Party, Proposal
from compliance.operations.agreements import (
    archiving,
    documents,
    import_purges,
    obligations,
    parties,
    party_merges,
    whole_agreements,
)
from compliance.operations.agreements.document_differences import StoredObligations, StoredTerms
from compliance.operations.deadlines import facts
from compliance.operations.deadlines.approvals import Approval, Change
from compliance.operations.due_dates import calendars
from compliance.operations.integrity import purges

Dumped = dict[str, Any]


def dump(change: Change) -> Dumped:
    """Return the drafts of a change as JSON. The change has not been made."""
    return _DUMPS[change.kind](change)


def make(proposal: Proposal, approval: Approval, *, as_of: datetime) -> Fact | None:
    """Make the change of an approved proposal, and return its fact, if it is one.

    Raises:
        Invalid: it no longer fits what is stored (under `draft`), or it weakens more than the
            proposal said and is not confirmed (at `confirm`).
    """
    return _CHANGES[ProposedChange(proposal.change)](proposal, approval, as_of)


def _plain(draft: Draft, kind: type[Draft]) -> Dumped:
    # An entry point may pass a draft with more fields, such as its deadline.
    return draft.model_dump(mode="json", by_alias=True, include=set(kind.model_fields))


def _changes(stored: Dumped, wanted: Dumped) -> Dumped:
    return {name: value for name, value in wanted.items() if stored.get(name) != value}


def _dump_fact(change: Change) -> Dumped:
    draft: Draft = change.drafts["fact"]
    of_deadline = change.kind is ProposedChange.FACT
    return _plain(draft, FactDraft if of_deadline else AgreementFactDraft)


def _record_fact(proposal: Proposal, approval: Approval, as_of: datetime) -> Fact:
    assert proposal.deadline is not None
    draft = read(FactDraft, proposal.draft)
    with placed_at("draft"):
        return facts.record(
            deadline=proposal.deadline,
            draft=draft,
            by=proposal.proposed_by,
            as_of=as_of,
            approved_by=approval.by,
        )


def _record_agreement_fact(proposal: Proposal, approval: Approval, as_of: datetime) -> Fact:
    assert proposal.agreement is not None
    draft = read(AgreementFactDraft, proposal.draft)
    with placed_at("draft"):
        return facts.record_of_agreement(
            agreement=proposal.agreement,
            draft=draft,
            by=proposal.proposed_by,
            as_of=as_of,
            approved_by=approval.by,
        )


def _dump_correction(change: Change) -> Dumped:
    assert change.agreement_id is not None
    agreement = Agreement.objects.get(pk=change.agreement_id)
    draft: AgreementDraft | None = change.drafts.get("agreement")
    terms = _plain(StoredTerms(agreement).draft(), AgreementDraft)
    stored = StoredObligations.load(agreement)
    corrected, new = {}, []
    for each in change.drafts.get("obligations", ()):
        wanted = _plain(each, ObligationDraft)
        if each.ref in stored.rows:
            found = _changes(_plain(stored.draft(each.ref), ObligationDraft), wanted)
            corrected[each.ref] = found
        else:
            new.append(wanted)
    return {
        "agreement": {} if draft is None else _changes(terms, _plain(draft, AgreementDraft)),
        "obligations": {ref: found for ref, found in corrected.items() if found},
        "new_obligations": new,
        "announce": change.drafts.get("announcement", Announcement.SUMMARY).value,
    }


def _correct(proposal: Proposal, approval: Approval, as_of: datetime) -> None:
    agreement, values = proposal.agreement, proposal.draft
    assert agreement is not None
    new = [read(ObligationDraft, each) for each in values["new_obligations"]]
    if not values["agreement"] and not values["obligations"]:
        for each in new:
            obligations.create(
                agreement=agreement,
                draft=each,
                as_of=as_of,
                announcement=Announcement(values["announce"]),
                approval=approval,
            )
        return
    terms = _plain(StoredTerms(agreement).draft(), AgreementDraft)
    stored = StoredObligations.load(agreement)
    drafts = {f"draft/new_obligations/{each.ref}": each for each in new}
    with placed_at("draft"):
        for ref, changes in values["obligations"].items():
            if ref not in stored.rows:
                raise refusal(f"obligations/{ref}", f"Obligation {ref} no longer exists.")
            kept = _plain(stored.draft(ref), ObligationDraft)
            drafts[f"draft/obligations/{ref}"] = read(ObligationDraft, kept | changes)
        draft = read(AgreementDraft, terms | values["agreement"])
    whole_agreements.save_whole(
        agreement=agreement,
        draft=draft,
        obligation_drafts=drafts,
        as_of=as_of,
        by=proposal.proposed_by,
        announcement=Announcement(values["announce"]),
        approval=approval,
    )


def _dump_import(change: Change) -> Dumped:
    document: AgreementDocument = change.drafts["document"]
    return {
        # What a document does not give stays as it is, so that must remain visible.
        "document": document.model_dump(mode="json", by_alias=True, exclude_unset=True),
        "mode": change.drafts["mode"].value,
        "announce": change.drafts["announcement"].value,
    }


def _import(proposal: Proposal, approval: Approval, as_of: datetime) -> None:
    values = proposal.draft
    with placed_at("draft/document"):
        documents.load(
            document=read(AgreementDocument, values["document"]),
            by=proposal.proposed_by,
            as_of=as_of,
            mode=ImportMode(values["mode"]),
            announcement=Announcement(values["announce"]),
            approval=approval,
        )


def _dump_plain(change: Change) -> Dumped:
    return dict(change.drafts)


def _archive(proposal: Proposal, approval: Approval, as_of: datetime) -> None:
    assert proposal.agreement is not None
    archiving.archive(
        agreement=proposal.agreement,
        reason=read(ReasonDraft, proposal.draft).reason,
        by=proposal.proposed_by,
        as_of=as_of,
        approval=approval,
    )


def _purge(proposal: Proposal, approval: Approval, as_of: datetime) -> None:
    agreement = proposal.agreement
    assert agreement is not None
    _detach(proposal)
    purges.purge_agreement(
        agreement=agreement,
        reason=read(ReasonDraft, proposal.draft).reason,
        by=proposal.proposed_by,
        as_of=as_of,
        approval=approval,
    )


def _purge_import(proposal: Proposal, approval: Approval, as_of: datetime) -> None:
    batch = ImportBatch.objects.filter(pk=proposal.draft["batch"]).first()
    if batch is None:
        raise refusal("draft/batch", "This import was purged before. Reject the proposal.")
    _detach(proposal)
    import_purges.purge_import(
        batch=batch,
        reason=read(ReasonDraft, {"reason": proposal.draft["reason"]}).reason,
        by=proposal.proposed_by,
        as_of=as_of,
        approval=approval,
    )


def _detach(proposal: Proposal) -> None:
    """Keep a proposal, which shows who decided; the tombstone says about which agreement."""
    Proposal.objects.filter(pk=proposal.pk).update(agreement=None)
    proposal.agreement = None


def _dump_party(change: Change) -> Dumped:
    draft: PartyDraft = change.drafts["party"]
    party = Party.objects.get(code=draft.code)
    return {
        "code": draft.code,
        "changes": _changes(_stored_party(party), _plain(draft, PartyDraft)),
    }


def _stored_party(party: Party) -> Dumped:
    return {name: getattr(party, name) for name in PartyDraft.model_fields}


def _correct_party(proposal: Proposal, approval: Approval, as_of: datetime) -> None:
    party = Party.objects.get(code=proposal.draft["code"])
    draft = read(PartyDraft, _stored_party(party) | proposal.draft["changes"])
    parties.update(party=party, draft=draft, as_of=as_of, approval=approval)


def _merge(proposal: Proposal, approval: Approval, as_of: datetime) -> None:
    values = proposal.draft
    party_merges.merge(
        duplicate=Party.objects.get(code=values["duplicate"]),
        into=Party.objects.get(code=values["into"]),
        reason=values["reason"],
        by=proposal.proposed_by,
        as_of=as_of,
        approval=approval,
    )


def _dump_calendar(change: Change) -> Dumped:
    return _plain(change.drafts["calendar"], CustomCalendarDraft)


def _save_calendar(proposal: Proposal, approval: Approval, _: datetime) -> None:
    draft = read(CustomCalendarDraft, proposal.draft)
    calendar = CustomCalendar.objects.get(code=draft.code)
    calendars.save(calendar=calendar, draft=draft, approval=approval)


_DUMPS: Mapping[ProposedChange, Callable[[Change], Dumped]] = {
    ProposedChange.FACT: _dump_fact,
    ProposedChange.AGREEMENT_FACT: _dump_fact,
    ProposedChange.CORRECTION: _dump_correction,
    ProposedChange.IMPORT: _dump_import,
    ProposedChange.ARCHIVE: _dump_plain,
    ProposedChange.PURGE: _dump_plain,
    ProposedChange.IMPORT_PURGE: _dump_plain,
    ProposedChange.PARTY: _dump_party,
    ProposedChange.PARTY_MERGE: _dump_plain,
    ProposedChange.CALENDAR: _dump_calendar,
}
_CHANGES: Mapping[ProposedChange, Callable[[Proposal, Approval, datetime], Fact | None]] = {
    ProposedChange.FACT: _record_fact,
    ProposedChange.AGREEMENT_FACT: _record_agreement_fact,
    ProposedChange.CORRECTION: _correct,
    ProposedChange.IMPORT: _import,
    ProposedChange.ARCHIVE: _archive,
    ProposedChange.PURGE: _purge,
    ProposedChange.IMPORT_PURGE: _purge_import,
    ProposedChange.PARTY: _correct_party,
    ProposedChange.PARTY_MERGE: _merge,
    ProposedChange.CALENDAR: _save_calendar,
}
