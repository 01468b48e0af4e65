"""Row locks: every writer that waits for rows of others takes its locks here.

Two transactions that lock the same rows in different orders wait for each other until the database
ends one of them. So there is one order: parties, agreements, what belongs to an agreement, and
deadlines last; within a table by id. Workers that skip rows in other hands instead of waiting
(the sweep and the outbox) claim them with SKIP LOCKED by themselves.

Rows are locked FOR NO KEY UPDATE: against each other, but not against the foreign keys of rows
that refer to them. Those are checked at the commit, when the ledger is locked already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any, TypeVar

import psycopg
from django.db import connection
from django.db.models import Model, QuerySet

from compliance.models.agreements.agreements import Agreement
from compliance.models.bulk import fetch
from compliance.models.deadlines.deadlines import Deadline

ModelT = TypeVar("ModelT", bound=Model)

# How long a writer waits for rows, and for anything else from then on in its transaction. A
# request ends before the web server gives it up; a background job is in no hurry.
LOCK_TIMEOUT = timedelta(seconds=10)
JOB_LOCK_TIMEOUT = timedelta(seconds=60)

_CONTENTION = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)


def is_contention(error: BaseException) -> bool:
    """Return whether a database error only says that another writer was in the way.

    What failed may be tried again as it is.
    """
    return isinstance(error.__cause__, _CONTENTION)


def for_update(rows: QuerySet[ModelT], *, timeout: timedelta | None = None) -> QuerySet[ModelT]:
    """Return the rows as ones that are locked, in the order of their ids, as soon as they are read.

    Args:
        timeout: how long to wait for them; `LOCK_TIMEOUT` if not given.

    Raises:
        RuntimeError: there is no transaction to hold the locks.
    """
    _limit_waiting(timeout)
    return rows.order_by("pk").select_for_update(no_key=True, of=("self",))


def lock_agreement(agreement_id: int) -> Agreement:
    """Lock an agreement and return it.

    Raises:
        RuntimeError: there is no transaction to hold the lock.
    """
    return for_update(Agreement.objects.all()).get(pk=agreement_id)


def lock_agreements(
    agreement_ids: Collection[int] | QuerySet[Any], *, timeout: timedelta | None = None
) -> list[Agreement]:
    """Lock agreements, given as their ids or a subquery of them, and return them.

    Raises:
        RuntimeError: there is no transaction to hold the locks.
    """
    return list(for_update(Agreement.objects.filter(pk__in=agreement_ids), timeout=timeout))


def lock_deadlines(deadline_ids: Iterable[int]) -> dict[int, Deadline]:
    """Lock deadlines, and before them their agreements.

    Returns them by id, with their obligations and agreements.

    Raises:
        RuntimeError: there is no transaction to hold the locks.
    """
    deadlines = Deadline.objects.filter(pk__in=set(deadline_ids))
    lock_agreements(deadlines.order_by().values("agreement"))
    related = deadlines.select_related("obligation", "agreement")
    return {deadline.pk: deadline for deadline in for_update(related)}


def lock_deadline(deadline_id: int) -> Deadline:
    """Lock a deadline, and before it its agreement; return it with its obligation and agreement.

    Raises:
        RuntimeError: there is no transaction to hold the locks.
        Deadline.DoesNotExist: there is none.
    """
    try:
        return lock_deadlines([deadline_id])[deadline_id]
    except KeyError:
        raise Deadline.DoesNotExist from None


def lock_deadline_columns(columns: str, deadline_ids: Iterable[int]) -> list[tuple[Any, ...]]:
    """Lock deadlines whose agreements the caller holds or which nothing depends on; return columns.

    Raises:
        RuntimeError: there is no transaction to hold the locks.
    """
    _limit_waiting(None)
    return fetch(
        f"""
        SELECT {columns} FROM compliance_deadline WHERE id = ANY(%(ids)s) ORDER BY id
        FOR NO KEY UPDATE
        """,
        ids=sorted(set(deadline_ids)),
    )


# The first of the two numbers of an advisory lock on a file; the second is of its hash.
_FILE_LOCK = 0x50414346


def keep_file(sha256: str) -> None:
    """Keep the file with this hash from being removed until the transaction ends.

    Any number of writers may keep it at once.
    """
    _limit_waiting(None)
    fetch("SELECT pg_advisory_xact_lock_shared(%(kind)s, %(file)s)::text", **_file_key(sha256))


def claim_file(sha256: str) -> bool:
    """Claim the file with this hash until the transaction ends; False if a writer keeps it."""
    _limit_waiting(None)
    [(is_ours,)] = fetch(
        "SELECT pg_try_advisory_xact_lock(%(kind)s, %(file)s)", **_file_key(sha256)
    )
    return bool(is_ours)


def _file_key(sha256: str) -> dict[str, int]:
    # Two files that share the beginning of their hash only wait for each other.
    number = int.from_bytes(bytes.fromhex(sha256[:8]), signed=True)
    return {"kind": _FILE_LOCK, "file": number}


def _limit_waiting(timeout: timedelta | None) -> None:
    if not connection.in_atomic_block:
        sentence = "Rows are locked inside a transaction: without one, nothing holds the lock."
        raise RuntimeError(sentence)
    milliseconds = (LOCK_TIMEOUT if timeout is None else timeout) // timedelta(milliseconds=1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, TRUE)", [str(milliseconds)])
