"""The SQL that puts alerts into messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from compliance.domain.vocabulary import MessageState
from compliance.models.alerts.alerts import Alert


def form_messages(
    agreement_ids: Sequence[int], *, as_of: datetime, domain: str, is_large: bool
) -> int:
    """Form messages from all sendable alerts of the given agreements, and return their number.

    Args:
        agreement_ids: locked by the caller.
        domain: of the Message-IDs.
        is_large: whether there may be more alerts than a small hash join can take.
    """
    if not agreement_ids:
        return 0
    # Selected again in the statement that assigns them: a sweep may have begun in the meantime.
    alerts, parameters = (
        Alert.objects.releasable(as_of)
        .filter(agreement__in=agreement_ids)
        .order_by()
        .select_for_update(skip_locked=True, of=("self",))
        .values(
            "id",
            "recipient",
            "email",
            "webhook_id",
            "agreement_id",
            "is_digest",
            "predates_entry",
        )
        .query.sql_with_params()
    )
    with connection.cursor() as cursor:
        if is_large:
            # A hash join that spills to disk would scan the table once for every part.
            cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(
            _FORM.replace("{alerts}", alerts),
            [*parameters, domain, MessageState.WAITING, as_of, as_of],
        )
        [[formed]] = cursor.fetchall()
    return int(formed)


_FORM = """
    WITH waiting AS ({alerts}), taken AS (
        SELECT id, recipient, email, webhook_id,
               predates_entry AND NOT is_digest AS is_summary,
               CASE WHEN NOT is_digest AND NOT predates_entry THEN agreement_id END AS about
        FROM waiting
    ), formed AS (
        INSERT INTO compliance_message
            (email, webhook_id, agreement_id, is_summary, message_id, state, created_at,
             next_attempt_at, attempt_count)
        SELECT email, webhook_id, about, is_summary,
               '<' || replace(gen_random_uuid()::text, '-', '') || '@' || %s || '>',
               %s, %s, %s, 0
        FROM taken GROUP BY email, webhook_id, about, is_summary ORDER BY min(id)
        RETURNING id, recipient, agreement_id, is_summary
    ), assigned AS (
        -- In the order in which the alerts are stored. Recipient by recipient, each page
        -- would be read and written as many times as there are recipients.
        UPDATE compliance_alert AS a SET message_id = placed.message_id
        FROM (
            SELECT taken.id, formed.id AS message_id
            -- IS NOT DISTINCT FROM would rule out a hash join.
            FROM taken JOIN formed ON formed.recipient = taken.recipient
              AND coalesce(formed.agreement_id, -1) = coalesce(taken.about, -1)
              AND formed.is_summary = taken.is_summary
            ORDER BY taken.id
        ) AS placed
        WHERE a.id = placed.id
    )
    SELECT count(*) FROM formed
"""


def analyze() -> None:
    """Update the statistics of the planner.

    Autovacuum would do so only a minute after a burst. Until then, the planner would loop over a
    hundred thousand new rows as if they were few.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE compliance_alert, compliance_breach")
