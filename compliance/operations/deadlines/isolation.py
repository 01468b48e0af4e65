"""Process many rows together, and find the ones that fail: one bad row must never stop the others.

Rows are processed together because that is fast. When that fails, they are tried again in halves,
each in a savepoint, down to the single rows that fail. Without an error this costs nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

import psycopg
from django.db import Error, connection, transaction

T = TypeVar("T")

# If so many rows fail one by one, and no group of rows has succeeded, the rows are not to blame.
_SYSTEMIC = 20

# Classes of SQLSTATE that say nothing about a row: connection, state of the transaction, other
# writers, schema, limits of the machine, locks, operator, operating system.
_NOT_ABOUT_ROWS = frozenset({"08", "25", "40", "42", "53", "55", "57", "58"})


def may_concern_one_row(error: Exception) -> bool:
    """Return whether an error can come from one of several rows, so that the others may succeed."""
    if not isinstance(error, Error):
        return not isinstance(error, MemoryError)
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return state[:2] not in _NOT_ABOUT_ROWS
    if isinstance(cause, psycopg.errors.PipelineAborted):
        return True
    # The client's own errors have no state: a value that it cannot read, or a lost connection.
    return not isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)


def process(
    ids: Sequence[int],
    work: Callable[[Sequence[int]], T],
    *,
    fail: Callable[[int, Exception], None],
) -> list[T]:
    """Call `work` with all ids for which it succeeds, several at a time; return its results.

    Each call runs in a savepoint of the caller's transaction, which must hold the locks of all
    rows. There are at most twice as many calls as ids; one bad id among n costs 2·log2(n).

    Args:
        fail: is called in the end for each id for which `work` fails.

    Raises:
        Exception: an error that does not concern single rows, or that all rows share.
    """
    results: list[T] = []
    failures: list[tuple[int, Exception]] = []
    # Large parts come first, so that many bad rows in succession do not look like a fault of all.
    waiting = deque([list(ids)] if ids else [])
    while waiting:
        part = waiting.popleft()
        try:
            with transaction.atomic():
                result = work(part)
                with connection.cursor() as cursor:
                    # Otherwise a deferred constraint would only fail at the commit, of all parts.
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except Exception as error:
            if not may_concern_one_row(error):
                raise
            if len(part) > 1:
                middle = len(part) // 2
                waiting += [part[:middle], part[middle:]]
                continue
            failures.append((part[0], error))
            if not results and len(failures) >= _SYSTEMIC:
                raise
        else:
            results.append(result)
    for pk, failure in failures:
        fail(pk, failure)
    return results


def summary(error: Exception) -> str:
    """Return the class and the first line of an error: further lines show the values of the row."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
