"""Imports as rows: who imported what and when."""

from __future__ import annotations

from compliance.domain.agreements.import_reports import ImportMode
from compliance.domain.fields import AgreementRef
from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import hide_archived
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one
from compliance.queries.unseen import hide_unseen

_ROWS = """
SELECT i.id, a.ref AS agreement, i.is_new_agreement, i.mode, i.source_name, i.imported_at,
    u.email AS imported_by, i.counts
FROM compliance_importbatch AS i
JOIN compliance_agreement AS a ON a.id = i.agreement_id
LEFT JOIN compliance_user AS u ON u.id = i.imported_by_id
"""


class ImportListing(Listing):
    """Filters of imports."""

    agreement: AgreementRef | None = None
    mode: ImportMode | None = None


def listed(listing: ImportListing, *, reader: Reader) -> Page:
    """Return imports, newest first."""
    where = Where().equal(a__ref=listing.agreement, i__mode=listing.mode)
    hide_unseen(where, reader, agreement="i.agreement_id")
    if listing.agreement is None:
        hide_archived(where, agreement="i.agreement_id")
    order = Order(table="i", columns=("id",), is_descending=True)
    return page(_ROWS, where, order=order, listing=listing)


def row(batch_id: int, *, reader: Reader) -> Row | None:
    """Return one import, or None."""
    where = Where().equal(i__id=batch_id)
    hide_unseen(where, reader, agreement="i.agreement_id")
    return one(_ROWS, where)
