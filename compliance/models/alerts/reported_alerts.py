"""The alerts in messages, and what they report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson
from django.db import connection

from compliance.domain.vocabulary import (
    AlertKind,
    Announcement,
    ObligationKind,
    Severity,
    Status,
)

# A message lists this many deadlines, most severe first, and counts the rest.
MAX_LISTED = 100
# Counting more alerts than this in a message would take too long.
LARGE_MESSAGE = 2_000


class AlertRow(NamedTuple):
    """An alert that a message lists, joined with the breach that it reports, if any.

    `reopened_at` is when a breach that predates its entry was opened again, if this announces it.
    """

    message_id: int
    kind: str
    deadline_id: int
    due_at: datetime | None = None
    reason: str | None = None
    occurred_at: datetime | None = None
    detected_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None
    silence_reason: str | None = None
    predates_entry: bool = False
    is_partly_met: bool = False
    reopened_at: datetime | None = None

    @property
    def is_reopened(self) -> bool:
        """Whether it announces that a breach that predates its entry is open again."""
        return self.reopened_at is not None


class LabelCount(NamedTuple):
    """The number of alerts in a message with the same label, and the values that determine it."""

    kind: str
    end_reason: str | None
    reason: str | None
    is_achieve: bool
    predates_entry: bool
    is_partly_met: bool
    is_reopened: bool
    total: int


def load_alerts(
    message_ids: Sequence[int],
) -> tuple[Mapping[int, list[AlertRow]], Mapping[int, list[LabelCount]]]:
    """Return the listed alerts of messages, and the counts of all their alerts, by message id.

    Open breaches come first, then by severity. A message without alerts is in neither mapping.
    """
    listed: dict[int, list[AlertRow]] = defaultdict(list)
    counts: dict[int, list[LabelCount]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _REPORTED_ALERTS,
            {
                "messages": list(message_ids),
                "severities": list(Severity),
                "breach_order": list(_BREACH_ORDER),
                "max_listed": MAX_LISTED,
            },
        )
        for message_id, _place, *columns, label_counts in cursor.fetchall():
            if label_counts is None:
                listed[message_id].append(AlertRow(message_id, *columns))
            else:
                counts[message_id] = [LabelCount(*each) for each in orjson.loads(label_counts)]
    return listed, counts


def earlier_message_ids(message_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the Message-IDs of earlier messages about the same breaches, by message id."""
    found: dict[int, list[str]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_EARLIER_MESSAGES, {"messages": list(message_ids)})
        for message_id, _, earlier in cursor.fetchall():
            found[message_id].append(earlier)
    return {message_id: tuple(earlier[-20:]) for message_id, earlier in found.items()}


def count_alerts(message_ids: Sequence[int]) -> dict[int, int]:
    """Return how many alerts that exist for the current reader messages report, by message id."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_REPORTED, {"messages": list(message_ids)})
        return dict(cursor.fetchall())


def first_that_fit(message_ids: Sequence[int], max_alerts: int) -> list[int]:
    """Return the first messages that together have at most this many alerts; at least one.

    A message with `LARGE_MESSAGE` alerts or more counts as that many.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_ALERTS, {"messages": list(message_ids)})
        total = 0
        for place, (count,) in enumerate(cursor.fetchall()):
            total += count
            if total > max_alerts:
                return list(message_ids[: max(1, place)])
    return list(message_ids)


# The alerts about one breach, in the order in which they occur.
_BREACH_ORDER = (
    AlertKind.MISSED, AlertKind.SILENCE_ENDED, AlertKind.ESCALATED, AlertKind.RECOVERED,
)  # fmt: skip

