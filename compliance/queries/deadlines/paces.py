"""The pace of deadlines with a quantity: how it compares with even delivery."""

from __future__ import annotations

from datetime import datetime

from compliance.domain.deadlines.pace import expected_by, pace
from compliance.queries.rows import Row, Where, one

# When a deadline `d` with a target began: a presumed beginning is not after its first effective
# fact.
BEGINS_AT = """
    CASE WHEN d.is_start_presumed AND d.target_quantity IS NOT NULL THEN least(d.begins_at, (
        SELECT min(f.effective_at) FROM compliance_fact AS f
        WHERE f.deadline_id = d.id AND f.kind <> 'retraction'
          AND f.recorded_at <= coalesce(%(known_at)s::timestamptz, 'infinity')
          AND NOT EXISTS (SELECT FROM compliance_fact AS s
                          WHERE s.deadline_id = d.id AND s.supersedes_id = f.id
                            AND s.recorded_at <= coalesce(%(known_at)s::timestamptz, 'infinity'))))
    ELSE d.begins_at END AS begins_at
"""


def begins_at(deadline_id: int) -> datetime:
    """Return when a deadline with a target began."""
    where = Where(known_at=None).equal(d__id=deadline_id)
    found = one(f"SELECT {BEGINS_AT} FROM compliance_deadline AS d", where)
    if found is None:
        sentence = f"Deadline {deadline_id} does not exist."
        raise LookupError(sentence)
    began: datetime = found["begins_at"]
    return began


def add_pace(found: Row, as_of: datetime) -> None:
    """Add to a row how its quantity compares with even delivery."""
    began_at = found.pop("begins_at")
    expected = share = None
    is_summed = found["target_quantity"] is not None and found["performed_quantity"] is not None
    if is_summed and found["due_at"] is not None:
        expected = expected_by(
            as_of,
            starts_at=found["starts_at"] or began_at,
            due_at=found["due_at"],
            target=found["target_quantity"],
        )
        share = pace(found["performed_quantity"], expected)
    found["expected_quantity"], found["pace"] = expected, share
