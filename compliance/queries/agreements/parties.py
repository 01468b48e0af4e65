"""Parties as rows."""

from __future__ import annotations

from compliance.domain.fields import Country
from compliance.domain.vocabulary import PartyKind
from compliance.queries.filters import TrueOrFalse, Word
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, containing, one

_ROWS = """
SELECT p.code, p.name, p.kind, p.country, p.timezone, p.retired_at, m.code AS merged_into,
    nullif(p.retire_reason, '') AS retire_reason
FROM compliance_party AS p LEFT JOIN compliance_party AS m ON m.id = p.merged_into_id
"""
_BY_CODE = Order(table="p", columns=("code",))


class PartyListing(Listing):
    """Filters of parties. `q` searches code and name."""

    kind: PartyKind | None = None
    country: Country | None = None
    is_retired: TrueOrFalse | None = None
    q: Word | None = None


def listed(listing: PartyListing) -> Page:
    """Return parties by code."""
    where = Where().equal(p__kind=listing.kind, p__country=listing.country)
    where.add("(p.retired_at IS NOT NULL) = %(is_retired)s", is_retired=listing.is_retired)
    if listing.q is not None:
        where.add(containing("q", "p.name", "p.code"), q=listing.q)
    return page(_ROWS, where, order=_BY_CODE, listing=listing)


def row(code: str) -> Row | None:
    """Return one party, or None."""
    return one(_ROWS, Where().equal(p__code=code))
