"""Checks of tombstones: whether they are genuine, and whether nothing else was removed."""

from __future__ import annotations

from compliance.domain.phrases import counted
from compliance.models import RemovedRows, Tombstone
from compliance.models.append_only import purgeable_models
from compliance.models.bulk import fetch
from compliance.models.integrity.tombstone_chain import checked_tombstones, vouching_seal
from compliance.queries.integrity.findings import MOST_KEPT, BadRow, Findings

_REMOVED = "It was removed, but not by a purge: no tombstone lists it."


def check_tombstones(findings: Findings) -> list[RemovedRows]:
    """Check all tombstones, describe what they removed, and return the rows of the genuine ones."""
    genuine: list[RemovedRows] = []
    seal = vouching_seal()
    ids = set()
    for tombstone, removed, problem in checked_tombstones(seal):
        ids.add(tombstone.pk)
        detail = problem or _remaining(tombstone)
        if detail:
            findings.add(BadRow(table="compliance_tombstone", id=tombstone.pk, detail=detail))
        else:
            genuine += removed
            findings.gaps.append(_gap(tombstone))
    sealed_id = None if seal is None else seal.last_tombstone_id
    if sealed_id is not None and sealed_id not in ids:
        detail = "A seal covers this tombstone, but it was removed."
        findings.add(BadRow(table="compliance_tombstone", id=sealed_id, detail=detail))
    for table, pk in fetch(_MISSING, limit=MOST_KEPT):
        agreement = pk if table == "compliance_agreement" else None
        findings.add(BadRow(table=table, id=pk, agreement=agreement, detail=_REMOVED))
    return genuine


def _remaining(tombstone: Tombstone) -> str:
    """Return which of the rows that a tombstone lists still exist, or nothing."""
    purgeable = {each._meta.db_table for each in purgeable_models()}
    for (table,) in fetch(_TABLES, id=tombstone.pk):
        if table not in purgeable:
            return f"It lists rows of {table}, which are never purged."
        found = fetch(_REMAINING.format(table=table), id=tombstone.pk, name=table)
        if found:
            return f"It lists row {found[0][0]} of {table}, which still exists."
    return ""


def _gap(tombstone: Tombstone) -> str:
    total = sum(tombstone.counts.values())
    by = "" if tombstone.purged_by is None else f" by {tombstone.purged_by.email}"
    return (
        f"Gap: {tombstone.subject} {tombstone.ref} was purged at "
        f"{tombstone.purged_at:%Y-%m-%d %H:%M}Z{by}: {tombstone.reason} "
        f"(tombstone {tombstone.pk}: {counted(total, 'row')} removed)"
    )


_TABLES = """
    SELECT DISTINCT table_name FROM compliance_removedrows WHERE tombstone_id = %(id)s
"""
_REMAINING = """
    SELECT r.id FROM compliance_removedrows AS t JOIN {table} AS r ON r.id = ANY(t.ids)
    WHERE t.tombstone_id = %(id)s AND t.table_name = %(name)s LIMIT 1
"""

# A purge removes the change history as well. Whatever is in it without existing was removed
# otherwise.
_MISSING = """
    (SELECT DISTINCT 'compliance_agreement', e.pgh_obj_id FROM compliance_agreementevent AS e
     WHERE NOT EXISTS (SELECT FROM compliance_agreement AS a WHERE a.id = e.pgh_obj_id)
     LIMIT %(limit)s)
    UNION ALL
    (SELECT DISTINCT 'compliance_obligation', e.pgh_obj_id FROM compliance_obligationevent AS e
     WHERE NOT EXISTS (SELECT FROM compliance_obligation AS o WHERE o.id = e.pgh_obj_id)
     LIMIT %(limit)s)
"""
