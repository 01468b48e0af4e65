"""The part of a projection that all kinds of obligations share.

A `Projector` holds the state of one deadline while events are applied in order of effect. Its
subclasses implement the passing of time and the facts that are specific to a kind of obligation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from decimal import Decimal

from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.suspensions import (
    RunningSuspension,
    longest,
    moved_by_suspension,
)
from compliance.domain.deadlines.terms import Move, Terms, is_only_measured
from compliance.domain.deadlines.timeline import BREACHED, CLOSED, Timeline, Transition
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import FactKind, Reason, Status, Verdict

ZERO = Decimal(0)
# Verdicts that limit how much of the performance up to then is accepted.
LIMITING = frozenset({Verdict.PARTLY_MET, Verdict.NOT_MET})

_CLOSED_BY = {
    FactKind.WAIVER: (Status.WAIVED, Reason.WAIVED),
    FactKind.REPLACEMENT: (Status.SUPERSEDED, Reason.REPLACED),
    FactKind.CANCELLATION: (Status.CANCELLED, Reason.CANCELLED),
}

# Reasons that change the due date, and reasons that change how much is done or owed.
DUE_DATE_REASONS = frozenset(
    {Reason.EXTENDED, Reason.POSTPONED, Reason.RESCHEDULED, Reason.TRIGGERED}
)
_QUANTITY_REASONS = frozenset(
    {
        Reason.PART_PERFORMED, Reason.MEASURED, Reason.TARGET_RESTATED, Reason.DETERMINED,
        Reason.COMPONENT_DONE,
    }
)  # fmt: skip


def event_at(event: Move | Fact) -> datetime:
    """Return the instant at which a move or fact takes effect."""
    return event.at if isinstance(event, Move) else event.effective_at


class Projector(ABC):
    """The state of one deadline while events are applied in order of effect."""

    def __init__(self, terms: Terms) -> None:
        self.begins_at = terms.begins_at
        self.due = terms.due
        self.is_endless = terms.is_endless
        self.now = terms.begins_at
        # How much is accepted: of the target or, without one, of the whole, which is 1.
        self.accepted = ZERO
        self.target = terms.target_quantity
        self.bound = terms.target_bound
        # Whether performances do not add up to the target.
        self.is_only_measured = is_only_measured(terms.kind, terms.target_bound)
        # The value in force: the latest that was measured.
        self.measured: Decimal | None = None
        self.suspensions: list[RunningSuspension] = []
        self.stopped_until: datetime | None = None
        # Why a deadline that becomes unmet is closed at once, and the fact that says so.
        self.closing: tuple[Reason, int | None] | None = None
        self.transitions: list[Transition] = []
        status = Status.DORMANT if self.is_dormant else Status.PENDING
        self.record(terms.begins_at, status, Reason.AGREED, None)
        self._pass_time(terms.begins_at)

    def apply(self, event: Move | Fact) -> None:
        """Apply the next event. A closed deadline ignores it."""
        at = self.effect_of(event)
        self._pass_time(at)
        if self.is_closed:
            return
        self.advance(at)
        if isinstance(event, Move):
            self._move(event, at)
            return
        match event.kind:
            case FactKind.EXTENSION:
                self._extend(event, at)
            case FactKind.TRIGGER:
                self._set_due(at, _named_due(event), Reason.TRIGGERED, event.id)
            case FactKind.SUSPENSION:
                self._suspend(event, at)
            case FactKind.WAIVER | FactKind.REPLACEMENT | FactKind.CANCELLATION:
                self.record(at, *_CLOSED_BY[event.kind], event.id)
            case FactKind.TERMINATION:
                self.end_with_agreement(at, Reason.TERMINATED, event.id)
            case _:
                # Retractions never get here: `effective_facts` leaves them out.
                self.apply_own(event, at)

    def _move(self, event: Move, at: datetime) -> None:
        if event.reason is Reason.COMPONENT_DONE:
            self.count_components(event, at)
        elif event.reason is Reason.EXPIRED:
            self.expire(at)
        else:
            self._set_due(at, event.due, event.reason, None)

    def finish(self) -> Timeline:
        """Let time pass until nothing changes any more, and return the timeline."""
        while (at := self._next_change()) is not None:
            self._change(at)
        return Timeline(tuple(self.transitions))

    @property
    def status(self) -> Status:
        """The latest status."""
        return self.transitions[-1].status

    @property
    def is_closed(self) -> bool:
        """Whether nothing changes it any more."""
        return self.transitions[-1].is_closed

    @property
    def is_dormant(self) -> bool:
        """Whether the due date is not known."""
        return self.due is None and not self.is_endless

    @property
    def sum_target(self) -> Decimal | None:
        """The target that performances must add up to, if there is one."""
        return None if self.is_only_measured else self.target

    @abstractmethod
    def status_at(self, at: datetime) -> Status:
        """Return the status at `at` that follows from all previous events, ignoring suspensions."""

    @abstractmethod
    def next_own_change(self) -> datetime | None:
        """Return when time alone changes the status next, if it is neither closed nor suspended."""

    @abstractmethod
    def change_own(self, at: datetime) -> None:
        """Apply the change whose instant `next_own_change` returned."""

    @abstractmethod
    def apply_own(self, fact: Fact, at: datetime) -> None:
        """Apply a fact that only this kind of obligation has."""

    @abstractmethod
    def count_components(self, event: Move, at: datetime) -> None:
        """Record how many components are done."""

    def expire(self, at: datetime) -> None:
        """End with the agreement, which expires at `at`."""
        self.end_with_agreement(at, Reason.EXPIRED, None)

    def end_with_agreement(self, at: datetime, reason: Reason, fact_id: int | None) -> None:
        """End with the agreement: close the deadline as unmet, or cancel it if it is not due yet.

        A grace period that has begun still runs. If nothing is performed within it, the deadline is
        closed as unmet when it ends.
        """
        status = self.status_at_end(at)
        if status in BREACHED:
            self.record(at, status, reason, fact_id)
        elif status is Status.IN_GRACE:
            self.closing = (reason, fact_id)
        else:
            self.record(at, Status.CANCELLED, reason, fact_id)

    def status_at_end(self, at: datetime) -> Status:
        """Return the status that it has when the agreement ends, ignoring suspensions."""
        return self.status_at(at)

    def effect_of(self, event: Move | Fact) -> datetime:
        """Return when an event takes effect: never before an event that was applied earlier."""
        return max(event_at(event), self.now)

    def advance(self, at: datetime) -> None:
        """Move on to `at`."""
        self.now = at

    def record(self, at: datetime, status: Status, reason: Reason, fact_id: int | None) -> None:
        """Record the transition to `status` at `at`, unless it changes nothing."""
        # If there are two changes at the same instant, the first has no duration and is dropped.
        if self.transitions and self.transitions[-1].effective_at == at:
            first = self.transitions.pop()
            keeps_cause = first.status is status and (
                first.reason in DUE_DATE_REASONS
                # The number of components is part of the terms, not a change.
                or (first.reason is Reason.AGREED and reason is Reason.COMPONENT_DONE)
            )
            if keeps_cause and reason in _QUANTITY_REASONS:
                # A breach may have ended here, and a quantity does not end a breach.
                reason, fact_id = first.reason, first.fact_id
        is_summed = self.sum_target is not None
        transition = Transition(
            effective_at=at,
            status=status,
            reason=reason,
            fact_id=fact_id,
            due=self.due,
            performed=self.accepted if is_summed else ZERO if self.target is None else None,
            target=self.target,
            accepted_share=None if is_summed else self.accepted or None,
            measured=self.measured,
        )
        # The ledger could not distinguish two equal consecutive states.
        if not self.transitions or self.transitions[-1].state != transition.state:
            self.transitions.append(transition)

    def update_status(self, at: datetime, reason: Reason, fact_id: int | None) -> None:
        """Record the status that follows from all previous events."""
        status = Status.SUSPENDED if self.suspensions else self.status_at(at)
        if status in CLOSED:
            reason = Reason.PERIOD_ENDED
        elif status in BREACHED and self.closing is not None:
            reason, fact_id = self.closing
        self.record(at, status, reason, fact_id)

    def clock_stops(self, at: datetime, due: Due) -> list[datetime]:
        """Return when the suspensions began that stop the clock at `at`."""
        return [
            each.began_at
            for each in self.suspensions
            if each.tolls
            and each.began_at < due.due_at
            and (each.until_at is None or each.until_at > at)
        ]

    def _pass_time(self, instant: datetime) -> None:
        while (at := self._next_change()) is not None and at <= instant:
            self._change(at)

    def _next_change(self) -> datetime | None:
        if self.is_closed:
            return None
        if self.suspensions:
            return longest(self.suspensions).until_at
        return self.next_own_change()

    def _change(self, at: datetime) -> None:
        self.advance(at)
        if self.suspensions:
            ended = longest(self.suspensions)
            self.suspensions.clear()
            self.update_status(at, Reason.RESUMED, ended.fact_id)
        else:
            self.change_own(at)

    def _extend(self, fact: Fact, at: datetime) -> None:
        if fact.due is None:
            # Even what had no end waits for one now.
            self.is_endless = False
            self._set_due(at, None, Reason.POSTPONED, fact.id)
        else:
            self._set_due(at, fact.due, Reason.EXTENDED, fact.id)

    def _set_due(self, at: datetime, due: Due | None, reason: Reason, fact_id: int | None) -> None:
        self.due = due
        self.update_status(at, reason, fact_id)

    def _suspend(self, fact: Fact, at: datetime) -> None:
        began_at = max(fact.effective_at, self.begins_at)
        if fact.until_at is not None and fact.until_at <= at:
            return
        due = self.due
        if fact.tolls:
            self._stop_clock(fact, began_at)
        suspension = RunningSuspension(
            fact_id=fact.id, began_at=began_at, until_at=fact.until_at, tolls=fact.tolls
        )
        self.suspensions.append(suspension)
        # A suspension within another one that moves no due date changes nothing.
        if self.due != due or longest(self.suspensions) is suspension:
            self.record(at, Status.SUSPENDED, Reason.SUSPENDED, fact.id)

    def _stop_clock(self, fact: Fact, began_at: datetime) -> None:
        """Postpone the due date by the time that this suspension adds to earlier ones.

        Only the part of the due date after the start of the suspension moves.
        """
        if self.due is None or fact.until_at is None or began_at >= self.due.unmet_at:
            return
        start = max(began_at, self.stopped_until or began_at)
        if start >= fact.until_at:
            return
        self.due = moved_by_suspension(
            self.due, fact, start=start, until_at=fact.until_at, stopped_at=began_at
        )
        self.stopped_until = fact.until_at


def _named_due(fact: Fact) -> Due:
    if fact.due is None:
        sentence = f"Fact {fact.id} sets a due date but has none: record it again with `due`."
        raise ValueError(sentence)
    return fact.due
