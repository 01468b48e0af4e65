"""When alerts may be delivered: by the delivery hours of the subscriptions of their recipient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from compliance.domain.alerts.delivery_hours import Hours, next_delivery_at
from compliance.domain.civil_time import displayed_zone_name
from compliance.domain.vocabulary import NotificationFrequency
from compliance.models.alerts.followers import covers, wants
from compliance.models.bulk import fetch


def delivery_hours(*, as_of: datetime) -> list[dict[str, Any]]:
    """Return the earliest delivery time of each subscription not notified immediately at `as_of`.

    Returns:
        `id`, `not_before` and `is_digest` of each such subscription.
    """
    found = []
    for pk, frequency, zone, hour, weekday, quiet_from, quiet_until in fetch(_HOURS):
        hours = Hours(
            frequency=NotificationFrequency(frequency),
            # An unknown zone must not suppress alerts.
            timezone=displayed_zone_name(zone),
            digest_hour=hour,
            digest_weekday=weekday,
            quiet_from=quiet_from,
            quiet_until=quiet_until,
        )
        found.append(
            {
                "id": pk,
                "not_before": next_delivery_at(hours, as_of).isoformat(),
                "is_digest": hours.frequency is not NotificationFrequency.IMMEDIATE,
            }
        )
    return found


_HOURS = """
    SELECT id, frequency, timezone, digest_hour, digest_weekday, quiet_from, quiet_until
    FROM compliance_subscription
    WHERE is_active AND (frequency <> 'immediate' OR quiet_from IS NOT NULL)
"""

DELIVERY_HOURS = """jsonb_to_recordset(%(hours)s::jsonb) AS h(
        id bigint, not_before timestamptz, is_digest boolean)"""


def earliest_delivery(alerts: str, *, kind: str) -> str:
    """Return SQL that selects when each alert may be sent, and whether in a digest.

    If a recipient has several subscriptions, the one notified first decides, as when an alert is
    created. Subscriptions that cover the obligation as it now reads take precedence. Alerts of a
    kind that the recipient no longer wants are omitted.

    Args:
        alerts: the name of a table with `id`, `agreement_id`, `obligation_id`, `deadline_id`,
            `recipient` and `level`.
        kind: the kind of the alerts, as an SQL expression over that table.
    """
    is_covered = covers("s", obligation=f"{alerts}.obligation_id", deadline=f"{alerts}.deadline_id")
    wanted = wants("s", kind=kind, level=f"{alerts}.level", agreement=f"{alerts}.agreement_id")
    return f"""
        SELECT DISTINCT ON ({alerts}.id) {alerts}.id,
            coalesce(h.not_before, %(as_of)s) AS not_before,
            coalesce(h.is_digest, FALSE) AS is_digest
        FROM {alerts}
        JOIN compliance_subscription AS s
          ON s.recipient = {alerts}.recipient AND {wanted}
        LEFT JOIN {DELIVERY_HOURS} ON h.id = s.id
        ORDER BY {alerts}.id, {is_covered} DESC, not_before, is_digest"""


def reschedule_pending(
    *,
    agreement_id: int,
    deadline_id: int | None,
    hours: Sequence[Mapping[str, Any]],
    as_of: datetime,
) -> None:
    """Reschedule pending alerts to each recipient's delivery hours from `as_of` on.

    Called when the silence that held the alerts back has ended.

    Args:
        agreement_id: the agreement whose alerts to reschedule.
        deadline_id: limits this to one deadline of the agreement.
        hours: the result of `delivery_hours` at `as_of`.
    """
    fetch(
        _RESCHEDULE_PENDING,
        agreement_id=agreement_id,
        deadline_id=deadline_id,
        hours=orjson.dumps(hours).decode(),
        as_of=as_of,
    )


_RESCHEDULE_PENDING = f"""
    WITH waiting AS (
        SELECT a.id, a.deadline_id, a.agreement_id, d.obligation_id, a.recipient, a.kind, a.level
        FROM compliance_alert AS a JOIN compliance_deadline AS d ON d.id = a.deadline_id
        WHERE a.agreement_id = %(agreement_id)s
          AND (%(deadline_id)s::bigint IS NULL OR a.deadline_id = %(deadline_id)s)
          AND a.message_id IS NULL AND a.withdrawn_at IS NULL AND a.not_before <= %(as_of)s
    ), earliest AS ({earliest_delivery("waiting", kind="waiting.kind")})
    UPDATE compliance_alert AS a
    SET not_before = coalesce(earliest.not_before, %(as_of)s),
        is_digest = coalesce(earliest.is_digest, a.is_digest)
    FROM waiting LEFT JOIN earliest ON earliest.id = waiting.id
    WHERE a.id = waiting.id AND a.message_id IS NULL AND a.withdrawn_at IS NULL
    RETURNING a.id
"""
