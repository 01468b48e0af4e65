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
        l.occasion, l.breach_at, l.level, l.recipient, l.created_at, l.not_before,
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
_ATTEMPTS = """
SELECT t.id, t.started_at, t.ended_at, t.outcome, t.answer
FROM compliance_deliveryattempt AS t
JOIN compliance_alert AS l ON l.message_id = t.message_id
"""
_SUBSCRIPTIONS = """
SELECT s.id, nullif(s.email, '') AS email, s.webhook_id AS webhook, a.ref AS agreement,
    p.code AS party, nullif(s.tag, '') AS tag, s.min_severity, s.is_owner, s.kinds,
    s.from_escalation, s.rhythm, s.digest_hour, s.digest_weekday, s.quiet_from, s.quiet_until,
    s.timezone, s.is_active, s.refused_at, nullif(s.refusal, '') AS refusal
FROM compliance_subscription AS s
LEFT JOIN compliance_agreement AS a ON a.id = s.agreement_id
LEFT JOIN compliance_party AS p ON p.id = s.party_id
"""
_SILENCES = """
SELECT s.id, a.ref AS agreement, s.deadline_id AS deadline, s.until_at, s.reason, s.created_at,
    u.email AS created_by, s.ended_at
FROM compliance_silence AS s
JOIN compliance_agreement AS a ON a.id = s.agreement_id
JOIN compliance_user AS u ON u.id = s.created_by_id
"""
# Neither an address of a chat nor a secret is shown again.
_WEBHOOKS = """
SELECT w.id, w.name, w.kind, CASE WHEN w.kind = 'standard' THEN w.url END AS url, w.is_active,
    w.former_until, w.created_at
FROM compliance_webhook AS w
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


class SilenceListing(Listing):
    """Which silences to list; `is_open` are those that hold alerts back."""

    agreement: AgreementRef | None = None
    is_open: bool | None = None


def silences(listing: SilenceListing) -> Page:
    """Silences, the newest first."""
    where = Where().equal(a__ref=listing.agreement)
    where.add("(s.ended_at IS NULL) = %(is_open)s", is_open=listing.is_open)
    newest = Order(table="s", columns=("id",), is_descending=True)
    return page(_SILENCES, where, order=newest, listing=listing)


def silence(silence_id: int) -> Row | None:
    """One silence."""
    return one(_SILENCES, Where().equal(s__id=silence_id))


def webhooks(listing: Listing) -> Page:
    """Webhooks in the order in which they were made."""
    return page(_WEBHOOKS, Where(), order=Order(table="w", columns=("id",)), listing=listing)


def webhook(webhook_id: int) -> Row | None:
    """One webhook."""
    return one(_WEBHOOKS, Where().equal(w__id=webhook_id))


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


def attempts(alert_id: int, listing: Listing) -> Page:
    """Each try at sending the message that an alert is in, the first one first."""
    order = Order(table="t", columns=("id",))
    return page(_ATTEMPTS, Where().equal(l__id=alert_id), order=order, listing=listing)


def subscriptions(listing: SubscriptionListing) -> Page:
    """Subscriptions in the order in which they were made."""
    where = Where().equal(
        a__ref=listing.agreement, s__email=listing.email, s__is_active=listing.is_active
    )
    return page(_SUBSCRIPTIONS, where, order=Order(table="s", columns=("id",)), listing=listing)


def subscription(subscription_id: int) -> Row | None:
    """One subscription."""
    return one(_SUBSCRIPTIONS, Where().equal(s__id=subscription_id))
