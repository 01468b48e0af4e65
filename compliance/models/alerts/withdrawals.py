"""Withdraw alerts that are no longer true, or that their recipients may no longer receive."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import connection

from compliance.domain.vocabulary import AlertKind, BreachEnd, Reason, Status
from compliance.models.alerts.entitlements import may_receive
from compliance.models.alerts.followers import concerns, covers


def withdraw_unfit(message_ids: Sequence[int], *, now: datetime) -> set[int]:
    """Withdraw the alerts of these messages that are no longer true, or not for their recipients.

    Returns the messages that still have alerts.

    Alerts are not for a recipient who may not see their agreement now, or who followed them only
    because they, or a team of theirs, were responsible then.

    A withdrawn alert leaves its message if no attempt was made to send it: nobody can have read it,
    so nobody must learn that it was wrong. Under the same condition, alerts about archived
    agreements leave their messages and wait until the agreement is restored. Otherwise the message
    is sent again as it is: in another message, the recipient could read them twice.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_ARCHIVED, {"messages": list(message_ids)})
        for statement in (
            _WITHDRAW_FORBIDDEN,
            _WITHDRAW_NOT_RESPONSIBLE,
            _WITHDRAW_ABOUT_BREACHES,
            _WITHDRAW_ENDS,
            _WITHDRAW_STALE,
        ):
            cursor.execute(statement, {"messages": list(message_ids), "now": now})
        cursor.execute(_MESSAGES_WITH_ALERTS, {"messages": list(message_ids)})
        return {message_id for (message_id,) in cursor.fetchall()}


def forbidden(message_ids: Collection[int]) -> set[int]:
    """Return those messages of which the recipients may not see everything now."""
    with connection.cursor() as cursor:
        cursor.execute(_FORBIDDEN.format(columns="p.message_id"), {"messages": [*message_ids]})
        return {message_id for (message_id,) in cursor.fetchall()}


# Decided once per recipient and agreement, because a message may have thousands of alerts.
_FORBIDDEN = f"""
    SELECT {{columns}} FROM (
        SELECT DISTINCT m.id AS message_id, m.email, m.webhook_id, m.recipient, a.agreement_id
        FROM compliance_message AS m JOIN compliance_alert AS a ON a.message_id = m.id
        WHERE m.id = ANY(%(messages)s) AND a.withdrawn_at IS NULL) AS p
    JOIN compliance_agreement AS g ON g.id = p.agreement_id
    WHERE NOT ({may_receive("p", "g")})
"""

_WITHDRAW_FORBIDDEN = f"""
    WITH forbidden AS ({_FORBIDDEN.format(columns="p.message_id, p.agreement_id")})
    UPDATE compliance_alert AS a
    SET withdrawn_at = %(now)s,
        message_id = CASE WHEN m.attempt_count = 0 THEN NULL ELSE m.id END
    FROM forbidden AS f JOIN compliance_message AS m ON m.id = f.message_id
    WHERE a.message_id = f.message_id AND a.agreement_id = f.agreement_id
      AND a.withdrawn_at IS NULL
"""

# Whoever was notified of a breach is also notified of its end.
_WITHDRAW_NOT_RESPONSIBLE = f"""
    WITH limited AS MATERIALIZED (
        SELECT m.id, m.attempt_count FROM compliance_message AS m
        WHERE m.id = ANY(%(messages)s) AND EXISTS (
            SELECT FROM compliance_subscription AS s
            WHERE s.recipient = m.recipient AND s.is_active AND (
                s.is_mine OR s.responsible_user_id IS NOT NULL
                OR s.responsible_team_id IS NOT NULL)))
    UPDATE compliance_alert AS a
    SET withdrawn_at = %(now)s,
        message_id = CASE WHEN m.attempt_count = 0 THEN NULL ELSE m.id END
    FROM limited AS m, compliance_deadline AS d
    WHERE a.message_id = m.id AND a.withdrawn_at IS NULL AND d.id = a.deadline_id
      AND a.kind <> '{AlertKind.RECOVERED}' AND NOT EXISTS (
        SELECT FROM compliance_subscription AS s
        WHERE s.recipient = a.recipient AND s.is_active
          AND {concerns("s", agreement="a.agreement_id")}
          AND {covers("s", obligation="d.obligation_id", deadline="d.id")})
"""

_MESSAGES_WITH_ALERTS = """
    SELECT DISTINCT message_id FROM compliance_alert
    WHERE message_id = ANY(%(messages)s) AND withdrawn_at IS NULL
"""

