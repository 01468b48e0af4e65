"""Conditions over the fields of agreements and obligations, as they were known.

The row itself says what is known now. Of a row that was corrected since, the first later correction
kept what was known.
"""

from __future__ import annotations

_CORRECTED = """
(SELECT DISTINCT ON (c.{owner}_id) c.{owner}_id AS id, c.before
 FROM compliance_correction AS c
 WHERE c.{owner}_id IS NOT NULL AND c.recorded_at > %({known_at})s
 ORDER BY c.{owner}_id, c.recorded_at, c.id)
"""


def corrected(owner: str, *, known_at: str = "known_at") -> str:
    """Return SQL for the ids and former fields (`before`) of what was corrected since.

    Args:
        owner: `agreement` or `obligation`.
        known_at: the name of the parameter.
    """
    return _CORRECTED.format(owner=owner, known_at=known_at)


def as_known(
    current: str, former: str, *, row_id: str, owner: str, known_at: str | None = "known_at"
) -> str:
    """Return a condition over the fields that rows had when they were known.

    Args:
        current: the condition over the row itself.
        former: the same condition over `f.before`, the fields of a row that was corrected since.
        row_id: the column with the id of the agreement or obligation.
        owner: as for `corrected`.
        known_at: the name of the parameter; None: as known now.
    """
    if known_at is None:
        return current
    # Few rows were corrected, so each of these is computed once and not for every row.
    since = corrected(owner, known_at=known_at)
    return (
        f"(({current}) AND {row_id} NOT IN (SELECT f.id FROM {since} AS f)"
        f" OR {row_id} IN (SELECT f.id FROM {since} AS f WHERE {former}))"
    )
