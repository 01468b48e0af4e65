"""A limit on the work that one request may cause.

Inputs are bounded one by one, but bounded inputs can multiply: many rules, each with many dates,
each of which counts many business days. Long computations therefore call `check` at every step. A
request sets what it does; without a request it does nothing, so that the domain reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

TOO_MUCH_WORK = (
    "This takes too long to compute: divide it, or use fewer rules, dates or business days."
)


class TooMuchWork(BaseException):
    """Raised when a request would take too long, to end all of it.

    Some computations go on without a row that fails. They catch `Exception`, and must not catch
    this: their transaction would then store results that lack rows at random. It rolls back.
    """


def _unlimited() -> None:
    """Allow all work, outside of requests."""


_check: ContextVar[Callable[[], None]] = ContextVar("work_check", default=_unlimited)


def check() -> None:
    """End a computation that has taken too long.

    Raises:
        TooMuchWork: it has.
    """
    _check.get()()


@contextmanager
def limited_by(check_work: Callable[[], None]) -> Iterator[None]:
    """Let `check` call this function in the block. It raises `TooMuchWork` when time is up."""
    token = _check.set(check_work)
    try:
        yield
    finally:
        _check.reset(token)
