"""The change feed: every change of status, in the order of recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from compliance.domain.vocabulary import Reason, Status
from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import hide_archived
from compliance.queries.columns import Columns, Content, column
from compliance.queries.exports import copied
from compliance.queries.filters import TrueOrFalse
from compliance.queries.pages import Format, Listing, Order, Page, page
from compliance.queries.rows import Where
from compliance.queries.unseen import hide_unseen

ROW = Columns(
    name="ChangeRow",
    description=(
        "The status of a deadline from `effective_at` on, as known from `recorded_at` on."
    ),
    columns=(
        column(Content.INTEGER, "id", "e.id"),
        column(Content.INTEGER, "deadline", "e.deadline_id"),
        column(Content.TEXT, "agreement", "a.ref", is_code=True),
        column(Content.TEXT, "obligation_ref", "o.ref", is_code=True),
        column(Content.INSTANT, "recorded_at", "e.recorded_at"),
        column(Content.INSTANT, "effective_at", "e.effective_at"),
        column(Content.TEXT, "status", "e.status", choices=Status),
        column(Content.TEXT, "reason", "e.reason", choices=Reason),
        column(Content.INTEGER, "fact", "e.fact_id", is_nullable=True),
        column(Content.DAY, "due_on", "e.due_on", is_nullable=True),
        column(Content.INSTANT, "due_at", "e.due_at", is_nullable=True),
        column(Content.INSTANT, "unmet_at", "e.unmet_at", is_nullable=True),
    ),
)
"""The rows of the feed."""

SOURCE = """
FROM compliance_ledgerentry AS e
JOIN compliance_deadline AS d ON d.id = e.deadline_id
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
"""
_ROWS = f"SELECT {ROW.sql()} {SOURCE}"
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
    where = _where(listing, reader=reader)
    found = page(_ROWS, where, order=_OLDEST, listing=listing)
    if found.rows:
        return replace(found, next=_OLDEST.cursor_at(found.rows[-1]))
    return replace(found, next=listing.cursor or _OLDEST.cursor_at({"id": 0}))


def exported(
    listing: ChangeListing, names: Sequence[str], kind: Format, *, reader: Reader
) -> Iterator[bytes]:
    """Return all changes as CSV or NDJSON, with these fields."""
    where = _where(listing, reader=reader)
    return copied(ROW, SOURCE, where, order=_OLDEST, names=names, kind=kind, has_bom=listing.bom)


def _where(listing: ChangeListing, *, reader: Reader) -> Where:
    where = Where()
    hide_unseen(where, reader, agreement="d.agreement_id")
    if not listing.include_archived:
        hide_archived(where, agreement="d.agreement_id")
    return where
