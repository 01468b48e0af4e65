"""Tombstones as rows: what was purged. They exist only for readers from whom nothing is hidden.

What was purged no longer has teams, so nothing says who could see it.
"""

from __future__ import annotations

from compliance.models import Tombstone
from compliance.models.people.readers import current_reader
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one

_ROWS = """
SELECT t.id, t.subject, t.subject_id, t.ref, t.reason, t.purged_at, u.email AS purged_by, t.counts,
    encode(t.hash, 'hex') AS hash
FROM compliance_tombstone AS t
LEFT JOIN compliance_user AS u ON u.id = t.purged_by_id
"""
_REMOVED = """
SELECT r.id, r.table_name AS table, r.chain, r.key, r.ids,
    ARRAY(SELECT encode(h.hash, 'hex') FROM unnest(r.hashes) WITH ORDINALITY AS h(hash, place)
          ORDER BY h.place) AS hashes
FROM compliance_removedrows AS r
"""
_BY_ID = Order(table="t", columns=("id",))


def listed(listing: Listing) -> Page:
    """Return tombstones in order of creation."""
    return page(_ROWS, _visible(), order=_BY_ID, listing=listing)


def row(tombstone_id: int) -> Row | None:
    """Return one tombstone, or None."""
    return one(_ROWS, _visible().equal(t__id=tombstone_id))


def written(tombstone: Tombstone) -> Row | None:
    """Return the tombstone that somebody has just written, for them."""
    return one(_ROWS, Where().equal(t__id=tombstone.pk))


def removed(tombstone_id: int, listing: Listing) -> Page:
    """Return the removed rows of a tombstone: their table, chain, ids and hashes."""
    where = _visible().equal(r__tombstone_id=tombstone_id)
    return page(_REMOVED, where, order=Order(table="r", columns=("id",)), listing=listing)


def _visible() -> Where:
    return Where().add("FALSE") if current_reader().is_limited else Where()
