"""Write the audit log: sign-ins and refusals, and the order in which entries are published."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from compliance.domain.vocabulary import AuditAction
from compliance.models import AuditExport, User
from compliance.models.bulk import fetch
from compliance.models.locks import for_update, lock_audit_log
from compliance.models.system.audit_entries import REFUSALS

# Anybody can cause refusals, so only this many are stored per hour: from one address, in total.
MOST_FROM_ADDRESS = 60
MOST_IN_ALL = 1_000
PERIOD = timedelta(hours=1)

# One publication locks the log for everybody else who publishes.
MOST_PUBLISHED = 5_000


def record(
    *,
    action: AuditAction,
    actor: User | None,
    account: User | None,
    address: str,
    request_id: str,
    details: Mapping[str, Any],
    as_of: datetime,
) -> None:
    """Store a sign-in, a sign-out or a refusal.

    When the limit of refusals from an address or in all is reached, the last one that is stored
    says `more_are_not_stored`; further ones are left out until the hour is over.

    Args:
        actor: who was signed in.
        account: the account that was meant, if there is one.
        details: more about the request, without secrets.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD,
            {
                "at": as_of,
                "kind": "user" if account is not None else "request",
                "action": action.value,
                "object": None if account is None else account.pk,
                "actor": None if actor is None else actor.pk,
                "address": address,
                "request": request_id,
                "details": json.dumps(details) if details else None,
                "is_limited": action in REFUSALS,
                "since": as_of - PERIOD,
                "most_from_address": MOST_FROM_ADDRESS,
                "most_in_all": MOST_IN_ALL,
            },
        )


_RECENT = f"""
    SELECT FROM compliance_auditentry
    WHERE action IN ({", ".join(f"'{each.value}'" for each in REFUSALS)}) AND at > %(since)s"""
# One statement, because anybody can cause many. It never counts further than to the limit.
_RECORD = f"""
    INSERT INTO compliance_auditentry
        (at, kind, action, object_id, actor_id, address, request_id, details)
    SELECT %(at)s, %(kind)s, %(action)s, %(object)s::bigint, %(actor)s::bigint, %(address)s,
        %(request)s, CASE WHEN room = 1
            THEN coalesce(%(details)s::jsonb, '{{}}') || '{{"more_are_not_stored": true}}'
            ELSE %(details)s::jsonb END
    FROM (SELECT CASE WHEN %(is_limited)s THEN least(
        %(most_from_address)s - (SELECT count(*) FROM (
            {_RECENT} AND address = %(address)s LIMIT %(most_from_address)s) AS found),
        %(most_in_all)s - (SELECT count(*) FROM (
            {_RECENT} LIMIT %(most_in_all)s) AS found)) ELSE 2 END AS room) AS counted
    WHERE room > 0
"""


@transaction.atomic
def publish() -> int:
    """Give the oldest entries without a position the next positions, and return their number.

    Ids are drawn before the commit, so a lower one may become visible after a higher one. Positions
    are assigned to committed entries under a lock that is held until the commit. They therefore
    become visible in ascending order, and readers who resume after the last one miss nothing.
    """
    if not fetch(_ANY_WAITING):
        return 0
    lock_audit_log()
    with connection.cursor() as cursor:
        cursor.execute(_PUBLISH, {"limit": MOST_PUBLISHED})
        return int(cursor.rowcount)


@transaction.atomic
def export(*, write: Callable[[int], int | None]) -> bool:
    """Pass on the entries that were published since the last call; return whether there were any.

    The place is stored after they were passed on. If the process is killed in between, they are
    passed on again: none is left out.

    Args:
        write: passes on the entries after a position, and returns the last position, or None if
            there are none.
    """
    AuditExport.objects.get_or_create(pk=1)
    # Only one worker at a time passes on entries.
    state = for_update(AuditExport.objects.all()).get(pk=1)
    last = write(state.position)
    if last is None:
        return False
    state.position = last
    state.save(update_fields=["position"])
    return True


_ANY_WAITING = "SELECT id FROM compliance_auditentry WHERE position IS NULL LIMIT 1"
_PUBLISH = """
    WITH waiting AS MATERIALIZED (
        SELECT id FROM compliance_auditentry WHERE position IS NULL ORDER BY id LIMIT %(limit)s
    ), numbered AS (
        SELECT id, row_number() OVER (ORDER BY id)
            + (SELECT coalesce(max(position), 0) FROM compliance_auditentry) AS position
        FROM waiting
    )
    UPDATE compliance_auditentry AS e SET position = n.position
    FROM numbered AS n WHERE n.id = e.id
"""
