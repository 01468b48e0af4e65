"""The course of one deadline: a pure function of its terms and of what has been recorded.

Nothing here reads a clock. `project` gives every status that the deadline has had and will have
if nothing more happens; "now" is only a place on that line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from compliance.domain.due_rules import Due
from compliance.domain.vocabulary import BreachEnd, FactKind, Reason, Status

# The shortest time that can be told apart.
TICK = timedelta(microseconds=1)

BREACHED = frozenset({Status.UNMET, Status.PARTLY_MET})
CLOSED = frozenset({Status.MET, Status.MET_LATE, Status.WAIVED, Status.CANCELLED})

# Where two facts take effect at one instant: an extension first, so that a performance on the day
# of an extension is judged by the extended date; a performance before a waiver, so that what was
# done is not shown as forgiven.
_PRECEDENCE = {
    FactKind.EXTENSION: 0,
    FactKind.PERFORMANCE: 1,
    FactKind.WAIVER: 2,
    FactKind.CANCELLATION: 3,
    FactKind.RETRACTION: 4,
}

_END_OF_BREACH = {
    Reason.PERFORMED: BreachEnd.PERFORMED,
    Reason.EXTENDED: BreachEnd.EXTENDED,
    Reason.WAIVED: BreachEnd.WAIVED,
    Reason.CANCELLED: BreachEnd.CANCELLED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What was agreed of one deadline.

    `begins_at` is the instant from which the deadline exists, never after `due.due_at`.
    `target_quantity` is what performances must add up to; without it any performance is whole.
    """

    begins_at: datetime
    due: Due
    target_quantity: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One recorded fact. `effective_on` is set when only the civil day is known; `effective_at`
    is then the first instant of that day in the deadline's zone."""

    id: int
    kind: FactKind
    effective_at: datetime
    effective_on: date | None = None
    quantity: Decimal | None = None
    due: Due | None = None
    supersedes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """From `effective_at` on the deadline has `status`, because of `reason`, by `fact_id`."""

    effective_at: datetime
    status: Status
    reason: Reason
    fact_id: int | None
    due: Due

    def restated_at(self, instant: datetime) -> Transition:
        """The same state, said to hold from another instant."""
        return Transition(
            effective_at=instant,
            status=self.status,
            reason=self.reason,
            fact_id=self.fact_id,
            due=self.due,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class BreachInterval:
    """A stretch in which the deadline stands unmet: from `occurred_at` to before `ended_at`."""

    occurred_at: datetime
    ended_at: datetime | None
    end_reason: BreachEnd | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole course of a deadline, past and projected, in order of `effective_at`."""

    transitions: tuple[Transition, ...]

    def at(self, instant: datetime) -> Transition | None:
        """The transition in force at `instant`; None before the deadline exists."""
        count = self._count_until(instant)
        return self.transitions[count - 1] if count else None

    def until(self, instant: datetime) -> tuple[Transition, ...]:
        """What has come about at `instant`, that instant included."""
        return self.transitions[: self._count_until(instant)]

    def next_after(self, instant: datetime) -> datetime | None:
        """The first instant after `instant` at which anything changes, if nothing more happens."""
        count = self._count_until(instant)
        return self.transitions[count].effective_at if count < len(self.transitions) else None

    def status_since(self, instant: datetime) -> datetime | None:
        """When the status in force at `instant` began."""
        past = self.until(instant)
        if not past:
            return None
        since = past[-1]
        for earlier in reversed(past):
            if earlier.status != since.status:
                break
            since = earlier
        return since.effective_at

    def breaches(self, as_of: datetime) -> tuple[BreachInterval, ...]:
        """The breaches that have occurred by `as_of`, in order; only the last can be open."""
        found: list[BreachInterval] = []
        began: datetime | None = None
        for transition in self.until(as_of):
            if transition.status in BREACHED:
                began = began or transition.effective_at
            elif began is not None:
                found.append(
                    BreachInterval(
                        occurred_at=began,
                        ended_at=transition.effective_at,
                        end_reason=_END_OF_BREACH[transition.reason],
                    )
                )
                began = None
        if began is not None:
            found.append(BreachInterval(occurred_at=began, ended_at=None, end_reason=None))
        return tuple(found)

    def _count_until(self, instant: datetime) -> int:
        # A course has a handful of transitions, and most questions are about its end.
        count = len(self.transitions)
        while count and self.transitions[count - 1].effective_at > instant:
            count -= 1
        return count


def standing(facts: Iterable[Fact]) -> list[Fact]:
    """The facts that count: those that no standing fact supersedes, retractions left out.

    When a fact that superseded another is itself superseded, the first one stands again, as if
    the one between had never been recorded.
    """
    by_target: dict[int, list[Fact]] = {}
    known = list(facts)
    for fact in known:
        if fact.supersedes is not None:
            by_target.setdefault(fact.supersedes, []).append(fact)
    if not by_target:
        return [fact for fact in known if fact.kind is not FactKind.RETRACTION]
    # A fact can only supersede one recorded before it, so going from the newest to the oldest
    # every superseder is decided before what it supersedes.
    stands: dict[int, bool] = {}
    for fact in sorted(known, key=lambda each: each.id, reverse=True):
        stands[fact.id] = not any(stands[newer.id] for newer in by_target.get(fact.id, ()))
    return [fact for fact in known if stands[fact.id] and fact.kind is not FactKind.RETRACTION]


def _order(fact: Fact) -> tuple[datetime, int, datetime, Decimal, int]:
    # Never by when it was recorded: what is true does not depend on the order of learning it.
    # Of two extensions at one instant the further date holds. The id only settles which of two
    # equal facts is named as the cause.
    return (
        fact.effective_at,
        _PRECEDENCE[fact.kind],
        fact.due.due_at if fact.due is not None else fact.effective_at,
        fact.quantity or Decimal(0),
        fact.id,
    )


def project(terms: Terms, facts: Sequence[Fact]) -> Timeline:
    """The course of a deadline under `terms`, given everything in `facts`.

    - A performance strictly before `due_at`, or by a civil day not after the due day, is `met`;
      any other is `met_late`.
    - `unmet` begins at the end of the grace period; with no grace that is `due_at` itself.
    - An extension or a waiver counts from the instant at which it takes effect: before the end
      of the grace period there is no breach, after it the breach ends there.
    - The first performance of the whole, waiver or cancellation closes the deadline.
    - A fact that takes effect before the deadline exists counts from `begins_at`.
    - A fact known by its day alone counts from the start of that day; on the day after the last
      one it still leaves the breach, of a moment, that had begun with that day.
    """
    if not facts:
        return _untouched(terms)
    course = _Course(terms)
    for fact in sorted(standing(facts), key=_order):
        course.apply(fact)
    return course.finish()


def _untouched(terms: Terms) -> Timeline:
    """What `project` gives without facts, without the machinery: most deadlines of a sweep."""
    due = terms.due
    agreed = Transition(
        effective_at=terms.begins_at,
        status=Status.PENDING,
        reason=Reason.AGREED,
        fact_id=None,
        due=due,
    )
    has_grace = due.unmet_at > due.due_at
    unmet = Transition(
        effective_at=due.unmet_at,
        status=Status.UNMET,
        reason=Reason.GRACE_ENDED if has_grace else Reason.DUE_PASSED,
        fact_id=None,
        due=due,
    )
    if not has_grace and terms.begins_at == due.due_at:
        return Timeline((unmet,))
    if not has_grace:
        return Timeline((agreed, unmet))
    in_grace = Transition(
        effective_at=due.due_at,
        status=Status.IN_GRACE,
        reason=Reason.DUE_PASSED,
        fact_id=None,
        due=due,
    )
    if terms.begins_at == due.due_at:
        return Timeline((in_grace, unmet))
    return Timeline((agreed, in_grace, unmet))


class _Course:
    """The state of a projection while facts are applied in order of effect."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.due = terms.due
        self.status = Status.PENDING
        self.performed = Decimal(0)
        self.transitions: list[Transition] = []
        self._move(terms.begins_at, Status.PENDING, Reason.AGREED, None)

    def apply(self, fact: Fact) -> None:
        at = max(fact.effective_at, self.transitions[-1].effective_at)
        if fact.effective_on is not None and at == self.due.unmet_at and not self._on_time(fact):
            # The day after: at which hour is not known, but not before that day began. What was
            # missed by then stays missed, if only for a moment.
            at += TICK
        self._pass_time(at)
        if self.status in CLOSED:
            return
        match fact.kind:
            case FactKind.PERFORMANCE:
                self._perform(fact, at)
            case FactKind.EXTENSION:
                self._extend(fact, at)
            case FactKind.WAIVER:
                self._move(at, Status.WAIVED, Reason.WAIVED, fact.id)
            case FactKind.CANCELLATION:
                self._move(at, Status.CANCELLED, Reason.CANCELLED, fact.id)
            case FactKind.RETRACTION:
                # `standing` leaves retractions out: their whole effect is what they supersede.
                pass

    def finish(self) -> Timeline:
        self._pass_time(self.due.unmet_at)
        return Timeline(tuple(self.transitions))

    def _perform(self, fact: Fact, at: datetime) -> None:
        self.performed += fact.quantity or Decimal(0)
        target = self.terms.target_quantity
        is_whole = fact.quantity is None or target is None or self.performed >= target
        if not is_whole:
            status = Status.PARTLY_MET if self.status in BREACHED else self.status
            self._move(at, status, Reason.PART_PERFORMED, fact.id)
            return
        status = Status.MET if self._on_time(fact) else Status.MET_LATE
        self._move(at, status, Reason.PERFORMED, fact.id)

    def _on_time(self, fact: Fact) -> bool:
        if fact.effective_on is not None:
            return fact.effective_on <= self.due.due_on
        return fact.effective_at < self.due.due_at

    def _extend(self, fact: Fact, at: datetime) -> None:
        if fact.due is None:
            sentence = f"Fact {fact.id} extends a deadline but names no new due date."
            raise ValueError(sentence)
        self.due = fact.due
        if at < self.due.due_at:
            status = Status.PENDING
        elif at < self.due.unmet_at:
            status = Status.IN_GRACE
        else:
            status = self._unmet()
        self._move(at, status, Reason.EXTENDED, fact.id)

    def _unmet(self) -> Status:
        return Status.PARTLY_MET if self.performed else Status.UNMET

    def _pass_time(self, instant: datetime) -> None:
        due = self.due
        if self.status is Status.PENDING and due.due_at <= instant and due.due_at < due.unmet_at:
            self._move(due.due_at, Status.IN_GRACE, Reason.DUE_PASSED, None)
        if self.status in (Status.PENDING, Status.IN_GRACE) and due.unmet_at <= instant:
            reason = Reason.DUE_PASSED if due.due_at == due.unmet_at else Reason.GRACE_ENDED
            self._move(due.unmet_at, self._unmet(), reason, None)

    def _move(self, at: datetime, status: Status, reason: Reason, fact_id: int | None) -> None:
        # Two changes at one instant leave no time for the first to be true.
        if self.transitions and self.transitions[-1].effective_at == at:
            self.transitions.pop()
        self.status = status
        self.transitions.append(
            Transition(effective_at=at, status=status, reason=reason, fact_id=fact_id, due=self.due)
        )
