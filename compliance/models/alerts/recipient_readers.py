"""On whose behalf the rows that a message reports are read: the second barrier of delivery.

`entitlements` decides in SQL of the application what a recipient may receive. What is rendered for
the recipient is then read under row-level security, as the reader that is found here, so that an
error in one of the two shows nobody what is not theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from django.db import connection

from compliance.models.alerts.entitlements import views_deadlines
from compliance.models.alerts.subscriptions import Subscription
from compliance.models.people.readers import NOBODY, SYSTEM, Reader, reading_as

# What the policies of the database show to an account: everything, or what its teams see.
_Sight: TypeAlias = tuple[int, tuple[int, ...]]

# A reader who is in no team, for recipients who receive only what everyone sees.
EVERYONE = Reader(user_id=0)
_OF_EVERYONE: _Sight = (1, ())
_ADMINISTRATOR = 2


def by_readers(message_ids: Sequence[int]) -> list[tuple[Sequence[Reader], list[int]]]:
    """Return the ids of messages that the same readers read, with these readers.

    Recipients of whom the policies show the same agreements share a reader: those who see
    everything, and those who are in the same teams. An address without an account has one reader
    for each owner of its subscriptions: a message is for the first who sees all of its alerts, and
    is split if nobody does.
    """
    return _grouped(_MESSAGES, message_ids)


def readers_of(subscription: Subscription) -> Sequence[Reader]:
    """Return the readers as which the recipient of a subscription reads; at least one."""
    [(readers, _)] = _grouped(_SUBSCRIPTIONS, [subscription.pk])
    return readers


def readers_of_message(message_id: int) -> Sequence[Reader]:
    """Return the readers as which the recipient of a message reads; at least one."""
    return next((readers for readers, _ in by_readers([message_id])), (NOBODY,))


def existing_for_recipients(subscriptions: Sequence[Subscription]) -> set[int]:
    """Return the ids of those subscriptions that exist for their recipients."""
    found: set[int] = set()
    for readers, ids in _grouped(_SUBSCRIPTIONS, [each.pk for each in subscriptions]):
        for reader in readers:
            with reading_as(reader):
                seen = Subscription.objects.filter(pk__in=ids)
                found.update(seen.values_list("pk", flat=True))
    return found


@reading_as(SYSTEM)
def _grouped(source: str, keys: Sequence[int]) -> list[tuple[Sequence[Reader], list[int]]]:
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS.format(source=source), {"keys": list(keys)})
        accounts: dict[int, list[int | None]] = dict(cursor.fetchall())
    sights = _sights({pk for ids in accounts.values() for pk in ids if pk is not None})
    groups: dict[tuple[_Sight, ...], list[int]] = defaultdict(list)
    readers: dict[_Sight, Reader] = {_OF_EVERYONE: EVERYONE}
    for pk, sight in sights.items():
        readers.setdefault(sight, Reader(user_id=pk))
    for key in (each for each in keys if each in accounts):
        ids = accounts[key]
        found = {sights.get(pk) if pk is not None else _OF_EVERYONE for pk in ids or [None]}
        # Whoever sees everything comes first, then whoever is in most teams.
        ordered = sorted(filter(None, found), key=lambda each: (-each[0], -len(each[1]), each[1]))
        groups[tuple(ordered)].append(key)
    return [
        ([readers[sight] for sight in group] or [NOBODY], members)
        for group, members in groups.items()
    ]


def _sights(users: Collection[int]) -> Mapping[int, _Sight]:
    """Return what the policies show to these accounts. Those who may see nothing are left out."""
    if not users:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_SIGHTS, {"users": list(users)})
        # Teams do not matter to those who see everything.
        return {
            pk: (sight, () if sight == _ADMINISTRATOR else tuple(teams))
            for pk, sight, teams in cursor.fetchall()
        }


_MESSAGES = "compliance_message"
_SUBSCRIPTIONS = "compliance_subscription"

# NULL stands for nobody in particular: a webhook or subscription without an owner.
_ACCOUNTS = """
    SELECT r.id, CASE
        WHEN r.webhook_id IS NOT NULL THEN ARRAY(
            SELECT w.owner_id FROM compliance_webhook AS w WHERE w.id = r.webhook_id)
        WHEN account.id IS NOT NULL THEN ARRAY[account.id]
        ELSE ARRAY(
            SELECT DISTINCT s.owner_id FROM compliance_subscription AS s
            WHERE s.recipient = r.recipient AND (s.agreement_id IS NULL
                OR r.agreement_id IS NULL OR s.agreement_id = r.agreement_id)) END
    FROM {source} AS r
    LEFT JOIN compliance_user AS account
      ON r.webhook_id IS NULL AND lower(account.email) = lower(r.email)
    WHERE r.id = ANY(%(keys)s)
"""

_SIGHTS = f"""
    SELECT u.id, compliance_sight(jsonb_build_object('user', u.id)::text),
        ARRAY(SELECT m.team_id FROM compliance_membership AS m
              WHERE m.user_id = u.id ORDER BY m.team_id)
    FROM compliance_user AS u
    WHERE u.id = ANY(%(users)s) AND u.is_active AND {views_deadlines("u")}
    ORDER BY u.id
"""
