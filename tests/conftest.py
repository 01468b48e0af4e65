"""Real servers for the tests that need them, and how long property tests search."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from config.env import environment
from tests import databases, profiles

profiles.register()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed of all property tests, unless the command line gives one."""
    # Before Hypothesis reads it; the workers of xdist inherit it.
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = secrets.randbits(32)


def pytest_report_header(config: pytest.Config) -> str:
    """Print how to repeat this run's property tests."""
    return f"property tests: --hypothesis-seed={config.option.hypothesis_seed}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what the run has written, however it went."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(environment.var_dir, ignore_errors=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what Hypothesis generates examples for."""
    if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        item.add_marker(pytest.mark.property)


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
