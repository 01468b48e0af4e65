"""Proposals as rows: changes that wait, or waited, for approval."""

from __future__ import annotations

from decimal import Decimal

from compliance.domain.fields import AgreementRef, Ref
from compliance.domain.vocabulary import FactKind, ProposalState, ProposedChange
from compliance.models import Agreement, Proposal
from compliance.models.people.readers import Reader
from compliance.models.visibility import visible_to
from compliance.queries.agreement_statuses import hide_archived
from compliance.queries.filters import Id
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one
from compliance.queries.unseen import hide_unseen_rows

_ROWS = """
SELECT p.id, p.change, p.deadline_id AS deadline,
    coalesce(a.ref, p.draft #>> '{document,ref}') AS agreement, o.ref AS obligation_ref,
    p.kind AS type, p.draft, p.effect, p.state, p.proposed_at, u.email AS proposed_by, p.decided_at,
    second.email AS decided_by, p.reason, p.fact_id AS fact
FROM compliance_proposal AS p
LEFT JOIN compliance_deadline AS d ON d.id = p.deadline_id
LEFT JOIN compliance_obligation AS o ON o.id = d.obligation_id
LEFT JOIN compliance_agreement AS a ON a.id = p.agreement_id
JOIN compliance_user AS u ON u.id = p.proposed_by_id
LEFT JOIN compliance_user AS second ON second.id = p.decided_by_id
"""


# A document that was proposed may have no agreement yet.
_AGREEMENT = "coalesce(p.agreement_id, 0)"


class ProposalListing(Listing):
    """Filters of proposals."""

    agreement: AgreementRef | None = None
    deadline: Id | None = None
    obligation_ref: Ref | None = None
    change: ProposedChange | None = None
    type: FactKind | None = None
    state: ProposalState | None = None


def listed(listing: ProposalListing, *, reader: Reader) -> Page:
    """Return proposals, newest first."""
    where = Where().equal(
        a__ref=listing.agreement,
        p__deadline_id=listing.deadline,
        p__change=listing.change,
        o__ref=listing.obligation_ref,
        p__kind=listing.type,
        p__state=listing.state,
    )
    hide_unseen_rows(where, reader, rows=Proposal.objects.all(), row_id="p.id")
    if listing.agreement is None and listing.deadline is None:
        hide_archived(where, agreement=_AGREEMENT)
    order = Order(table="p", columns=("id",), is_descending=True)
    found = page(_ROWS, where, order=order, listing=listing)
    for each in found.rows:
        _restore_numbers(each)
        # A document has up to megabytes; the proposal on its own shows it.
        each["draft"].pop("document", None)
    return found


def row(proposal_id: int, *, reader: Reader) -> Row | None:
    """Return one proposal, or None."""
    where = Where().equal(p__id=proposal_id)
    hide_unseen_rows(where, reader, rows=Proposal.objects.all(), row_id="p.id")
    found = one(_ROWS, where)
    if found is not None:
        _restore_numbers(found)
    return found


def _restore_numbers(row: Row) -> None:
    """Make the numbers of a draft exact again. They are stored as texts."""
    draft = row["draft"]
    row["draft"] = draft | {
        name: Decimal(draft[name]) for name in ("quantity", "share") if draft.get(name) is not None
    }


def open_count(reader: Reader) -> int:
    """Return the number of proposals that await a decision and exist for a reader."""
    found = visible_to(Proposal.objects.filter(state=ProposalState.OPEN.value), reader)
    return found.exclude(agreement__in=Agreement.objects.archived()).count()
