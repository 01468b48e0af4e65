"""Real servers for the tests that need them, and how long property tests search."""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import pytest
from django.template import Context, Template
from django.test.utils import _TestState
from django.utils.safestring import SafeString

from config.env import environment
from tests import databases, profiles, resets

profiles.register()

Render = Callable[[Template, Context], SafeString]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed of all property tests, unless the command line gives one."""
    # Before Hypothesis reads it; the workers of xdist inherit it.
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = secrets.randbits(32)


def pytest_xdist_auto_num_workers() -> int:
    """Return what `-n auto` means: three workers for two cores, for many tests wait for processes.

    Each worker takes five seconds of processor time to import and collect the tests.
    """
    return max(2, 3 * (os.cpu_count() or 1) // 2)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each worker of xdist start with some of the long tests, so that none is left to the end.

    Each worker gets an equal share of the list. A worker that is done takes tests from the ends of
    the other shares.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers == 1:
        return
    long = [item for item in items if any(map(item.get_closest_marker, ("flow", "exhaustive")))]
    chosen = set(long)
    short = [item for item in items if item not in chosen]
    total = len(items)
    groups = _sharing_a_stack(long)
    items.clear()
    for worker in range(workers):
        first = [item for group in groups[worker::workers] for item in group]
        # Like xdist, which makes the last shares larger by one if necessary.
        size = (total - len(items)) // (workers - worker)
        rest = max(0, size - len(first))
        items += first + short[:rest]
        short = short[rest:]


def _sharing_a_stack(items: list[pytest.Item]) -> list[list[pytest.Item]]:
    """Return tests in groups: those that share a running stack, and each other one alone."""
    sharing = [each for each in items if "shared_stack" in getattr(each, "fixturenames", ())]
    alone = [[each] for each in items if each not in sharing]
    return [sharing, *alone] if sharing else alone


def pytest_collection_finish() -> None:
    """Keep the garbage collector from going through all modules and tests again and again.

    It took a sixth of the processor time of the tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def pytest_report_header(config: pytest.Config) -> str:
    """Print how to repeat this run's property tests."""
    return f"property tests: --hypothesis-seed={config.option.hypothesis_seed}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the files of the run, whether it passed or failed."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(environment.var_dir, ignore_errors=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests for which Hypothesis generates examples."""
    if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        item.add_marker(pytest.mark.property)


@pytest.fixture(autouse=True)
def _no_export_left_open() -> Iterator[None]:
    """End the exports that a test requested and did not read, which would occupy their slots."""
    yield
    streams = sys.modules.get("compliance.api.streams")
    if streams is not None and streams.is_any_open():
        gc.collect()


@pytest.fixture(scope="session", autouse=True)
def _pages_only(django_test_environment: None) -> Iterator[None]:
    """Let test clients remember the context of a page, and not of each of its hundreds of parts.

    A copy for each input and icon took an eighth of the time of a page of the admin.
    """
    # Django has no public names for these.
    remembering: Render = Template._render  # type: ignore[attr-defined]  # private
    plain: Render = _TestState.saved_data.template_render  # type: ignore[attr-defined]  # private
    depth = threading.local()

    def render(template: Template, context: Context) -> SafeString:
        if getattr(depth, "is_page", False):
            return plain(template, context)
        depth.is_page = True
        try:
            return remembering(template, context)
        finally:
            depth.is_page = False

    with patch.object(Template, "_render", render):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """Replace pytest-django's own: start the servers with a copy of a migrated database."""
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            stack.enter_context(databases.serving(environment))
            stack.enter_context(databases.migrated_database(environment))
            stack.enter_context(resets.quick())
        yield
        with django_db_blocker.unblock():
            stack.close()
