"""The filters by deadline, declared once for every list and aggregate, and their conditions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import Field

from compliance.domain.limits import AtMost
from compliance.domain.vocabulary import Status
from compliance.models.deadlines.deadlines import NO_DUE
from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import add_agreement_status
from compliance.queries.deadlines import states
from compliance.queries.deadlines.breach_intervals import LATEST_BEGINNING
from compliance.queries.deadlines.closed import IS_OPEN, OF_BREACHED
from compliance.queries.filters import DayOrInstant, Filter, Listed, TrueOrFalse, beginning
from compliance.queries.obligation_filters import (
    AgreementStatuses,
    ObligationFilter,
    add_obligation_filter,
)
from compliance.queries.pages import absent_last
from compliance.queries.point_in_time import PointInTime
from compliance.queries.rows import Where
from compliance.queries.unseen import hide_unseen

OF_PARTY = """
EXISTS (SELECT 1 FROM compliance_obligationparty AS s
        WHERE s.obligation_id = d.obligation_id AND s.capacity = '{capacity}'
          AND (d.party_id IS NULL OR s.capacity = 'obligee' OR s.party_id = d.party_id)
          AND s.party_id = (SELECT p.id FROM compliance_party AS p WHERE p.code = %({capacity})s))
"""
IS_OF_OBLIGOR = """
(d.party_id IS NULL
 OR d.party_id = (SELECT p.id FROM compliance_party AS p WHERE p.code = %(obligor)s))
"""
# A voided breach turned out never to have happened; the ledger replaced its entry.
_BREACHED = """
EXISTS (SELECT FROM compliance_breach AS b
        WHERE b.deadline_id = d.id AND b.end_reason IS DISTINCT FROM 'voided')
"""
_BREACHED_THEN = f"""
EXISTS (SELECT FROM compliance_ledgerentry AS r
        WHERE r.deadline_id = d.id AND r.recorded_at <= %(known_at)s AND r.effective_at <= %(as_of)s
          AND r.status IN ({OF_BREACHED})
          AND NOT EXISTS (
              SELECT FROM compliance_ledgerentry AS later
              WHERE later.deadline_id = d.id AND later.recorded_at > r.recorded_at
                AND later.recorded_at <= %(known_at)s AND later.effective_at <= r.effective_at))
"""
# Few breaches were ever acknowledged, and they are read first.
_EVER_ACKNOWLEDGED = """
d.id IN (SELECT b.deadline_id FROM compliance_breach AS b WHERE b.acknowledged_at IS NOT NULL)
"""
_ACKNOWLEDGED = f"""
({IS_OPEN} AND EXISTS (
    SELECT FROM compliance_breach AS b
    WHERE b.deadline_id = d.id AND {{is_open}}
      AND b.acknowledged_at <= %(acknowledged_by)s
      AND b.acknowledged_until > %(acknowledged_for)s))
