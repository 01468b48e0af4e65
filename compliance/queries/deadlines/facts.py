"""Facts as rows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from compliance.domain.date_fields import Instant
from compliance.domain.fields import AgreementRef, Ref
from compliance.domain.vocabulary import FactKind
from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import hide_archived
from compliance.queries.deadlines.periods import evidence_sql, period_sql, precision_sql
from compliance.queries.filters import Id
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one
from compliance.queries.unseen import hide_unseen, seen

_FACTS = f"""
SELECT f.id, f.deadline_id AS deadline, a.ref AS agreement, o.ref AS obligation_ref, f.kind AS type,
    {period_sql("f.effective_on", "f.precision")} AS on,
    {precision_sql("f.effective_on", "f.precision")} AS precision,
    CASE WHEN f.effective_on IS NULL THEN f.effective_at END AS at,
    f.effective_at, {period_sql("f.until_on", "f.until_precision")} AS until_on,
    {precision_sql("f.until_on", "f.until_precision")} AS until_precision,
    CASE WHEN f.until_on IS NULL THEN f.until_at END AS until_at,
    f.is_tolling, f.quantity, f.verdict, f.share, f.is_final, f.due, f.due_at,
    successor.ref AS successor, of_successor.ref AS successor_agreement, f.note,
    {evidence_sql("fact", "f.id")} AS evidence,
    f.supersedes_id AS supersedes, f.recorded_at, u.email AS recorded_by,
    second.email AS approved_by
FROM compliance_fact AS f
LEFT JOIN compliance_deadline AS d ON d.id = f.deadline_id
LEFT JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = coalesce(f.agreement_id, d.agreement_id)
LEFT JOIN compliance_user AS u ON u.id = f.recorded_by_id
LEFT JOIN compliance_user AS second ON second.id = f.approved_by_id
LEFT JOIN compliance_obligation AS successor ON successor.id = f.successor_id
    AND {{successor_is_seen}}
LEFT JOIN compliance_agreement AS of_successor ON of_successor.id = successor.agreement_id
"""
# A fact is not shown before what it is about.
_KNOWN = """
f.recorded_at <= %(known_at)s AND a.recorded_at <= %(known_at)s
AND coalesce(o.recorded_at <= %(known_at)s, TRUE)
"""
# Selects by id, so that indexes are used. No index covers the columns of the join above.
_IN_AGREEMENT = """
f.id IN (SELECT x.id FROM compliance_fact AS x
         JOIN compliance_agreement AS y ON y.id = x.agreement_id WHERE y.ref = %(agreement)s
         UNION ALL
         SELECT x.id FROM compliance_fact AS x
         JOIN compliance_deadline AS z ON z.id = x.deadline_id
         JOIN compliance_agreement AS y ON y.id = z.agreement_id WHERE y.ref = %(agreement)s)
"""


class FactListing(Listing):
    """Filters of facts. `agreement` selects facts of its deadlines and of the whole agreement."""

    agreement: AgreementRef | None = None
    deadline: Id | None = None
    obligation_ref: Ref | None = None
    type: FactKind | None = None
    known_at: Annotated[Instant | None, Field(description="Only records up to this instant.")] = (
        None
    )


def listed(listing: FactListing, *, reader: Reader) -> Page:
    """Return facts in the order of recording."""
    where = Where(known_at=listing.known_at).equal(
        f__deadline_id=listing.deadline, o__ref=listing.obligation_ref, f__kind=listing.type
    )
    hide_unseen(where, reader, agreement="a.id")
    if listing.agreement is None and listing.deadline is None:
        hide_archived(where, agreement="a.id", known_at=listing.known_at)
    where.add(_IN_AGREEMENT, agreement=listing.agreement)
    where.add(_KNOWN, known_at=listing.known_at)
    return page(
        _facts(where, reader), where, order=Order(table="f", columns=("id",)), listing=listing
    )


def row(fact_id: int, *, reader: Reader) -> Row | None:
    """Return one fact, or None."""
    where = Where(known_at=None).equal(f__id=fact_id)
    hide_unseen(where, reader, agreement="a.id")
    return one(_facts(where, reader), where)


def _facts(where: Where, reader: Reader) -> str:
    # The successor can belong to another agreement.
    is_seen = seen(where, reader, agreement="successor.agreement_id")
    return _FACTS.replace("{successor_is_seen}", is_seen)
