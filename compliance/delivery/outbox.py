"""The rows of the outbox: forming messages from alerts, claiming them, and recording attempts.

Every alert is sent at least once. A worker claims a message for the length of a lease, sends it
outside any transaction, and records the attempt before it sends the next one. If the worker is
killed in between, the lease ends and another worker sends the message again. Both emails have the
same Message-ID, by which mail programs fold them into one, unless the message was `split` since.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, QuerySet

from compliance.delivery import pace
from compliance.delivery.answers import Answer
from compliance.delivery.time_limits import ATTEMPT_LIMIT
from compliance.domain.vocabulary import AttemptOutcome, MessageState
from compliance.models import Agreement, Alert, Message, Subscription, Webhook, locks
from compliance.models.alerts import recipient_readers, reported_alerts, withdrawals
from compliance.models.alerts.formed_messages import analyze, form_messages
from compliance.models.people.readers import reading_as

# How long a claimed message is out of reach for other workers, and so how long a `kill -9` can
# delay it. It exceeds the limit of one attempt, for which a claim must last.
LEASE = ATTEMPT_LIMIT + timedelta(seconds=5)
MAX_CLAIMED = 250
# No more alerts are claimed than can be read well within a lease.
MAX_CLAIMED_ALERTS = 20_000
FORMED_AT_ONCE = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A message that this worker may send until `leased_until`."""

    message_id: int
    recipient: str
    leased_until: datetime
    attempt_count: int


def form(*, as_of: datetime, domain: str) -> int:
    """Put alerts that may be sent into new messages, and return how many messages were formed.

    Each recipient gets one message per agreement, or one digest. Takes the agreements of the
    oldest alerts, and all alerts of these agreements that may be sent, so that a burst becomes one
    message however large it is. The Message-ID is stored before anything is sent.
    """
    oldest = Alert.objects.releasable(as_of).order_by("not_before", "id")[:FORMED_AT_ONCE]
    agreement_ids = list(oldest.values_list("agreement_id", flat=True))
    if not agreement_ids:
        return 0
    is_large = len(agreement_ids) == FORMED_AT_ONCE
    if is_large:
        analyze()
    with transaction.atomic():
        # Two workers must not split the alerts of one agreement. And operations lock an agreement
        # before its alerts, so the opposite order could deadlock.
        locked = (
            Agreement.objects.filter(id__in=set(agreement_ids))
            .order_by("id")
            .select_for_update(skip_locked=True, no_key=True)
        )
        locked_ids = list(locked.values_list("id", flat=True))
        formed = form_messages(locked_ids, as_of=as_of, domain=domain, is_large=is_large)
    if is_large:
        analyze()
    return formed


def claim(
    *, as_of: datetime, now: datetime, is_mail: bool = True, per_minute: int = 0
) -> tuple[list[Claim], int]:
    """Claim messages that are due at `as_of`, oldest first, on a lease that starts at `now`.

    Claims either emails or webhook calls, so that slow webhooks delay no email. Alerts that are no
    longer true, or not for their recipient any more, are withdrawn first, and with them messages
    that have no other alerts.

    Args:
        per_minute: the most messages per minute for each channel, which is all email or one
            webhook. 0 means any number.

    Returns:
        the claims, and the number of messages that were withdrawn.
    """
    with transaction.atomic():
        given = pace.given(is_mail=is_mail, now=now) if per_minute else {}
        full = [channel for channel, count in given.items() if count >= per_minute]
        if None in full:
            return [], 0
        messages = list(
            Message.objects.deliverable(as_of)
            .filter(webhook__isnull=is_mail)
            .exclude(webhook__in=full if is_mail else [*full, *_paused(now)])
            .order_by("next_attempt_at")
            .select_for_update(skip_locked=True)[:MAX_CLAIMED]
        )
        if per_minute:
            messages = pace.within(messages, given, per_minute)
        if not messages:
            return [], 0
        ids = reported_alerts.first_that_fit(
            [message.pk for message in messages], MAX_CLAIMED_ALERTS
        )
        remaining = withdrawals.withdraw_unfit(ids, now=now)
        without_alerts = Message.objects.filter(id__in=set(ids) - remaining)
        withdrawn = without_alerts.update(state=MessageState.WITHDRAWN)
        leased_until = now + LEASE
        Message.objects.filter(id__in=remaining).update(
            next_attempt_at=leased_until, attempt_count=F("attempt_count") + 1, claimed_at=now
        )
    claims = [
        Claim(
            message_id=message.pk,
            recipient=message.recipient,
            leased_until=leased_until,
            attempt_count=message.attempt_count + 1,
        )
        for message in messages
        if message.pk in remaining
    ]
    return claims, withdrawn


def _paused(now: datetime) -> list[int]:
    """Return the webhooks that asked not to be called yet."""
    return list(Webhook.objects.filter(paused_until__gt=now).values_list("id", flat=True))


def _held(claim: Claim) -> QuerySet[Message]:
    """Return the message of a claim, or no rows if another worker has claimed it since."""
    return Message.objects.filter(
        id=claim.message_id,
        state=MessageState.WAITING,
        attempt_count=claim.attempt_count,
        next_attempt_at=claim.leased_until,
    )


