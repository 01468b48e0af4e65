"""Many cases in one world: its rows are stored once, and each case leaves them as they were."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model

Test = Callable[..., None]


def in_one_world(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Test], Test]:
    """Run a test for each case, as `pytest.mark.parametrize` does, but with the same fixtures.

    To store the rows of the fixtures anew took most of the time of such tests. A case may write:
    that is undone before the next one. Each case is reported, and fails, on its own.
    """
    arguments = (names,) if isinstance(names, str) else names

    def decorate(test: Test) -> Test:
        parameters = inspect.signature(test).parameters
        fixtures = [each for name, each in parameters.items() if name not in arguments]

        @wraps(test)
        def run(*, subtests: pytest.Subtests, **world: Any) -> None:
            for case in cases:
                values = (case,) if isinstance(names, str) else case
                chosen = dict(zip(arguments, values, strict=True))
                with subtests.test(**chosen), _undone(world):
                    test(**world, **chosen)

        subtests = inspect.Parameter("subtests", inspect.Parameter.KEYWORD_ONLY)
        # It is how pytest learns which fixtures the test needs.
        vars(run)["__signature__"] = inspect.Signature([*fixtures, subtests])
        return run

    return decorate


@contextmanager
def _undone(world: Mapping[str, Any]) -> Iterator[None]:
    for each in world.values():
        if isinstance(each, Model):
            each.refresh_from_db()
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)
