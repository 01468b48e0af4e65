"""What a deadline demands, whatever has been performed, and whether a change weakens that.

A performance says that an obligation was kept, so recording one is everyday work. Everything else
about a deadline shapes what is demanded: by when, how much, and what is held against the obligor. A
demand is the timeline without the performances. Comparing two of them instant by instant shows
whether a change ends, moves or weakens the obligation, whichever way the change was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from compliance.domain.deadlines.facts import Fact, effective_facts
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Terms
from compliance.domain.deadlines.timeline import BREACHED, Timeline, Transition
from compliance.domain.phrases import in_utc, label
from compliance.domain.quantities import number_text
from compliance.domain.vocabulary import FactKind, ObligationKind, Reason, Status, TargetBound

# These facts are evidence of how an obligation was kept. They change no demand by themselves;
# replacing or retracting one of them can.
EVERYDAY = frozenset({FactKind.PERFORMANCE, FactKind.MEASUREMENT, FactKind.VIOLATION})

_IN_FORCE = frozenset({Status.PENDING, Status.HOLDING, Status.IN_GRACE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """What a deadline demands, for an obligation of this kind and with a target of this sort.

    `timelines` are one with measurements, which may keep it in breach, and one without, because
    they may also hide what else changed. None if the deadline cannot be projected.
    """

    kind: ObligationKind
    bound: TargetBound
    timelines: tuple[Timeline, Timeline] | None


def demand(terms: Terms, facts: Sequence[Fact]) -> Demand:
    """Return what a deadline demands under its terms and facts."""
    kept = [each for each in effective_facts(facts) if each.kind is not FactKind.PERFORMANCE]
    moves = tuple(each for each in terms.moves if each.reason is not Reason.COMPONENT_DONE)
    unmeasured = [each for each in kept if each.kind is not FactKind.MEASUREMENT]
    terms = terms._replace(moves=moves)
    timelines = None
    try:
        with_all = project(terms, kept)
        without = with_all if len(unmeasured) == len(kept) else project(terms, unmeasured)
        timelines = (with_all, without)
    except (ValueError, ArithmeticError):
        pass
    return Demand(kind=terms.kind, bound=terms.target_bound, timelines=timelines)


def weakening(before: Demand, after: Demand | None) -> str | None:
    """Return how a demand is weaker than before, as the end of a sentence; None if it is not.

    An earlier due date, a higher target and a longer period are not weaker. What cannot be compared
    counts as weaker.

    Args:
        after: None if the deadline no longer exists.
    """
    if before == after:
        return None
    if after is None:
        return "would be removed"
    is_same_sort = (before.kind, before.bound) == (after.kind, after.bound)
    if before.timelines is None or after.timelines is None or not is_same_sort:
        return "would change in a way that cannot be compared"
    for old, new in zip(before.timelines, after.timelines, strict=True):
        instants = {each.effective_at for each in (*old.transitions, *new.transitions)}
        for instant in sorted(instants):
            found = _weaker_at(before, old, new, instant)
            if found is not None:
                return found
    return None


def _weaker_at(
    before: Demand, old_timeline: Timeline, new_timeline: Timeline, instant: datetime
) -> str | None:
    old, new = old_timeline.at(instant), new_timeline.at(instant)
    if old is None:
        return None
    if new is None:
        new = new_timeline.transitions[0]
        if new.status is not Status.PENDING:  # A pending deadline demands the same from before on.
            return f"would demand nothing until {in_utc(new.effective_at)}"
    if _is_demanding(old) and _is_demanding(new):
        is_period = before.kind is not ObligationKind.ACHIEVE
        found = _shorter_period(old, new) if is_period else _later_due(old, new)
        if found is not None:
            return found
    if _strength(new) < _strength(old):
        return f"would be {label(new.status)} instead of {label(old.status)} on {in_utc(instant)}"
    return _easier_target(old, new, before.bound) if _is_demanding(old) else None


def _easier_target(old: Transition, new: Transition, bound: TargetBound) -> str | None:
    if old.target is None or new.target == old.target:
        return None
    if new.target is None:
        return f"would have no target instead of {number_text(old.target)}"
    if (new.target < old.target) is (bound is TargetBound.AT_MOST):
        return None
    return f"would have the target {number_text(new.target)} instead of {number_text(old.target)}"


def _later_due(old: Transition, new: Transition) -> str | None:
    if old.due is None:
        return None
    if new.due is None:
        return "would have no due date"
    first = (new.due.earliest_due_at or new.due.due_at, new.due.due_at, new.due.unmet_at)
    second = (old.due.earliest_due_at or old.due.due_at, old.due.due_at, old.due.unmet_at)
    if all(later <= earlier for later, earlier in zip(first, second, strict=True)):
        return None
    return f"would be due on {in_utc(new.due.due_at)} instead of {in_utc(old.due.due_at)}"


def _shorter_period(old: Transition, new: Transition) -> str | None:
    """Compare the periods during which something must be maintained; one without an end is longest.

    An open violation hides their ends, until it is retracted.
    """
    if new.due is None or (old.due is not None and new.due.due_at >= old.due.due_at):
        return None
    return f"would end on {in_utc(new.due.due_at)}, which is earlier"


def _is_demanding(state: Transition) -> bool:
    return state.status in _IN_FORCE or state.status in BREACHED


def _strength(state: Transition) -> int:
    """Return how much a state holds against the obligor; nothing if it demands nothing."""
    if state.status in BREACHED:
        return 2 + (state.status is Status.UNMET) + 2 * (not state.is_closed)
    return 1 if state.status in _IN_FORCE else 0
