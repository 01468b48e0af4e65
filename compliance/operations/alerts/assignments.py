"""Notify those who become responsible of the breaches that are open."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import orjson

from compliance.domain.vocabulary import AlertKind, Announcement
from compliance.models.alerts.followers import follows
from compliance.models.bulk import fetch
from compliance.operations.alerts.delivery_times import DELIVERY_HOURS, delivery_hours


def announce_open_breaches(*, obligation_ids: Collection[int], as_of: datetime) -> None:
    """Create alerts about the open breaches of obligations for those who are responsible now.

    Whoever already has an alert about a breach gets no other. Without this, nobody would hear of a
    breach any more if the only one who had been notified hands the obligation over.
    """
    if obligation_ids:
        fetch(
            _ANNOUNCE,
            obligations=list(obligation_ids),
            hours=orjson.dumps(delivery_hours(as_of=as_of)).decode(),
            as_of=as_of,
        )


_FOLLOWED = follows(
    "s",
    kind=f"'{AlertKind.MISSED}'",
    level="0",
    agreement="d.agreement_id",
    obligation="d.obligation_id",
    deadline="d.id",
)

_ANNOUNCE = f"""
    INSERT INTO compliance_alert
        (deadline_id, agreement_id, kind, occasion, breach_at, level, created_at, email, webhook_id,
         not_before, is_digest)
    SELECT d.id, d.agreement_id, '{AlertKind.MISSED}', b.occurred_at, b.occurred_at, 0, %(as_of)s,
        s.email, s.webhook_id, coalesce(h.not_before, %(as_of)s) AS not_before,
        coalesce(h.is_digest, FALSE) AS is_digest
    FROM compliance_breach AS b
    JOIN compliance_deadline AS d ON d.id = b.deadline_id
    JOIN compliance_subscription AS s ON s.is_mine AND {_FOLLOWED}
    LEFT JOIN {DELIVERY_HOURS} ON h.id = s.id
    WHERE d.obligation_id = ANY(%(obligations)s) AND b.ended_at IS NULL
      AND NOT (b.occurred_at < coalesce(d.entered_at, '-infinity')
               AND d.announcement <> '{Announcement.ALL}')
      AND NOT EXISTS (
        SELECT FROM compliance_alert AS a
        WHERE a.deadline_id = d.id AND a.breach_at = b.occurred_at AND a.recipient = s.recipient
          AND a.withdrawn_at IS NULL)
    ORDER BY not_before, is_digest, d.id, s.id
    ON CONFLICT ON CONSTRAINT alert_once DO NOTHING
    RETURNING id
"""
