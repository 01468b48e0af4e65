"""Agreements as rows. Their status is derived from their dates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from compliance.domain.fields import PartyCode
from compliance.domain.limits import AtMost
from compliance.domain.vocabulary import AgreementKind, AgreementStatus
from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import (
    STATUS,
    STATUS_JOINS,
    hide_archived,
    status_values,
)
from compliance.queries.deadlines.periods import period_sql, precision_sql, say_periods
from compliance.queries.filters import Listed, Word
from compliance.queries.former import former_agreements, replace_fields
from compliance.queries.known_fields import as_known
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.point_in_time import PointInTime
from compliance.queries.rows import Row, Where, containing, fetch, one
from compliance.queries.unseen import hide_unseen

_ROWS = f"""
SELECT a.id, a.ref, a.title, a.kind, a.status, a.signed_on, a.signed_on_precision, a.in_force_on,
    a.in_force_on_precision, a.ends_on, a.ends_on_precision, a.timezone,
    a.calendars, a.requires_approval,
    a.visibility, ARRAY(
        SELECT t.slug FROM compliance_agreementteam AS s JOIN compliance_team AS t
          ON t.id = s.team_id WHERE s.agreement_id = a.id ORDER BY t.slug) AS teams,
    a.notification_policy,
    CASE WHEN a.is_archive_known THEN a.archived_at END AS archived_at,
    (SELECT u.email FROM compliance_user AS u
     WHERE u.id = a.archived_by_id AND a.is_archive_known) AS archived_by,
    CASE WHEN a.is_archive_known OR %(archive_known_at)s IS NULL
         THEN nullif(a.archive_reason, '') END AS archive_reason,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'ref', m.ref, 'title', m.title, 'on', {period_sql('m."on"', "m.precision")},
                'precision', {precision_sql('m."on"', "m.precision")},
                'at', replace(to_jsonb(m.at) #>> '{{}}', '+00:00', 'Z'),
                'due', m.due, 'dates', m.dates) ORDER BY m.first_id),
            '[]'::jsonb)
     FROM {{milestones}} AS m WHERE m.agreement_id = a.id AND NOT m.is_removed) AS milestones,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', p.code, 'role', m.role) ORDER BY m.id),
                     '[]'::jsonb)
     FROM compliance_agreementparty AS m JOIN compliance_party AS p ON p.id = m.party_id
     WHERE m.agreement_id = a.id) AS parties
FROM (
    SELECT a.*, {STATUS} AS status, archive.is_known AS is_archive_known
    FROM compliance_agreement AS a {STATUS_JOINS}
) AS a
"""
_MILESTONES = "(SELECT m.*, m.id AS first_id, FALSE AS is_removed FROM compliance_milestone AS m)"
# The latest dating of each milestone that was known then.
_MILESTONES_THEN = """
(SELECT DISTINCT ON (k.agreement_id, k.ref) k.*,
    min(k.id) OVER (PARTITION BY k.agreement_id, k.ref) AS first_id
 FROM compliance_milestonedating AS k
 WHERE k.agreement_id = a.id AND k.recorded_at <= %(known_at)s
 ORDER BY k.agreement_id, k.ref, k.recorded_at DESC, k.id DESC)
"""
_OF_PARTY = """
a.id IN (SELECT m.agreement_id FROM compliance_agreementparty AS m
         JOIN compliance_party AS p ON p.id = m.party_id WHERE p.code = %(party)s)
"""
_OF_PARTY_THEN = """
EXISTS (SELECT FROM jsonb_array_elements(f.before -> 'parties') AS p
        WHERE p ->> 'code' = %(party)s)
"""
_KNOWN = "a.recorded_at <= %(known_at)s"
_BY_REF = Order(table="a", columns=("ref",))


class AgreementListing(PointInTime, Listing):
    """Filters of agreements. `q` searches ref and title."""

    kind: AgreementKind | None = None
    status: Annotated[
        Annotated[tuple[AgreementStatus, ...], AtMost(20)] | None,
        Listed,
        Field(description="Without it, archived agreements are left out."),
    ] = None
    party: PartyCode | None = None
    q: Word | None = None


def listed(listing: AgreementListing, *, reader: Reader, now: datetime) -> Page:
    """Return agreements by ref, as known now or at the given time."""
    where = _where(listing, reader=reader, now=now)

    def known(current: str, former: str) -> str:
        name = None if listing.known_at is None else "known_at"
        return as_known(current, former, row_id="a.id", owner="agreement", known_at=name)

    where.add(known("a.kind = %(kind)s", "f.before ->> 'kind' = %(kind)s"), kind=listing.kind)
    if listing.status is None:
        hide_archived(where, agreement="a.id", known_at=listing.known_at)
    else:
        where.add("a.status = ANY(%(status)s)", status=list(listing.status))
    where.add(known(_OF_PARTY, _OF_PARTY_THEN), party=listing.party)
    if listing.q is not None:
        title = known(containing("q", "a.title"), containing("q", "f.before ->> 'title'"))
        where.add(f"({containing('q', 'a.ref')} OR {title})", q=listing.q)
    found = page(_select(listing), where, order=_BY_REF, listing=listing)
    _restore(found.rows, listing)
    return found


def row(ref: str, moment: PointInTime, *, reader: Reader, now: datetime) -> Row | None:
    """Return one agreement. None if it was not known at the given time."""
    where = _where(moment, reader=reader, now=now).equal(a__ref=ref)
    found = one(_select(moment), where)
    if found is not None:
        _restore([found], moment)
    return found


def rows_with(
    refs: Collection[str], moment: PointInTime, *, reader: Reader, now: datetime
) -> dict[str, Row]:
    """Return the agreements with these refs, as known at the given time."""
    where = _where(moment, reader=reader, now=now)
    where.add("a.ref = ANY(%(refs)s)", refs=sorted(refs))
    found = fetch((_select(moment), where.sql), where.values)
    _restore(found, moment)
    return {each["ref"]: each for each in found}


def _where(moment: PointInTime, *, reader: Reader, now: datetime) -> Where:
    values = status_values(as_of=moment.as_of or now, known_at=moment.known_at)
    where = Where(**values).add(_KNOWN, known_at=moment.known_at)
    hide_unseen(where, reader, agreement="a.id")
    return where


def _select(moment: PointInTime) -> str:
    milestones = _MILESTONES if moment.known_at is None else _MILESTONES_THEN
    return _ROWS.replace("{milestones}", milestones)


def _restore(rows: Sequence[Row], moment: PointInTime) -> None:
    """Give rows the fields that were known at the given time."""
    found = former_agreements([each["id"] for each in rows], moment.known_at)
    for row in rows:
        replace_fields(row, found.get(row.pop("id"), {}))
        say_periods(row, "signed_on", "in_force_on", "ends_on")
