"""Benchmarks: each measures a path of the service and compares it with a floor in the same run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def throwaway_database() -> Iterator[None]:
    """Set up Django with an empty, migrated database that is deleted at the end of the block.

    The server runs with fsync on, as in production.
    """
    with tempfile.TemporaryDirectory(prefix="pacta-bench-") as folder:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        # They send requests as fast as they can.
        os.environ["API_REQUESTS_PER_MINUTE"] = "10000000"
        os.environ.pop("DATABASE_URL", None)
        import django

        django.setup()
        from django.core.management import call_command

        from standalone.postgres import Postgres

        with Postgres(Path(folder)).running(is_owner=True):
            call_command("migrate", verbosity=0)
            yield


def execute(statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows, if it has any."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def expect(found: object, expected: object, what: str) -> None:
    """End the benchmark with an error if it did not do the work that it measures."""
    if found != expected:
        sentence = f"{what}: {found}, expected {expected}"
        raise SystemExit(sentence)
