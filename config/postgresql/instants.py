"""Reads instants faster than psycopg, whose reader Django replaces by one in pure Python.

The ORM spends a sixth of the import of a large document on it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db.backends.postgresql import psycopg_any
from psycopg.adapt import AdaptersMap

# Django's types do not declare it.
_Loader: Any = psycopg_any.BaseTzLoader


class InstantLoader(_Loader):  # type: ignore[misc]  # Any: see above
    """Reads an instant in UTC, which is the time zone of every connection."""

    timezone = UTC

    def load(self, data: Any) -> datetime:
        """Return the instant.

        Raises:
            DataError: it lies outside of the years 1 to 9999.
            NotImplementedError: the DateStyle of the server is not ISO.
        """
        try:
            found = datetime.fromisoformat(bytes(data).decode())
        except ValueError:
            # It is no instant that Python has, or in a style other than ISO: psycopg says which.
            slower: datetime = super().load(data)
            return slower
        # Usually it has that zone already, as the same object.
        return found if found.tzinfo is UTC else found.replace(tzinfo=UTC)


@cache
def with_instants(adapters: AdaptersMap) -> AdaptersMap:
    """Return the adapters of Django's connections with this loader."""
    faster = AdaptersMap(adapters)
    faster.register_loader("timestamptz", InstantLoader)
    return faster
