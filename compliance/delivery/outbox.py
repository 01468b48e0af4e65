"""The rows of the outbox: putting alerts into messages, claiming those, recording what became.

An alert is told at least once. A message is claimed for the length of a lease, sent outside any
transaction, and recorded right after; if the worker dies in between, the lease runs out and the
message is sent again with the same Message-ID, by which mail clients fold the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Q, QuerySet

from compliance.domain.vocabulary import (
    AlertKind,
    AttemptOutcome,
    BreachEnd,
    MessageState,
    Reason,
    Status,
)
from compliance.models import Agreement, Alert, Message, Subscription
from compliance.models.bulk import under_way

# How long a claimed message stays out of other workers' reach. It must exceed the longest wait
# on the mail server, EMAIL_TIMEOUT, and is how long a `kill -9` can hold up the claimed ones.
LEASE = timedelta(seconds=30)
# A mail is ended only with this much of the lease left, or the lease is renewed first.
LEASE_FOR_ONE = timedelta(seconds=25)
CLAIM = 250
# Nor are more alerts claimed than are read well within a lease. Whether a message has more than
# `CLAIM_LARGE` is not looked into: it counts for so many.
CLAIM_ALERTS, CLAIM_LARGE = 20_000, 2_000
FORM = 5_000
_MINUTE = timedelta(minutes=1)
# Whoever counts what a channel was given holds it until the commit, so that two do not count the
# same room.
_PACE_LOCK = 0x5041434554


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A message in this worker's hands until `leased_until`."""

    message_id: int
    leased_until: datetime
    attempt_count: int


def form(*, as_of: datetime, domain: str) -> int:
    """Put alerts that may be told into new messages: one for a recipient and agreement, or one
    digest for a recipient.

    Takes the agreements of the oldest alerts, and of those agreements everything that may be told,
    so that a burst becomes one message however large it is. The Message-ID is stored with the
    message, before anything is sent. Returns how many messages were made.
    """
    oldest = Alert.objects.releasable(as_of).order_by("not_before", "id")[:FORM]
    told_of = list(oldest.values_list("agreement_id", flat=True))
    if not told_of:
        return 0
    is_storm = len(told_of) == FORM
    if is_storm:
        _look_at_sizes()
    with transaction.atomic():
        # Two workers at once would split what belongs together. And what changes an agreement
        # locks it before its alerts; taking them in the other order here could deadlock.
        agreements = (
            Agreement.objects.filter(id__in=set(told_of))
            .order_by("id")
            .select_for_update(skip_locked=True, no_key=True)
        )
        agreement_ids = list(agreements.values_list("id", flat=True))
        if not agreement_ids:
            return 0
        # In the statement that takes them, once more: a sweep may have begun in the meantime.
        alerts, parameters = (
            Alert.objects.releasable(as_of)
            .filter(agreement__in=agreement_ids)
            .order_by()
            .select_for_update(skip_locked=True, of=("self",))
            .values("id", "recipient", "agreement_id", "is_digest")
            .query.sql_with_params()
        )
        with connection.cursor() as cursor:
            if is_storm:
                # For one pass over the table: a join that spills to disk makes one for each part.
                cursor.execute("SET LOCAL work_mem = '64MB'")
            cursor.execute(
                f"""
                WITH waiting AS ({alerts}), taken AS (
                    SELECT id, recipient, CASE WHEN NOT is_digest THEN agreement_id END AS about
                    FROM waiting
                ), made AS (
                    INSERT INTO compliance_message
                        (recipient, agreement_id, webhook_id, message_id, state, created_at,
                         next_attempt_at, attempt_count)
                    SELECT recipient, about,
                           CASE WHEN recipient LIKE 'webhook:%%'
                                THEN split_part(recipient, ':', 2)::bigint END,
                           '<' || replace(gen_random_uuid()::text, '-', '') || '@' || %s || '>',
                           %s, %s, %s, 0
                    FROM taken GROUP BY recipient, about ORDER BY min(id)
                    RETURNING id, recipient, agreement_id
                ), put AS (
                    -- In the order in which they are stored. One recipient after the other, each
                    -- page would be read and written as many times as there are recipients.
                    UPDATE compliance_alert AS a SET message_id = placed.message_id
                    FROM (
                        SELECT taken.id, made.id AS message_id
                        -- Not by IS NOT DISTINCT FROM, which would compare each with each.
                        FROM taken JOIN made ON made.recipient = taken.recipient
                          AND coalesce(made.agreement_id, -1) = coalesce(taken.about, -1)
                        ORDER BY taken.id
                    ) AS placed
                    WHERE a.id = placed.id
                )
                SELECT count(*) FROM made
                """,
                [*parameters, domain, MessageState.WAITING, as_of, as_of],
            )
            [[made]] = cursor.fetchall()
    if is_storm:
        _look_at_sizes()
    return int(made)


