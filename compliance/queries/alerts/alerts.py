"""Alerts and the attempts to deliver them, as rows."""

from __future__ import annotations

from compliance.domain.fields import AgreementRef
from compliance.domain.vocabulary import AlertKind, MessageState
from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import hide_archived
from compliance.queries.filters import Id, Word
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one
from compliance.queries.unseen import hide_unseen

_ALERTS = """
SELECT l.id, l.deadline, l.obligation_ref, l.agreement, l.kind, l.occasion, l.breach_at,
    l.predates_entry, l.level, l.recipient, l.created_at, l.not_before, l.state, l.message_id,
    l.sent_at, l.attempts, l.last_answer
FROM (
    SELECT l.id, l.agreement_id, l.deadline_id AS deadline, o.ref AS obligation_ref,
        a.ref AS agreement, l.kind,
        l.occasion, l.breach_at, l.predates_entry, l.level, l.recipient, l.created_at,
        l.not_before,
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


class AlertListing(Listing):
    """Filters of alerts."""

    agreement: AgreementRef | None = None
    deadline: Id | None = None
    kind: AlertKind | None = None
    recipient: Word | None = None
    state: MessageState | None = None


def alerts(listing: AlertListing, *, reader: Reader) -> Page:
    """Return the alerts that exist for a reader, newest first."""
    where = Where().equal(
        l__agreement=listing.agreement,
        l__deadline=listing.deadline,
        l__kind=listing.kind,
        l__recipient=listing.recipient,
        l__state=listing.state,
    )
    hide_unseen(where, reader, agreement="l.agreement_id")
    if listing.agreement is None and listing.deadline is None:
        hide_archived(where, agreement="l.agreement_id")
    newest = Order(table="l", columns=("id",), is_descending=True)
    return page(_ALERTS, where, order=newest, listing=listing)


def alert(alert_id: int, *, reader: Reader) -> Row | None:
    """Return one alert, or None."""
    return one(_ALERTS, _alert(alert_id, reader))


def attempts(alert_id: int, listing: Listing, *, reader: Reader) -> Page:
    """Return the attempts to deliver the message that contains an alert, oldest first."""
    order = Order(table="t", columns=("id",))
    return page(_ATTEMPTS, _alert(alert_id, reader), order=order, listing=listing)


def _alert(alert_id: int, reader: Reader) -> Where:
    where = Where().equal(l__id=alert_id)
    hide_unseen(where, reader, agreement="l.agreement_id")
    return where
