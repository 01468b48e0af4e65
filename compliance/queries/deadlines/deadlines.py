"""Deadlines as rows: their state now, or at another time as known at some time.

The ledger rule: the status at V as known at K comes from the ledger row with `recorded_at <= K`
and `effective_at <= V` that is latest by `recorded_at`, then by `effective_at`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from compliance.domain.civil_time import UnknownTimeZone, zone_names
from compliance.domain.limits import AtMost
from compliance.domain.vocabulary import (
    ObligationKind,
    Precision,
    Status,
    TargetBound,
    Verification,
)
from compliance.models.deadlines.deadlines import NO_DUE, warnings_about
from compliance.models.people.readers import Reader
from compliance.queries.columns import Columns, Content, column
from compliance.queries.deadlines import states
from compliance.queries.deadlines.few import narrow_to_few
from compliance.queries.deadlines.filters import (
    DeadlineFilter,
    conditions,
    source,
)
from compliance.queries.deadlines.paces import BEGINS_AT, PACES, add_pace
from compliance.queries.deadlines.periods import DUE_PRECISION
from compliance.queries.deadlines.replacements import successor
from compliance.queries.deadlines.status_since import add_status_since
from compliance.queries.deadlines.verification import add_verification
from compliance.queries.exports import copied
from compliance.queries.filters import Listed
from compliance.queries.former import restore_deadlines
from compliance.queries.pages import Format, Listing, Order, Page, merged_page
from compliance.queries.point_in_time import PointInTime
from compliance.queries.rows import Row, Where, one
from compliance.queries.unseen import hide_unseen

INTEGER, QUANTITY = Content.INTEGER, Content.QUANTITY
TEXT, TEXTS = Content.TEXT, Content.TEXTS
BOOLEAN, DAY, INSTANT = Content.BOOLEAN, Content.DAY, Content.INSTANT

_OBLIGORS = """
    ARRAY(SELECT p.code FROM compliance_obligationparty AS s
          JOIN compliance_party AS p ON p.id = s.party_id
          WHERE s.obligation_id = o.id AND s.capacity = 'obligor'
            AND (d.party_id IS NULL OR s.party_id = d.party_id) ORDER BY s.id)"""
_OBLIGEES = """
    ARRAY(SELECT p.code FROM compliance_obligationparty AS s
          JOIN compliance_party AS p ON p.id = s.party_id
          WHERE s.obligation_id = o.id AND s.capacity = 'obligee' ORDER BY s.id)"""
_PERFORMED = "CASE WHEN d.target_quantity IS NOT NULL THEN d.performed_quantity END"

ROW = Columns(
    name="DeadlineRow",
    description="A deadline at the requested time.",
    columns=(
        column(INTEGER, "id", "d.id"),
        column(INTEGER, "obligation", "d.obligation_id"),
        column(TEXT, "obligation_ref", "o.ref", is_code=True),
        column(TEXT, "agreement", "a.ref", is_code=True),
        column(TEXT, "title", "o.title"),
        column(TEXTS, "obligors", _OBLIGORS, is_code=True),
        column(TEXTS, "obligees", _OBLIGEES, is_code=True),
        column(
            TEXT, "party", "(SELECT p.code FROM compliance_party AS p WHERE p.id = d.party_id)",
            "The obligor whose deadline it is, if each has one of its own.",
            is_nullable=True, is_code=True,
        ),
        column(TEXT, "kind", "o.kind", choices=ObligationKind),
        column(
            INTEGER, "number", "d.number",
            "The position among the obligation's deadlines, from 1.",
        ),
        column(
            INSTANT, "starts_at", "d.starts_at",
            "When the period to maintain or refrain begins.", is_nullable=True,
        ),
        column(
            DAY, "due_on", "d.due_on",
            "The due day in the deadline's zone. Null while dormant, or if it has no end.",
            is_nullable=True,
        ),
        column(
            TEXT, "due_precision", DUE_PRECISION,
            "If a month, quarter or year was agreed, due_on is its last day.",
            is_nullable=True, choices=Precision,
        ),
        column(
            INSTANT, "due_at", "d.due_at",
            "Exclusive: performance at this instant is late.", is_nullable=True,
        ),
        column(INSTANT, "unmet_at", "d.unmet_at", "The end of the grace period.", is_nullable=True),
        column(
            INSTANT, "earliest_due_at", "d.earliest_due_at",
            "From this until due_at, whether performance is on time depends on the reading.",
            is_nullable=True,
        ),
        column(
            BOOLEAN, "is_ambiguous", "d.is_ambiguous",
            "Whether the status depends on the zone or the reading that is used.",
        ),
        column(INSTANT, "original_due_at", "d.original_due_at", is_nullable=True),
        column(TEXT, "timezone", "d.timezone", is_code=True),
        column(TEXT, "status", "d.status", choices=Status),
        column(INSTANT, "status_since", "d.status_since"),
        column(BOOLEAN, "is_closed", "d.is_closed", "Whether nothing changes it any more."),
        column(BOOLEAN, "is_disputed", "d.is_disputed"),
        column(TEXT, "verification", "d.verification", choices=Verification),
        column(INSTANT, "next_check_at", "d.next_check_at", is_nullable=True),
        column(
            QUANTITY, "target_quantity", "d.target_quantity",
            "The quantity owed; null if there is no target.", is_nullable=True,
        ),
        column(
            TEXT, "target_bound", "o.target_bound",
            "Whether the target is a minimum or a maximum.", choices=TargetBound,
        ),
        column(TEXT, "unit", "o.unit"),
        column(
            QUANTITY, "performed_quantity", _PERFORMED,
            "Null if only measured values decide about the target.", is_nullable=True,
        ),
        column(
            QUANTITY, "measured_quantity", "d.measured_quantity",
            "The value in force: the latest that was measured.", is_nullable=True,
        ),
        column(
            QUANTITY, "accepted_share", "d.accepted_share",
            "The share of the whole that is accepted, if there is no target.", is_nullable=True,
        ),
        column(
            QUANTITY, "expected_quantity", "paces.expected",
            "The quantity that even delivery would have reached by now.", is_nullable=True,
        ),
        column(
            QUANTITY, "pace", "paces.pace",
            "The quantity performed as a share of the quantity expected.", is_nullable=True,
        ),
    ),
)  # fmt: skip
"""The rows of the list."""

PACED = ("expected_quantity", "pace")
_COLUMNS = f"SELECT {ROW.sql(without=PACED)}, {BEGINS_AT}"
_TRACE = ", d.trace, d.warnings, d.data_version"
JOINS = """
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
"""

Ordering = Literal["due_at", "-due_at", "status_since", "-status_since", "id", "-id"]


class Expanded(StrEnum):
    """The fields of a deadline that can be expanded."""

    OBLIGATION = "obligation"
    AGREEMENT = "agreement"


class DeadlineListing(DeadlineFilter, Listing):
    """Filters and ordering of a list of deadlines."""

    ordering: Ordering = "due_at"
    expand: Annotated[
        Annotated[tuple[Expanded, ...], AtMost(2)],
        Listed,
        Field(description="Show these as objects, not as an id or ref; in JSON and NDJSON."),
    ] = ()


def order_of(listing: DeadlineListing) -> Order:
    """Return the order of a list of deadlines `d`."""
    column = listing.ordering.removeprefix("-")
    return Order(
        table="d",
        columns=("id",) if column == "id" else (column, "id"),
        is_descending=listing.ordering.startswith("-"),
        absent={"due_at": NO_DUE},
    )


def listed(listing: DeadlineListing, *, reader: Reader, now: datetime) -> Page:
    """Return deadlines at a given time, by default in order of their due dates.

    Raises:
        Invalid: the cursor belongs to another list.
    """
    order = order_of(listing)
    column = order.columns[0]
    where = conditions(listing.model_copy(update={"agreement": None}), reader=reader, now=now)
    _add_agreement(where, listing.agreement, reader=reader)
    is_of_few = narrow_to_few(where, listing, reader=reader)
    parts = [source(listing)]
    # In the order of an index, the beginning of a status is found only afterwards.
    is_by_since = column == "status_since" or listing.since_after or listing.since_before
    if listing.as_of is not None and not is_by_since:
        parts = states.past_in_order(column)
    elif listing.as_of is not None and is_of_few:
        parts = [states.past(is_of_few=True)]
    selects = ["\n".join((_COLUMNS, "FROM", each, JOINS)) for each in parts]
    found = merged_page(selects, where, order=order, listing=listing)
    restore_deadlines(found.rows, listing.known_at)
    if listing.as_of is not None and listing.known_at is not None and not is_by_since:
        add_status_since(found.rows, as_of=listing.as_of, known_at=listing.known_at)
    for each in found.rows:
        add_pace(each, listing.as_of or now)
    add_verification(found.rows, listing)
    return found


def _add_agreement(where: Where, ref: str | None, *, reader: Reader) -> None:
    """Require an agreement by its id, so that PostgreSQL knows how many deadlines it has.

    Otherwise it would expect as many as others have, and read all deadlines in order to find few.
    """
    if ref is None:
        return
    visible = Where().equal(ref=ref)
    hide_unseen(visible, reader, agreement="id")
    found = one("SELECT id FROM compliance_agreement", visible)
    if found is None:
        where.add("FALSE")
    else:
        where.add("d.agreement_id = %(agreement_id)s", agreement_id=found["id"])


def exported(
    listing: DeadlineListing, names: Sequence[str], kind: Format, *, reader: Reader, now: datetime
) -> Iterator[bytes]:
    """Return all deadlines of a list of the present as CSV or NDJSON, with these fields."""
    where = conditions(listing, reader=reader, now=now)
    where.values["now"] = now
    paces = PACES if set(PACED) & set(names) else ""
    source = f"FROM {states.NOW} {JOINS} {paces}"
    return copied(
        ROW, source, where, order=order_of(listing), names=names, kind=kind, has_bom=listing.bom
    )


def row(deadline_id: int, moment: PointInTime, *, reader: Reader, now: datetime) -> Row | None:
    """Return one deadline at a given time, with its trace. None if it was not known then."""
    where = Where(as_of=moment.as_of, known_at=moment.known_at).equal(d__id=deadline_id)
    hide_unseen(where, reader, agreement="d.agreement_id")
    found = one("\n".join((_COLUMNS + _TRACE, "FROM", source(moment), JOINS)), where)
    if found is not None:
        version = found.pop("data_version")
        # The terms of another time may have been computed with other data.
        if version and moment.known_at is None:
            found["trace"] = [*found["trace"], f"Computed with {version}."]
        restore_deadlines([found], moment.known_at)
        add_pace(found, moment.as_of or now)
        add_verification([found], moment)
        found["warnings"] = warnings_about(found["warnings"], found["due_at"])
        found["successor"] = successor(
            deadline_id, reader=reader, as_of=moment.as_of, known_at=moment.known_at
        )
        if found["timezone"] not in zone_names():
            found["warnings"] = [*found["warnings"], str(UnknownTimeZone(found["timezone"]))]
    return found
