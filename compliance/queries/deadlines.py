"""Deadlines, as rows: as they stand now, or as they stood, as far as that was known.

The ledger rule: the status at V as known at K is that of the ledger row, among those with
`recorded_at <= K` and `effective_at <= V`, which is latest by `recorded_at`, then `effective_at`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from compliance.domain.drafts import AgreementRef, Instant, PartyCode
from compliance.domain.due_rules import Ref
from compliance.domain.pace import expected_by, pace
from compliance.domain.problems import refusal
from compliance.domain.timeline import Timeline, project
from compliance.domain.vocabulary import Severity, Status
from compliance.models import Deadline
from compliance.models.deadlines import NO_DUE, duty_of, terms_of
from compliance.models.facts import facts_about
from compliance.queries.filters import DayOrInstant, Filter, Listed, Word
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, containing, one

_NOW = "compliance_deadline AS d"

_AS_OF = """
(SELECT d.id, d.obligation_id, d.agreement_id, e.due_on, e.due_at, d.original_due_at, d.timezone,
    e.status, d.verification, NULL::timestamptz AS next_check_at,
    e.unmet_at, d.starts_at, CASE WHEN e.due_at = d.due_at THEN d.first_at END AS first_at,
    e.reason IN ('window_began', 'performed_in_window')
        OR coalesce(e.status = 'pending' AND e.due_at = d.due_at AND d.first_at <= e.effective_at,
                    FALSE) AS is_ambiguous,
    NULL::numeric AS performed_quantity, NULL::numeric AS target_quantity, d.begins_at,
    d.trace, d.warnings, d.data_version, d.number,
    (SELECT min(c.effective_at)
     FROM (SELECT r.effective_at,
               bool_and(r.status = e.status) OVER (ORDER BY r.effective_at DESC) AS is_same
           FROM compliance_ledgerentry AS r
           WHERE r.deadline_id = d.id AND r.recorded_at <= %(known_at)s
             AND r.effective_at <= %(as_of)s
             AND NOT EXISTS (
                 SELECT 1 FROM compliance_ledgerentry AS later
                 WHERE later.deadline_id = d.id AND later.recorded_at > r.recorded_at
                   AND later.recorded_at <= %(known_at)s
                   AND later.effective_at <= r.effective_at)) AS c
     WHERE c.is_same) AS status_since,
    (SELECT count(DISTINCT w.verdict) > 1
     FROM (SELECT DISTINCT ON (p.party_id) p.verdict
           FROM compliance_position AS p
           WHERE p.deadline_id = d.id AND p.stated_at <= %(as_of)s
             AND p.recorded_at <= %(known_at)s
           ORDER BY p.party_id, p.stated_at DESC, p.id DESC) AS w) AS is_disputed
 FROM compliance_deadline AS d
 CROSS JOIN LATERAL (
     SELECT e.status, e.reason, e.effective_at, e.due_on, e.due_at, e.unmet_at
     FROM compliance_ledgerentry AS e
     WHERE e.deadline_id = d.id AND e.recorded_at <= %(known_at)s AND e.effective_at <= %(as_of)s
     ORDER BY e.recorded_at DESC, e.effective_at DESC LIMIT 1) AS e
) AS d
"""

_COLUMNS = """
SELECT d.id, d.obligation_id AS obligation, o.ref AS obligation_ref, a.ref AS agreement, o.title,
    ARRAY(SELECT p.code FROM compliance_obligationparty AS s
          JOIN compliance_party AS p ON p.id = s.party_id
          WHERE s.obligation_id = o.id AND s.capacity = 'obligor' ORDER BY s.id) AS obligors,
    ARRAY(SELECT p.code FROM compliance_obligationparty AS s
          JOIN compliance_party AS p ON p.id = s.party_id
          WHERE s.obligation_id = o.id AND s.capacity = 'obligee' ORDER BY s.id) AS obligees,
    o.kind, d.number, d.starts_at, d.due_on, d.due_at, d.unmet_at, d.first_at, d.is_ambiguous,
    d.original_due_at, d.timezone, d.status, d.status_since, d.is_disputed, d.verification,
    d.next_check_at, d.target_quantity, o.unit,
    CASE WHEN d.target_quantity IS NOT NULL THEN d.performed_quantity END AS performed_quantity,
    d.begins_at
