"""Which permissions the proposer of a change needs when it is approved."""

from __future__ import annotations

from typing import Any

from compliance.domain.agreements.import_reports import ImportMode
from compliance.domain.vocabulary import ProposedChange
from compliance.models import Proposal


def rights_of(proposal: Proposal) -> list[str]:
    """Return the permissions that the proposer must still have when the change is approved."""
    draft: dict[str, Any] = proposal.draft
    if proposal.change == ProposedChange.CORRECTION:
        parts = {
            "change_agreement": draft["agreement"],
            "change_obligation": draft["obligations"],
            "add_obligation": draft["new_obligations"],
        }
        names = [name for name, part in parts.items() if part]
    elif proposal.change == ProposedChange.IMPORT and draft["mode"] == ImportMode.UPDATE:
        names = ["add_fact", "change_party", "change_agreement", "change_obligation"]
    else:
        names = [_RIGHTS[ProposedChange(proposal.change)]]
    return [f"compliance.{name}" for name in names]


_RIGHTS = {
    ProposedChange.FACT: "add_fact",
    ProposedChange.AGREEMENT_FACT: "add_fact",
    ProposedChange.IMPORT: "add_fact",
    ProposedChange.ARCHIVE: "change_agreement",
    ProposedChange.PURGE: "purge_agreement",
    ProposedChange.IMPORT_PURGE: "purge_agreement",
    ProposedChange.PARTY: "change_party",
    ProposedChange.PARTY_MERGE: "change_party",
    ProposedChange.CALENDAR: "change_customcalendar",
}
