"""Since when deadlines had their status, at a past time as known at some time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from compliance.queries.rows import Row, array, fetch


def add_status_since(rows: Sequence[Row], *, as_of: datetime, known_at: datetime) -> None:
    """Correct `status_since` on the rows of a page, which have the time of their latest entry.

    Only those are computed that have another entry with the same status.
    """
    values = {"ids": array(each["id"] for each in rows), "as_of": as_of, "known_at": known_at}
    repeated = {each["id"] for each in fetch((_REPEATED,), values)} if rows else set()
    if not repeated:
        return
    found = fetch((_SINCE,), {**values, "ids": array(repeated)})
    since = {each["id"]: each["since"] for each in found}
    for row in rows:
        row["status_since"] = since.get(row["id"], row["status_since"])


_REPEATED = """
SELECT r.deadline_id AS id FROM compliance_ledgerentry AS r
WHERE r.deadline_id = ANY(%(ids)s::bigint[]) AND r.recorded_at <= %(known_at)s
  AND r.effective_at <= %(as_of)s
GROUP BY r.deadline_id, r.status HAVING count(*) > 1
"""


# An entry holds unless one recorded later is effective at the same time or before.
_SINCE = """
SELECT c.deadline_id AS id, min(c.effective_at) AS since
FROM (
    SELECT h.deadline_id, h.effective_at,
        bool_and(h.status = h.last_status)
            OVER (PARTITION BY h.deadline_id ORDER BY h.effective_at DESC) AS is_same
    FROM (
        SELECT r.deadline_id, r.effective_at, r.status,
            first_value(r.status) OVER (
                PARTITION BY r.deadline_id ORDER BY r.recorded_at DESC, r.effective_at DESC
            ) AS last_status,
            min(r.effective_at) OVER (
                PARTITION BY r.deadline_id ORDER BY r.recorded_at DESC
                GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS replaced_from
        FROM compliance_ledgerentry AS r
        WHERE r.deadline_id = ANY(%(ids)s::bigint[]) AND r.recorded_at <= %(known_at)s
          AND r.effective_at <= %(as_of)s) AS h
    WHERE h.replaced_from IS NULL OR h.effective_at < h.replaced_from) AS c
WHERE c.is_same
GROUP BY c.deadline_id
"""
