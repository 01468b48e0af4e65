"""What is known about deadlines that could not be refreshed when their history was imported.

Such a deadline is quarantined and tried again later. Its history is then recorded as it would have
become known, and is no more news than during the import. What happened since the import is news.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from compliance.domain.deadlines.terms import KnownHistory
from compliance.models.bulk import fetch
from compliance.operations.deadlines import isolation, known_terms
from compliance.operations.deadlines.deadline_rows import DeadlineRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Histories:
    """What is known about deadlines at every time, and why that cannot be computed of others."""

    known: dict[int, KnownHistory] = field(default_factory=dict)
    failures: dict[int, Exception] = field(default_factory=dict)


def histories(rows: Sequence[DeadlineRow], *, as_of: datetime) -> Histories:
    """Return the terms at every time of those deadlines whose imported history is not recorded.

    Without a quarantined deadline, nothing is queried. One of which the rules cannot be read or
    resolved does not prevent the others.
    """
    found = Histories()
    quarantined = [row.id for row in rows if row.quarantine_error]
    if quarantined:
        _add(found, quarantined, as_of=as_of)
    return found


def _add(found: Histories, quarantined: Sequence[int], *, as_of: datetime) -> None:
    """Add the terms of deadlines, in halves if they cannot be computed together."""
    try:
        with transaction.atomic():
            found.known.update(_known(quarantined, as_of=as_of))
    except Exception as error:
        if not isolation.may_concern_one_row(error):
            raise
        if len(quarantined) == 1:
            found.failures[quarantined[0]] = error
            return
        middle = len(quarantined) // 2
        _add(found, quarantined[:middle], as_of=as_of)
        _add(found, quarantined[middle:], as_of=as_of)


def _known(quarantined: Sequence[int], *, as_of: datetime) -> dict[int, KnownHistory]:
    known_from: dict[int, datetime] = {}
    imported_at: dict[int, datetime] = {}
    for pk, since, at in fetch(_WITH_LATER_IMPORTS, ids=list(quarantined)):
        known_from[pk], imported_at[pk] = since, at
    began = known_terms.began(known_from, as_of=as_of)
    for pk, since, at in fetch(_NEVER_REFRESHED, ids=list(quarantined)):
        began[pk], known_from[pk], imported_at[pk] = since, since, at
    if not began:
        return {}
    versions = known_terms.versions_of(began, as_of=as_of)
    return known_terms.histories(began, versions, known_from, imported_at)


# An import stores since when an obligation has been known. Other entry points know it since now.
_NEVER_REFRESHED = """
    SELECT d.id, o.recorded_at, d.entered_at
    FROM compliance_deadline AS d JOIN compliance_obligation AS o ON o.id = d.obligation_id
    WHERE d.id = ANY(%(ids)s) AND d.recorded_at IS NULL AND o.recorded_at < d.entered_at
"""

# What was recorded before the last entry of the ledger is in it: to record it again does nothing.
# The first change since then that no import brought ends the history: nobody has seen it yet, so it
# becomes known, and is announced, when the deadline can be refreshed again.
_WITH_LATER_IMPORTS = """
    SELECT d.id, min(f.recorded_at), least(max(b.imported_at), (
        SELECT min(n.recorded_at) - interval '1 microsecond' FROM (
            SELECT c.recorded_at FROM compliance_correction AS c WHERE c.deadline_id = d.id
            UNION ALL
            SELECT o.recorded_at FROM compliance_fact AS o
            WHERE (o.deadline_id = d.id OR o.agreement_id = d.agreement_id)
              AND NOT EXISTS (SELECT FROM compliance_importedrows AS i
                  WHERE i.table_name = 'compliance_fact' AND i.ids @> ARRAY[o.id])
        ) AS n
        WHERE n.recorded_at > d.recorded_at AND NOT EXISTS (
            SELECT FROM compliance_importbatch AS s
            WHERE s.agreement_id = d.agreement_id AND s.imported_at = n.recorded_at)))
    FROM compliance_deadline AS d
    JOIN compliance_importbatch AS b
      ON b.agreement_id = d.agreement_id AND b.imported_at >= d.recorded_at
    JOIN compliance_importedrows AS r ON r.batch_id = b.id AND r.table_name = 'compliance_fact'
    JOIN compliance_fact AS f
      ON f.deadline_id = d.id AND f.id = ANY(r.ids) AND f.recorded_at < b.imported_at
    WHERE d.id = ANY(%(ids)s)
    GROUP BY d.id
"""
