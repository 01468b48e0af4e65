"""SQL for the breaches that were known at a past time."""

from __future__ import annotations

from compliance.domain.deadlines.timeline import CURING_REASONS
from compliance.queries.deadlines.closed import OF_BREACHED, OF_CLOSING

_CURING = ", ".join(f"'{each}'" for each in sorted(CURING_REASONS))

IS_CURED = "b.end_reason IN ('performed', 'cured')"
"""Whether a breach `b` ended because its cause was removed."""

IS_CURED_THEN = f"""
(c.end_status NOT IN ('suspended', 'waived') AND c.why_ended IN ({_CURING}))
"""
"""The same of an interval `c` of `past_intervals`."""


LATEST_BEGINNING = f"""
(SELECT max(c.effective_at)
 FROM (SELECT r.effective_at, r.status IN ({OF_BREACHED}) AS is_breach,
           lag(r.status IN ({OF_BREACHED}), 1, FALSE) OVER (ORDER BY r.effective_at)
               AS was_breach
       FROM compliance_ledgerentry AS r
       WHERE r.deadline_id = d.id AND r.recorded_at <= %(known_at)s
         AND r.effective_at <= %(as_of)s
         AND NOT EXISTS (
             SELECT FROM compliance_ledgerentry AS later
             WHERE later.deadline_id = d.id AND later.recorded_at > r.recorded_at
               AND later.recorded_at <= %(known_at)s
               AND later.effective_at <= r.effective_at)) AS c
 WHERE c.is_breach AND NOT c.was_breach)
"""
"""When the latest breach of a deadline `d` began, of those that were known then.

Breaches that were voided later were known, and those that were voided before were not.
"""


def past_intervals(*, of: str) -> str:
    """Return the common table expressions of which `changes` has the breaches known then.

    They come from the ledger: the unmet intervals of the timeline known at `known_at`, up to
    `as_of`. Each begins with a row that `is_breach`, but not `was_breach`. A breach ends when its
    deadline is closed as unmet; at once, if that is when it begins.

    Args:
        of: joins to the ledger entries `r`, and a WHERE clause.
    """
    return f"""
held AS (
    SELECT r.deadline_id, r.effective_at, r.recorded_at, r.status, r.reason,
        r.status IN ({OF_BREACHED}) AS is_breach, r.reason IN ({OF_CLOSING}) AS is_closing
    FROM compliance_ledgerentry AS r
    {of} AND r.recorded_at <= %(known_at)s AND r.effective_at <= %(as_of)s
      AND NOT EXISTS (
          SELECT FROM compliance_ledgerentry AS later
          WHERE later.deadline_id = r.deadline_id AND later.recorded_at > r.recorded_at
            AND later.recorded_at <= %(known_at)s AND later.effective_at <= r.effective_at)
),
edges AS (
    SELECT *, lag(is_breach, 1, FALSE) OVER w AS was_breach FROM held
    WINDOW w AS (PARTITION BY deadline_id ORDER BY effective_at)
),
changes AS (
    SELECT *, lead(effective_at, end_offset) OVER w AS ended_at,
        lead(status, end_offset) OVER w AS end_status, lead(reason, end_offset) OVER w AS why_ended
    FROM edges
    CROSS JOIN LATERAL (SELECT CASE WHEN is_closing THEN 0 ELSE 1 END AS end_offset) AS ends
    WHERE is_breach <> was_breach OR (is_breach AND is_closing)
    WINDOW w AS (PARTITION BY deadline_id ORDER BY effective_at)
)"""
