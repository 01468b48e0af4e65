"""Whole lists, read in portions in one snapshot of the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connection, transaction
from psycopg import IsolationLevel

from compliance.queries.pages import LARGEST, Listing, Page
from compliance.queries.rows import Row

ListingT = TypeVar("ListingT", bound=Listing)


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Let all statements in the block read the same state of the database.

    Inside another transaction, they read what that one does.
    """
    if connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    raw: Any = connection.connection
    before = raw.isolation_level
    raw.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with transaction.atomic():
            yield
    finally:
        if not raw.closed:
            raw.isolation_level = before


def portions(read: Callable[[ListingT], Page], listing: ListingT) -> Iterator[list[Row]]:
    """Return all rows of a list, a page at a time, as they are in one snapshot."""
    wanted = listing.model_copy(update={"cursor": None, "page_size": LARGEST})
    with one_snapshot():
        while True:
            found = read(wanted)
            yield found.rows
            # A feed always has a `next`, which is where it ends today.
            if found.next is None or len(found.rows) < LARGEST:
                return
            wanted = wanted.model_copy(update={"cursor": found.next})
