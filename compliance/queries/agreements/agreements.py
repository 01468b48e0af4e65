"""Agreements as rows. Their status is derived from their dates."""

from __future__ import annotations

from datetime import UTC, datetime

from compliance.domain.civil_time import civil_day, displayed_zone_name
from compliance.domain.fields import PartyCode
from compliance.domain.vocabulary import AgreementKind, AgreementStatus
from compliance.queries.filters import Word
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, containing, fetch, one

# Without a date of entry into force, an agreement is in force from its signature. Without either
# date it counts as in force, as its deadlines do.
_ROWS = """
SELECT a.ref, a.title, a.kind, a.status, a.signed_on, a.in_force_on, a.ends_on, a.timezone,
    a.calendars, a.requires_approval, a.notification_policy,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'ref', m.ref, 'title', m.title, 'on', m."on",
                'at', replace(to_jsonb(m.at) #>> '{}', '+00:00', 'Z')) ORDER BY m.id),
            '[]'::jsonb)
     FROM compliance_milestone AS m WHERE m.agreement_id = a.id) AS milestones,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', p.code, 'role', m.role) ORDER BY m.id),
                     '[]'::jsonb)
     FROM compliance_agreementparty AS m JOIN compliance_party AS p ON p.id = m.party_id
     WHERE m.agreement_id = a.id) AS parties
FROM (
    SELECT a.*,
        CASE WHEN a.ends_on < today.is_on THEN 'ended'
             WHEN coalesce(a.in_force_on, a.signed_on, today.is_on) <= today.is_on THEN 'in_force'
             ELSE 'not_in_force' END AS status
    FROM compliance_agreement AS a
    JOIN unnest(%(zones)s::text[], %(days)s::date[]) AS today(zone, is_on)
      ON today.zone = coalesce(a.timezone, 'UTC')
) AS a
"""
_BY_REF = Order(table="a", columns=("ref",))


class AgreementListing(Listing):
    """Filters of agreements. `q` searches ref and title."""

    kind: AgreementKind | None = None
    status: AgreementStatus | None = None
    party: PartyCode | None = None
    q: Word | None = None


def listed(listing: AgreementListing, *, as_of: datetime) -> Page:
    """Return agreements by ref."""
    where = _today(as_of).equal(a__kind=listing.kind, a__status=listing.status)
    where.add(
        "a.id IN (SELECT m.agreement_id FROM compliance_agreementparty AS m"
        " JOIN compliance_party AS p ON p.id = m.party_id WHERE p.code = %(party)s)",
        party=listing.party,
    )
    if listing.q is not None:
        where.add("(a.title ILIKE %(q)s OR a.ref ILIKE %(q)s)", q=containing(listing.q))
    return page(_ROWS, where, order=_BY_REF, listing=listing)


def row(ref: str, *, as_of: datetime) -> Row | None:
    """Return one agreement, or None."""
    return one(_ROWS, _today(as_of).equal(a__ref=ref))


def _today(as_of: datetime) -> Where:
    """Return the current day in the zone of each agreement, by our zone data, not the server's."""
    named = fetch(("SELECT DISTINCT timezone AS zone FROM compliance_agreement",), {})
    days = {"UTC": as_of.astimezone(UTC).date()}
    zones = [each["zone"] for each in named if each["zone"]]
    days |= {zone: civil_day(as_of, displayed_zone_name(zone)) for zone in zones}
    return Where(zones=list(days), days=list(days.values()))
