"""Row locks: every writer that waits for rows of other writers takes its locks here.

Two transactions that lock the same rows in different orders can deadlock. Therefore there is one
order: parties, agreements, other rows of an agreement, and deadlines last; within a table by id.
Workers that skip locked rows instead of waiting (the sweep and the outbox) claim their rows with
SKIP LOCKED.

Rows are locked FOR NO KEY UPDATE: this excludes other writers, but not the foreign key checks of
rows that refer to them. Those checks run at the commit, when the ledger is already locked. Only
what is about to be removed is locked against references too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from hashlib import sha256
from typing import Any, TypeVar

import psycopg
from django.db import connection
from django.db.models import Model, QuerySet

from compliance.models.agreements.agreements import Agreement
from compliance.models.bulk import fetch
from compliance.models.deadlines.deadlines import Deadline

ModelT = TypeVar("ModelT", bound=Model)

# How long a writer waits for rows, and for any later lock in its transaction. A request must end
# before the web server aborts it; a background job can wait longer.
LOCK_TIMEOUT = timedelta(seconds=10)
JOB_LOCK_TIMEOUT = timedelta(seconds=60)

_CONTENTION = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)


def is_contention(error: BaseException) -> bool:
    """Return whether a database error only means that another writer held the rows.

    The failed transaction can then be retried as it is.
    """
    return isinstance(error.__cause__, _CONTENTION)


def for_update(rows: QuerySet[ModelT], *, timeout: timedelta | None = None) -> QuerySet[ModelT]:
    """Return the queryset with row locks, which are taken in the order of ids when it is evaluated.

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
    """Lock agreements, given by ids or by a subquery, and return them.

    Raises:
        RuntimeError: there is no transaction to hold the locks.
    """
    return list(for_update(Agreement.objects.filter(pk__in=agreement_ids), timeout=timeout))


def lock_for_removal(agreement_id: int) -> Agreement:
    """Lock an agreement and its deadlines against everything, new references included.

    Raises:
        RuntimeError: there is no transaction to hold the locks.
        Agreement.DoesNotExist: there is none.
    """
    _limit_waiting(None)
    agreement = Agreement.objects.select_for_update().get(pk=agreement_id)
    deadlines = Deadline.objects.filter(agreement=agreement).order_by("pk")
    list(deadlines.select_for_update().values_list("pk"))
    return agreement


def lock_deadlines(deadline_ids: Iterable[int]) -> dict[int, Deadline]:
    """Lock deadlines, after their agreements.

    Returns them by id, with their obligations and agreements.

    Raises:
        RuntimeError: there is no transaction to hold the locks.
    """
    deadlines = Deadline.objects.filter(pk__in=set(deadline_ids))
    lock_agreements(deadlines.order_by().values("agreement"))
    related = deadlines.select_related("obligation", "agreement")
    return {deadline.pk: deadline for deadline in for_update(related)}


def lock_deadline(deadline_id: int) -> Deadline:
    """Lock a deadline, after its agreement, and return it with obligation and agreement.

    Raises:
        RuntimeError: there is no transaction to hold the locks.
        Deadline.DoesNotExist: there is none.
    """
    try:
        return lock_deadlines([deadline_id])[deadline_id]
    except KeyError:
        raise Deadline.DoesNotExist from None


def lock_deadline_columns(columns: str, deadline_ids: Iterable[int]) -> list[tuple[Any, ...]]:
    """Lock deadlines and return some of their columns.

    The caller holds their agreements, or nothing depends on the deadlines.

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


# The first numbers of advisory locks on imports of an agreement, on the creation of parties, and on
# replacements.
_IMPORT_LOCK, _PARTY_LOCK, _REPLACEMENT_LOCK = 0x50414347, 0x50414348, 0x50414349


def lock_import(ref: str) -> None:
    """Let imports of the agreement with this ref wait for each other, even if it is new."""
    _limit_waiting(None)
    number = int.from_bytes(sha256(ref.encode()).digest()[:4], signed=True)
    _lock_number(_IMPORT_LOCK, number)


def lock_new_parties() -> None:
    """Let imports that create parties wait for each other. Parties may be in several of them."""
    _limit_waiting(None)
    _lock_number(_PARTY_LOCK, 0)


def lock_replacements() -> None:
    """Let writers of replacements wait for each other: together, two could form a circle."""
    _limit_waiting(None)
    _lock_number(_REPLACEMENT_LOCK, 0)


def _lock_number(kind: int, number: int) -> None:
    fetch("SELECT pg_advisory_xact_lock(%(kind)s, %(number)s)::text", kind=kind, number=number)


# The first number of an advisory lock on a file; the second one is derived from its hash.
_FILE_LOCK = 0x50414346


def keep_file(sha256: str) -> None:
    """Prevent the file with this hash from being removed until the transaction ends.

    Any number of writers may do so at the same time.
    """
    _limit_waiting(None)
    fetch("SELECT pg_advisory_xact_lock_shared(%(kind)s, %(file)s)::text", **_file_key(sha256))


def claim_file(sha256: str) -> bool:
    """Claim the file with this hash until the transaction ends. False if a writer keeps it."""
    _limit_waiting(None)
    [(is_ours,)] = fetch(
        "SELECT pg_try_advisory_xact_lock(%(kind)s, %(file)s)", **_file_key(sha256)
    )
    return bool(is_ours)


def _file_key(sha256: str) -> dict[str, int]:
    # If two files share the beginning of their hash, they only wait for each other.
    number = int.from_bytes(bytes.fromhex(sha256[:8]), signed=True)
    return {"kind": _FILE_LOCK, "file": number}


def _limit_waiting(timeout: timedelta | None) -> None:
    if not connection.in_atomic_block:
        sentence = "Rows are locked inside a transaction: without one, nothing holds the lock."
        raise RuntimeError(sentence)
    milliseconds = (LOCK_TIMEOUT if timeout is None else timeout) // timedelta(milliseconds=1)
    wrapper: Any = connection
    wrapper.limit_lock_waiting(milliseconds)


# The advisory lock of those who publish audit entries.
_AUDIT_LOCK = 0x50414347


def lock_audit_log() -> None:
    """Wait until nobody else publishes audit entries, and keep others out until the commit."""
    _limit_waiting(None)
    fetch("SELECT pg_advisory_xact_lock(%(kind)s, 0)::text", kind=_AUDIT_LOCK)