_HOLD_ARCHIVED = """
    UPDATE compliance_alert AS a SET message_id = NULL
    FROM compliance_message AS m, compliance_agreement AS g
    WHERE a.message_id = ANY(%(messages)s) AND a.withdrawn_at IS NULL
      AND m.id = a.message_id AND m.attempt_count = 0
      AND g.id = a.agreement_id AND g.archived_at IS NOT NULL
"""

# A breach from before its entry is not reported at all if it has ended by the time of sending. An
# acknowledgement pauses escalations; when it ends, a new alert is created. The end of a silence
# is not reported if another message has reported the breach since then.
_WITHDRAW_ABOUT_BREACHES = f"""
    UPDATE compliance_alert AS a
    SET withdrawn_at = %(now)s,
        message_id = CASE WHEN m.attempt_count = 0 THEN NULL ELSE m.id END
    FROM compliance_message AS m, compliance_breach AS b
    WHERE a.message_id = ANY(%(messages)s) AND m.id = a.message_id AND a.withdrawn_at IS NULL
      AND b.deadline_id = a.deadline_id AND b.occurred_at = a.breach_at
      AND (a.kind = '{AlertKind.MISSED}' AND b.end_reason = '{BreachEnd.VOIDED}'
           OR a.kind = '{AlertKind.MISSED}' AND a.predates_entry AND b.ended_at IS NOT NULL
             AND m.attempt_count = 0
           OR a.kind = '{AlertKind.RECOVERED}' AND b.ended_at IS NULL
           OR a.kind = '{AlertKind.ESCALATED}' AND b.acknowledged_until > %(now)s
           OR a.kind = '{AlertKind.SILENCE_ENDED}' AND EXISTS (
               SELECT FROM compliance_alert AS other
               JOIN compliance_message AS since ON since.id = other.message_id
               WHERE other.deadline_id = a.deadline_id AND other.breach_at = a.breach_at
                 AND other.recipient = a.recipient AND other.message_id <> m.id
                 AND other.withdrawn_at IS NULL AND since.created_at >= a.occasion)
           OR a.kind IN ('{AlertKind.ESCALATED}', '{AlertKind.SILENCE_ENDED}')
             AND (b.ended_at IS NOT NULL OR EXISTS (
               SELECT FROM compliance_alert AS later
               WHERE later.deadline_id = a.deadline_id AND later.kind = a.kind
                 AND later.recipient = a.recipient AND later.occasion > a.occasion)))
"""

# Withdraws the end of a breach of which the recipient was never notified.
_WITHDRAW_ENDS = f"""
    UPDATE compliance_alert AS a SET withdrawn_at = %(now)s
    WHERE a.message_id = ANY(%(messages)s) AND a.withdrawn_at IS NULL
      AND a.kind = '{AlertKind.RECOVERED}' AND NOT EXISTS (
        SELECT FROM compliance_alert AS begun
        WHERE begun.deadline_id = a.deadline_id AND begun.breach_at = a.breach_at
          AND begun.recipient = a.recipient AND begun.kind <> '{AlertKind.RECOVERED}'
          AND (begun.withdrawn_at IS NULL OR begun.message_id IS NOT NULL))
"""

# Reminders of deadlines that are met, were moved or have passed; changes that were retracted
# since; and alerts that a later one of the same kind replaces.
_WITHDRAW_STALE = f"""
    UPDATE compliance_alert AS a
    SET withdrawn_at = %(now)s,
        message_id = CASE WHEN m.attempt_count = 0 THEN NULL ELSE m.id END
    FROM compliance_message AS m, compliance_deadline AS d
    WHERE a.message_id = ANY(%(messages)s) AND m.id = a.message_id AND a.withdrawn_at IS NULL
      AND d.id = a.deadline_id AND a.kind IN ('{AlertKind.REMINDER}', '{AlertKind.CHANGED}')
      AND (a.kind = '{AlertKind.REMINDER}' AND (
               d.status NOT IN ('{Status.PENDING}', '{Status.HOLDING}')
               OR d.due_at <> a.due_at OR d.due_at <= %(now)s)
           OR a.kind = '{AlertKind.CHANGED}' AND d.status <> a.reason
             AND a.reason IN ('{Reason.WAIVED}', '{Reason.SUSPENDED}', '{Reason.CANCELLED}')
           OR a.kind = '{AlertKind.CHANGED}' AND (
               a.reason = '{Reason.REPLACED}' AND d.status <> '{Status.SUPERSEDED}'
               OR a.reason = '{Reason.POSTPONED}' AND d.due_at IS NOT NULL)
           OR EXISTS (
               SELECT FROM compliance_alert AS later
               WHERE later.deadline_id = a.deadline_id AND later.kind = a.kind
                 AND later.recipient = a.recipient AND later.occasion > a.occasion))
"""
