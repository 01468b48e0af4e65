"""The progress of parent obligations, and chains of consequences, at a given time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from compliance.domain.deadlines.components import RolledUp, rolled_up, status_of_several
from compliance.domain.vocabulary import RollUp, Status
from compliance.models.people.readers import Reader
from compliance.queries.deadlines.filters import source
from compliance.queries.point_in_time import PointInTime
from compliance.queries.rows import Row, Where, fetch
from compliance.queries.unseen import seen

# The components of obligations, recursively, with the statuses of their deadlines.
_BELOW = """
WITH RECURSIVE below AS (
    SELECT o.id, o.parent_id FROM compliance_obligation AS o WHERE o.parent_id = ANY(%(ids)s)
    UNION
    SELECT o.id, o.parent_id FROM compliance_obligation AS o JOIN below AS b ON o.parent_id = b.id
)
SELECT b.id, b.parent_id, o.ref, o.title, o.roll_up, o.roll_up_share,
    array_agg(d.status ORDER BY d.number) FILTER (WHERE d.id IS NOT NULL) AS statuses,
    coalesce(bool_or(d.is_disputed), FALSE) AS is_disputed
FROM below AS b
JOIN compliance_obligation AS o ON o.id = b.id
    AND o.recorded_at <= coalesce(%(known_at)s, 'infinity'::timestamptz)
LEFT JOIN
"""
_OF_THEM = """
ON d.obligation_id = b.id
GROUP BY b.id, b.parent_id, o.ref, o.title, o.roll_up, o.roll_up_share
ORDER BY b.id
"""
_CHAIN = """
SELECT o.id, o.ref, o.title, o.due #>> '{on,breach_of}' AS remedy_for,
    coalesce(jsonb_agg(jsonb_build_object('deadline', d.id, 'number', d.number,
        'status', d.status, 'since', replace(to_jsonb(d.status_since) #>> '{}', '+00:00', 'Z'),
        'due_on', d.due_on) ORDER BY d.number) FILTER (WHERE d.id IS NOT NULL), '[]') AS deadlines
FROM compliance_obligation AS o
LEFT JOIN
"""
_OF_AGREEMENT = """
ON d.obligation_id = o.id
WHERE {is_seen}
  AND o.agreement_id = (SELECT x.agreement_id FROM compliance_obligation AS x WHERE x.id = %(id)s)
  AND o.recorded_at <= coalesce(%(known_at)s, 'infinity'::timestamptz)
  AND (o.due #>> '{on,breach_of}' IS NOT NULL OR o.id = %(id)s OR EXISTS (
      SELECT FROM compliance_obligation AS y
      WHERE y.agreement_id = o.agreement_id AND y.due #>> '{on,breach_of}' = o.ref))
GROUP BY o.id
ORDER BY o.id
"""


def add_components(rows: Sequence[Row], moment: PointInTime) -> None:
    """Set `components` on rows of obligations: the progress of their components, or None."""
    ids = [row["id"] for row in rows]
    values = {"ids": ids, "as_of": moment.as_of, "known_at": moment.known_at}
    found = fetch((_BELOW, source(moment), _OF_THEM), values) if ids else []
    children: dict[int, list[Row]] = defaultdict(list)
    for row in found:
        children[row["parent_id"]].append(row)
    for row in rows:
        parts = children.get(row["id"])
        row["components"] = _shown(row, parts, children) if parts else None


def _shown(parent: Row, parts: Sequence[Row], children: dict[int, list[Row]]) -> Row:
    state = _rolled_up(parent, children)
    return {
        "rule": parent["roll_up"],
        "share": parent["roll_up_share"],
        "done": state.done,
        "of": state.of,
        "needed": state.needed,
        "released": state.released,
        "status": state.status,
        "summary": state.summary,
        "parts": [
            {
                "obligation": part["id"],
                "ref": part["ref"],
                "title": part["title"],
                "status": _status(part, children),
                "is_disputed": part["is_disputed"],
            }
            for part in parts
        ],
    }


def _rolled_up(parent: Row, children: dict[int, list[Row]]) -> RolledUp:
    statuses = [_status(part, children) for part in children[parent["id"]]]
    return rolled_up(RollUp(parent["roll_up"]), parent["roll_up_share"], statuses)


def _status(part: Row, children: dict[int, list[Row]]) -> Status | None:
    if part["statuses"]:
        return status_of_several(Status(each) for each in part["statuses"])
    return _rolled_up(part, children).status if children.get(part["id"]) else None


def consequences(obligation_id: int, moment: PointInTime, *, reader: Reader) -> Row | None:
    """Return the chain of consequences of an obligation.

    Upwards, these are the obligations that it remedies, nearest first. Downwards, these are the
    obligations that its breach activates, recursively.
    """
    where = Where(id=obligation_id, as_of=moment.as_of, known_at=moment.known_at)
    of_agreement = _OF_AGREEMENT.replace(
        "{is_seen}", seen(where, reader, agreement="o.agreement_id")
    )
    found = fetch((_CHAIN, source(moment), of_agreement), where.values)
    by_ref = {row["ref"]: row for row in found}
    own = next((row for row in found if row["id"] == obligation_id), None)
    if own is None:
        return None
    remedies: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        if row["remedy_for"] is not None:
            remedies[row["remedy_for"]].append(row)
    causes = []
    cause = by_ref.get(own["remedy_for"] or "")
    while cause is not None:
        causes.append(_link(cause))
        cause = by_ref.get(cause["remedy_for"] or "")
    return {**_link(own), "causes": causes, "consequences": _below(own["ref"], remedies)}


def _below(ref: str, remedies: dict[str, list[Row]]) -> list[Row]:
    return [
        {**_link(row), "consequences": _below(row["ref"], remedies)}
        for row in remedies.get(ref, ())
    ]


def _link(row: Row) -> dict[str, Any]:
    return {
        "obligation": row["id"],
        "ref": row["ref"],
        "title": row["title"],
        "deadlines": row["deadlines"],
    }
