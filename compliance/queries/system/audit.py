"""The alert audit: it checks that every breach has its alerts and that every alert was delivered.

It reads the tables directly and shares no code with the modules that write them. A problem is an
alert that someone should have received, or may never receive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from compliance.domain.vocabulary import Severity
from compliance.models.bulk import fetch
from compliance.models.system.jobs import Problem

# Younger rows may still be in progress.
PATIENCE = timedelta(minutes=15)
# An email that a server defers is tried again every six hours.
LONGEST_WAIT = timedelta(hours=7)
OVERDUE = timedelta(hours=1)
LATELY = timedelta(days=30)
MOST = 100


@dataclass(kw_only=True, slots=True)
class Audit:
    """The counts and problems of an audit: at most `MOST` rows of each kind."""

    breaches: int = 0
    alerts: int = 0
    problems: list[Problem] = field(default_factory=list)


def audit(*, as_of: datetime) -> Audit:
    """Check open breaches, breaches that ended in the last 30 days, pending alerts and messages,
    and the next check of every deadline."""
    values = {
        "as_of": as_of,
        "patient": as_of - PATIENCE,
        "stuck": as_of - LONGEST_WAIT,
        "overdue": as_of - OVERDUE,
        "lately": as_of - LATELY,
        "severities": list(Severity),
        "most": MOST,
    }
    [(breaches, alerts)] = fetch(_COUNTS)
    found = Audit(breaches=breaches, alerts=alerts)
    for about, detail, statement in _CHECKS:
        found.problems += [
            Problem(about=about, id=pk, detail=detail.format(name=name))
            for pk, name in fetch(statement, **values)
        ]
    return found


_COUNTS = """
    SELECT (SELECT count(*) FROM compliance_breach WHERE ended_at IS NULL),
        (SELECT count(*) FROM compliance_alert WHERE message_id IS NULL AND withdrawn_at IS NULL)
"""

# The rule for who follows a breach, deliberately written a second time (see
# models.alerts.followers), so that an error in one copy shows up in the other. Subscribers do not
# count if they follow the breach only because its obligation was corrected, somebody became
# responsible, or their webhook was activated, afterwards.
_MISSING_ALERTS = """
    SELECT b.id, coalesce(w.name, s.email)
    FROM compliance_breach AS b
    JOIN compliance_deadline AS d ON d.id = b.deadline_id
    JOIN compliance_obligation AS o ON o.id = d.obligation_id
    JOIN compliance_subscription AS s
      ON s.is_active AND s.from_escalation = 0 AND s.since <= b.detected_at
    LEFT JOIN compliance_webhook AS w ON w.id = s.webhook_id
    WHERE NOT (b.occurred_at < coalesce(d.entered_at, '-infinity') AND d.announcement = 'none')
      AND b.ended_at IS NULL AND b.detected_at <= %(patient)s AND coalesce(w.is_active, TRUE)
      AND (cardinality(s.kinds) = 0 OR 'missed' = ANY(s.kinds))
      AND coalesce(s.agreement_id, d.agreement_id) = d.agreement_id
      AND (s.tag = '' OR s.tag = ANY(o.tags))
      AND (s.responsible_user_id IS NULL OR EXISTS (
          SELECT FROM compliance_responsibility AS r
          WHERE r.obligation_id = o.id AND r.user_id = s.responsible_user_id))
      AND (s.responsible_team_id IS NULL OR EXISTS (
          SELECT FROM compliance_responsibility AS r
          WHERE r.obligation_id = o.id AND r.team_id = s.responsible_team_id))
      AND (NOT s.is_mine OR EXISTS (
          SELECT FROM compliance_responsibility AS r
          LEFT JOIN compliance_user AS u ON u.id = r.user_id
          LEFT JOIN compliance_membership AS m ON m.team_id = r.team_id
          LEFT JOIN compliance_user AS member ON member.id = m.user_id
          WHERE r.obligation_id = o.id AND (
              coalesce(u.id, member.id) = s.owner_id AND s.webhook_id IS NOT NULL
              OR lower(coalesce(u.email, member.email, r.address)) = lower(s.email))))
      AND array_position(%(severities)s::text[], s.min_severity::text)
          <= array_position(%(severities)s::text[], o.severity::text)
      AND (s.party_id IS NULL OR s.party_id IN (
          SELECT p.party_id FROM compliance_obligationparty AS p
          WHERE p.obligation_id = o.id
            AND (p.party_id = coalesce(d.party_id, p.party_id) OR p.capacity = 'obligee')))
      AND NOT EXISTS (
          SELECT FROM compliance_alert AS a
          WHERE a.deadline_id = b.deadline_id AND a.breach_at = b.occurred_at
            AND a.recipient = s.recipient)
      AND NOT EXISTS (
          SELECT FROM compliance_obligationevent AS e
          WHERE e.pgh_obj_id = o.id AND e.pgh_label = 'update'
            AND e.pgh_created_at > b.detected_at)
      AND NOT EXISTS (
          SELECT FROM compliance_responsibilityevent AS e
          JOIN compliance_obligationevent AS made
            ON made.pgh_obj_id = e.obligation_id AND made.pgh_label = 'insert'
          WHERE e.obligation_id = o.id
            AND e.pgh_created_at > greatest(b.detected_at, made.pgh_created_at))
      AND (s.responsible_team_id IS NULL AND NOT s.is_mine OR NOT EXISTS (
          SELECT FROM compliance_membershipevent AS e
          WHERE e.pgh_created_at > b.detected_at))
      AND NOT EXISTS (
          SELECT FROM compliance_obligationpartyevent AS e
          JOIN compliance_obligationevent AS made
            ON made.pgh_obj_id = e.obligation_id AND made.pgh_label = 'insert'
          WHERE e.obligation_id = o.id AND e.pgh_label = 'insert'
            AND e.pgh_created_at > greatest(b.detected_at, made.pgh_created_at))
    ORDER BY b.id LIMIT %(most)s
