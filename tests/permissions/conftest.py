"""The world of the permission matrix, which is built once for all of its tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from tests.permissions import world as worlds
from tests.permissions.world import World
from tests.reserved_agreement import disable_row_security


@pytest.fixture(scope="package")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """All objects and callers. What a request changes is taken back by `Caller.send`."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield worlds.build()
        transaction.set_rollback(True)


@pytest.fixture
def world_without_row_security(world: World) -> Iterator[World]:
    """The same world, in which only the predicates of the application hide rows."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            # PostgreSQL alters no table while its deferred checks are pending.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        disable_row_security()
        yield world
        transaction.set_rollback(True)
