"""What has been recorded - facts, positions, evidence - as rows."""

from __future__ import annotations

from compliance.domain.drafts import AgreementRef, PartyCode
from compliance.domain.due_rules import Ref
from compliance.domain.vocabulary import EvidenceKind, FactKind, Stance, Verdict
from compliance.queries.filters import Id
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one

_FACTS = """
SELECT f.id, f.deadline_id AS deadline, a.ref AS agreement, o.ref AS obligation_ref, f.kind AS type,
    f.effective_on AS on, CASE WHEN f.effective_on IS NULL THEN f.effective_at END AS at,
    f.effective_at, f.until_on, CASE WHEN f.until_on IS NULL THEN f.until_at END AS until_at,
    f.is_tolling, f.quantity, f.due, f.due_at, f.note,
    ARRAY(SELECT e.ref FROM compliance_fact_evidence AS l
          JOIN compliance_evidence AS e ON e.id = l.evidence_id
          WHERE l.fact_id = f.id ORDER BY l.id) AS evidence,
    f.supersedes_id AS supersedes, f.recorded_at, u.email AS recorded_by
FROM compliance_fact AS f
LEFT JOIN compliance_deadline AS d ON d.id = f.deadline_id
LEFT JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = coalesce(f.agreement_id, d.agreement_id)
LEFT JOIN compliance_user AS u ON u.id = f.recorded_by_id
"""
# By the ids, which indexes give: the join above goes by neither column alone.
_IN_AGREEMENT = """
f.id IN (SELECT x.id FROM compliance_fact AS x
         JOIN compliance_agreement AS y ON y.id = x.agreement_id WHERE y.ref = %(agreement)s
         UNION ALL
         SELECT x.id FROM compliance_fact AS x
         JOIN compliance_deadline AS z ON z.id = x.deadline_id
         JOIN compliance_agreement AS y ON y.id = z.agreement_id WHERE y.ref = %(agreement)s)
"""
_POSITIONS = """
SELECT w.id, w.deadline_id AS deadline, a.ref AS agreement, o.ref AS obligation_ref,
    p.code AS party, w.verdict, w.stated_on AS on,
    CASE WHEN w.stated_on IS NULL THEN w.stated_at END AS at, w.stated_at, w.quote,
    ARRAY(SELECT e.ref FROM compliance_position_evidence AS l
          JOIN compliance_evidence AS e ON e.id = l.evidence_id
          WHERE l.position_id = w.id ORDER BY l.id) AS evidence,
    w.recorded_at, u.email AS recorded_by
FROM compliance_position AS w
JOIN compliance_party AS p ON p.id = w.party_id
JOIN compliance_deadline AS d ON d.id = w.deadline_id
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
LEFT JOIN compliance_user AS u ON u.id = w.recorded_by_id
"""
_EVIDENCE = """
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


class FactListing(Listing):
    """Which facts to list. Those of an agreement are those of its deadlines, and those of the
    agreement as a whole."""

    agreement: AgreementRef | None = None
    deadline: Id | None = None
    obligation_ref: Ref | None = None
    type: FactKind | None = None


class PositionListing(Listing):
    """Which positions to list."""

    agreement: AgreementRef | None = None
    deadline: Id | None = None
    obligation_ref: Ref | None = None
    party: PartyCode | None = None
    verdict: Verdict | None = None


class EvidenceListing(Listing):
    """Which evidence to list."""

    agreement: AgreementRef | None = None
    ref: Ref | None = None
    kind: EvidenceKind | None = None
    stance: Stance | None = None
    asserted_by: PartyCode | None = None
    obligation_ref: Ref | None = None


def facts(listing: FactListing) -> Page:
    """Facts in the order in which they were recorded."""
    where = Where().equal(
        f__deadline_id=listing.deadline, o__ref=listing.obligation_ref, f__kind=listing.type
    )
    where.add(_IN_AGREEMENT, agreement=listing.agreement)
    return page(_FACTS, where, order=Order(table="f", columns=("id",)), listing=listing)


def fact(fact_id: int) -> Row | None:
    """One fact."""
    return one(_FACTS, Where().equal(f__id=fact_id))


def positions(listing: PositionListing) -> Page:
    """Positions in the order in which they were recorded."""
    where = Where().equal(
        a__ref=listing.agreement,
        w__deadline_id=listing.deadline,
        o__ref=listing.obligation_ref,
        p__code=listing.party,
        w__verdict=listing.verdict,
    )
    return page(_POSITIONS, where, order=Order(table="w", columns=("id",)), listing=listing)


def position(position_id: int) -> Row | None:
    """One position."""
    return one(_POSITIONS, Where().equal(w__id=position_id))


def evidence(listing: EvidenceListing) -> Page:
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
    return page(_EVIDENCE, where, order=Order(table="e", columns=("id",)), listing=listing)


def piece_of_evidence(evidence_id: int) -> Row | None:
    """One piece of evidence."""
    return one(_EVIDENCE, Where().equal(e__id=evidence_id))
