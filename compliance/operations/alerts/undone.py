"""Announce that deadlines are no longer due, because what made them due was corrected away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from compliance.domain.vocabulary import AlertKind
from compliance.models.bulk import write_rows
from compliance.operations.alerts.alerts import ALERT, AlertRow
from compliance.operations.alerts.delivery_times import earliest_delivery


def announce(
    rows: Sequence[AlertRow], *, hours: Sequence[Mapping[str, Any]], as_of: datetime
) -> None:
    """Announce that deadlines are no longer due, to everybody who was notified about them.

    The rows that announce it as a change reach those who follow changes; this also reaches those
    who only read, for example, a reminder or an escalation.

    Args:
        rows: any rows for `create`; those about other changes are ignored.
        hours: the result of `delivery_times.delivery_hours` at `as_of`.
    """
    undone = [row for row in rows if row.kind == AlertKind.CHANGED and row.reason is None]
    write_rows(_ANNOUNCE_UNDONE, ALERT, undone, hours=orjson.dumps(hours).decode(), as_of=as_of)


# The kind of the alert that a recipient received decides whether and when they are notified.
_ANNOUNCE_UNDONE = f"""
    WITH v AS (SELECT * FROM {ALERT.rows}),
    notified AS (
        SELECT DISTINCT ON (a.deadline_id, a.recipient)
            a.id, a.deadline_id, a.agreement_id, v.obligation_id, a.recipient, a.email,
            a.webhook_id, a.kind, a.level, v.occasion, v.due_at, v.created_at
        FROM v
        JOIN compliance_alert AS a ON a.deadline_id = v.deadline_id
        JOIN compliance_message AS m ON m.id = a.message_id AND m.attempt_count > 0
        WHERE a.withdrawn_at IS NULL AND a.kind <> '{AlertKind.RECOVERED}'
        ORDER BY a.deadline_id, a.recipient, a.level DESC, a.id DESC
    ), earliest AS ({earliest_delivery("notified", kind="notified.kind")})
    INSERT INTO compliance_alert
        (deadline_id, agreement_id, kind, occasion, due_at, level, created_at, email, webhook_id,
         not_before, is_digest)
    SELECT notified.deadline_id, notified.agreement_id, '{AlertKind.CHANGED}', notified.occasion,
        notified.due_at, 0, notified.created_at, notified.email, notified.webhook_id,
        earliest.not_before, earliest.is_digest
    FROM notified JOIN earliest ON earliest.id = notified.id
    ORDER BY notified.id
    ON CONFLICT ON CONSTRAINT alert_once DO NOTHING
"""
