"""Create alerts: one row for each alert intent and each recipient who follows it.

Statements work on whole sets of rows, inside the transaction that makes the alerts true. A unique
key ensures that each alert exists once, however often and by whichever worker it is requested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import orjson

from compliance.domain.alerts.intents import AlertIntent
from compliance.domain.vocabulary import AlertKind
from compliance.models.alerts.followers import follows
from compliance.models.bulk import RowType, fetch, write_rows
from compliance.operations.alerts.delivery_times import DELIVERY_HOURS, earliest_delivery

# Breaches that predate their entry are not urgent. They are collected until nothing more has been
# entered for a while, so that an import, or entries in quick succession, bring one message.
COLLECTED_FOR = timedelta(seconds=20)
COLLECTED_AT_MOST = timedelta(minutes=15)


class BreachChange(Protocol):
    """A breach that began, ended or changed, and when the change was detected."""

    @property
    def deadline_id(self) -> int: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def recorded_at(self) -> datetime | None: ...


class AlertRow(NamedTuple):
    """An alert to create for every recipient who follows it."""

    deadline_id: int
    agreement_id: int
    obligation_id: int
    kind: str
    occasion: datetime
    breach_at: datetime | None
    due_at: datetime | None
    reason: str | None
    level: int
    created_at: datetime
    predates_entry: bool = False


def alert_row(intent: AlertIntent, *, deadline: Any, created_at: datetime) -> AlertRow:
    """Return an alert intent as a row for `create`; `deadline` has the columns of a deadline."""
    kind, occasion, breach_at, due_at, reason, level, predates_entry = intent
    return AlertRow(
        deadline.id,
        deadline.agreement_id,
        deadline.obligation_id,
        kind,
        occasion,
        breach_at,
        due_at,
        reason,
        level,
        created_at,
        predates_entry,
    )


def create(
    rows: Sequence[AlertRow], *, hours: Sequence[Mapping[str, Any]], as_of: datetime
) -> None:
    """Store the alerts of `rows` for everyone who follows them at `as_of`.

    Args:
        hours: the result of `delivery_times.delivery_hours` at `as_of`.
    """
    write_rows(
        _CREATE,
        ALERT,
        rows,
        hours=orjson.dumps(hours).decode(),
        as_of=as_of,
        collected_at=as_of + COLLECTED_FOR,
    )
    if any(row.predates_entry for row in rows):
        fetch(
            _COLLECT,
            since=as_of - COLLECTED_AT_MOST,
            as_of=as_of,
            collected_at=as_of + COLLECTED_FOR,
        )


def withdraw_unsent(*, breaches: Sequence[BreachChange]) -> None:
    """Withdraw unsent alerts about breaches that never happened.

    Args:
        breaches: the voided breaches, with the time of detection.
    """
    write_rows(_WITHDRAW_UNSENT, _BREACH, _columns(breaches))


def announce_resumption(
    *,
    breaches: Sequence[BreachChange],
    hours: Sequence[Mapping[str, Any]],
    as_of: datetime,
) -> None:
    """Announce breaches again that are open although they had ended or been voided.

    A recipient is notified if their alert was withdrawn, or if they may have read that the breach
    had ended, provided that they still follow it.

    Args:
        breaches: the reopened breaches, with the time of detection.
        hours: the result of `delivery_times.delivery_hours` at `as_of`.
    """
    write_rows(
        _ANNOUNCE_RESUMPTION,
        _BREACH,
        _columns(breaches),
        hours=orjson.dumps(hours).decode(),
        as_of=as_of,
    )


def announce_recovery(
    *,
    breaches: Sequence[BreachChange],
    hours: Sequence[Mapping[str, Any]],
    as_of: datetime,
) -> None:
    """Announce the end of breaches to the recipients of their alerts.

    A recipient is notified even if a correction of the obligation means that they no longer follow
    it, but not if they ended their subscription or limited it to other agreements or alerts.

    Args:
        breaches: the ended breaches, with the time of detection.
        hours: the result of `delivery_times.delivery_hours` at `as_of`.
    """
    write_rows(
        _ANNOUNCE_RECOVERY,
        _BREACH,
        _columns(breaches),
        hours=orjson.dumps(hours).decode(),
        as_of=as_of,
    )


def _columns(breaches: Sequence[BreachChange]) -> list[tuple[Any, ...]]:
    return [(each.deadline_id, each.occurred_at, each.recorded_at) for each in breaches]


_FOLLOWED = follows(
    "s",
    kind="v.kind",
    level="v.level",
    agreement="v.agreement_id",
    obligation="v.obligation_id",
    deadline="v.deadline_id",
)

ALERT = RowType(
    deadline_id="bigint",
    agreement_id="bigint",
    obligation_id="bigint",
    kind="text",
    occasion="timestamptz",
    breach_at="timestamptz",
    due_at="timestamptz",
    reason="text",
    level="smallint",
    created_at="timestamptz",
    predates_entry="boolean",
)

# If a recipient has several subscriptions, the one notified first decides.
_CREATE = f"""
    INSERT INTO compliance_alert
        (deadline_id, agreement_id, kind, occasion, breach_at, due_at, reason, level, created_at,
         predates_entry, email, webhook_id, not_before, is_digest)
    SELECT v.deadline_id, v.agreement_id, v.kind, v.occasion, v.breach_at, v.due_at, v.reason,
        v.level, v.created_at, v.predates_entry, s.email, s.webhook_id,
        greatest(coalesce(h.not_before, %(as_of)s),
                 CASE WHEN v.predates_entry THEN %(collected_at)s::timestamptz END) AS not_before,
        coalesce(h.is_digest, FALSE) AS is_digest
    FROM {ALERT.rows}
    JOIN compliance_subscription AS s ON {_FOLLOWED}
    LEFT JOIN {DELIVERY_HOURS} ON h.id = s.id
    ORDER BY not_before, is_digest, v.deadline_id, s.id
    ON CONFLICT ON CONSTRAINT alert_once DO NOTHING
