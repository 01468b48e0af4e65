"""Deadlines as rows: their state now, or at another time as known at some time.

The ledger rule: the status at V as known at K comes from the ledger row with `recorded_at <= K`
and `effective_at <= V` that is latest by `recorded_at`, then by `effective_at`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from compliance.domain.civil_time import UnknownTimeZone, zone_names
from compliance.domain.date_fields import Instant
from compliance.domain.fields import AgreementRef, PartyCode, Ref
from compliance.domain.limits import AtMost
from compliance.domain.problems import refusal
from compliance.domain.responsible import Responsible
from compliance.domain.vocabulary import AgreementStatus, Severity, Status
from compliance.models.deadlines.deadlines import NO_DUE, warnings_about
from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import add_agreement_status
from compliance.queries.deadlines import states
from compliance.queries.deadlines.closed import IS_OPEN
from compliance.queries.deadlines.paces import BEGINS_AT, add_pace
from compliance.queries.deadlines.periods import DUE_PRECISION
from compliance.queries.deadlines.replacements import successor
from compliance.queries.deadlines.status_since import add_status_since
from compliance.queries.deadlines.verification import add_verification
from compliance.queries.filters import DayOrInstant, Filter, Listed, TrueOrFalse, Word
from compliance.queries.former import restore_deadlines
from compliance.queries.known_fields import ObligationFields
from compliance.queries.pages import Listing, Order, Page, merged_page
from compliance.queries.responsible import add_responsible
from compliance.queries.rows import Row, Where, one
from compliance.queries.unseen import hide_unseen

_COLUMNS = f"""
SELECT d.id, d.obligation_id AS obligation, o.ref AS obligation_ref, a.ref AS agreement, o.title,
    ARRAY(SELECT p.code FROM compliance_obligationparty AS s
          JOIN compliance_party AS p ON p.id = s.party_id
          WHERE s.obligation_id = o.id AND s.capacity = 'obligor'
            AND (d.party_id IS NULL OR s.party_id = d.party_id) ORDER BY s.id) AS obligors,
    ARRAY(SELECT p.code FROM compliance_obligationparty AS s
          JOIN compliance_party AS p ON p.id = s.party_id
          WHERE s.obligation_id = o.id AND s.capacity = 'obligee' ORDER BY s.id) AS obligees,
    (SELECT p.code FROM compliance_party AS p WHERE p.id = d.party_id) AS party,
    o.kind, d.number, d.starts_at, d.due_on, {DUE_PRECISION} AS due_precision,
    d.due_at, d.unmet_at, d.earliest_due_at,
    d.is_ambiguous,
    d.original_due_at, d.timezone, d.status, d.status_since, d.is_closed, d.is_disputed,
    d.verification,
    d.next_check_at, d.target_quantity, o.target_bound, o.unit,
    CASE WHEN d.target_quantity IS NOT NULL THEN d.performed_quantity END AS performed_quantity,
    d.measured_quantity, d.accepted_share, {BEGINS_AT}
