"""Keep the terms that deadlines had before they change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from compliance.models.bulk import write

TERMS = (
    "timezone", "begins_at", "is_start_presumed", "starts_at", "original_due_on",
    "original_due_at", "original_unmet_at", "original_earliest_due_at", "moves", "trace",
    "warnings", "is_withdrawn",
)  # fmt: skip
"""The columns of a deadline that hold its terms."""


def keep(deadline_ids: Sequence[int], *, as_of: datetime) -> None:
    """Keep the terms of deadlines that are about to change, as known until `as_of`.

    What readers already knew about a deadline stays known. A new deadline was not known yet.
    """
    write(_KEEP, [{"id": pk} for pk in deadline_ids], as_of=as_of)


_KEEP = f"""
    INSERT INTO compliance_correction (deadline_id, recorded_at, before)
    SELECT d.id, greatest(d.recorded_at, %(as_of)s),
        jsonb_build_object({", ".join(f"'{name}', d.{name}" for name in TERMS)})
    FROM compliance_deadline AS d
    JOIN jsonb_to_recordset(%(rows)s::jsonb) AS v(id bigint) ON d.id = v.id
    WHERE d.recorded_at IS NOT NULL
"""
