"""Subscriptions as rows."""

from __future__ import annotations

from compliance.domain.fields import AgreementRef
from compliance.models.people.readers import Reader
from compliance.queries.filters import TrueOrFalse, Word
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one
from compliance.queries.unseen import hide_unseen

_SUBSCRIPTIONS = """
SELECT s.id, nullif(s.email, '') AS email, s.webhook_id AS webhook, a.ref AS agreement,
    p.code AS party, nullif(s.tag, '') AS tag, s.min_severity,
    CASE WHEN s.is_mine THEN 'me' ELSE coalesce(u.email, 'team:' || t.slug) END AS responsible,
    owner.email AS owner, s.kinds,
    s.from_escalation, s.frequency, s.digest_hour, s.digest_weekday, s.quiet_from, s.quiet_until,
    s.timezone, s.is_active, s.refused_at, nullif(s.refusal, '') AS refusal
FROM compliance_subscription AS s
LEFT JOIN compliance_agreement AS a ON a.id = s.agreement_id
LEFT JOIN compliance_party AS p ON p.id = s.party_id
LEFT JOIN compliance_user AS u ON u.id = s.responsible_user_id
LEFT JOIN compliance_team AS t ON t.id = s.responsible_team_id
LEFT JOIN compliance_user AS owner ON owner.id = s.owner_id
"""


class SubscriptionListing(Listing):
    """Filters of subscriptions."""

    agreement: AgreementRef | None = None
    email: Word | None = None
    is_active: TrueOrFalse | None = None


def subscriptions(listing: SubscriptionListing, *, reader: Reader) -> Page:
    """Return subscriptions in order of creation: their own for users, all for administrators."""
    where = _own(reader).equal(
        a__ref=listing.agreement, s__email=listing.email, s__is_active=listing.is_active
    )
    return page(_SUBSCRIPTIONS, where, order=Order(table="s", columns=("id",)), listing=listing)


def subscription(subscription_id: int, *, reader: Reader) -> Row | None:
    """Return one subscription, or None."""
    return one(_SUBSCRIPTIONS, _own(reader).equal(s__id=subscription_id))


def _own(reader: Reader) -> Where:
    """Return the condition that the reader owns a subscription; administrators see all."""
    where = Where().equal(s__owner_id=reader.owner_id)
    hide_unseen(where, reader, agreement="coalesce(s.agreement_id, 0)")
    return where