"""
# The breach that was open then is the one that began last.
_WAS_OPEN = f"b.occurred_at = {LATEST_BEGINNING}"


class StateFilter(Filter):
    """Filters by what the ledger says of a deadline."""

    status: Annotated[Annotated[tuple[Status, ...], AtMost(20)] | None, Listed] = None
    is_open: Annotated[
        TrueOrFalse | None,
        Field(description="Unmet or partly met, and not closed; or the opposite."),
    ] = None
    is_closed: TrueOrFalse | None = None
    due_after: Annotated[
        DayOrInstant | None,
        Field(description="Due on this day, in this period or at this instant, or later."),
    ] = None
    due_before: Annotated[
        DayOrInstant | None, Field(description="Due before this day, period or instant.")
    ] = None


class ConditionFilter(StateFilter):
    """Filters by the state of a deadline and its agreement."""

    ever_breached: Annotated[
        TrueOrFalse | None, Field(description="Whether it was ever unmet or partly met.")
    ] = None
    agreement_status: AgreementStatuses = None
    since_after: Annotated[
        DayOrInstant | None,
        Field(description="In its status since this instant or later. A day begins in UTC."),
    ] = None
    since_before: Annotated[
        DayOrInstant | None, Field(description="In its status since before this instant.")
    ] = None
    is_disputed: TrueOrFalse | None = None
    is_acknowledged: Annotated[
        TrueOrFalse | None,
        Field(description="Open, and acknowledged by somebody whose time has not run out."),
    ] = None


class DeadlineFilter(PointInTime, ObligationFilter, ConditionFilter):
    """Filters of deadlines."""


# They are about the state of a deadline. All other filters are about what it belongs to.
_OF_STATE = (
    "status", "is_open", "is_closed", "ever_breached", "due_after", "due_before", "since_after",
    "since_before", "is_disputed", "is_acknowledged",
)  # fmt: skip
# Selective conditions, which are applied before the states are looked up.
_SELECTIVE = ("agreement", "obligation_ref", "responsible", "tag", "tag_any", "q")


def source(moment: PointInTime) -> str:
    """Return SQL for the deadlines `d` in their state at a given time.

    It does not include their verification at that time: see `verification.add_verification`.
    """
    if moment.as_of is None:
        return states.NOW
    is_of_few = isinstance(moment, DeadlineFilter) and any(
        getattr(moment, name) is not None for name in _SELECTIVE
    )
    is_single = not isinstance(moment, DeadlineFilter)
    return states.past(is_of_few=is_of_few or is_single)


def conditions(
    wanted: DeadlineFilter, *, reader: Reader, now: datetime, has_former_fields: bool = True
) -> Where:
    """Return the conditions for deadlines `d` of obligations `o`.

    Args:
        has_former_fields: whether the fields of agreements and obligations are those that were
            known at `known_at`, instead of now.
    """
    where = terms_conditions(wanted, reader=reader, now=now, has_former_fields=has_former_fields)
    _add_state(where, wanted, now)
    return where


def terms_conditions(
    wanted: DeadlineFilter, *, reader: Reader, now: datetime, has_former_fields: bool = True
) -> Where:
    """Return the conditions that are not about the state of the deadlines `d`.

    Args:
        has_former_fields: as for `conditions`.
    """
    where = Where(as_of=wanted.as_of, known_at=wanted.known_at)
    hide_unseen(where, reader, agreement="d.agreement_id")
    add_agreement_status(
        where,
        wanted.agreement_status,
        agreement="d.agreement_id",
        as_of=wanted.as_of or now,
        known_at=wanted.known_at,
    )
    add_obligation_filter(
        where,
        wanted,
        reader=reader,
        agreement="d.agreement_id",
        of_party=OF_PARTY,
        is_of_obligor=IS_OF_OBLIGOR,
        known_at="known_at" if wanted.known_at is not None and has_former_fields else None,
    )
    return where


def add_deadlines_in_state(
    where: Where, wanted: DeadlineFilter, *, row: str, column: str, now: datetime
) -> None:
    """Require the state that a filter names of deadlines of other rows.

    Args:
        row: the column of the rows that refers to `column` of the deadlines `d`.
    """
    if all(getattr(wanted, name) is None for name in _OF_STATE):
        return
    inner = Where(**where.values)
    # The deadlines of other obligors of the same obligation do not count.
    inner.add(IS_OF_OBLIGOR, obligor=wanted.obligor)
    _add_state(inner, wanted, now)
    found = f"SELECT d.{column} FROM {source(wanted)} {inner.sql}"
    where.add(f"{row} IN ({found})")
    where.values |= inner.values


def _add_state(where: Where, wanted: DeadlineFilter, now: datetime) -> None:
    add_ledger_state(where, wanted)
    where.equal(d__is_disputed=wanted.is_disputed)
    if wanted.ever_breached is not None:
        breached = _BREACHED if wanted.as_of is None else _BREACHED_THEN
        where.add(breached if wanted.ever_breached else f"NOT {breached}")
    if wanted.is_acknowledged:
        where.add(_EVER_ACKNOWLEDGED)
    if wanted.is_acknowledged is not None:
        is_open = "b.ended_at IS NULL" if wanted.as_of is None else _WAS_OPEN
        where.add(
            f"{_ACKNOWLEDGED.format(is_open=is_open)} = %(is_acknowledged)s",
            is_acknowledged=wanted.is_acknowledged,
            acknowledged_by=wanted.known_at or now,
            acknowledged_for=wanted.as_of or now,
        )
    if wanted.as_of is not None:
        # No status begins after its latest entry, which is cheaper to find.
        where.add("d.latest_at >= %(since_after)s::timestamptz", since_after=wanted.since_after)
    since = "d.status_since"
    where.add(f"{since} >= %(since_after)s::timestamptz", since_after=wanted.since_after)
    where.add(f"{since} < %(since_before)s::timestamptz", since_before=wanted.since_before)


def add_ledger_state(where: Where, wanted: StateFilter) -> None:
    """Require what a filter says of the state of the deadlines `d` in the ledger."""
    # A single status is compared with `=`, so that an index returns the rows in order.
    if wanted.status is not None and len(wanted.status) == 1:
        where.add("d.status = %(status)s", status=wanted.status[0])
    elif wanted.status is not None:
        where.add("d.status = ANY(%(status)s)", status=list(wanted.status))
    where.equal(d__is_closed=wanted.is_closed)
    where.add(f"{IS_OPEN} = %(is_open)s", is_open=wanted.is_open)
    where.add(f"{_due(wanted.due_after)} >= %(due_after)s", due_after=wanted.due_after)
    where.add(f"{_due(wanted.due_before)} < %(due_before)s", due_before=wanted.due_before)
    # The index contains due instants, which lie in the due day or up to a day from it in UTC.
    where.add(
        f"{DUE_ORDER} >= %(due_at_after)s::timestamptz",
        due_at_after=wanted.due_after and beginning(wanted.due_after) - _AROUND_A_DAY,
    )
    where.add(
        f"{DUE_ORDER} < %(due_at_before)s::timestamptz",
        due_at_before=wanted.due_before and beginning(wanted.due_before) + _AROUND_A_DAY,
    )


_AROUND_A_DAY = timedelta(days=3)
DUE_ORDER = absent_last("d.due_at", NO_DUE)
"""The due instants of deadlines `d` as they are in the indexes of lists."""


def _due(boundary: date | datetime | None) -> str:
    # A day is compared with the agreed civil day, in the zone of each deadline.
    return "d.due_at" if isinstance(boundary, datetime) else "d.due_on"
