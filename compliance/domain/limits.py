"""Limits on the size, depth and number of values in input.

Every limit is checked before the work that it limits. The limits are far above what real agreements
need; `docs/api.md` lists those that clients may reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from pydantic import (
    GetCoreSchemaHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

MOST_VALUES = 750_000
"""The maximum number of lists, objects and values in one text. Field names do not count."""

MOST_FIELDS = 200
"""The maximum number of fields in one object. No draft has more than a fifth of this."""

DEEPEST = 30
"""The maximum nesting of lists and objects."""

LONGEST_NUMBER = 100
"""The maximum number of characters of a number."""

LARGEST_EXPONENT = 100
"""Numbers must be between 1e-100 and 1e100. Otherwise a short text could stand for a number that
takes minutes to convert: 1e60000000 has sixty million digits."""

MOST_DIRECTIVES = 10
"""The maximum number of lines in a YAML text that begin with %."""

MOST_FACTS = 300
"""The maximum number of facts about one deadline, and of those about one whole agreement.

A deadline is projected from all of its facts, and an imported one once for each of them.
"""

MOST_NEW_DEADLINES = 20_000
"""The maximum number of deadlines that are created at once, by a document or by anything else."""

MOST_NEW_DEADLINES_OF_REQUEST = 10_000
"""The same for a request: half a millisecond of processor time for each makes five seconds."""

MOST_REPLAY_STEPS = 500_000
"""The maximum work of replaying what was known of the deadlines of one document.

A deadline with n facts takes n² steps: for each fact, all facts until then are projected again.
Those that set something or last take five times as long. 100,000 steps take a second.
"""

LONGEST_EXPORT = 600
"""How long an export may take until its client has read it, in seconds."""

TOO_MANY_VALUES = f"It has more than {MOST_VALUES:,} values: split it."
TOO_MANY_FIELDS = f"An object has more than {MOST_FIELDS} fields: remove some."
TOO_DEEP = f"It is nested more than {DEEPEST} levels deep."
OUT_OF_RANGE = f"Numbers must be between 1e-{LARGEST_EXPONENT} and 1e{LARGEST_EXPONENT}."

MOST_PROBLEMS = 1_000
"""The search for problems ends when there are this many."""

_CHECKED_AT_ONCE = 100


def decimal_within(text: str) -> Decimal | None:
    """Return the number that a literal of at most `LONGEST_NUMBER` characters denotes.

    None if it is beyond `LARGEST_EXPONENT`, or too close to zero.
    """
    exponent = text.lower().partition("e")[2].lstrip("+-").lstrip("0")
    # Decimal itself fails on exponents of more than eighteen digits.
    if len(exponent) > len(str(LONGEST_NUMBER + LARGEST_EXPONENT)):
        return None
    number = Decimal(text)
    return number if abs(number.adjusted()) <= LARGEST_EXPONENT else None


def too_many_facts(count: int) -> str:
    """Say what to do about a deadline or agreement with this many facts, without its subject."""
    return (
        f"would have {count:,} facts; at most {MOST_FACTS:,} are accepted. Record one fact for "
        "several events, or divide the obligation."
    )


class AtMost:
    """Limits the length of a sequence field: `Annotated[tuple[Item, ...], AtMost(500)]`.

    The length is checked before any item. A sequence is then read until there are `MOST_PROBLEMS`.
    By itself, Pydantic would read all of it and turn a few megabytes of empty objects into
    gigabytes of errors.
    """

    def __init__(self, most: int) -> None:
        self.most = most

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the schema of the sequence, with its length checked first."""
        sequence: dict[str, Any] = {**handler(source), "max_length": self.most}
        return core_schema.no_info_wrap_validator_function(self._read, sequence)

    def _read(self, values: Any, read_all: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(values, list | tuple | set | frozenset):
            return read_all(values)
        if len(values) > self.most:
            raise PydanticCustomError(
                "too_long",
                "At most {most} are accepted; there are {count}.",
                {"count": len(values), "most": self.most},
            )
        if len(values) <= _CHECKED_AT_ONCE:
            return read_all(values)
        return _read_one_by_one(values, read_all)


def _read_one_by_one(values: Iterable[Any], read: Callable[[Any], Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    problems: list[InitErrorDetails] = []
    for index, value in enumerate(values):
        try:
            found += read((value,))
        except ValidationError as error:
            problems += _moved(error, index)
            if len(problems) >= MOST_PROBLEMS:
                break
    if problems:
        raise ValidationError.from_exception_data("sequence", problems)
    return tuple(found)


def _moved(error: ValidationError, index: int) -> Iterator[InitErrorDetails]:
    """Yield the errors of a one-item sequence as errors of the item at `index`."""
    for each in error.errors(include_url=False):
        if not each["loc"]:
            continue  # about the sequence itself: too short without its invalid item
        # What the sentence about the error needs; an exception cannot be passed on.
        context = {
            name: value
            for name, value in each.get("ctx", {}).items()
            if isinstance(value, str | int | float | Decimal)
        }
        yield InitErrorDetails(
            type=PydanticCustomError(each["type"], each["msg"], context),
            loc=(index, *each["loc"][1:]),
            input=each["input"],
        )


def replay_steps(facts: int, slow_facts: int, *, new_facts: int | None = None) -> int:
    """Return how many steps it takes to replay what was known of a deadline.

    Args:
        facts: how many facts there are about it and its agreement.
        slow_facts: how many of them set something, such as a due date, or last for some time.
        new_facts: how many of them are replayed, if the others were before.
    """
    times = facts if new_facts is None else new_facts
    return times * facts + 4 * min(times, slow_facts) * slow_facts


def too_much_replay(steps: int, *, advice: str = "") -> str:
    """Say what to do about a document that would take this many steps or more.

    Dividing it helps, unless there is other `advice`.
    """
    return (
        f"Replaying the facts up to this one takes {steps:,} steps, the sum of the squares of the "
        f"numbers of facts about each deadline; at most {MOST_REPLAY_STEPS:,} are accepted at "
        "once. "
    ) + (advice or "Divide the document: another one with the same ref adds to the agreement.")
