"""The change feed: every change of status, in the order of recording."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import hide_archived
from compliance.queries.filters import TrueOrFalse
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Where
from compliance.queries.unseen import hide_unseen

_ROWS = """
SELECT e.id, e.deadline_id AS deadline, a.ref AS agreement, o.ref AS obligation_ref, e.recorded_at,
    e.effective_at, e.status, e.reason, e.fact_id AS fact, e.due_on, e.due_at, e.unmet_at
FROM compliance_ledgerentry AS e
JOIN compliance_deadline AS d ON d.id = e.deadline_id
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
"""
_OLDEST = Order(table="e", columns=("id",))


class ChangeListing(Listing):
    """Filters of changes."""

    include_archived: Annotated[
        TrueOrFalse, Field(description="Also changes of archived agreements, for complete copies.")
    ] = False


def listed(listing: ChangeListing, *, reader: Reader) -> Page:
    """Return changes, oldest first, always with a `next` for later.

    Ids become visible in ascending order (see the projection), so no change is missed.
    """
    where = Where()
    hide_unseen(where, reader, agreement="d.agreement_id")
    if not listing.include_archived:
        hide_archived(where, agreement="d.agreement_id")
    found = page(_ROWS, where, order=_OLDEST, listing=listing)
    if found.rows:
        return replace(found, next=_OLDEST.cursor_at(found.rows[-1]))
    return replace(found, next=listing.cursor or _OLDEST.cursor_at({"id": 0}))
