"""Silences as rows."""

from __future__ import annotations

from compliance.domain.fields import AgreementRef
from compliance.queries.agreement_statuses import hide_archived
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one

_SILENCES = """
SELECT s.id, a.ref AS agreement, s.deadline_id AS deadline, s.until_at, s.reason, s.created_at,
    u.email AS created_by, s.ended_at
FROM compliance_silence AS s
JOIN compliance_agreement AS a ON a.id = s.agreement_id
JOIN compliance_user AS u ON u.id = s.created_by_id
"""


class SilenceListing(Listing):
    """Filters of silences. `is_open` selects silences that hold alerts back."""

    agreement: AgreementRef | None = None
    is_open: bool | None = None


def silences(listing: SilenceListing) -> Page:
    """Return silences, newest first."""
    where = Where().equal(a__ref=listing.agreement)
    if listing.agreement is None:
        hide_archived(where, agreement="s.agreement_id")
    where.add("(s.ended_at IS NULL) = %(is_open)s", is_open=listing.is_open)
    newest = Order(table="s", columns=("id",), is_descending=True)
    return page(_SILENCES, where, order=newest, listing=listing)


def silence(silence_id: int) -> Row | None:
    """Return one silence, or None."""
    return one(_SILENCES, Where().equal(s__id=silence_id))
