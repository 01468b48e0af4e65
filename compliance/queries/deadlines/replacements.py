"""The obligation that took the place of another."""

from __future__ import annotations

from datetime import datetime

from compliance.models.people.readers import Reader
from compliance.queries.rows import Row, Where, fetch
from compliance.queries.unseen import seen

_LATEST_CAUSE = """
SELECT o.id, a.ref AS agreement, o.ref AS obligation_ref, o.title
FROM compliance_ledgerentry AS e
LEFT JOIN compliance_fact AS f ON f.id = e.fact_id
LEFT JOIN compliance_obligation AS o ON o.id = f.successor_id AND {is_seen}
LEFT JOIN compliance_agreement AS a ON a.id = o.agreement_id
"""
_LATEST_FIRST = "ORDER BY e.recorded_at DESC, e.effective_at DESC LIMIT 1"


def successor(
    deadline_id: int, *, reader: Reader, as_of: datetime | None, known_at: datetime | None
) -> Row | None:
    """Return the obligation that took the place of that of a deadline; None if none did.

    It is also None if that obligation does not exist for the reader.

    Without instants, this is so now.
    """
    where = Where().equal(e__deadline_id=deadline_id)
    where.add("e.recorded_at <= %(known_at)s", known_at=known_at)
    where.add("e.effective_at <= %(as_of)s", as_of=as_of)
    is_seen = seen(where, reader, agreement="o.agreement_id")
    cause = _LATEST_CAUSE.replace("{is_seen}", is_seen)
    found = fetch((cause, where.sql, _LATEST_FIRST), where.values)
    return found[0] if found and found[0]["id"] is not None else None