def _look_at_sizes() -> None:
    """Let the planner see how much there is. By itself it would a minute later, and until then
    go through a hundred thousand new rows one by one, as if they were a few."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE compliance_alert, compliance_breach")


def claim(
    *, as_of: datetime, now: datetime, is_mail: bool = True, per_minute: int = 0
) -> tuple[list[Claim], int]:
    """Take a few messages whose time had come at `as_of`, oldest first, on lease from `now`.

    Mails, or else calls of webhooks: a slow receiver of those must not hold up any mail. With
    `per_minute`, no channel (all mail, or each webhook) is given more messages in a minute.

    Alerts that are true no more are left out, and a message of which none remains is withdrawn.
    Returns the claims, and how many were withdrawn. Messages in other hands are left to them.
    """
    with transaction.atomic():
        given = _given(is_mail=is_mail, since=now - _MINUTE) if per_minute else {}
        full = [channel for channel, count in given.items() if count >= per_minute]
        if None in full:
            return [], 0
        messages: Sequence[tuple[int, int, int | None]] = list(
            Message.objects.deliverable(as_of)
            .filter(webhook__isnull=is_mail)
            .exclude(webhook__in=full)
            .order_by("next_attempt_at")
            .select_for_update(skip_locked=True)[:CLAIM]
            .values_list("id", "attempt_count", "webhook")
        )
        if per_minute:
            messages = _within_pace(messages, given, per_minute)
        if not messages:
            return [], 0
        messages = messages[: _how_many_fit([message_id for message_id, *_ in messages])]
        ids = [message_id for message_id, *_ in messages]
        _leave_out_untrue(ids, now)
        remaining = set(
            Alert.objects.filter(message__in=ids, withdrawn_at__isnull=True)
            .order_by()
            .values_list("message_id", flat=True)
            .distinct()
        )
        withdrawn = [message_id for message_id in ids if message_id not in remaining]
        if withdrawn:
            Message.objects.filter(id__in=withdrawn).update(state=MessageState.WITHDRAWN)
        leased_until = now + LEASE
        Message.objects.filter(id__in=remaining).update(
            next_attempt_at=leased_until, attempt_count=F("attempt_count") + 1, claimed_at=now
        )
    claims = [
        Claim(message_id=message_id, leased_until=leased_until, attempt_count=count + 1)
        for message_id, count, _ in messages
        if message_id in remaining
    ]
    return claims, len(withdrawn)


def _given(*, is_mail: bool, since: datetime) -> dict[int | None, int]:
    """How many messages each channel was given since then: all mail is None, a webhook its id."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PACE_LOCK])
    claimed = Message.objects.filter(claimed_at__gt=since, webhook__isnull=is_mail)
    return dict(claimed.order_by().values_list("webhook").annotate(Count("id")))


def _within_pace(
    messages: Sequence[tuple[int, int, int | None]],
    given: Mapping[int | None, int],
    per_minute: int,
) -> list[tuple[int, int, int | None]]:
    """Those of the messages for which their channel still has room."""
    counts = Counter(given)
    kept = []
    for message in messages:
        channel = message[2]
        counts[channel] += 1
        if counts[channel] <= per_minute:
            kept.append(message)
    return kept


def _how_many_fit(message_ids: Sequence[int]) -> int:
    """How many of these messages, from the first on, are read and rendered within a lease."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT count(*) FROM (
                SELECT FROM compliance_alert WHERE message_id = m.id LIMIT %s) AS counted)
            FROM unnest(%s::bigint[]) WITH ORDINALITY AS m(id, place) ORDER BY place
            """,
            [CLAIM_LARGE, list(message_ids)],
        )
        total = 0
        for place, (count,) in enumerate(cursor.fetchall()):
            total += count
            if total > CLAIM_ALERTS:
                return max(1, place)
    return len(message_ids)


