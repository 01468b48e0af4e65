"""Judge values that were measured by the target that they must keep to.

A measurement states the value on a day. That value is in force until a later one: on any day, the
latest value of that day or before counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from compliance.domain.deadlines.facts import Fact
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import TargetBound


class Decision(NamedTuple):
    """The finding that the value in the fact `fact_id` achieves something.

    It is `is_late` if the value was measured after the due date, and `is_ambiguous` if another
    value was in force at the due date under another reading.
    """

    fact_id: int
    is_late: bool = False
    is_ambiguous: bool = False


def keeps_to(target: Decimal | None, bound: TargetBound, value: Decimal | None) -> bool:
    """Return whether a value keeps to a target. Without a target or a value it does not."""
    if target is None or value is None:
        return False
    return value <= target if bound is TargetBound.AT_MOST else value >= target


def decided(
    measurements: Iterable[Fact], due: Due, is_kept: Callable[[Decimal | None], bool]
) -> Decision | None:
    """Return what measurements decide once `due` has passed, or None if they do not achieve it.

    The value in force at the due date decides. If the due date can be read in two ways, or only the
    month, quarter or year of a measurement is known, there may be two of them. One that keeps to
    the target is enough then. After the due date, the latest value decides.

    Args:
        measurements: those that have taken effect.
        is_kept: whether a value keeps to the target.
    """
    known = sorted(measurements, key=_last_at)
    surely = [each for each in known if _is_surely_by(each, due)]
    perhaps = [each for each in known if _is_perhaps_by(each, due)]
    in_force = [each[-1] for each in (perhaps, surely) if each]
    kept = [each for each in in_force if is_kept(each.quantity)]
    if kept:
        return Decision(kept[0].id, is_ambiguous=len(kept) == 1)
    if known and is_kept(known[-1].quantity):
        return Decision(known[-1].id, is_late=True)
    return None


def _last_at(fact: Fact) -> datetime:
    """Return the instant, or the beginning of the last day, on which a value was measured."""
    if fact.effective_on is None or fact.last_on is None:
        return fact.effective_at
    return fact.effective_at + (fact.last_on - fact.effective_on)


def _is_surely_by(fact: Fact, due: Due) -> bool:
    """Return whether a value was measured by the due date under every reading."""
    earliest_due_at = due.earliest_due_at
    if earliest_due_at is not None and _last_at(fact) >= earliest_due_at:
        return False
    if fact.last_on is not None:
        return fact.last_on <= due.due_on
    return fact.effective_at < due.due_at


def _is_perhaps_by(fact: Fact, due: Due) -> bool:
    """Return whether a value was measured by the due date under some reading."""
    if fact.effective_on is not None and due.earliest_due_at is None:
        return fact.effective_on <= due.due_on
    return fact.effective_at < due.due_at
