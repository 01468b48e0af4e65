"""Agreements as rows. Their status is derived from their dates."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from compliance.domain.fields import PartyCode
from compliance.domain.limits import AtMost
from compliance.domain.vocabulary import AgreementKind, AgreementStatus
from compliance.queries.agreement_statuses import (
    STATUS,
    STATUS_JOINS,
    hide_archived,
    status_values,
)
from compliance.queries.filters import Listed, Word
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, containing, one

_ROWS = f"""
SELECT a.ref, a.title, a.kind, a.status, a.signed_on, a.in_force_on, a.ends_on, a.timezone,
    a.calendars, a.requires_approval, a.notification_policy, a.archived_at,
    (SELECT u.email FROM compliance_user AS u WHERE u.id = a.archived_by_id) AS archived_by,
    nullif(a.archive_reason, '') AS archive_reason,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'ref', m.ref, 'title', m.title, 'on', m."on",
                'at', replace(to_jsonb(m.at) #>> '{{}}', '+00:00', 'Z')) ORDER BY m.id),
            '[]'::jsonb)
     FROM compliance_milestone AS m WHERE m.agreement_id = a.id) AS milestones,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', p.code, 'role', m.role) ORDER BY m.id),
                     '[]'::jsonb)
     FROM compliance_agreementparty AS m JOIN compliance_party AS p ON p.id = m.party_id
     WHERE m.agreement_id = a.id) AS parties
FROM (
    SELECT a.*, {STATUS} AS status
    FROM compliance_agreement AS a {STATUS_JOINS}
) AS a
"""
_BY_REF = Order(table="a", columns=("ref",))


class AgreementListing(Listing):
    """Filters of agreements. `q` searches ref and title."""

    kind: AgreementKind | None = None
    status: Annotated[
        Annotated[tuple[AgreementStatus, ...], AtMost(20)] | None,
        Listed,
        Field(description="Without it, archived agreements are left out."),
    ] = None
    party: PartyCode | None = None
    q: Word | None = None


def listed(listing: AgreementListing, *, as_of: datetime) -> Page:
    """Return agreements by ref."""
    where = Where(**status_values(as_of=as_of)).equal(a__kind=listing.kind)
    if listing.status is None:
        hide_archived(where, agreement="a.id")
    else:
        where.add("a.status = ANY(%(status)s)", status=list(listing.status))
    where.add(
        "a.id IN (SELECT m.agreement_id FROM compliance_agreementparty AS m"
        " JOIN compliance_party AS p ON p.id = m.party_id WHERE p.code = %(party)s)",
        party=listing.party,
    )
    if listing.q is not None:
        where.add(containing("q", "a.title", "a.ref"), q=listing.q)
    return page(_ROWS, where, order=_BY_REF, listing=listing)


def row(ref: str, *, as_of: datetime) -> Row | None:
    """Return one agreement, or None."""
    return one(_ROWS, Where(**status_values(as_of=as_of)).equal(a__ref=ref))