"""
_WORKING = ", d.trace, d.warnings, d.data_version"
_JOINS = """
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
"""
_OF_PARTY = """
EXISTS (SELECT 1 FROM compliance_obligationparty AS s
        WHERE s.obligation_id = d.obligation_id AND s.capacity = '{capacity}'
          AND s.party_id = (SELECT p.id FROM compliance_party AS p WHERE p.code = %({capacity})s))
"""


class Moment(Filter):
    """At which instant (`as_of`), by what was known then or at another (`known_at`)."""

    as_of: Annotated[
        Instant | None, Field(description="Show what was the case at this instant.")
    ] = None
    known_at: Annotated[
        Instant | None, Field(description="By what was known at this instant; else, by now.")
    ] = None

    def pinned(self, now: datetime) -> Self:
        """The same, with both instants filled in if there is one, so that all pages of a list
        answer one question.

        Raises:
            Invalid: an instant lies in the future.
        """
        for name, value in (("as_of", self.as_of), ("known_at", self.known_at)):
            if value is not None and value > now:
                sentence = "This lies in the future: ask for an instant up to now."
                raise refusal(name, sentence)
        if self.as_of is None and self.known_at is None:
            return self
        known_at = self.known_at or now
        return self.model_copy(update={"as_of": self.as_of or known_at, "known_at": known_at})


class DeadlineFilter(Moment):
    """Which deadlines are meant."""

    status: Annotated[tuple[Status, ...] | None, Listed] = None
    agreement: AgreementRef | None = None
    obligation_ref: Ref | None = None
    obligor: PartyCode | None = None
    obligee: PartyCode | None = None
    tag: Word | None = None
    severity: Annotated[tuple[Severity, ...] | None, Listed] = None
    owner: Word | None = None
    due_after: Annotated[
        DayOrInstant | None, Field(description="Due on this day, or at this instant, or later.")
    ] = None
    due_before: Annotated[
        DayOrInstant | None, Field(description="Due before this day, or before this instant.")
    ] = None
    is_disputed: bool | None = None
    q: Annotated[Word | None, Field(description="Found in the ref or the title.")] = None


Ordering = Literal["due_at", "-due_at", "status_since", "-status_since", "id", "-id"]


class DeadlineListing(DeadlineFilter, Listing):
    """Which deadlines to list, and in which order."""

    ordering: Ordering = "due_at"


def listed(listing: DeadlineListing, *, now: datetime) -> Page:
    """Deadlines at a pinned moment; by default those first that are due first.

    Raises:
        Invalid: its cursor is that of another list.
    """
    column = listing.ordering.removeprefix("-")
    order = Order(
        table="d",
        columns=("id",) if column == "id" else (column, "id"),
        is_descending=listing.ordering.startswith("-"),
        absent={"due_at": NO_DUE},
    )
    select = "\n".join((_COLUMNS, "FROM", source(listing), _JOINS))
    found = page(select, conditions(listing), order=order, listing=listing)
    for each in found.rows:
        _add_pace(each, listing.as_of or now)
    return found


def row(deadline_id: int, moment: Moment, *, now: datetime) -> Row | None:
    """One deadline at a pinned moment, with its working; None too if nothing was known then."""
    where = Where(as_of=moment.as_of, known_at=moment.known_at).equal(d__id=deadline_id)
    found = one("\n".join((_COLUMNS + _WORKING, "FROM", source(moment), _JOINS)), where)
    if found is not None:
        _add_pace(found, moment.as_of or now)
        version = found.pop("data_version")
        found["trace"] = [*found["trace"], *([f"Computed with {version}."] if version else [])]
    return found


def _add_pace(found: Row, as_of: datetime) -> None:
    """Add to a row how its quantity stands against an even delivery."""
    begins_at = found.pop("begins_at")
    expected = share = None
    if found["target_quantity"] is not None and found["due_at"] is not None:
        expected = expected_by(
            as_of,
            starts_at=found["starts_at"] or begins_at,
            due_at=found["due_at"],
            target=found["target_quantity"],
        )
        share = pace(found["performed_quantity"], expected)
    found["expected_quantity"], found["pace"] = expected, share


def source(moment: Moment) -> str:
    """The deadlines `d` in SQL, as they stood at a pinned moment."""
    return _NOW if moment.as_of is None else _AS_OF


def conditions(wanted: DeadlineFilter) -> Where:
    """What deadlines `d` of obligations `o` must fulfil."""
    where = Where(as_of=wanted.as_of, known_at=wanted.known_at)
    # A single agreement or status is given as such: an index then yields its rows in order.
    where.add(
        "d.agreement_id = (SELECT id FROM compliance_agreement WHERE ref = %(agreement)s)",
        agreement=wanted.agreement,
    )
    for column, words in (("d.status", wanted.status), ("o.severity", wanted.severity)):
        name = column[2:]
        if words is not None and len(words) == 1:
            where.add(f"{column} = %({name})s", **{name: words[0]})
        elif words is not None:
            where.add(f"{column} = ANY(%({name})s)", **{name: list(words)})
    where.equal(o__ref=wanted.obligation_ref, o__owner=wanted.owner)
    where.equal(d__is_disputed=wanted.is_disputed)
    where.add(_OF_PARTY.format(capacity="obligor"), obligor=wanted.obligor)
    where.add(_OF_PARTY.format(capacity="obligee"), obligee=wanted.obligee)
    where.add("o.tags @> ARRAY[%(tag)s]::varchar[]", tag=wanted.tag)
    if wanted.q is not None:
        where.add("(o.title ILIKE %(q)s OR o.ref ILIKE %(q)s)", q=containing(wanted.q))
    where.add(f"{_due(wanted.due_after)} >= %(due_after)s", due_after=wanted.due_after)
    where.add(f"{_due(wanted.due_before)} < %(due_before)s", due_before=wanted.due_before)
    return where


def _due(boundary: date | datetime | None) -> str:
    # A day is compared with the civil day, which is the agreed one, wherever it is.
    return "d.due_at" if isinstance(boundary, datetime) else "d.due_on"


def timeline(deadline_id: int) -> Timeline | None:
    """The whole course of one deadline, past and projected, by what is known now."""
    deadline = Deadline.objects.select_related("obligation").filter(pk=deadline_id).first()
    if deadline is None:
        return None
    duty = duty_of(deadline.obligation)
    surviving = {deadline.pk} if duty.is_surviving else set()
    facts = facts_about([deadline], surviving=surviving)
    return project(terms_of(deadline, duty), facts.get(deadline.pk, ()))


def course(deadline_id: int, *, now: datetime) -> list[Row] | None:
    """The timeline of one deadline as rows, oldest first, with what is still to come marked.

    Raises:
        Invalid: it cannot be projected; the deadline is set aside.
    """
    try:
        found = timeline(deadline_id)
    except (ValueError, ArithmeticError) as error:
        raise refusal("", f"The course of this deadline cannot be worked out: {error}") from error
    if found is None:
        return None
    return [
        {
            "effective_at": each.effective_at,
            "status": each.status,
            "reason": each.reason,
            "fact": each.fact_id,
            "due_on": each.due and each.due.due_on,
            "due_at": each.due and each.due.due_at,
            "unmet_at": each.due and each.due.unmet_at,
            "performed": each.performed if each.target is not None else None,
            "target": each.target,
            "is_projected": each.effective_at > now,
        }
        for each in found.transitions
    ]
