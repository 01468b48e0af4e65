"""Breaches as rows: intervals during which deadlines were unmet."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from compliance.domain.deadlines.timeline import end_of_breach
from compliance.domain.vocabulary import Reason, Status
from compliance.models.people.readers import Reader
from compliance.queries.deadlines.breach_intervals import past_intervals
from compliance.queries.deadlines.filters import (
    DeadlineFilter,
    add_deadlines_in_state,
    terms_conditions,
)
from compliance.queries.filters import DayOrInstant, Id, TrueOrFalse
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.point_in_time import PointInTime
from compliance.queries.rows import Row, Where, one
from compliance.queries.unseen import hide_unseen

_ROWS = """
SELECT b.id, b.deadline_id AS deadline, o.ref AS obligation_ref, a.ref AS agreement, b.occurred_at,
    b.detected_at, b.ended_at, b.end_reason, b.acknowledged_at,
    nullif(b.acknowledged_as, '') AS acknowledged_by, b.acknowledged_until
FROM compliance_breach AS b
JOIN compliance_deadline AS d ON d.id = b.deadline_id
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
"""
_OF_WANTED = """
JOIN compliance_deadline AS d ON d.id = r.deadline_id
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
WHERE TRUE {wanted}
"""
_PAST_ROWS = f"""
WITH {past_intervals(of=_OF_WANTED)}
SELECT b.id, c.deadline_id AS deadline, o.ref AS obligation_ref, a.ref AS agreement,
    c.effective_at AS occurred_at,
    -- A breach that was imported later was detected when the ledger says that it was known.
    CASE WHEN b.detected_at <= %(known_at)s THEN b.detected_at ELSE c.recorded_at END
        AS detected_at,
    c.ended_at, c.end_status, c.why_ended,
    CASE WHEN b.acknowledged_at <= %(known_at)s THEN b.acknowledged_at END AS acknowledged_at,
    CASE WHEN b.acknowledged_at <= %(known_at)s THEN nullif(b.acknowledged_as, '')
    END AS acknowledged_by,
    CASE WHEN b.acknowledged_at <= %(known_at)s THEN b.acknowledged_until
    END AS acknowledged_until
FROM changes AS c
JOIN compliance_breach AS b ON b.deadline_id = c.deadline_id AND b.occurred_at = c.effective_at
 AND c.is_breach AND NOT c.was_breach
JOIN compliance_deadline AS d ON d.id = c.deadline_id
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
"""
_IS_ACKNOWLEDGED = """
coalesce(b.acknowledged_at <= %(acknowledged_by)s AND b.acknowledged_until > %(acknowledged_for)s,
    FALSE)
"""
_ORDERS = {
    name: Order(table="b", columns=("occurred_at", "id"), is_descending=name.startswith("-"))
    for name in ("occurred_at", "-occurred_at")
}


class BreachListing(DeadlineFilter, Listing):
    """Filters of breaches: those of their deadlines, except for `is_open` and `is_acknowledged`.

    `occurred_after` is inclusive, `occurred_before` exclusive. A day begins in UTC.
    """

    deadline: Id | None = None
    is_open: Annotated[TrueOrFalse | None, Field(description="Whether the breach goes on.")] = None
    is_acknowledged: Annotated[
        TrueOrFalse | None,
        Field(description="Acknowledged by somebody whose time has not run out."),
    ] = None
    occurred_after: DayOrInstant | None = None
    occurred_before: DayOrInstant | None = None
    ordering: Literal["occurred_at", "-occurred_at"] = "-occurred_at"


def listed(listing: BreachListing, *, reader: Reader, now: datetime) -> Page:
    """Return breaches, by default newest first, as known now or at the given time."""
    where = terms_conditions(listing, reader=reader, now=now)
    where.add("d.id = %(deadline)s", deadline=listing.deadline)
    of_deadlines = listing.model_copy(update={"is_open": None, "is_acknowledged": None})
    add_deadlines_in_state(where, of_deadlines, row="d.id", column="id", now=now)
    select, began, ended = _ROWS, "b.occurred_at", "b.ended_at"
    if listing.as_of is not None:
        select, began, ended = _past(where), "c.effective_at", "c.ended_at"
    where.add(f"({ended} IS NULL) = %(is_open)s", is_open=listing.is_open)
    where.add(f"{began} >= %(after)s::timestamptz", after=listing.occurred_after)
    where.add(f"{began} < %(before)s::timestamptz", before=listing.occurred_before)
    where.add(
        f"{_IS_ACKNOWLEDGED} = %(is_acknowledged)s",
        is_acknowledged=listing.is_acknowledged,
        acknowledged_by=listing.known_at or now,
        acknowledged_for=listing.as_of or now,
    )
    found = page(select, where, order=_ORDERS[listing.ordering], listing=listing)
    return replace(found, rows=[_with_reason(each) for each in found.rows])


def row(breach_id: int, moment: PointInTime, *, reader: Reader) -> Row | None:
    """Return one breach. None if it does not exist or was not known at the given time."""
    where = Where(as_of=moment.as_of, known_at=moment.known_at)
    hide_unseen(where, reader, agreement="d.agreement_id")
    if moment.as_of is None:
        return one(_ROWS, where.equal(b__id=breach_id))
    where.add("d.id = (SELECT deadline_id FROM compliance_breach WHERE id = %(id)s)", id=breach_id)
    select = _past(where)
    found = one(select, where.add("b.id = %(id)s", id=breach_id))
    return None if found is None else _with_reason(found)


def _past(where: Where) -> str:
    """Return the breaches of the deadlines that match `where`, as known at the given time."""
    conditions = where.conditions
    return _PAST_ROWS.replace("{wanted}", f"AND {' AND '.join(conditions)}" if conditions else "")


def _with_reason(found: Row) -> Row:
    """Add the end reason to a past breach. Current breaches already have one."""
    if "end_status" not in found:
        return found
    status, reason = found.pop("end_status"), found.pop("why_ended")
    end = None if status is None else end_of_breach(Status(status), Reason(reason))
    return {**found, "end_reason": end}
