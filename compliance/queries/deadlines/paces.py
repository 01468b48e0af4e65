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


# A number rounded like `domain.quantities.rounded`: half to even, at most 15 digits.
_ROUNDED = """
(SELECT CASE
    WHEN n.x = 0 THEN 0
    WHEN mod(abs(n.x) * power(10::numeric, p.places), 1) = 0.5
         AND mod(trunc(abs(n.x) * power(10::numeric, p.places)), 2) = 0 THEN trunc(n.x, p.places)
    ELSE round(n.x, p.places) END
 FROM (SELECT {0} AS x) AS n, LATERAL (
    SELECT CASE WHEN n.x = 0 THEN 0 ELSE least(6, 14 - floor(log(abs(n.x))))::int END AS places
 ) AS p)
"""
# The divisions of PostgreSQL keep as many places as their operands.
_EXACT = "1.0000000000000000000000000000"
_EVEN = _ROUNDED.format(
    f"d.target_quantity * {_EXACT} * extract(epoch FROM %(now)s::timestamptz - r.starts_at)"
    " / extract(epoch FROM d.due_at - r.starts_at)"
)
_PACE = _ROUNDED.format(f"d.performed_quantity * {_EXACT} / e.expected")
PACES = f"""
LEFT JOIN LATERAL (
    SELECT e.expected, CASE WHEN e.expected > 0 THEN {_PACE} END AS pace
    FROM (SELECT coalesce(d.starts_at, b.begins_at) AS starts_at
          FROM (SELECT {BEGINS_AT}) AS b) AS r,
    LATERAL (
        SELECT CASE WHEN %(now)s >= d.due_at THEN d.target_quantity
                    WHEN %(now)s <= r.starts_at THEN 0 ELSE {_EVEN} END AS expected) AS e
) AS paces ON d.target_quantity IS NOT NULL AND d.performed_quantity IS NOT NULL
    AND d.due_at IS NOT NULL
"""
"""Joins `paces` to deadlines `d` as they are `now`: the same as `add_pace`."""


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
