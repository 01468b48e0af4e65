"""Determinations as rows, including superseded ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from pydantic import Field

from compliance.domain.date_fields import Instant
from compliance.domain.fields import AgreementRef, Ref
from compliance.domain.vocabulary import FactKind, Verdict
from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import hide_archived
from compliance.queries.deadlines.effective_facts import superseders
from compliance.queries.deadlines.periods import evidence_sql, period_sql, precision_sql
from compliance.queries.filters import Id
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one
from compliance.queries.unseen import hide_unseen

_ROWS = f"""
SELECT f.id, f.deadline_id AS deadline, a.ref AS agreement, o.ref AS obligation_ref, f.verdict,
    f.share, f.quantity, f.is_final, {period_sql("f.effective_on", "f.precision")} AS on,
    {precision_sql("f.effective_on", "f.precision")} AS precision,
    CASE WHEN f.effective_on IS NULL THEN f.effective_at END AS at, f.effective_at, f.note,
    {evidence_sql("fact", "f.id")} AS evidence,
    f.supersedes_id AS supersedes, f.recorded_at, u.email AS recorded_by,
    second.email AS approved_by
FROM compliance_fact AS f
JOIN compliance_deadline AS d ON d.id = f.deadline_id
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
LEFT JOIN compliance_user AS u ON u.id = f.recorded_by_id
LEFT JOIN compliance_user AS second ON second.id = f.approved_by_id
"""
# A determination is not shown before what it is about.
_KNOWN = "f.recorded_at <= %(known_at)s AND o.recorded_at <= %(known_at)s"


class DeterminationListing(Listing):
    """Filters of determinations."""

    agreement: AgreementRef | None = None
    deadline: Id | None = None
    obligation_ref: Ref | None = None
    verdict: Verdict | None = None
    known_at: Annotated[
        Instant | None,
        Field(description="Only records up to this instant; later records supersede none of them."),
    ] = None


def listed(listing: DeterminationListing, *, reader: Reader) -> Page:
    """Return determinations in the order of recording."""
    where = _determinations(listing.known_at).equal(
        a__ref=listing.agreement,
        f__deadline_id=listing.deadline,
        o__ref=listing.obligation_ref,
        f__verdict=listing.verdict,
    )
    hide_unseen(where, reader, agreement="d.agreement_id")
    if listing.agreement is None and listing.deadline is None:
        hide_archived(where, agreement="d.agreement_id")
    where.add(_KNOWN, known_at=listing.known_at)
    found = page(_ROWS, where, order=Order(table="f", columns=("id",)), listing=listing)
    return replace(found, rows=_with_superseders(found.rows, listing.known_at))


def row(fact_id: int, *, reader: Reader) -> Row | None:
    """Return one determination, or None."""
    where = _determinations(None).equal(f__id=fact_id)
    hide_unseen(where, reader, agreement="d.agreement_id")
    found = one(_ROWS, where)
    return found and _with_superseders([found])[0]


def _determinations(known_at: datetime | None) -> Where:
    return Where(known_at=known_at).equal(f__kind=FactKind.DETERMINATION.value)


def _with_superseders(rows: Sequence[Row], known_at: datetime | None = None) -> list[Row]:
    """Add to each row the fact that supersedes it, as known now or at an instant."""
    newer = superseders({each["deadline"] for each in rows}, known_at=known_at)
    return [
        {**each, "is_superseded": each["id"] in newer, "superseded_by": newer.get(each["id"])}
        for each in rows
    ]
