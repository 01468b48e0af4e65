"""Breaches, as rows: the intervals in which deadlines stood unmet."""

from __future__ import annotations

from compliance.domain.drafts import AgreementRef
from compliance.domain.due_rules import Ref
from compliance.queries.filters import DayOrInstant, Id
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one

_ROWS = """
SELECT b.id, b.deadline_id AS deadline, o.ref AS obligation_ref, a.ref AS agreement, b.occurred_at,
    b.detected_at, b.ended_at, b.end_reason, b.acknowledged_at, u.email AS acknowledged_by
FROM compliance_breach AS b
JOIN compliance_deadline AS d ON d.id = b.deadline_id
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
LEFT JOIN compliance_user AS u ON u.id = b.acknowledged_by_id
"""
_NEWEST = Order(table="b", columns=("occurred_at", "id"), is_descending=True)


class BreachListing(Listing):
    """Which breaches to list; `is_open` are those that have not ended. A day in
    `occurred_after` (from then on) and `occurred_before` (until before then) begins in UTC."""

    agreement: AgreementRef | None = None
    deadline: Id | None = None
    obligation_ref: Ref | None = None
    is_open: bool | None = None
    occurred_after: DayOrInstant | None = None
    occurred_before: DayOrInstant | None = None


def listed(listing: BreachListing) -> Page:
    """Breaches, the newest first."""
    where = Where().equal(
        a__ref=listing.agreement, b__deadline_id=listing.deadline, o__ref=listing.obligation_ref
    )
    where.add("(b.ended_at IS NULL) = %(is_open)s", is_open=listing.is_open)
    where.add("b.occurred_at >= %(after)s::timestamptz", after=listing.occurred_after)
    where.add("b.occurred_at < %(before)s::timestamptz", before=listing.occurred_before)
    return page(_ROWS, where, order=_NEWEST, listing=listing)


def row(breach_id: int) -> Row | None:
    """One breach."""
    return one(_ROWS, Where().equal(b__id=breach_id))
