"""Count attempts to sign in, and lock what exceeds its limit."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.db.models import F
from django.utils.crypto import salted_hmac

from compliance.domain.people.lockouts import Attempt, Limit, barring, limits
from compliance.models import AttemptCount

# One statement, so that concurrent attempts are counted one after the other. The attempt that
# reaches the limit starts the period; those during the lock do not lengthen it.
_COUNT = """
    INSERT INTO compliance_attemptcount AS stored (key, count, ends_at)
    VALUES (%(key)s, 1, %(end)s)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN stored.ends_at <= %(now)s THEN 1
                     ELSE LEAST(stored.count + 1, %(most)s + 1) END,
        ends_at = CASE WHEN stored.ends_at <= %(now)s OR stored.count + 1 = %(most)s THEN %(end)s
                       ELSE stored.ends_at END
    RETURNING count, ends_at
"""


def count(attempt: Attempt, *, as_of: datetime) -> datetime | None:
    """Count an attempt before its proof is checked. Return when its lock ends, if it is locked.

    Concurrent attempts cannot exceed a limit together, because each is counted before it is
    checked. `forget` takes back those that succeed. An attempt that a lock bars is not counted:
    strangers could otherwise store as many counts as they can name accounts.
    """
    for each in (*barring(attempt), attempt):
        if (end := _end_of_lock(each, as_of=as_of)) is not None:
            return end
    for limit in limits(attempt):
        found, ends_at = _count(limit, as_of=as_of)
        if found > limit.most:
            return ends_at
    return None


@transaction.atomic
def forget(attempt: Attempt) -> None:
    """Forget a successful attempt, and the failed ones before it in the same place.

    Failures that others may have caused stay counted, so that nobody gets more guesses by signing
    in to an account of their own in between.
    """
    for limit in limits(attempt):
        stored = AttemptCount.objects.filter(key=_digest(limit))
        if limit.is_shared:
            stored.filter(count__gt=0).update(count=F("count") - 1)
        else:
            stored.delete()


@transaction.atomic
def unlock(attempt: Attempt) -> None:
    """Forget all attempts for the account of an attempt, by everybody, and those in its place.

    For an owner who has chosen a new password: earlier attempts were guesses at the old one.
    """
    for limit in limits(attempt):
        if attempt.account in limit.key:
            AttemptCount.objects.filter(key=_digest(limit)).delete()


def prune(*, as_of: datetime) -> None:
    """Delete the counts whose period has ended."""
    AttemptCount.objects.filter(ends_at__lte=as_of).delete()


def _end_of_lock(attempt: Attempt, *, as_of: datetime) -> datetime | None:
    """Return until when the next such attempt would be refused, or None if it would be checked."""
    most = {_digest(limit): limit.most for limit in limits(attempt)}
    stored = AttemptCount.objects.filter(key__in=most, ends_at__gt=as_of)
    locks = [each.ends_at for each in stored if each.count >= most[bytes(each.key)]]
    return max(locks, default=None)


def _count(limit: Limit, *, as_of: datetime) -> tuple[int, datetime]:
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "key": _digest(limit),
                "now": as_of,
                "end": as_of + limit.period,
                "most": limit.most,
            },
        )
        row = cursor.fetchone()
    assert row is not None
    return int(row[0]), row[1]


def _digest(limit: Limit) -> bytes:
    # Lengths keep apart keys whose parts only add up to the same text.
    text = "".join(f"{len(part)}:{part}" for part in limit.key)
    return salted_hmac("pacta.attempts", text, algorithm="sha256").digest()
