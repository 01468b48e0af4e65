"""Positions as rows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from compliance.domain.date_fields import Instant
from compliance.domain.fields import AgreementRef, PartyCode, Ref
from compliance.domain.vocabulary import Verdict
from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import hide_archived
from compliance.queries.deadlines.periods import evidence_sql, period_sql, precision_sql
from compliance.queries.filters import Id
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one
from compliance.queries.unseen import hide_unseen

_ROWS = f"""
SELECT w.id, w.deadline_id AS deadline, a.ref AS agreement, o.ref AS obligation_ref,
    p.code AS party, w.verdict, w.share,
    {period_sql("w.stated_on", "w.precision")} AS on,
    {precision_sql("w.stated_on", "w.precision")} AS precision,
    CASE WHEN w.stated_on IS NULL THEN w.stated_at END AS at, w.stated_at, w.quote,
    {evidence_sql("position", "w.id")} AS evidence,
    w.recorded_at, u.email AS recorded_by
FROM compliance_position AS w
JOIN compliance_party AS p ON p.id = w.party_id
JOIN compliance_deadline AS d ON d.id = w.deadline_id
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
LEFT JOIN compliance_user AS u ON u.id = w.recorded_by_id
"""
# A position is not shown before what it is about.
_KNOWN = "w.recorded_at <= %(known_at)s AND o.recorded_at <= %(known_at)s"


class PositionListing(Listing):
    """Filters of positions."""

    agreement: AgreementRef | None = None
    deadline: Id | None = None
    obligation_ref: Ref | None = None
    party: PartyCode | None = None
    verdict: Verdict | None = None
    known_at: Annotated[Instant | None, Field(description="Only records up to this instant.")] = (
        None
    )


def listed(listing: PositionListing, *, reader: Reader) -> Page:
    """Return positions in the order of recording."""
    where = Where(known_at=listing.known_at).equal(
        a__ref=listing.agreement,
        w__deadline_id=listing.deadline,
        o__ref=listing.obligation_ref,
        p__code=listing.party,
        w__verdict=listing.verdict,
    )
    hide_unseen(where, reader, agreement="d.agreement_id")
    if listing.agreement is None and listing.deadline is None:
        hide_archived(where, agreement="d.agreement_id", known_at=listing.known_at)
    where.add(_KNOWN, known_at=listing.known_at)
    return page(_ROWS, where, order=Order(table="w", columns=("id",)), listing=listing)


def row(position_id: int, *, reader: Reader) -> Row | None:
    """Return one position, or None."""
    where = Where(known_at=None).equal(w__id=position_id)
    hide_unseen(where, reader, agreement="d.agreement_id")
    return one(_ROWS, where)
