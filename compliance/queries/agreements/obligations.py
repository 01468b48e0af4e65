"""Obligations as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from compliance.domain.fields import Ref
from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import add_agreement_status
from compliance.queries.deadlines.components import add_components
from compliance.queries.deadlines.filters import DeadlineFilter, add_deadlines_in_state
from compliance.queries.deadlines.periods import say_periods
from compliance.queries.former import former_obligations, replace_fields
from compliance.queries.known_fields import as_known
from compliance.queries.obligation_filters import add_obligation_filter
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.point_in_time import PointInTime
from compliance.queries.responsible import RESPONSIBLE_NAMES
from compliance.queries.rows import Row, Where, array, fetch, one
from compliance.queries.unseen import hide_unseen, seen

_ROWS = f"""
SELECT o.id, a.ref AS agreement, o.ref, o.title, o.text, o.clause, o.kind,
    ARRAY(SELECT p.code FROM compliance_obligationparty AS s
          JOIN compliance_party AS p ON p.id = s.party_id
          WHERE s.obligation_id = o.id AND s.capacity = 'obligor' ORDER BY s.id) AS obligors,
    ARRAY(SELECT p.code FROM compliance_obligationparty AS s
          JOIN compliance_party AS p ON p.id = s.party_id
          WHERE s.obligation_id = o.id AND s.capacity = 'obligee' ORDER BY s.id) AS obligees,
    o.due, o.grace, o.binds_on, o.binds_on_precision, o.starts, o.survives_termination,
    o.severity, o.tags,
    {RESPONSIBLE_NAMES} AS responsible,
    parent.ref AS parent,
    o.roll_up, o.roll_up_share, o.target_quantity, o.target_bound, o.unit, o.notification_policy,
    o.due #>> '{{on,breach_of}}' AS remedy_for,
    ARRAY(SELECT r.ref FROM compliance_obligation AS r
          WHERE r.agreement_id = o.agreement_id
            AND coalesce((SELECT c.before -> 'due' FROM compliance_correction AS c
                          WHERE c.obligation_id = r.id AND c.recorded_at > %(known_at)s
                          ORDER BY c.recorded_at, c.id LIMIT 1), r.due)
                #>> '{{on,breach_of}}' = o.ref
            AND r.recorded_at <= coalesce(%(known_at)s, 'infinity'::timestamptz)
          ORDER BY r.id) AS consequences,
    coalesce((SELECT jsonb_agg(jsonb_build_object(
            'deadline', d.id, 'agreement', b.ref, 'obligation_ref', r.ref) ORDER BY d.id)
        FROM compliance_fact AS f
        JOIN compliance_deadline AS d ON d.id = f.deadline_id
        JOIN compliance_obligation AS r ON r.id = d.obligation_id
        JOIN compliance_agreement AS b ON b.id = r.agreement_id
        WHERE f.successor_id = o.id AND {{replaced_is_seen}}
          AND CASE WHEN %(known_at)s::timestamptz IS NULL THEN d.status ELSE
              (SELECT e.status FROM compliance_ledgerentry AS e
               WHERE e.deadline_id = d.id AND e.recorded_at <= %(known_at)s
                 AND e.effective_at <= %(as_of)s
               ORDER BY e.recorded_at DESC, e.effective_at DESC LIMIT 1) END = 'superseded'
          AND f.recorded_at <= coalesce(%(known_at)s, 'infinity'::timestamptz)), '[]') AS replaces
FROM compliance_obligation AS o
JOIN compliance_agreement AS a ON a.id = o.agreement_id
LEFT JOIN compliance_obligation AS parent ON parent.id = o.parent_id
"""
_OF_PARTY = """
o.id IN (SELECT s.obligation_id FROM compliance_obligationparty AS s
         JOIN compliance_party AS p ON p.id = s.party_id
         WHERE s.capacity = '{capacity}' AND p.code = %({capacity})s)
"""
_KNOWN = "o.recorded_at <= %(known_at)s"
_BY_ID = Order(table="o", columns=("id",))


class ObligationListing(DeadlineFilter, Listing):
    """Filters of obligations. Those about a state ask for one deadline that has all of it."""

    ref: Ref | None = None
    parent: Ref | None = None


def listed(listing: ObligationListing, *, reader: Reader, now: datetime) -> Page:
    """Return obligations in order of creation, with the progress of their components."""
    where = Where(known_at=listing.known_at, as_of=listing.as_of)
    where.add("o.ref = %(ref)s", ref=listing.ref)
    hide_unseen(where, reader, agreement="o.agreement_id")
    known_at = None if listing.known_at is None else "known_at"
    parent = as_known(
        "parent.ref = %(parent)s",
        "f.before ->> 'parent' = %(parent)s",
        row_id="o.id",
        owner="obligation",
        known_at=known_at,
    )
    where.add(parent, parent=listing.parent)
    add_agreement_status(
        where,
        listing.agreement_status,
        agreement="o.agreement_id",
        as_of=listing.as_of or now,
        known_at=listing.known_at,
    )
    add_obligation_filter(
        where,
        listing,
        reader=reader,
        agreement="o.agreement_id",
        of_party=_OF_PARTY,
        known_at=known_at,
    )
    add_deadlines_in_state(where, listing, row="o.id", column="obligation_id", now=now)
    where.add(_KNOWN, known_at=listing.known_at)
    found = page(_select(where, reader), where, order=_BY_ID, listing=listing)
    _restore(found.rows, listing)
    add_components(found.rows, listing)
    return found


def row(obligation_id: int, moment: PointInTime, *, reader: Reader) -> Row | None:
    """Return one obligation with the progress of its components. None if it was not known then."""
    where = Where(known_at=moment.known_at, as_of=moment.as_of).equal(o__id=obligation_id)
    hide_unseen(where, reader, agreement="o.agreement_id")
    where.add(_KNOWN, known_at=moment.known_at)
    found = one(_select(where, reader), where)
    if found is not None:
        _restore([found], moment)
        add_components([found], moment)
    return found


def rows_with(ids: Collection[int], moment: PointInTime, *, reader: Reader) -> dict[int, Row]:
    """Return the obligations with these ids, as known at the given time."""
    where = Where(known_at=moment.known_at, as_of=moment.as_of)
    where.add("o.id = ANY(%(ids)s::bigint[])", ids=array(ids))
    hide_unseen(where, reader, agreement="o.agreement_id")
    where.add(_KNOWN, known_at=moment.known_at)
    found = fetch((_select(where, reader), where.sql), where.values)
    _restore(found, moment)
    add_components(found, moment)
    return {each["id"]: each for each in found}


def _select(where: Where, reader: Reader) -> str:
    # What an obligation replaces can belong to another agreement.
    is_seen = seen(where, reader, agreement="r.agreement_id")
    return _ROWS.replace("{replaced_is_seen}", is_seen)


def _restore(rows: Sequence[Row], moment: PointInTime) -> None:
    """Give rows the fields that were known at the given time."""
    found = former_obligations([each["id"] for each in rows], moment.known_at)
    for row in rows:
        if row["id"] in found:
            replace_fields(row, found[row["id"]])
            event = (row["due"] or {}).get("on")
            row["remedy_for"] = event.get("breach_of") if isinstance(event, dict) else None
        say_periods(row, "binds_on")
