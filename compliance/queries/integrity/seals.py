"""Seals as rows, with everything needed to check later whether anything was changed."""

from __future__ import annotations

from compliance.models.people.readers import Reader
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one

_TOTALS = "s.last_fact_id AS last_fact, s.last_entry_id AS last_entry, s.chains"
# They count the records of all agreements.
_NO_TOTALS = "NULL AS last_fact, NULL AS last_entry, NULL AS chains"


def _rows(reader: Reader) -> str:
    totals = _NO_TOTALS if reader.is_limited else _TOTALS
    return f"""
SELECT s.id, s.sealed_at, {totals}, encode(s.root, 'hex') AS root, encode(s.hash, 'hex') AS hash
FROM compliance_seal AS s
"""


def listed(listing: Listing, *, reader: Reader) -> Page:
    """Return seals in order of creation. Only those who see everything see their totals."""
    return page(_rows(reader), Where(), order=Order(table="s", columns=("id",)), listing=listing)


def row(seal_id: int, *, reader: Reader) -> Row | None:
    """Return one seal, or None."""
    return one(_rows(reader), Where().equal(s__id=seal_id))
