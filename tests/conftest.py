"""Real PostgreSQL and Valkey for the whole run, started once, by the process that leads it."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connection

from config.env import environment
from standalone.postgres import Postgres
from standalone.valkey import Valkey

_servers = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers that the environment does not name."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    config.stash[_servers] = stack = ExitStack()
    stack.callback(shutil.rmtree, environment.var_dir, ignore_errors=True)
    if environment.database_url is None:
        # Without fsync: the data ends with the run, and the tests commit thousands of times.
        postgres = Postgres(environment.var_dir, is_durable=False)
        stack.enter_context(postgres.running(is_owner=True))
    if environment.redis_url is None:
        stack.enter_context(Valkey(environment.var_dir).running(is_owner=True))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop them, however the run went."""
    if _servers in config.stash:
        config.stash[_servers].close()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Make the test database one that can be emptied after tests that commit.

    Knox makes its own token table although ours replaces it; Django does not know of it any more
    and so cannot empty the users that it refers to.
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS knox_authtoken")
