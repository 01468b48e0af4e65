"""Alerts and subscriptions, as rows: what is told to whom, and what became of it."""

from __future__ import annotations

from compliance.domain.drafts import AgreementRef
from compliance.domain.vocabulary import AlertKind, MessageState
from compliance.queries.filters import Id, Word
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one

_ALERTS = """
SELECT l.*
FROM (
    SELECT l.id, l.deadline_id AS deadline, o.ref AS obligation_ref, a.ref AS agreement, l.kind,
        l.occasion, l.recipient, l.created_at,
        CASE WHEN l.withdrawn_at IS NOT NULL THEN 'withdrawn'
             ELSE coalesce(m.state, 'waiting') END AS state,
        m.message_id, m.sent_at, coalesce(m.attempt_count, 0) AS attempts,
        (SELECT t.answer FROM compliance_deliveryattempt AS t
         WHERE t.message_id = m.id ORDER BY t.id DESC LIMIT 1) AS last_answer
    FROM compliance_alert AS l
    JOIN compliance_deadline AS d ON d.id = l.deadline_id
    JOIN compliance_obligation AS o ON o.id = d.obligation_id
    JOIN compliance_agreement AS a ON a.id = l.agreement_id
    LEFT JOIN compliance_message AS m ON m.id = l.message_id
) AS l
"""
_SUBSCRIPTIONS = """
SELECT s.id, s.email, a.ref AS agreement, s.is_active
FROM compliance_subscription AS s
LEFT JOIN compliance_agreement AS a ON a.id = s.agreement_id
"""


class AlertListing(Listing):
    """Which alerts to list."""

    agreement: AgreementRef | None = None
    deadline: Id | None = None
    kind: AlertKind | None = None
    recipient: Word | None = None
    state: MessageState | None = None


class SubscriptionListing(Listing):
    """Which subscriptions to list."""

    agreement: AgreementRef | None = None
    email: Word | None = None
    is_active: bool | None = None


def alerts(listing: AlertListing) -> Page:
    """Alerts, the newest first."""
    where = Where().equal(
        l__agreement=listing.agreement,
        l__deadline=listing.deadline,
        l__kind=listing.kind,
        l__recipient=listing.recipient,
        l__state=listing.state,
    )
    newest = Order(table="l", columns=("id",), is_descending=True)
    return page(_ALERTS, where, order=newest, listing=listing)


def alert(alert_id: int) -> Row | None:
    """One alert."""
    return one(_ALERTS, Where().equal(l__id=alert_id))


def subscriptions(listing: SubscriptionListing) -> Page:
    """Subscriptions in the order in which they were made."""
    where = Where().equal(
        a__ref=listing.agreement, s__email=listing.email, s__is_active=listing.is_active
    )
    return page(_SUBSCRIPTIONS, where, order=Order(table="s", columns=("id",)), listing=listing)


def subscription(subscription_id: int) -> Row | None:
    """One subscription."""
    return one(_SUBSCRIPTIONS, Where().equal(s__id=subscription_id))