def _leave_out_untrue(message_ids: Sequence[int], now: datetime) -> None:
    """Withdraw the alerts of these messages that are true no more.

    A withdrawn alert leaves its message if that was never tried: nobody can have read it, and
    nobody needs to hear that it was wrong.
    """
    parameters: dict[str, Any] = {
        "messages": list(message_ids),
        "now": now,
        "voided": BreachEnd.VOIDED,
        "missed": AlertKind.MISSED,
        "recovered": AlertKind.RECOVERED,
        "escalated": AlertKind.ESCALATED,
        "unsilenced": AlertKind.UNSILENCED,
        "while_open": [AlertKind.ESCALATED, AlertKind.UNSILENCED],
        "reminder": AlertKind.REMINDER,
        "reminded": [Status.PENDING, Status.HOLDING],
        "changed": AlertKind.CHANGED,
        "undone": [Reason.WAIVED, Reason.SUSPENDED, Reason.CANCELLED],
    }
    with connection.cursor() as cursor:
        for statement in (_UNTRUE_OF_BREACHES, _UNTRUE_ENDS, _STALE):
            cursor.execute(statement, parameters)


# An escalation waits while somebody is at it: who was to hear of it does when that has ended. And
# what a message since the end of a silence told needs no announcement.
_UNTRUE_OF_BREACHES = """
    UPDATE compliance_alert AS a
    SET withdrawn_at = %(now)s,
        message_id = CASE WHEN m.attempt_count = 0 THEN NULL ELSE m.id END
    FROM compliance_message AS m, compliance_breach AS b
    WHERE a.message_id = ANY(%(messages)s) AND m.id = a.message_id AND a.withdrawn_at IS NULL
      AND b.deadline_id = a.deadline_id AND b.occurred_at = a.breach_at
      AND (a.kind = %(missed)s AND b.end_reason = %(voided)s
           OR a.kind = %(recovered)s AND b.ended_at IS NULL
           OR a.kind = %(escalated)s AND b.acknowledged_until > %(now)s
           OR a.kind = %(unsilenced)s AND EXISTS (
               SELECT FROM compliance_alert AS other
               JOIN compliance_message AS told ON told.id = other.message_id
               WHERE other.deadline_id = a.deadline_id AND other.breach_at = a.breach_at
                 AND other.recipient = a.recipient AND other.message_id <> m.id
                 AND other.withdrawn_at IS NULL AND told.created_at >= a.occasion)
           OR a.kind = ANY(%(while_open)s) AND (b.ended_at IS NOT NULL OR EXISTS (
               SELECT FROM compliance_alert AS later
               WHERE later.deadline_id = a.deadline_id AND later.kind = a.kind
                 AND later.recipient = a.recipient AND later.occasion > a.occasion)))
"""

# The end of what nobody was told of.
_UNTRUE_ENDS = """
    UPDATE compliance_alert AS a SET withdrawn_at = %(now)s
    WHERE a.message_id = ANY(%(messages)s) AND a.withdrawn_at IS NULL AND a.kind = %(recovered)s
      AND NOT EXISTS (
        SELECT FROM compliance_alert AS told
        WHERE told.deadline_id = a.deadline_id AND told.breach_at = a.breach_at
          AND told.recipient = a.recipient AND told.kind <> %(recovered)s
          AND (told.withdrawn_at IS NULL OR told.message_id IS NOT NULL))
"""

# Reminders of what is done, or due at another time, or past; a waiver and the like that was
# retracted since; and what a later one tells too.
_STALE = """
    UPDATE compliance_alert AS a
    SET withdrawn_at = %(now)s,
        message_id = CASE WHEN m.attempt_count = 0 THEN NULL ELSE m.id END
    FROM compliance_message AS m, compliance_deadline AS d
    WHERE a.message_id = ANY(%(messages)s) AND m.id = a.message_id AND a.withdrawn_at IS NULL
      AND d.id = a.deadline_id AND a.kind IN (%(reminder)s, %(changed)s)
      AND (a.kind = %(reminder)s AND (
               d.status <> ALL(%(reminded)s) OR d.due_at <> a.due_at OR d.due_at <= %(now)s)
           OR a.kind = %(changed)s AND a.reason = ANY(%(undone)s) AND d.status <> a.reason
           OR EXISTS (
               SELECT FROM compliance_alert AS later
               WHERE later.deadline_id = a.deadline_id AND later.kind = a.kind
                 AND later.recipient = a.recipient AND later.occasion > a.occasion))
"""


