"""How many messages each channel may be given per minute: all email together, and each webhook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Q

from compliance.models import Message, ProposalNotification

_MINUTE = timedelta(minutes=1)
_MOST_AHEAD = timedelta(seconds=30)
# Outlasts every attempt. After a kill, the email is sent again when the lease has ended.
PROPOSAL_LEASE = timedelta(minutes=10)
# Serializes the workers that count the messages of a channel, so that together they stay within its
# limit.
_PACE_LOCK = 0x5041434554


def given(*, is_mail: bool, now: datetime) -> dict[int | None, int]:
    """Return how many messages each channel was given in the last minute, by webhook id.

    Email has the id None, and includes the emails about proposals. Other workers that ask wait for
    the end of the transaction.
    """
    since = now - _MINUTE
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PACE_LOCK])
    claimed = Message.objects.filter(claimed_at__gt=since, webhook__isnull=is_mail)
    found = dict(claimed.order_by().values_list("webhook").annotate(Count("id")))
    if is_mail:
        # One that was claimed and not sent yet waits for the end of its lease, which began in this
        # minute. One that was deferred may wait much longer, and must not count meanwhile. The
        # clocks of other workers may be ahead of this one.
        leased = Q(
            next_attempt_at__gt=since + PROPOSAL_LEASE,
            next_attempt_at__lte=now + PROPOSAL_LEASE + _MOST_AHEAD,
        )
        about_proposals = ProposalNotification.objects.filter(Q(sent_at__gt=since) | leased).count()
        found[None] = found.get(None, 0) + about_proposals
    return found


def within(
    messages: Iterable[Message], given: Mapping[int | None, int], per_minute: int
) -> list[Message]:
    """Return the messages that their channel may still send in this minute."""
    counts = Counter(given)
    kept = []
    for message in messages:
        counts[message.webhook_id] += 1
        if counts[message.webhook_id] <= per_minute:
            kept.append(message)
    return kept