"""

# Summaries that have not been sent wait for what is still being entered.
_COLLECT = """
    UPDATE compliance_alert AS a SET not_before = %(collected_at)s
    FROM (
        SELECT id FROM compliance_alert
        WHERE message_id IS NULL AND withdrawn_at IS NULL AND predates_entry AND NOT is_digest
          AND not_before < %(collected_at)s AND created_at > %(since)s AND created_at < %(as_of)s
        ORDER BY id FOR UPDATE SKIP LOCKED
    ) AS waiting
    WHERE a.id = waiting.id
    RETURNING a.id
"""

_BREACH = RowType(deadline_id="bigint", occurred_at="timestamptz", recorded_at="timestamptz")

_WITHDRAW_UNSENT = f"""
    UPDATE compliance_alert AS a
    SET withdrawn_at = v.recorded_at
    FROM {_BREACH.rows}
    WHERE a.deadline_id = v.deadline_id AND a.breach_at = v.occurred_at
      AND a.message_id IS NULL AND a.withdrawn_at IS NULL
"""

_ANNOUNCES_A_BREACH = (
    f"a.kind IN ('{AlertKind.MISSED}', '{AlertKind.ESCALATED}', '{AlertKind.SILENCE_ENDED}')"
)

# Sends withdrawn alerts after all, and repeats those whose recipients may have read that the breach
# had ended.
_ANNOUNCE_RESUMPTION = f"""
    WITH v AS (SELECT * FROM {_BREACH.rows}),
    undone AS (
        DELETE FROM compliance_alert AS a USING v
        WHERE a.deadline_id = v.deadline_id AND a.breach_at = v.occurred_at
          AND a.kind = '{AlertKind.RECOVERED}'
        RETURNING a.deadline_id, a.breach_at, a.recipient, a.message_id
    ), again AS (
        SELECT a.id, a.deadline_id, a.agreement_id, d.obligation_id, a.recipient, a.kind,
            a.level, v.recorded_at
        FROM v
        JOIN compliance_alert AS a
          ON a.deadline_id = v.deadline_id AND a.breach_at = v.occurred_at
        JOIN compliance_deadline AS d ON d.id = a.deadline_id
        WHERE {_ANNOUNCES_A_BREACH}
          AND (a.withdrawn_at IS NOT NULL OR EXISTS (
              SELECT FROM undone AS u JOIN compliance_message AS m ON m.id = u.message_id
              WHERE u.deadline_id = a.deadline_id AND u.breach_at = a.breach_at
                AND u.recipient = a.recipient AND m.attempt_count > 0))
    ), earliest AS ({earliest_delivery("again", kind="again.kind")})
    UPDATE compliance_alert AS a
    SET message_id = NULL, withdrawn_at = NULL, created_at = again.recorded_at,
        not_before = earliest.not_before, is_digest = earliest.is_digest
    FROM again JOIN earliest ON earliest.id = again.id
    WHERE a.id = again.id
"""

# If a recipient has several alerts about a breach, the first one counts, at the highest level
# reached. The recovery alert is not sent before that one.
_ANNOUNCE_RECOVERY = f"""
    WITH announced AS (
        SELECT DISTINCT ON (a.deadline_id, a.breach_at, a.recipient)
            a.id, a.deadline_id, a.agreement_id, d.obligation_id, a.breach_at, a.recipient,
            a.email, a.webhook_id,
            max(a.level) OVER (PARTITION BY a.deadline_id, a.breach_at, a.recipient) AS level,
            a.not_before, a.is_digest, v.recorded_at,
            a.predates_entry AND a.message_id IS NULL AS predates_entry
        FROM {_BREACH.rows}
        JOIN compliance_alert AS a
          ON a.deadline_id = v.deadline_id AND a.breach_at = v.occurred_at
        JOIN compliance_deadline AS d ON d.id = a.deadline_id
        WHERE {_ANNOUNCES_A_BREACH} AND a.withdrawn_at IS NULL
        ORDER BY a.deadline_id, a.breach_at, a.recipient, a.id
    ), earliest AS ({earliest_delivery("announced", kind=f"'{AlertKind.RECOVERED}'")})
    INSERT INTO compliance_alert
        (deadline_id, agreement_id, occasion, breach_at, created_at, kind, level, email,
         webhook_id, predates_entry, not_before, is_digest)
    SELECT announced.deadline_id, announced.agreement_id, announced.breach_at,
        announced.breach_at, announced.recorded_at, '{AlertKind.RECOVERED}', announced.level,
        announced.email, announced.webhook_id, announced.predates_entry,
        greatest(announced.not_before, earliest.not_before),
        CASE WHEN announced.not_before > earliest.not_before THEN announced.is_digest
             ELSE earliest.is_digest END
    FROM announced JOIN earliest ON earliest.id = announced.id
    ORDER BY announced.id
    ON CONFLICT DO NOTHING
"""
