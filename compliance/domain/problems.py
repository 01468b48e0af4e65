"""Problems: how Pacta reports input that it rejects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from compliance.domain.limits import MOST_PROBLEMS


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One problem: the path of the value (empty for the whole input) and a sentence."""

    path: str
    detail: str

    def below(self, prefix: str) -> Problem:
        """Return the same problem with its path below `prefix`."""
        return Problem(path="/".join(filter(None, (prefix, self.path))), detail=self.detail)


class Invalid(ValueError):
    """Raised for rejected input. None of it was stored."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{each.path}: {each.detail}" for each in self.problems))


def refusal(path: str, detail: str) -> Invalid:
    """Return an `Invalid` with a single problem."""
    return Invalid([Problem(path=path, detail=detail)])


@contextmanager
def placed_at(path: str) -> Iterator[None]:
    """Prefix the paths of problems that are raised in the block with `path`."""
    try:
        yield
    except Invalid as error:
        raise Invalid(problem.below(path) for problem in error.problems) from None


@contextmanager
def collected_in(problems: list[Problem], path: str) -> Iterator[None]:
    """Add the problems that are raised in the block to `problems`, below `path`.

    Raises:
        Invalid: there are `MOST_PROBLEMS` problems, so no more are searched for.
    """
    try:
        yield
    except Invalid as error:
        problems += [problem.below(path) for problem in error.problems]
        if len(problems) >= MOST_PROBLEMS:
            raise Invalid(problems) from None