"""
_TRACE = ", d.trace, d.warnings, d.data_version"
_JOINS = """
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
"""
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


class PointInTime(Filter):
    """An instant (`as_of`), as known at that or another instant (`known_at`)."""

    as_of: Annotated[Instant | None, Field(description="Show the state at this instant.")] = None
    known_at: Annotated[
        Instant | None, Field(description="Use what was known at this instant. The default is now.")
    ] = None

    def pinned(self, now: datetime) -> Self:
        """Return a copy with both instants filled in if one is given.

        All pages of a list then show the same state.

        Raises:
            Invalid: an instant lies in the future.
        """
        for name, value in (("as_of", self.as_of), ("known_at", self.known_at)):
            if value is not None and value > now:
                sentence = "This lies in the future. Give an instant up to now."
                raise refusal(name, sentence)
        if self.as_of is None and self.known_at is None:
            return self
        known_at = self.known_at or now
        return self.model_copy(update={"as_of": self.as_of or known_at, "known_at": known_at})


AgreementStatuses = Annotated[
    Annotated[tuple[AgreementStatus, ...], AtMost(20)] | None,
    Listed,
    Field(description="The status of the agreement. Without it, archived agreements are left out."),
]


class DeadlineFilter(PointInTime):
    """Filters of deadlines."""

    status: Annotated[Annotated[tuple[Status, ...], AtMost(20)] | None, Listed] = None
    is_open: Annotated[
        TrueOrFalse | None,
        Field(description="Unmet or partly met, and not closed; or the opposite."),
    ] = None
    is_closed: TrueOrFalse | None = None
    agreement: AgreementRef | None = None
    agreement_status: AgreementStatuses = None
    obligation_ref: Ref | None = None
    obligor: PartyCode | None = None
    obligee: PartyCode | None = None
    tag: Word | None = None
    severity: Annotated[Annotated[tuple[Severity, ...], AtMost(20)] | None, Listed] = None
    responsible: Annotated[
        Responsible | None,
        Field(description="A user by email address, `team:` and a slug, or `me` with my teams."),
    ] = None
    due_after: Annotated[
        DayOrInstant | None,
        Field(description="Due on this day, in this period or at this instant, or later."),
    ] = None
    due_before: Annotated[
        DayOrInstant | None, Field(description="Due before this day, period or instant.")
    ] = None
    is_disputed: TrueOrFalse | None = None
    q: Annotated[Word | None, Field(description="Search in ref and title.")] = None


Ordering = Literal["due_at", "-due_at", "status_since", "-status_since", "id", "-id"]


class DeadlineListing(DeadlineFilter, Listing):
    """Filters and ordering of a list of deadlines."""

    ordering: Ordering = "due_at"


def listed(listing: DeadlineListing, *, reader: Reader, now: datetime) -> Page:
    """Return deadlines at a given time, by default in order of their due dates.

    Raises:
        Invalid: the cursor belongs to another list.
    """
    column = listing.ordering.removeprefix("-")
    order = Order(
        table="d",
        columns=("id",) if column == "id" else (column, "id"),
        is_descending=listing.ordering.startswith("-"),
        absent={"due_at": NO_DUE},
    )
    where = conditions(listing, reader=reader, now=now)
    parts = [source(listing)]
    if listing.as_of is not None and column != "status_since":
        parts = states.past_in_order(column)
    selects = ["\n".join((_COLUMNS, "FROM", each, _JOINS)) for each in parts]
    found = merged_page(selects, where, order=order, listing=listing)
    restore_deadlines(found.rows, listing.known_at)
    if listing.as_of is not None and listing.known_at is not None and column != "status_since":
        add_status_since(found.rows, as_of=listing.as_of, known_at=listing.known_at)
    for each in found.rows:
        add_pace(each, listing.as_of or now)
    add_verification(found.rows, listing)
    return found


def row(deadline_id: int, moment: PointInTime, *, reader: Reader, now: datetime) -> Row | None:
    """Return one deadline at a given time, with its trace. None if it was not known then."""
    where = Where(as_of=moment.as_of, known_at=moment.known_at).equal(d__id=deadline_id)
    hide_unseen(where, reader, agreement="d.agreement_id")
    found = one("\n".join((_COLUMNS + _TRACE, "FROM", source(moment), _JOINS)), where)
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


# Selective conditions, which are applied before the states are looked up.
_SELECTIVE = ("agreement", "obligation_ref", "responsible", "tag", "q")


def conditions(wanted: DeadlineFilter, *, reader: Reader, now: datetime) -> Where:
    """Return the conditions for deadlines `d` of obligations `o`."""
    where = Where(as_of=wanted.as_of, known_at=wanted.known_at)
    hide_unseen(where, reader, agreement="d.agreement_id")
    add_agreement_status(
        where,
        wanted.agreement_status,
        agreement="d.agreement_id",
        as_of=wanted.as_of or now,
        known_at=wanted.known_at,
    )
    # A single agreement or status is compared with `=`, so that an index returns the rows in order.
    where.add(
        "d.agreement_id = (SELECT id FROM compliance_agreement WHERE ref = %(agreement)s)",
        agreement=wanted.agreement,
    )
    if wanted.status is not None and len(wanted.status) == 1:
        where.add("d.status = %(status)s", status=wanted.status[0])
    elif wanted.status is not None:
        where.add("d.status = ANY(%(status)s)", status=list(wanted.status))
    where.equal(o__ref=wanted.obligation_ref)
    add_responsible(where, wanted.responsible, obligation="d.obligation_id", reader=reader)
    where.equal(d__is_disputed=wanted.is_disputed, d__is_closed=wanted.is_closed)
    where.add(f"{IS_OPEN} = %(is_open)s", is_open=wanted.is_open)
    fields = ObligationFields(
        severity=wanted.severity,
        obligor=wanted.obligor,
        obligee=wanted.obligee,
        tag=wanted.tag,
        q=wanted.q,
    )
    known_at = None if wanted.known_at is None else "known_at"
    fields.add_to(where, of_party=OF_PARTY, is_of_obligor=IS_OF_OBLIGOR, known_at=known_at)
    where.add(f"{_due(wanted.due_after)} >= %(due_after)s", due_after=wanted.due_after)
    where.add(f"{_due(wanted.due_before)} < %(due_before)s", due_before=wanted.due_before)
    return where


def _due(boundary: date | datetime | None) -> str:
    # A day is compared with the agreed civil day, in the zone of each deadline.
    return "d.due_at" if isinstance(boundary, datetime) else "d.due_on"