# Of several alerts about one breach in a message, the last reports everything. If a change began
# or ended a breach, the alert about the breach reports the change too. The alerts are ranked with
# window functions instead of being compared with each other, because a message may contain many
# thousands, and materialized, because both parts of the result read them.
_REPORTED_ALERTS = f"""
    WITH placed AS (
        SELECT id, message_id, kind, deadline_id, agreement_id, recipient, occasion, breach_at,
            due_at, reason, created_at,
            coalesce(array_position(%(breach_order)s::text[], kind::text), 0) AS place
        FROM compliance_alert
        WHERE message_id = ANY(%(messages)s) AND withdrawn_at IS NULL
    ), reported AS MATERIALIZED (
        SELECT a.id, a.message_id, a.kind, a.deadline_id, a.agreement_id, a.occasion, a.due_at,
            a.reason, b.occurred_at, b.detected_at, b.ended_at, b.end_reason,
            o.kind = '{ObligationKind.ACHIEVE}' AS is_achieve,
            array_position(%(severities)s::text[], o.severity::text) AS severity,
            d.due_at AS current_due_at,
            coalesce(b.occurred_at < d.entered_at
                AND d.announcement <> '{Announcement.ALL}', FALSE) AS predates_entry,
            d.status = '{Status.PARTLY_MET}' AS is_partly_met,
            -- A breach is announced when it is detected, and again whenever it reopens.
            CASE WHEN a.kind = '{AlertKind.MISSED}' AND b.ended_at IS NULL
                AND b.occurred_at < d.entered_at AND d.announcement <> '{Announcement.ALL}'
                AND a.created_at > b.detected_at THEN a.created_at END AS reopened_at
        FROM (
            SELECT *,
                max(place) OVER (PARTITION BY message_id, deadline_id, breach_at) AS last_place
            FROM placed
        ) AS a
        JOIN compliance_deadline AS d ON d.id = a.deadline_id
        JOIN compliance_obligation AS o ON o.id = d.obligation_id
        LEFT JOIN compliance_breach AS b
          ON b.deadline_id = a.deadline_id AND b.occurred_at = a.breach_at
        WHERE (a.breach_at IS NULL OR a.place = a.last_place)
          AND NOT (a.kind = '{AlertKind.CHANGED}' AND EXISTS (
            SELECT FROM compliance_alert AS r
            WHERE r.deadline_id = a.deadline_id
              AND r.kind IN ('{AlertKind.MISSED}', '{AlertKind.RECOVERED}')
              AND r.recipient = a.recipient AND r.message_id = a.message_id
              AND r.created_at = a.created_at AND r.withdrawn_at IS NULL))
    ), counted AS (
        SELECT message_id,
            jsonb_agg(jsonb_build_array(
                kind, end_reason, reason, is_achieve, predates_entry, is_partly_met,
                is_reopened, count
            )) AS counts
        FROM (
            SELECT message_id, kind, end_reason, reason, is_achieve, predates_entry,
                is_partly_met, reopened_at IS NOT NULL AS is_reopened, count(*)
            FROM reported
            GROUP BY message_id, kind, end_reason, reason, is_achieve, predates_entry,
                is_partly_met, is_reopened
        ) AS each
        GROUP BY message_id
    ), ranked AS (
        SELECT *, row_number() OVER (
            PARTITION BY message_id
            ORDER BY ended_at IS NOT NULL, predates_entry, kind = '{AlertKind.CHANGED}',
                kind = '{AlertKind.REMINDER}', severity DESC, current_due_at, id
        ) AS place
        FROM reported
    )
    SELECT message_id, place, kind, deadline_id, due_at, reason, occurred_at, detected_at,
        ended_at, end_reason,
        CASE WHEN kind = '{AlertKind.SILENCE_ENDED}' THEN (
            SELECT s.reason FROM compliance_silence AS s
            WHERE s.agreement_id = ranked.agreement_id AND s.ended_at = ranked.occasion
              AND coalesce(s.deadline_id, ranked.deadline_id) = ranked.deadline_id
            ORDER BY s.id DESC LIMIT 1) END AS silence_reason,
        predates_entry, is_partly_met, reopened_at,
        NULL::jsonb AS counts
    FROM ranked WHERE place <= %(max_listed)s
    -- A join would scan the counts once per message.
    UNION ALL
    SELECT message_id, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, counts
    FROM counted
    ORDER BY message_id, place
"""

_EARLIER_MESSAGES = f"""
    SELECT DISTINCT a.message_id, m.id, m.message_id
    FROM compliance_alert AS a
    JOIN compliance_alert AS earlier
      ON earlier.deadline_id = a.deadline_id AND earlier.breach_at = a.breach_at
     AND earlier.recipient = a.recipient
    JOIN compliance_message AS m ON m.id = earlier.message_id AND m.id < a.message_id
    WHERE a.message_id = ANY(%(messages)s) AND a.kind <> '{AlertKind.MISSED}'
      AND a.breach_at IS NOT NULL AND a.withdrawn_at IS NULL
    ORDER BY 1, 2
"""

_COUNT_ALERTS = f"""
    SELECT (SELECT count(*) FROM (
        SELECT FROM compliance_alert WHERE message_id = m.id LIMIT {LARGE_MESSAGE}) AS counted)
    FROM unnest(%(messages)s::bigint[]) WITH ORDINALITY AS m(id, place) ORDER BY place
"""

_COUNT_REPORTED = """
    SELECT message_id, count(*) FROM compliance_alert
    WHERE message_id = ANY(%(messages)s) AND withdrawn_at IS NULL GROUP BY message_id
"""
