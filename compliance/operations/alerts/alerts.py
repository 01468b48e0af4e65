"""Making alerts: for each thing to be told, one row for everybody who follows it.

Set-wise, inside the transaction that makes them true. What makes an alert exist once is its
unique key, whoever finds that it is called for and however often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from compliance.domain import civil_time
from compliance.domain.alerts.delivery_hours import Hours, told_from
from compliance.domain.alerts.intents import Call
from compliance.domain.vocabulary import AlertKind, Rhythm, Severity
from compliance.models.bulk import fetch, write

KINDS = {
    "missed": AlertKind.MISSED,
    "escalated": AlertKind.ESCALATED,
    "recovered": AlertKind.RECOVERED,
    "unsilenced": AlertKind.UNSILENCED,
}


def row(call: Call, *, deadline: Any, created_at: datetime) -> dict[str, Any]:
    """A call for an alert as a row for `make`; `deadline` has the columns of one."""
    return {
        "deadline_id": deadline.id,
        "agreement_id": deadline.agreement_id,
        "obligation_id": deadline.obligation_id,
        "kind": call.kind,
        "occasion": call.occasion,
        "breach_at": call.breach_at,
        "due_at": call.due_at,
        "reason": call.reason,
        "level": call.level,
        "created_at": created_at,
    }


def make(
    rows: Sequence[Mapping[str, Any]], *, hours: Sequence[Mapping[str, Any]], as_of: datetime
) -> None:
    """Store the alerts that `rows` (of `row`) call for at `as_of`, for everybody who follows them.

    Args:
        hours: of `subscribers_hours`, at the instant of the settlement.
    """
    write(_MAKE, rows, hours=orjson.dumps(hours).decode(), as_of=as_of, severities=list(Severity))


def keep_hours(
    *,
    agreement_id: int,
    deadline_id: int | None,
    hours: Sequence[Mapping[str, Any]],
    as_of: datetime,
) -> None:
    """Have the alerts that wait, about an agreement or one deadline of it, told at the hours of
    their recipients from `as_of` on: a silence that held them back is over."""
    fetch(
        _KEEP_HOURS,
        agreement_id=agreement_id,
        deadline_id=deadline_id,
        hours=orjson.dumps(hours).decode(),
        as_of=as_of,
    )


def subscribers_hours(*, as_of: datetime) -> list[dict[str, Any]]:
    """For each subscription that is not told at once at `as_of`, from when it is."""
    found = []
    known = civil_time.zone_names()
    for pk, rhythm, zone, hour, weekday, quiet_from, quiet_until in fetch(_HOURS):
        hours = Hours(
            rhythm=Rhythm(rhythm),
            # The tz database drops names now and then. Nobody goes untold because of that.
            timezone=zone if zone in known else "UTC",
            digest_hour=hour,
            digest_weekday=weekday,
            quiet_from=quiet_from,
            quiet_until=quiet_until,
        )
        found.append(
            {
                "id": pk,
                "not_before": told_from(hours, as_of).isoformat(),
                "is_digest": hours.rhythm is not Rhythm.AT_ONCE,
            }
        )
    return found


_HOURS = """
    SELECT id, rhythm, timezone, digest_hour, digest_weekday, quiet_from, quiet_until
    FROM compliance_subscription
    WHERE is_active AND (rhythm <> 'at_once' OR quiet_from IS NOT NULL)
"""

# When the recipient of an alert `a` may be told, at hours like those it was made for.
TOLD_FROM = """
        coalesce((
            SELECT min(h.not_before)
            FROM jsonb_to_recordset(%(hours)s::jsonb) AS h(
                id bigint, not_before timestamptz, is_digest boolean)
            JOIN compliance_subscription AS s ON s.id = h.id
            WHERE coalesce('webhook:' || s.webhook_id, s.email) = a.recipient
              AND h.is_digest = a.is_digest
        ), %(as_of)s)"""

_KEEP_HOURS = f"""
    UPDATE compliance_alert AS a SET not_before = {TOLD_FROM}
    WHERE a.agreement_id = %(agreement_id)s
      AND (%(deadline_id)s::bigint IS NULL OR a.deadline_id = %(deadline_id)s)
      AND a.message_id IS NULL AND a.withdrawn_at IS NULL AND a.not_before <= %(as_of)s
    RETURNING a.id
"""

# Of several subscriptions of one recipient that which is told first wins.
_MAKE = """
    INSERT INTO compliance_alert
        (deadline_id, agreement_id, kind, occasion, breach_at, due_at, reason, level, created_at,
         recipient, not_before, is_digest)
    SELECT v.deadline_id, v.agreement_id, v.kind, v.occasion, v.breach_at, v.due_at, v.reason,
        v.level, v.created_at, coalesce('webhook:' || s.webhook_id, s.email),
        coalesce(h.not_before, %(as_of)s) AS told_from, coalesce(h.is_digest, FALSE)
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(
        deadline_id bigint, agreement_id bigint, obligation_id bigint, kind text,
        occasion timestamptz, breach_at timestamptz, due_at timestamptz, reason text,
        level smallint, created_at timestamptz)
    JOIN compliance_subscription AS s
      ON s.is_active AND (s.kinds = '{}' OR v.kind = ANY(s.kinds)) AND s.from_escalation <= v.level
     AND (s.agreement_id IS NULL OR s.agreement_id = v.agreement_id)
     AND (s.webhook_id IS NULL OR EXISTS (
            SELECT FROM compliance_webhook AS w WHERE w.id = s.webhook_id AND w.is_active))
    LEFT JOIN jsonb_to_recordset(%(hours)s::jsonb) AS h(
        id bigint, not_before timestamptz, is_digest boolean) ON h.id = s.id
    WHERE (s.party_id IS NULL OR EXISTS (
            SELECT FROM compliance_obligationparty AS p
            WHERE p.obligation_id = v.obligation_id AND p.party_id = s.party_id))
      AND (s.tag = '' AND s.min_severity = 'low' AND NOT s.is_owner OR EXISTS (
            SELECT FROM compliance_obligation AS o
            WHERE o.id = v.obligation_id AND (s.tag = '' OR s.tag = ANY(o.tags))
              AND array_position(%(severities)s::text[], o.severity::text)
                  >= array_position(%(severities)s::text[], s.min_severity::text)
              AND (NOT s.is_owner OR lower(o.owner) = lower(s.email))))
    ORDER BY told_from
    ON CONFLICT ON CONSTRAINT alert_once DO NOTHING
"""
