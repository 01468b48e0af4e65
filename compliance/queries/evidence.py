"""Evidence, as rows."""

from __future__ import annotations

from compliance.domain.drafts import AgreementRef, PartyCode
from compliance.domain.due_rules import Ref
from compliance.domain.vocabulary import EvidenceKind, Stance
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one

_ROWS = """
SELECT e.id, a.ref AS agreement, e.ref, e.title, e.kind, e.url, e.quote, e.published_on,
    p.code AS asserted_by, e.stance,
    ARRAY(SELECT o.ref FROM compliance_evidence_obligations AS l
          JOIN compliance_obligation AS o ON o.id = l.obligation_id
          WHERE l.evidence_id = e.id ORDER BY l.id) AS obligations,
    e.recorded_at, u.email AS recorded_by
FROM compliance_evidence AS e
JOIN compliance_agreement AS a ON a.id = e.agreement_id
LEFT JOIN compliance_party AS p ON p.id = e.asserted_by_id
LEFT JOIN compliance_user AS u ON u.id = e.recorded_by_id
"""


class EvidenceListing(Listing):
    """Which evidence to list."""

    agreement: AgreementRef | None = None
    ref: Ref | None = None
    kind: EvidenceKind | None = None
    stance: Stance | None = None
    asserted_by: PartyCode | None = None
    obligation_ref: Ref | None = None


def listed(listing: EvidenceListing) -> Page:
    """Evidence in the order in which it was stored."""
    where = Where().equal(
        a__ref=listing.agreement,
        e__ref=listing.ref,
        e__kind=listing.kind,
        e__stance=listing.stance,
        p__code=listing.asserted_by,
    )
    where.add(
        "e.id IN (SELECT l.evidence_id FROM compliance_evidence_obligations AS l"
        " JOIN compliance_obligation AS o ON o.id = l.obligation_id"
        " WHERE o.ref = %(obligation_ref)s)",
        obligation_ref=listing.obligation_ref,
    )
    return page(_ROWS, where, order=Order(table="e", columns=("id",)), listing=listing)


def row(evidence_id: int) -> Row | None:
    """One piece of evidence."""
    return one(_ROWS, Where().equal(e__id=evidence_id))
