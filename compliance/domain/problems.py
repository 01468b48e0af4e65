"""How the product says that something it was given cannot be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong: where (`obligations/0/due/on`; empty for the whole) and what."""

    path: str
    detail: str

    def below(self, prefix: str) -> Problem:
        """The same problem, its path put under `prefix`."""
        return Problem(path="/".join(filter(None, (prefix, self.path))), detail=self.detail)


class Invalid(ValueError):
    """Input that was refused. Nothing of it was stored."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{each.path}: {each.detail}" for each in self.problems))


@contextmanager
def placed_at(path: str) -> Iterator[None]:
    """Puts what is refused in the block under a path."""
    try:
        yield
    except Invalid as error:
        raise Invalid(problem.below(path) for problem in error.problems) from None


def refusal(path: str, detail: str) -> Invalid:
    """An `Invalid` with a single problem."""
    return Invalid([Problem(path=path, detail=detail)])
