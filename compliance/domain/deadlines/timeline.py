"""The timeline of a deadline: every past status, and every future one if nothing else happens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import BreachEnd, Reason, Status

BREACHED = frozenset({Status.UNMET, Status.PARTLY_MET})
CLOSED = frozenset(
    {Status.MET, Status.MET_LATE, Status.WAIVED, Status.SUPERSEDED, Status.CANCELLED}
)
# For these reasons an unmet or partly met deadline is closed as it is. Its breach ends.
CLOSING_REASONS = frozenset({Reason.DETERMINED_FINALLY, Reason.TERMINATED, Reason.EXPIRED})

_BREACH_END = {
    Reason.PERFORMED: BreachEnd.PERFORMED,
    Reason.PERFORMED_IN_WINDOW: BreachEnd.PERFORMED,
    # The target was lowered to the quantity already performed.
    Reason.TARGET_RESTATED: BreachEnd.PERFORMED,
    Reason.MEASURED: BreachEnd.PERFORMED,
    Reason.DETERMINED: BreachEnd.PERFORMED,
    Reason.COMPONENT_DONE: BreachEnd.PERFORMED,
    Reason.CURED: BreachEnd.CURED,
    Reason.WITHIN_BOUNDS: BreachEnd.CURED,
    # A period ends only when no violation is in progress. A violation that was in progress is cured
    # at that instant.
    Reason.PERIOD_ENDED: BreachEnd.CURED,
    Reason.EXTENDED: BreachEnd.EXTENDED,
    Reason.POSTPONED: BreachEnd.POSTPONED,
    Reason.RESCHEDULED: BreachEnd.RESCHEDULED,
    Reason.TRIGGERED: BreachEnd.RESCHEDULED,
    Reason.WAIVED: BreachEnd.WAIVED,
    Reason.DETERMINED_FINALLY: BreachEnd.DETERMINED,
    Reason.REPLACED: BreachEnd.REPLACED,
    Reason.CANCELLED: BreachEnd.CANCELLED,
    Reason.TERMINATED: BreachEnd.TERMINATED,
    Reason.EXPIRED: BreachEnd.EXPIRED,
    Reason.WITHDRAWN: BreachEnd.WITHDRAWN,
}
# For these reasons a breach ends because its cause is removed, and not the obligation changed.
CURING_REASONS = frozenset(
    reason for reason, end in _BREACH_END.items() if end in {BreachEnd.PERFORMED, BreachEnd.CURED}
)


class Transition(NamedTuple):
    """From `effective_at` on the deadline has `status`, for `reason`, because of `fact_id`.

    `performed` is the quantity accepted so far, and `target` the target then in force. It is None
    if only measured values decide about the target. `measured` is the value in force. If
    performances do not add up to a target, `accepted_share` is the share of the whole (up to 1)
    that determinations accept; None if they accept none.
    """

    effective_at: datetime
    status: Status
    reason: Reason
    fact_id: int | None
    due: Due | None
    performed: Decimal | None = Decimal(0)
    target: Decimal | None = None
    accepted_share: Decimal | None = None
    measured: Decimal | None = None

    @property
    def is_ambiguous(self) -> bool:
        """Whether the status depends on the zone or on the reading of the rule."""
        if self.status is not Status.PENDING:
            return is_ambiguous(self.reason)
        earliest_due_at = self.due.earliest_due_at if self.due is not None else None
        return earliest_due_at is not None and earliest_due_at <= self.effective_at

    @property
    def is_closed(self) -> bool:
        """Whether nothing that is recorded later changes it."""
        return is_closed(self.status, self.reason)

    @property
    def state(self) -> tuple[object, ...]:
        """Everything but the instant, as far as the ledger records it."""
        due = self.due
        dates = None if due is None else (due.due_at, due.unmet_at, due.earliest_due_at)
        return (
            self.status,
            self.reason,
            self.fact_id,
            dates,
            self.performed,
            self.target,
            self.accepted_share,
            self.measured,
        )

    def effective_from(self, instant: datetime) -> Transition:
        """Return the same state, effective from another instant."""
        return self._replace(effective_at=instant)


class BreachInterval(NamedTuple):
    """An interval in which the deadline is unmet: from `occurred_at` until before `ended_at`."""

    occurred_at: datetime
    ended_at: datetime | None
    end_reason: BreachEnd | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole history of a deadline, past and projected, in order of `effective_at`."""

    transitions: tuple[Transition, ...]

    def at(self, instant: datetime) -> Transition | None:
        """Return the transition in force at `instant`; None before the deadline exists."""
        count = self._count_until(instant)
        return self.transitions[count - 1] if count else None

    def until(self, instant: datetime) -> tuple[Transition, ...]:
        """Return the transitions up to and including `instant`."""
        return self.transitions[: self._count_until(instant)]

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first instant after `instant` at which time alone changes anything."""
        count = self._count_until(instant)
        return self.transitions[count].effective_at if count < len(self.transitions) else None

    def status_since(self, instant: datetime) -> datetime | None:
        """Return when the status in force at `instant` began."""
        past = self.until(instant)
        return status_since(past) if past else None

    def breaches(self, as_of: datetime) -> tuple[BreachInterval, ...]:
        """Return the breaches that began by `as_of`, in order. Only the last can be open."""
        return breaches_in(self.until(as_of))

    def _count_until(self, instant: datetime) -> int:
        # A timeline has few transitions, and most questions are about its end.
        count = len(self.transitions)
        while count and self.transitions[count - 1].effective_at > instant:
            count -= 1
        return count


def status_since(past: Sequence[Transition]) -> datetime:
    """Return when the last status in these transitions began."""
    since = past[-1]
    for earlier in reversed(past):
        if earlier.status != since.status:
            break
        since = earlier
    return since.effective_at


def breaches_in(past: Iterable[Transition]) -> tuple[BreachInterval, ...]:
    """Return the breaches that began in these transitions, in order.

    A breach ends when its deadline is closed as unmet; at once, if that is when it begins.
    """
    found: list[BreachInterval] = []
    began: datetime | None = None
    for transition in past:
        if transition.status in BREACHED:
            began = began or transition.effective_at
            if transition.reason in CLOSING_REASONS:
                ended_at, reason = transition.effective_at, _BREACH_END[transition.reason]
                found.append(BreachInterval(began, ended_at, reason))
                began = None
        elif began is not None:
            reason = end_of_breach(transition.status, transition.reason)
            found.append(BreachInterval(began, transition.effective_at, reason))
            began = None
    if began is not None:
        found.append(BreachInterval(began, None, None))
    return tuple(found)


def is_closed(status: Status, reason: Reason) -> bool:
    """Return whether a deadline with this status, for this reason, is closed."""
    return status in CLOSED or (status in BREACHED and reason in CLOSING_REASONS)


def is_ambiguous(reason: Reason) -> bool:
    """Return whether a status with this reason depends on the zone or the reading of the rule."""
    return reason in {Reason.WINDOW_BEGAN, Reason.PERFORMED_IN_WINDOW}


def end_of_breach(status: Status, reason: Reason) -> BreachEnd:
    """Return why a breach ended, from the status that followed it and its reason."""
    if status is Status.SUSPENDED:
        return BreachEnd.SUSPENDED
    if status is Status.WAIVED:
        return BreachEnd.WAIVED
    return _BREACH_END[reason]
