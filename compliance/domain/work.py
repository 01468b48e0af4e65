"""A limit on the work that one request may cause.

Inputs are bounded one by one, but bounded inputs can multiply: many rules, each with many dates,
each of which counts many business days. Long computations therefore call `check` at every step. A
request sets what it does; without a request it does nothing, so that the domain reads no clock.

What can be counted is refused before the work: see `check_new_deadlines` and `limits`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from compliance.domain.limits import MOST_NEW_DEADLINES
from compliance.domain.problems import refusal

TOO_MUCH_WORK = (
    "This takes too long to compute: divide it, or use fewer rules, dates or business days. If it "
    "moves many recurrences, let them end earlier with until, repeat this, and correct until one "
    "by one."
)

DIVIDE = (
    "Make it recur less often, start it later, or divide this: another document with the same "
    "ref adds to the agreement."
)
"""What to do if new obligations have too many deadlines."""

END_EARLIER = (
    "Let some of the obligations that this moves end earlier with until, repeat this, and then "
    "correct until, one by one."
)
"""What to do if a correction cannot be divided, such as the date of a milestone that starts many
recurrences."""


class TooMuchWork(BaseException):
    """Raised when a request would take too long, to end all of it.

    Some computations go on without a row that fails. They catch `Exception`, and must not catch
    this: their transaction would then store results that lack rows at random. It rolls back.
    """


def _unlimited() -> None:
    """Allow all work, outside of requests."""


_check: ContextVar[Callable[[], None]] = ContextVar("work_check", default=_unlimited)
_most_new_deadlines: ContextVar[int] = ContextVar("most_new", default=MOST_NEW_DEADLINES)


def check() -> None:
    """End a computation that has taken too long.

    Raises:
        TooMuchWork: it has.
    """
    _check.get()()


def check_new_deadlines(ref: str, count: int, *, advice: str = DIVIDE) -> None:
    """Check how many deadlines are created at once; `ref` is the obligation that adds the last.

    `advice` says what to do if there are too many.

    Raises:
        Invalid: there are too many, at `due`. Fewer are accepted in a request.
    """
    most = _most_new_deadlines.get()
    if count > most:
        sentence = (
            f"With obligation {ref}, this would create {count:,} deadlines or more; at most "
            f"{most:,} are accepted at once. {advice}"
        )
        raise refusal("due", sentence)


@contextmanager
def limited_by(
    check_work: Callable[[], None], *, most_new: int = MOST_NEW_DEADLINES
) -> Iterator[None]:
    """Limit the work in the block.

    Args:
        check_work: what `check` calls. It raises `TooMuchWork` when time is up.
        most_new: how many deadlines may be created at once.
    """
    token, number = _check.set(check_work), _most_new_deadlines.set(most_new)
    try:
        yield
    finally:
        _check.reset(token)
        _most_new_deadlines.reset(number)