def renew(held: Claim, *, now: datetime) -> Claim | None:
    """The claim on a new lease; None when the message has come into other hands."""
    leased_until = now + LEASE
    is_ours = Message.objects.filter(
        id=held.message_id,
        state=MessageState.WAITING,
        attempt_count=held.attempt_count,
        next_attempt_at=held.leased_until,
    ).update(next_attempt_at=leased_until)
    if not is_ours:
        return None
    return Claim(
        message_id=held.message_id, leased_until=leased_until, attempt_count=held.attempt_count
    )


def release(claims: Sequence[Claim], *, now: datetime) -> None:
    """Give back messages that were claimed and not tried."""
    for held in claims:
        Message.objects.filter(
            id=held.message_id,
            state=MessageState.WAITING,
            attempt_count=held.attempt_count,
            next_attempt_at=held.leased_until,
        ).update(next_attempt_at=now, attempt_count=F("attempt_count") - 1, claimed_at=None)


@contextmanager
def recording(
    held: Claim,
    *,
    outcome: AttemptOutcome,
    answer: str,
    started_at: datetime,
    ended_at: datetime,
    again_at: datetime | None,
    counts: bool = True,
) -> Iterator[None]:
    """Store how one attempt ended, and the state of its message with it.

    It is stored after the block; within it the database must not be asked for anything. Deferred
    without `again_at`, the message is given up. Without `counts` the attempt is not held against
    the message, which has been tried at least once all the same: somebody may have read it.
    """
    state = {
        AttemptOutcome.SENT: MessageState.SENT,
        AttemptOutcome.DEFERRED: MessageState.WAITING if again_at else MessageState.GIVEN_UP,
        AttemptOutcome.REFUSED: MessageState.REFUSED,
    }[outcome]
    is_sent = outcome is AttemptOutcome.SENT
    # One statement, so one round trip and one commit for each mail: it is what delivery costs.
    with under_way(
        _RECORD,
        message=held.message_id,
        started_at=started_at,
        ended_at=ended_at,
        outcome=outcome.value,
        answer=answer,
        state=state.value,
        sent_at=ended_at if is_sent else None,
        again_at=again_at or ended_at,
        uncounted=int(not counts),
        waiting=MessageState.WAITING.value,
    ):
        yield


_RECORD = """
    WITH it AS (
        SELECT * FROM json_to_record($1) AS r(
            message bigint, started_at timestamptz, ended_at timestamptz, outcome text,
            answer text, state text, sent_at timestamptz, again_at timestamptz, uncounted int,
            waiting text)
    ), attempt AS (
        INSERT INTO compliance_deliveryattempt (message_id, started_at, ended_at, outcome, answer)
        SELECT message, started_at, ended_at, outcome, answer FROM it
    )
    UPDATE compliance_message AS m
    SET state = it.state, sent_at = it.sent_at, next_attempt_at = it.again_at,
        attempt_count = greatest(m.attempt_count - it.uncounted, 1)
    FROM it
    WHERE m.id = it.message AND m.state = it.waiting
"""


def mark_refused(recipient: str, *, answer: str, as_of: datetime) -> bool:
    """Note at its subscriptions that what goes to a recipient was refused for good, or given up.

    Whether that was not known before. They stay active: the next alert tries again.
    """
    following = _subscriptions_of([recipient]).filter(refused_at__isnull=True)
    return bool(following.update(refused_at=as_of, refusal=answer))


def mark_reached(reached: Mapping[str, datetime]) -> None:
    """Note that these recipients took, at these instants, what went to them.

    What came back from one of them since still counts.
    """
    for subscription in _subscriptions_of(reached).filter(refused_at__isnull=False):
        recipient = subscription.email or f"webhook:{subscription.webhook_id}"
        # In its own words: a bounce may be taken in beside this.
        refused = Subscription.objects.filter(
            pk=subscription.pk, refused_at__lte=reached[recipient]
        )
        refused.update(refused_at=None, refusal="")


def _subscriptions_of(recipients: Iterable[str]) -> QuerySet[Subscription]:
    emails, webhooks = [], []
    for recipient in recipients:
        before, _, number = recipient.partition("webhook:")
        if before:
            emails.append(recipient)
        else:
            webhooks.append(int(number))
    return Subscription.objects.filter(Q(email__in=emails) | Q(webhook__in=webhooks))