"""

# A breach nobody hears of is the worst failure. Nobody does if everyone who was to be notified has
# lost the right to see it, is no longer active, or has unsubscribed, or if nobody who is
# responsible has an account.
_UNHEARD = """
    SELECT b.id, o.ref || ' of ' || g.ref
    FROM compliance_breach AS b
    JOIN compliance_deadline AS d ON d.id = b.deadline_id
    JOIN compliance_obligation AS o ON o.id = d.obligation_id
    JOIN compliance_agreement AS g ON g.id = d.agreement_id
    WHERE b.ended_at IS NULL AND b.detected_at <= %(patient)s AND g.archived_at IS NULL
      AND NOT (b.occurred_at < coalesce(d.entered_at, '-infinity') AND d.announcement = 'none')
      AND NOT EXISTS (
          SELECT FROM compliance_alert AS a
          WHERE a.deadline_id = b.deadline_id AND a.breach_at = b.occurred_at
            AND a.withdrawn_at IS NULL)
      AND (EXISTS (
              SELECT FROM compliance_responsibility AS r WHERE r.obligation_id = o.id)
           OR EXISTS (
              SELECT FROM compliance_alert AS a
              WHERE a.deadline_id = b.deadline_id AND a.breach_at = b.occurred_at))
    ORDER BY b.id LIMIT %(most)s
"""

_UNFORMED = """
    SELECT a.id, a.recipient FROM compliance_alert AS a
    WHERE a.message_id IS NULL AND a.withdrawn_at IS NULL AND a.not_before <= %(patient)s
      AND a.created_at <= %(patient)s AND NOT EXISTS (
        SELECT FROM compliance_agreement AS g
        WHERE g.id = a.agreement_id AND g.archived_at IS NOT NULL)
      AND NOT EXISTS (
        SELECT FROM compliance_silence AS s
        WHERE s.agreement_id = a.agreement_id AND coalesce(s.deadline_id, a.deadline_id)
              = a.deadline_id AND s.until_at > %(patient)s
          AND coalesce(s.ended_at, 'infinity') > %(patient)s)
    ORDER BY a.id LIMIT %(most)s
"""

_UNSENT = """
    SELECT m.id, m.recipient FROM compliance_message AS m
    WHERE m.state = 'waiting' AND NOT EXISTS (
        SELECT FROM compliance_webhook AS w
        WHERE w.id = m.webhook_id AND w.paused_until > %(patient)s)
      AND (
        m.next_attempt_at <= %(patient)s
        OR m.next_attempt_at > %(as_of)s + (%(as_of)s - %(stuck)s) AND m.webhook_id IS NULL)
    ORDER BY m.id LIMIT %(most)s
"""

_UNWATCHED = """
    (SELECT d.id, d.status FROM compliance_deadline AS d
     WHERE d.quarantine_error = '' AND d.next_check_at <= %(overdue)s
     ORDER BY d.next_check_at LIMIT %(most)s)
    UNION ALL
    (SELECT d.id, d.status FROM compliance_deadline AS d
     WHERE d.quarantine_error = '' AND d.next_check_at IS NULL
       AND d.status IN ('pending', 'holding', 'in_grace') AND d.due_at IS NOT NULL
       AND NOT d.is_withdrawn
     ORDER BY d.id LIMIT %(most)s)
"""

# A recipient who was notified of a breach and still follows it must be notified of its end.
_UNRECOVERED = """
    SELECT DISTINCT b.id, a.recipient
    FROM compliance_breach AS b
    JOIN compliance_deadline AS d ON d.id = b.deadline_id AND d.recorded_at <= %(patient)s
    JOIN compliance_alert AS a ON a.deadline_id = b.deadline_id AND a.breach_at = b.occurred_at
     AND a.kind IN ('missed', 'escalated', 'silence_ended') AND a.withdrawn_at IS NULL
    JOIN compliance_message AS m ON m.id = a.message_id AND m.state = 'sent'
    WHERE b.ended_at > %(lately)s AND EXISTS (
        SELECT FROM compliance_subscription AS s
        LEFT JOIN compliance_webhook AS w ON w.id = s.webhook_id
        WHERE s.recipient = a.recipient AND s.is_active
          AND coalesce(w.is_active, TRUE) AND s.since <= b.detected_at
          AND (cardinality(s.kinds) = 0 OR 'recovered' = ANY(s.kinds))
          AND coalesce(s.agreement_id, d.agreement_id) = d.agreement_id)
      AND NOT EXISTS (
        SELECT FROM compliance_alert AS r
        WHERE r.deadline_id = b.deadline_id AND r.breach_at = b.occurred_at
          AND r.kind = 'recovered' AND r.recipient = a.recipient)
    ORDER BY b.id LIMIT %(most)s
"""

_CHECKS = (
    ("breach", "{name} follows it but has no alert about it.", _MISSING_ALERTS),
    ("breach", "{name} was notified of it, but not of its end.", _UNRECOVERED),
    ("breach", "Nobody who may see it has been notified of it ({name}).", _UNHEARD),
    ("alert", "It has not been put into a message for {name}.", _UNFORMED),
    ("message", "It is long overdue, and has not been sent to {name}.", _UNSENT),
    ("deadline", "It is {name}, but its next check is missing or overdue.", _UNWATCHED),
)
