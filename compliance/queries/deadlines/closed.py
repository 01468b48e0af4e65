"""Whether a deadline is closed, or open in breach, in SQL."""

from __future__ import annotations

from compliance.domain.deadlines.timeline import BREACHED, CLOSED, CLOSING_REASONS

# To follow IN: the statuses that are closed or in breach, and the reasons that close a breach.
_OF_CLOSED, OF_BREACHED, OF_CLOSING = (
    ", ".join(f"'{each}'" for each in sorted(members))
    for members in (CLOSED, BREACHED, CLOSING_REASONS)
)
IS_CLOSED = f"""
    (e.status IN ({_OF_CLOSED})
     OR (e.status IN ({OF_BREACHED}) AND e.reason IN ({OF_CLOSING})))
"""
"""Whether a ledger entry `e` closes its deadline."""

IS_OPEN = f"(d.status IN ({OF_BREACHED}) AND NOT d.is_closed)"
"""Whether a deadline `d` is unmet or partly met, and not closed."""
