"""The course of one deadline: a pure function of its terms and of what has been recorded.

Nothing here reads a clock. `project` gives every status that the deadline has had and will have
if nothing more happens; "now" is only a place on that line.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar

from compliance.domain.deadlines.suspensions import TICK, moved_by_days, moved_by_time, whole_days
from compliance.domain.due_dates.due_rules import Due
from compliance.domain.vocabulary import (
    BreachEnd,
    Conclusion,
    FactKind,
    ObligationKind,
    Reason,
    Status,
)

BREACHED = frozenset({Status.UNMET, Status.PARTLY_MET})
CLOSED = frozenset({Status.MET, Status.MET_LATE, Status.WAIVED, Status.CANCELLED})

# Where several facts take effect at one instant: first what says when and how much is due, so
# that a performance on the day of an extension is judged by the extended date; then what stops
# the clock; a performance before a waiver, so that what was done is not shown as forgiven.
_PRECEDENCE = {
    kind: place
    for place, kind in enumerate(
        (
            FactKind.TRIGGER,
            FactKind.EXTENSION,
            FactKind.RESTATEMENT,
            FactKind.SUSPENSION,
            FactKind.VIOLATION,
            FactKind.PERFORMANCE,
            FactKind.DETERMINATION,
            FactKind.WAIVER,
            FactKind.CANCELLATION,
            FactKind.TERMINATION,
            FactKind.RETRACTION,
        )
    )
}

_END_OF_BREACH = {
    Reason.PERFORMED: BreachEnd.PERFORMED,
    Reason.PERFORMED_IN_WINDOW: BreachEnd.PERFORMED,
    # Where what had been performed turns out to be the whole.
    Reason.TARGET_RESTATED: BreachEnd.PERFORMED,
    Reason.DETERMINED: BreachEnd.PERFORMED,
    Reason.COMPONENT_DONE: BreachEnd.PERFORMED,
    Reason.CURED: BreachEnd.CURED,
    # A period ends only where no violation runs: one that had run was cured at that instant.
    Reason.PERIOD_ENDED: BreachEnd.CURED,
    Reason.EXTENDED: BreachEnd.EXTENDED,
    Reason.RESCHEDULED: BreachEnd.RESCHEDULED,
    Reason.TRIGGERED: BreachEnd.RESCHEDULED,
    Reason.WAIVED: BreachEnd.WAIVED,
    Reason.CANCELLED: BreachEnd.CANCELLED,
    Reason.TERMINATED: BreachEnd.TERMINATED,
    Reason.WITHDRAWN: BreachEnd.WITHDRAWN,
}

# What sets another due date, and what changes how much is done or owed.
_OF_DUE_DATE = frozenset({Reason.EXTENDED, Reason.RESCHEDULED, Reason.TRIGGERED})
_OF_QUANTITY = frozenset(
    {Reason.PART_PERFORMED, Reason.TARGET_RESTATED, Reason.DETERMINED, Reason.COMPONENT_DONE}
)

_NOTHING = Decimal(0)
_WHOLE = Decimal(1)
_SMALLEST = Decimal("0.000001")
_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """From `at` on the events that a deadline hangs on give it another due date.

    They woke it (`triggered`), or its anchor was extended (`rescheduled`). Without `due` it is
    no longer known when it is due. If a component was done or released (`component_done`) the
    date stays, and `performed` of `target` components are done.
    """

    at: datetime
    due: Due | None
    reason: Reason
    performed: Decimal | None = None
    target: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What was agreed of one deadline.

    `begins_at` is the instant from which the deadline exists, never after `due.due_at`. Without
    `due` it is dormant, or endless if `is_endless`. To maintain or to refrain binds from
    `starts_at`, or at once, until `due.due_at`; no grace is given. `target_quantity` is what
    performances must add up to; without it any performance is whole. `moves` are in order.
    `is_withdrawn` says that the rule no longer yields this deadline.
    """

    begins_at: datetime
    due: Due | None
    kind: ObligationKind = ObligationKind.ACHIEVE
    starts_at: datetime | None = None
    is_endless: bool = False
    target_quantity: Decimal | None = None
    moves: tuple[Move, ...] = ()
    is_withdrawn: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One recorded fact, of the deadline or of its whole agreement.

    `effective_on` is set when only the civil day is known; `effective_at` is then the first
    instant of that day in the deadline's zone. A violation or a suspension lasts to before
    `until_at`, or until further notice; known by its last day alone, `until_on`, that is the end
    of that day. `due` is the new date of an extension or a trigger, `quantity` what was
    performed, or the new target of a restatement. A determination has a
    `verdict`; of what is partly met it says how much in all, as a `quantity` or as a `share` of
    the target.
    """

    id: int
    kind: FactKind
    effective_at: datetime
    effective_on: date | None = None
    until_at: datetime | None = None
    until_on: date | None = None
    tolls: bool = False
    quantity: Decimal | None = None
    due: Due | None = None
    verdict: Conclusion | None = None
    share: Decimal | None = None
    supersedes: int | None = None
    is_of_agreement: bool = False
    recorded_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """From `effective_at` on the deadline has `status`, because of `reason`, by `fact_id`.

    `performed` and `target` are the quantity so far and the target then in force.
    """

    effective_at: datetime
    status: Status
    reason: Reason
    fact_id: int | None
    due: Due | None
    performed: Decimal = _NOTHING
    target: Decimal | None = None

    @property
    def is_ambiguous(self) -> bool:
        """Whether the status depends on whose day, or whose reading, is taken."""
        if self.status is not Status.PENDING:
            return is_ambiguous(self.reason)
        first_at = self.due.first_at if self.due is not None else None
        return first_at is not None and first_at <= self.effective_at

    def restated_at(self, instant: datetime) -> Transition:
        """The same state, said to hold from another instant."""
        return replace(self, effective_at=instant)


def is_ambiguous(reason: Reason) -> bool:
    """Whether a status for this reason depends on whose day, or whose reading, is taken."""
    return reason in {Reason.WINDOW_BEGAN, Reason.PERFORMED_IN_WINDOW}


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
                        end_reason=end_of_breach(transition.status, transition.reason),
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


def end_of_breach(status: Status, reason: Reason) -> BreachEnd:
    """Why a breach is over that ended with this status, for this reason."""
    if status is Status.SUSPENDED:
        return BreachEnd.SUSPENDED
    if status is Status.WAIVED:
        return BreachEnd.WAIVED
    return _END_OF_BREACH[reason]


def _state(transition: Transition) -> tuple[object, ...]:
    due = transition.due
    return (
        transition.status,
        transition.reason,
        transition.fact_id,
        due and due.due_at,
        due and due.unmet_at,
        due and due.first_at,
        transition.performed,
        transition.target,
    )


def _named_due(fact: Fact) -> Due:
    if fact.due is None:
        sentence = f"Fact {fact.id} sets a due date but names none."
        raise ValueError(sentence)
    return fact.due


def _order(fact: Fact) -> tuple[object, ...]:
    # Never by when it was recorded: what is true does not depend on the order of learning it.
    # Of two extensions at one instant the further date holds. The id only settles which of two
    # equal facts is named as the cause.
    due = fact.due
    return (
        fact.effective_at,
        _PRECEDENCE[fact.kind],
        due.due_at if due is not None else fact.effective_at,
        due.unmet_at if due is not None else fact.effective_at,
        fact.quantity or _NOTHING,
        fact.verdict or "",
        fact.share or _NOTHING,
        fact.until_at is None,
        fact.until_at or fact.effective_at,
        fact.tolls,
        fact.effective_on is not None,
        fact.id,
    )


def _instant(event: Move | Fact) -> datetime:
    return event.at if isinstance(event, Move) else event.effective_at


def project(terms: Terms, facts: Sequence[Fact]) -> Timeline:
    """The course of a deadline under `terms`, given everything in `facts`.

    - A performance strictly before `due_at`, or by a civil day not after the due day, is `met`;
      any other is `met_late`. From `due.first_at` on the answer depends on the reading, and the
      reason says so.
    - `unmet` begins at the end of the grace period; with no grace that is `due_at` itself.
    - An extension, a trigger or a waiver counts from the instant at which it takes effect: before
      the end of the grace period there is no breach, after it the breach ends there.
    - A suspension hides the status while it lasts. If it stops the clock, what of the due date
      lay ahead when it began moves by its length; otherwise time passes unseen. A due date set
      during a suspension stands as it was set.
    - What is to be maintained, or refrained from, is `unmet` while a violation lasts that had
      begun to count before the period ended. Suspended or dormant, nothing counts.
    - The first performance of the whole, end of the period, waiver, cancellation or termination
      closes the deadline.
    - A determination that it was met counts as a performance of the whole. One that it was not,
      or was in part, says how much is accepted in all of what was performed, of what components
      had done and of what had been determined up to then.
    - A fact that takes effect before the deadline exists counts from `begins_at`.
    - A fact known by its day alone counts from the start of that day; on the day after the last
      one it still leaves the breach, of a moment, that had begun with that day.
    """
    due = terms.due
    if (
        not facts
        and due is not None
        and due.first_at is None
        and not terms.moves
        and terms.kind is _ACHIEVE
        and not terms.is_withdrawn
    ):
        return _untouched(terms, due)
    if terms.is_withdrawn:
        return _withdrawn(terms)
    is_done_once = terms.kind is _ACHIEVE
    ordered = sorted(standing(facts), key=_order)
    course: _Course = _Achieving(terms, ordered) if is_done_once else _Keeping(terms)
    # At one instant what was recorded comes after what followed from elsewhere, and wins.
    events: list[Move | Fact] = sorted([*terms.moves, *ordered], key=_instant)
    for event in events:
        course.apply(event)
    return course.finish()


# Looking a member up on its enum is slow, and `_untouched` is the sweep's own path.
_ACHIEVE = ObligationKind.ACHIEVE
_PENDING, _IN_GRACE, _UNMET = Status.PENDING, Status.IN_GRACE, Status.UNMET
_AGREED, _DUE_PASSED, _GRACE_ENDED = Reason.AGREED, Reason.DUE_PASSED, Reason.GRACE_ENDED


def _untouched(terms: Terms, due: Due) -> Timeline:
    """What `project` gives without facts, without the machinery: most deadlines of a sweep."""
    begins_at, due_at, unmet_at = terms.begins_at, due.due_at, due.unmet_at
    target = terms.target_quantity
    has_grace = unmet_at > due_at
    unmet = Transition(
        effective_at=unmet_at,
        status=_UNMET,
        reason=_GRACE_ENDED if has_grace else _DUE_PASSED,
        fact_id=None,
        due=due,
        target=target,
    )
    if not has_grace and begins_at == due_at:
        return Timeline((unmet,))
    agreed = Transition(
        effective_at=begins_at,
        status=_PENDING,
        reason=_AGREED,
        fact_id=None,
        due=due,
        target=target,
    )
    if not has_grace:
        return Timeline((agreed, unmet))
    in_grace = Transition(
        effective_at=due_at,
        status=_IN_GRACE,
        reason=_DUE_PASSED,
        fact_id=None,
        due=due,
        target=target,
    )
    if begins_at == due_at:
        return Timeline((in_grace, unmet))
    return Timeline((agreed, in_grace, unmet))


def _withdrawn(terms: Terms) -> Timeline:
    withdrawn = Transition(
        effective_at=terms.begins_at,
        status=Status.CANCELLED,
        reason=Reason.WITHDRAWN,
        fact_id=None,
        due=terms.due,
        target=terms.target_quantity,
    )
    return Timeline((withdrawn,))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Suspension:
    """A suspension that lasts; `began_at` is not before the deadline existed."""

    fact_id: int
    began_at: datetime
    until_at: datetime | None
    tolls: bool


@dataclass(kw_only=True, slots=True)
class _Violation:
    """A violation that lasts; `counts` once it has been one of the period."""

    fact_id: int
    until_at: datetime | None
    counts: bool = False


_Running = TypeVar("_Running", _Suspension, _Violation)


def _longest(running: Sequence[_Running]) -> _Running:
    """Of those that run, the one that ends last; the first of equals."""
    return max(running, key=lambda each: (each.until_at is None, each.until_at or _ALWAYS))


class _Course(ABC):
    """The state of a projection while events are applied in order of effect.

    Here is what happens to every deadline; the two kinds say what the passing of time and their
    own facts do to them.
    """

    def __init__(self, terms: Terms) -> None:
        self.begins_at = terms.begins_at
        self.due = terms.due
        self.is_endless = terms.is_endless
        self.now = terms.begins_at
        self.performed = _NOTHING
        self.target = terms.target_quantity
        self.suspensions: list[_Suspension] = []
        self.stopped_until: datetime | None = None
        self.transitions: list[Transition] = []
        status = Status.DORMANT if self._is_dormant else Status.PENDING
        self._move(terms.begins_at, status, Reason.AGREED, None)
        self._pass_time(terms.begins_at)

    def apply(self, event: Move | Fact) -> None:
        at = self._effect_of(event)
        self._pass_time(at)
        if self.status in CLOSED:
            return
        self._advance(at)
        if isinstance(event, Move):
            if event.reason is Reason.COMPONENT_DONE:
                self._count(event, at)
            else:
                self._reschedule(at, event.due, event.reason, None)
            return
        match event.kind:
            case FactKind.EXTENSION:
                self._reschedule(at, _named_due(event), Reason.EXTENDED, event.id)
            case FactKind.TRIGGER:
                self._reschedule(at, _named_due(event), Reason.TRIGGERED, event.id)
            case FactKind.SUSPENSION:
                self._suspend(event, at)
            case FactKind.WAIVER:
                self._move(at, Status.WAIVED, Reason.WAIVED, event.id)
            case FactKind.CANCELLATION:
                self._move(at, Status.CANCELLED, Reason.CANCELLED, event.id)
            case FactKind.TERMINATION:
                self._move(at, Status.CANCELLED, Reason.TERMINATED, event.id)
            case _:
                # `standing` leaves retractions out: their whole effect is what they supersede.
                self._apply_own(event, at)

    def finish(self) -> Timeline:
        while (at := self._next_change()) is not None:
            self._change(at)
        return Timeline(tuple(self.transitions))

    @property
    def status(self) -> Status:
        return self.transitions[-1].status

    @property
    def _is_dormant(self) -> bool:
        return self.due is None and not self.is_endless

    @abstractmethod
    def _status_at(self, at: datetime) -> Status:
        """The status that follows at `at` from all that has happened, suspensions aside."""

    @abstractmethod
    def _next_own_change(self) -> datetime | None:
        """When time alone changes the status next, if it is not closed and not suspended."""

    @abstractmethod
    def _change_own(self, at: datetime) -> None:
        """Make the change that `_next_own_change` announced."""

    @abstractmethod
    def _apply_own(self, fact: Fact, at: datetime) -> None:
        """Apply a fact of a kind that only such deadlines have."""

    @abstractmethod
    def _count(self, event: Move, at: datetime) -> None:
        """Take note of how many components are done."""

    def _effect_of(self, event: Move | Fact) -> datetime:
        return max(_instant(event), self.now)

    def _pass_time(self, instant: datetime) -> None:
        while (at := self._next_change()) is not None and at <= instant:
            self._change(at)

    def _next_change(self) -> datetime | None:
        if self.status in CLOSED:
            return None
        if self.suspensions:
            return _longest(self.suspensions).until_at
        return self._next_own_change()

    def _advance(self, at: datetime) -> None:
        self.now = at

    def _change(self, at: datetime) -> None:
        self._advance(at)
        if self.suspensions:
            ended = _longest(self.suspensions)
            self.suspensions.clear()
            self._stand(at, Reason.RESUMED, ended.fact_id)
        else:
            self._change_own(at)

    def _reschedule(
        self, at: datetime, due: Due | None, reason: Reason, fact_id: int | None
    ) -> None:
        self.due = due
        self._stand(at, reason, fact_id)

    def _stand(self, at: datetime, reason: Reason, fact_id: int | None) -> None:
        """Take the status that follows from all that has happened."""
        status = Status.SUSPENDED if self.suspensions else self._status_at(at)
        self._move(at, status, Reason.PERIOD_ENDED if status in CLOSED else reason, fact_id)

    def _suspend(self, fact: Fact, at: datetime) -> None:
        began_at = max(fact.effective_at, self.begins_at)
        if fact.until_at is not None and fact.until_at <= at:
            return
        due = self.due
        if fact.tolls:
            self._stop_clock(fact, began_at)
        suspension = _Suspension(
            fact_id=fact.id, began_at=began_at, until_at=fact.until_at, tolls=fact.tolls
        )
        self.suspensions.append(suspension)
        # One that runs within another and moves nothing tells nothing new.
        if self.due != due or _longest(self.suspensions) is suspension:
            self._move(at, Status.SUSPENDED, Reason.SUSPENDED, fact.id)

    def _stop_clock(self, fact: Fact, began_at: datetime) -> None:
        """Move what of the due date lies ahead by the time that this suspension adds to those
        that have stopped the clock before it."""
        if self.due is None or fact.until_at is None or began_at >= self.due.unmet_at:
            return
        start = max(began_at, self.stopped_until or began_at)
        if start >= fact.until_at:
            return
        days = None
        if fact.effective_on is not None and fact.until_on is not None:
            if start == fact.effective_at:
                days = (fact.until_on - fact.effective_on).days + 1
            else:
                days = whole_days(start, fact.until_on, self.due.timezone)
        if days is None:
            self.due = moved_by_time(self.due, fact.until_at - start, stopped_at=began_at)
        else:
            self.due = moved_by_days(self.due, days, stopped_at=began_at)
        self.stopped_until = fact.until_at

    def _clock_stops(self, at: datetime, due: Due) -> list[datetime]:
        """When the suspensions began that keep the clock stopped at `at`."""
        return [
            each.began_at
            for each in self.suspensions
            if each.tolls
            and each.began_at < due.due_at
            and (each.until_at is None or each.until_at > at)
        ]

    def _move(self, at: datetime, status: Status, reason: Reason, fact_id: int | None) -> None:
        # Two changes at one instant leave no time for the first to be true.
        if self.transitions and self.transitions[-1].effective_at == at:
            first = self.transitions.pop()
            is_settled = first.status is status and (
                first.reason in _OF_DUE_DATE
                # How many components there are is agreed, and not a change.
                or (first.reason is Reason.AGREED and reason is Reason.COMPONENT_DONE)
            )
            if is_settled and reason in _OF_QUANTITY:
                # A breach may have ended here, and a quantity is not what ended it.
                reason, fact_id = first.reason, first.fact_id
        transition = Transition(
            effective_at=at,
            status=status,
            reason=reason,
            fact_id=fact_id,
            due=self.due,
            performed=self.performed,
            target=self.target,
        )
        # Of two equal states the ledger could not tell that the second is one of its own.
        if not self.transitions or _state(self.transitions[-1]) != _state(transition):
            self.transitions.append(transition)


# What says how much is accepted of all that was done up to then.
_LIMITING = frozenset({Conclusion.PARTLY_MET, Conclusion.NOT_MET})


class _Achieving(_Course):
    """The course of what must be done by an instant."""

    def __init__(self, terms: Terms, ordered: Sequence[Fact]) -> None:
        self.limiting = [each for each in ordered if each.verdict in _LIMITING]
        super().__init__(terms)

    def _effect_of(self, event: Move | Fact) -> datetime:
        at = super()._effect_of(event)
        if isinstance(event, Move) or event.effective_on is None or self.due is None:
            return at
        if at == self.due.unmet_at and event.effective_on > self.due.due_on:
            until_at = _longest(self.suspensions).until_at if self.suspensions else at
            if until_at is not None and until_at <= at:
                # The day after: at which hour is not known, but not before that day began. What
                # was missed by then stays missed, if only for a moment.
                return at + TICK
        return at

    def _status_at(self, at: datetime) -> Status:
        if self._is_dormant:
            return Status.DORMANT
        if self.due is None or at < self.due.due_at:
            return Status.PENDING
        if at < self.due.unmet_at:
            return Status.IN_GRACE
        return Status.PARTLY_MET if self.performed else Status.UNMET

    def _next_own_change(self) -> datetime | None:
        due = self.due
        if due is None or self.status not in {Status.PENDING, Status.IN_GRACE}:
            return None
        if self.status is Status.IN_GRACE:
            return due.unmet_at
        if due.first_at is not None and due.first_at > self.now:
            return due.first_at
        return due.due_at

    def _change_own(self, at: datetime) -> None:
        status = self._status_at(at)
        if status is Status.PENDING:
            reason = Reason.WINDOW_BEGAN
        elif status is Status.IN_GRACE or self.status is Status.PENDING:
            reason = Reason.DUE_PASSED
        else:
            reason = Reason.GRACE_ENDED
        self._move(at, status, reason, None)

    def _apply_own(self, fact: Fact, at: datetime) -> None:
        if fact.kind is FactKind.PERFORMANCE:
            self._perform(fact, at)
        elif fact.kind is FactKind.RESTATEMENT:
            self._restate(fact, at)
        elif fact.kind is FactKind.DETERMINATION:
            self._determine(fact, at)

    def _count(self, event: Move, at: datetime) -> None:
        self.target = event.target
        self.performed = self._limited(event.performed or _NOTHING, event) or _NOTHING
        if self.target == _NOTHING:
            # Every component was released.
            status = Status.WAIVED
        elif self.target is None or self.performed < self.target:
            status = self.status
            if status in BREACHED:
                status = Status.PARTLY_MET if self.performed else Status.UNMET
        else:
            is_late = self.due is not None and at >= self.due.due_at
            status = Status.MET_LATE if is_late else Status.MET
        self._move(at, status, Reason.COMPONENT_DONE, None)

    def _perform(self, fact: Fact, at: datetime) -> None:
        is_whole = fact.quantity is None or self.target is None
        before = self.performed
        performed = before + (fact.quantity or _NOTHING)
        accepted = self._limited(None if is_whole else performed, fact)
        if accepted is not None:
            performed = max(before, accepted)
        self.performed = performed
        if accepted is None or (self.target is not None and performed >= self.target):
            self._move(at, *self._completed(fact, at), fact.id)
        elif performed != before:
            self._accept(at, Reason.PART_PERFORMED, fact)

    def _accept(self, at: datetime, reason: Reason, fact: Fact) -> None:
        """Take note of how much is accepted, short of the whole."""
        status = self.status
        if status in BREACHED:
            status = Status.PARTLY_MET if self.performed else Status.UNMET
        self._move(at, status, reason, fact.id)

    def _limited(self, performed: Decimal | None, event: Move | Fact) -> Decimal | None:
        """How much of what is done up to `event` counts, by all later determinations; None is
        the whole."""
        if isinstance(event, Move):
            later = [each for each in self.limiting if each.effective_at >= event.at]
        else:
            later = [each for each in self.limiting if _order(each) > _order(event)]
        amounts = [self._accepted(each) for each in later]
        return min(amounts if performed is None else [performed, *amounts], default=None)

    def _accepted(self, determination: Fact) -> Decimal:
        """How much a determination accepts in all; of what has no target, as a share of 1."""
        if determination.verdict is Conclusion.NOT_MET:
            return _NOTHING
        if determination.share is None:
            return determination.quantity or _NOTHING
        return (determination.share * (self.target or _WHOLE)).quantize(_SMALLEST)

    def _determine(self, fact: Fact, at: datetime) -> None:
        if fact.verdict is Conclusion.UNDETERMINED:
            return
        is_met = fact.verdict is Conclusion.MET
        accepted = self._limited(None if is_met else self._accepted(fact), fact)
        if accepted is None:
            status, reason = self._completed(fact, at)
            is_plain = reason is Reason.PERFORMED
            self._move(at, status, Reason.DETERMINED if is_plain else reason, fact.id)
        else:
            self.performed = accepted
            if self.target is not None and self.performed >= self.target:
                status, _ = self._completed(fact, at)
                self._move(at, status, Reason.DETERMINED, fact.id)
            else:
                self._accept(at, Reason.DETERMINED, fact)

    def _restate(self, fact: Fact, at: datetime) -> None:
        if fact.quantity is None:
            sentence = f"Fact {fact.id} restates a target but names no quantity."
            raise ValueError(sentence)
        self.target = fact.quantity
        is_whole = self.performed >= self.target
        status = self._completed(fact, at)[0] if is_whole else self.status
        self._move(at, status, Reason.TARGET_RESTATED, fact.id)

    def _completed(self, fact: Fact, at: datetime) -> tuple[Status, Reason]:
        """The status if `fact` completes the performance, and why."""
        due = self.due
        if due is None:
            return Status.MET, Reason.PERFORMED
        clock = min([fact.effective_at, *self._clock_stops(at, due)])
        first_at = due.first_at
        if fact.effective_on is not None and fact.effective_on <= due.due_on:
            is_within = first_at is not None and fact.effective_at >= first_at
            return Status.MET, Reason.PERFORMED_IN_WINDOW if is_within else Reason.PERFORMED
        is_day_after = fact.effective_on is not None and clock == fact.effective_at
        if clock >= due.due_at or (is_day_after and first_at is None):
            return Status.MET_LATE, Reason.PERFORMED
        if first_at is not None and clock >= first_at:
            return Status.MET, Reason.PERFORMED_IN_WINDOW
        return Status.MET, Reason.PERFORMED


class _Keeping(_Course):
    """The course of what must be kept so, or not be done, during a period."""

    def __init__(self, terms: Terms) -> None:
        self.starts_at = max(terms.starts_at or terms.begins_at, terms.begins_at)
        self.violations: list[_Violation] = []
        self.was_violated = False
        super().__init__(terms)

    def _advance(self, at: datetime) -> None:
        # Only a violation that has lasted while it mattered counts; one that a suspension covers
        # from its first instant does not.
        if self.status is Status.UNMET and at > self.now and not self._is_over(self.now):
            self.was_violated = True
            for each in self._violations_at(self.now):
                each.counts = True
        super()._advance(at)

    def _status_at(self, at: datetime) -> Status:
        if self._is_dormant:
            return Status.DORMANT
        is_over = self._is_over(at)
        if at < self.starts_at and not is_over:
            return Status.PENDING
        if self._violations_at(at):
            return Status.UNMET
        if not is_over:
            return Status.HOLDING
        return Status.MET_LATE if self.was_violated else Status.MET

    def _next_own_change(self) -> datetime | None:
        end = self.due.due_at if self.due is not None else None
        match self.status:
            case Status.PENDING:
                return self.starts_at if end is None else min(self.starts_at, end)
            case Status.HOLDING:
                return end
            case Status.UNMET:
                return _longest(self._violations_at(self.now)).until_at
        return None

    def _change_own(self, at: datetime) -> None:
        if self.status is Status.UNMET:
            cured = _longest([each for each in self.violations if each.counts])
            self._move(at, self._status_at(at), Reason.CURED, cured.fact_id)
        elif violations := self._violations_at(at):
            self._move(at, Status.UNMET, Reason.VIOLATED, _longest(violations).fact_id)
        else:
            self._stand(at, Reason.PERIOD_BEGAN, None)

    def _apply_own(self, fact: Fact, at: datetime) -> None:
        if fact.kind is not FactKind.VIOLATION:
            return
        if fact.until_at is not None and fact.until_at <= at:
            return
        self.violations.append(_Violation(fact_id=fact.id, until_at=fact.until_at))
        if self.status is Status.HOLDING:
            self._move(at, Status.UNMET, Reason.VIOLATED, fact.id)

    def _count(self, event: Move, at: datetime) -> None:
        # What lasts for a period ends with it, whatever its components do.
        pass

    def _is_over(self, at: datetime) -> bool:
        return self.due is not None and self.due.due_at <= at

    def _violations_at(self, at: datetime) -> list[_Violation]:
        """Those that run at `at`; once the period is over, of those that have counted in it."""
        is_over = self._is_over(at)
        return [
            each
            for each in self.violations
            if (each.until_at is None or each.until_at > at) and (each.counts or not is_over)
        ]