def renew(claim: Claim, *, now: datetime) -> Claim | None:
    """Return the claim with a new lease, or None if it must not be sent as it was rendered.

    Another worker has claimed it, or its recipient has lost the right to some of it.
    """
    if withdrawals.forbidden([claim.message_id]):
        return None
    leased_until = now + LEASE
    if not _held(claim).update(next_attempt_at=leased_until):
        return None
    return replace(claim, leased_until=leased_until)


def release(claims: Iterable[Claim], *, now: datetime) -> None:
    """Give back messages that were claimed but not tried."""
    for each in claims:
        tried = F("attempt_count") - 1
        _held(each).update(next_attempt_at=now, attempt_count=tried, claimed_at=None)


def split(claim: Claim) -> bool:
    """Let one reader see all of a claimed message. Return whether the message can be read again.

    An address without an account reads as the owners of its subscriptions, and a digest or summary
    may report to it what no single owner sees. The message keeps what the owner who sees most of it
    sees; the rest becomes a new message, which is due at once and split again if need be. Nothing
    changes if some of it is hidden from all of them.

    If an earlier attempt had an unknown outcome, it may have reached the recipient as a whole. The
    rest then goes out again under a new Message-ID, so that mail programs do not fold the two into
    one, and the recipient may read about those deadlines twice.
    """
    with transaction.atomic():
        message = locks.for_update(_held(claim)).first()
        if message is None:
            return False
        alerts = Alert.objects.filter(message=message, withdrawn_at__isnull=True).order_by()
        existing = set(alerts.values_list("id", flat=True))
        parts = []
        for reader in recipient_readers.readers_of_message(message.pk):
            with reading_as(reader):
                parts.append(existing.intersection(alerts.values_list("id", flat=True)))
        if existing.difference(*parts):
            return False
        if rest := existing - max(parts, key=len):
            alerts.filter(id__in=rest).update(message=_copy(message))
    return True


def _copy(message: Message) -> Message:
    """Store a new message to the same recipient, as if it had been formed with this one."""
    domain = message.message_id.rpartition("@")[2]
    return Message.objects.create(
        email=message.email,
        webhook=message.webhook,
        agreement=message.agreement,
        is_summary=message.is_summary,
        message_id=f"<{uuid.uuid4().hex}@{domain}",
        created_at=message.created_at,
        next_attempt_at=message.created_at,
        # Without the attempt that the claim has counted.
        attempt_count=message.attempt_count - 1,
    )


def record(
    claim: Claim,
    answer: Answer,
    *,
    started_at: datetime,
    ended_at: datetime,
    retry_at: datetime | None,
) -> None:
    """Store an attempt and the resulting state of its message.

    A deferred message without `retry_at` is given up. A fault of the server does not count as an
    attempt, except that the message has been tried at least once: somebody may have read it.
    """
    state = {
        AttemptOutcome.SENT: MessageState.SENT,
        AttemptOutcome.DEFERRED: MessageState.WAITING if retry_at else MessageState.FAILED,
        AttemptOutcome.REFUSED: MessageState.FAILED,
    }[answer.outcome]
    # One statement is one round trip and one commit. With the ORM, the whole run takes 1.8 times
    # as long.
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD,
            {
                "message": claim.message_id,
                "started_at": started_at,
                "ended_at": ended_at,
                "outcome": answer.outcome,
                "answer": answer.text,
                "state": state,
                "sent_at": ended_at if answer.outcome is AttemptOutcome.SENT else None,
                "next_attempt_at": retry_at or ended_at,
                "uncounted": int(answer.is_server_fault),
            },
        )


_RECORD = f"""
    WITH attempt AS (
        INSERT INTO compliance_deliveryattempt (message_id, started_at, ended_at, outcome, answer)
        VALUES (%(message)s, %(started_at)s, %(ended_at)s, %(outcome)s, %(answer)s)
    )
    UPDATE compliance_message
    SET state = %(state)s, sent_at = %(sent_at)s, next_attempt_at = %(next_attempt_at)s,
        attempt_count = greatest(attempt_count - %(uncounted)s, 1)
    -- The planner must not choose the index of waiting messages and read all of them.
    WHERE id = %(message)s AND state || '' = '{MessageState.WAITING}'
"""


def pause(webhook: Webhook, *, until: datetime) -> None:
    """Do not call a webhook before an instant, whatever message is due."""
    same = Webhook.objects.filter(pk=webhook.pk, url=webhook.url)
    same.exclude(paused_until__gte=until).update(paused_until=until)


def switch_off(webhook: Webhook) -> None:
    """Deactivate a webhook, unless its address has been changed since it was read."""
    Webhook.objects.filter(pk=webhook.pk, url=webhook.url).update(is_active=False)


def mark_refused(recipient: str, *, answer: str, as_of: datetime) -> bool:
    """Note at a recipient's subscriptions that it refuses messages. Return whether that is new.

    The subscriptions stay active: the next alert tries the recipient again.
    """
    following = Subscription.objects.of_recipients([recipient]).filter(refused_at__isnull=True)
    return bool(following.update(refused_at=as_of, refusal=answer))


def mark_reached(reached: Mapping[str, datetime]) -> None:
    """Clear the note at the subscriptions of recipients that accepted a message at these instants.

    A bounce that arrived since then still counts.
    """
    for subscription in Subscription.objects.of_recipients(reached).filter(
        refused_at__isnull=False
    ):
        # The condition is part of the update, because a bounce may be recorded at the same time.
        Subscription.objects.filter(
            pk=subscription.pk, refused_at__lte=reached[subscription.recipient]
        ).update(refused_at=None, refusal="")
