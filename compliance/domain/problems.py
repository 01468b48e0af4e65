"""Problems: how Pacta reports input that it rejects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from compliance.domain.limits import MOST_PROBLEMS


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One problem: the path of the value (empty for the whole input) and a sentence."""

    path: str
    detail: str

    def shown(self) -> dict[str, str]:
        """Return the problem as clients see it."""
        return {"path": self.path, "detail": self.detail}

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
def naming(refs: Mapping[str, Sequence[object]]) -> Iterator[None]:
    """Name the parts of a document in the problems that are raised in the block.

    A path such as `obligations/17/title` is hard to follow, so the sentence begins with the ref of
    the obligation and the field: `C-18, title: ...`.

    Args:
        refs: the refs of the items of each list of the document, as far as they are known.
    """
    try:
        yield
    except Invalid as error:
        raise Invalid(_named(problem, refs) for problem in error.problems) from None


def _named(problem: Problem, refs: Mapping[str, Sequence[object]]) -> Problem:
    kind, _, rest = problem.path.partition("/")
    place, _, field = rest.partition("/")
    if kind not in refs or not place.isdecimal() or int(place) >= len(refs[kind]):
        return problem
    ref = refs[kind][int(place)]
    if not isinstance(ref, str) or not ref or len(ref) > _LONGEST_REF:
        return problem
    subject = f"{ref}, {field}" if field else ref
    return Problem(path=problem.path, detail=f"{subject}: {problem.detail}")


# As long as the longest valid ref. A longer text would hide the sentence.
_LONGEST_REF = 64


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
