"""Silences as rows."""

from __future__ import annotations

from compliance.domain.fields import AgreementRef
from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import hide_archived
from compliance.queries.filters import TrueOrFalse
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one
from compliance.queries.unseen import hide_unseen

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
    is_open: TrueOrFalse | None = None


def silences(listing: SilenceListing, *, reader: Reader) -> Page:
    """Return the silences that exist for a reader, newest first."""
    where = Where().equal(a__ref=listing.agreement)
    hide_unseen(where, reader, agreement="s.agreement_id")
    if listing.agreement is None:
        hide_archived(where, agreement="s.agreement_id")
    where.add("(s.ended_at IS NULL) = %(is_open)s", is_open=listing.is_open)
    newest = Order(table="s", columns=("id",), is_descending=True)
    return page(_SILENCES, where, order=newest, listing=listing)


def silence(silence_id: int, *, reader: Reader) -> Row | None:
    """Return one silence, or None."""
    where = Where().equal(s__id=silence_id)
    hide_unseen(where, reader, agreement="s.agreement_id")
    return one(_SILENCES, where)
