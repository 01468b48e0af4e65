"""Real servers for the tests that need them: started by the first such test of each process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from config.env import environment
from tests import databases


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what the run has written, however it went."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(environment.var_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """Replace pytest-django's own: start the servers, and copy the database from a template."""
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            stack.enter_context(databases.serving(environment))
            stack.enter_context(databases.migrated_database())
        yield
        with django_db_blocker.unblock():
            stack.close()
