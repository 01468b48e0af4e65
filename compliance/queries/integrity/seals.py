"""Seals as rows, with everything needed to check later whether anything was changed."""

from __future__ import annotations

from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one

_ROWS = """
SELECT s.id, s.sealed_at, s.last_fact_id AS last_fact, s.last_entry_id AS last_entry, s.chains,
    encode(s.root, 'hex') AS root, encode(s.hash, 'hex') AS hash
FROM compliance_seal AS s
"""


def listed(listing: Listing) -> Page:
    """Return seals in order of creation."""
    return page(_ROWS, Where(), order=Order(table="s", columns=("id",)), listing=listing)


def row(seal_id: int) -> Row | None:
    """Return one seal, or None."""
    return one(_ROWS, Where().equal(s__id=seal_id))
