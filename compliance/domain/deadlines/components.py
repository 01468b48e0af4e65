"""Roll-up: the status of an obligation by its components (all, any or a share must be done)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from compliance.domain.deadlines.terms import Move
from compliance.domain.deadlines.timeline import BREACHED, Timeline, Transition
from compliance.domain.vocabulary import ObligationKind, Reason, RollUp, Status

DONE = frozenset({Status.MET, Status.MET_LATE})
RELEASED = frozenset({Status.WAIVED, Status.SUPERSEDED, Status.CANCELLED})
_NOT_YET = frozenset({Status.DORMANT, Status.PENDING, Status.HOLDING})
# If all open components have the same one of these statuses, it is more specific than `pending`.
_MORE_SPECIFIC = frozenset({Status.DORMANT, Status.HOLDING, Status.IN_GRACE, Status.SUSPENDED})


@dataclass(frozen=True, kw_only=True, slots=True)
class RolledUp:
    """The numbers of components, and the resulting status of the parent.

    `needed` of `of` components must be done, and `done` are. Components that are `released`, which
    means waived, superseded or cancelled, are not included in `of`.
    """

    done: int
    of: int
    needed: int
    released: int
    status: Status

    @property
    def summary(self) -> str:
        """The numbers as text, such as "3 of 4 done, 1 released"."""
        released = f", {self.released} released" if self.released else ""
        return f"{self.done} of {self.of} done{released}"


def is_done_by_components(kind: ObligationKind, target_quantity: Decimal | None) -> bool:
    """Return whether an obligation is done when enough of its components are, if it has any."""
    return kind is ObligationKind.ACHIEVE and target_quantity is None


def needed_of(rule: RollUp, share: Decimal | None, of: int) -> int:
    """Return how many of `of` components must be done. A share is rounded up."""
    match rule:
        case RollUp.ALL:
            return of
        case RollUp.ANY:
            return min(1, of)
        case RollUp.SHARE:
            return int((Decimal(of) * (share or 1)).to_integral_value(ROUND_CEILING))


def rolled_up(rule: RollUp, share: Decimal | None, statuses: Sequence[Status | None]) -> RolledUp:
    """Return the roll-up of the statuses of components. None is a component without a status yet.

    The obligation is met when enough components are met, and met late if too few of them were met
    on time. It is unmet when too few are done or can still be done, or partly met if some are done.
    Otherwise it is pending, or has the status that all open components share. If every component is
    released, it is waived.
    """
    counting = [status for status in statuses if status not in RELEASED]
    done = sum(status in DONE for status in counting)
    needed = needed_of(rule, share, len(counting))
    return RolledUp(
        done=done,
        of=len(counting),
        needed=needed,
        released=len(statuses) - len(counting),
        status=_status(counting, done, needed, is_released=bool(statuses)),
    )


def _status(
    counting: Sequence[Status | None], done: int, needed: int, *, is_released: bool
) -> Status:
    if not counting:
        return Status.WAIVED if is_released else Status.PENDING
    if done >= needed:
        in_time = sum(status is Status.MET for status in counting)
        return Status.MET if in_time >= needed else Status.MET_LATE
    still_open = {status for status in counting if status not in BREACHED | DONE}
    can_be = sum(status not in BREACHED for status in counting)
    if can_be < needed:
        is_begun = done or Status.PARTLY_MET in counting
        return Status.PARTLY_MET if is_begun else Status.UNMET
    [common, *others] = still_open
    if not others and common is not None and common in _MORE_SPECIFIC:
        return common
    return Status.PENDING


def status_of_several(statuses: Iterable[Status]) -> Status | None:
    """Return the status of a component with several deadlines, based on its due ones if any."""
    every = list(statuses)
    due = [status for status in every if status not in _NOT_YET and status not in RELEASED]
    if not due:
        open_ones = [status for status in every if status not in RELEASED]
        if open_ones:
            return open_ones[0] if len(set(open_ones)) == 1 else Status.PENDING
        return every[0] if every else None
    if any(status in BREACHED for status in due):
        has_some = any(status in DONE or status is Status.PARTLY_MET for status in due)
        return Status.PARTLY_MET if has_some else Status.UNMET
    waiting = [status for status in due if status not in DONE]
    if waiting:
        return waiting[0] if len(set(waiting)) == 1 else Status.PENDING
    return Status.MET_LATE if Status.MET_LATE in due else Status.MET


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A component: the timelines of its deadlines or, if it has none, its own components.

    Without either it has no status.
    """

    timelines: tuple[Timeline, ...] = ()
    parts: tuple[Part, ...] = ()
    rule: RollUp = RollUp.ALL
    share: Decimal | None = None

    def status_at(self, instant: datetime) -> Status | None:
        """Return its status at `instant`; None if it has none then."""
        if self.timelines:
            states = (each.at(instant) for each in self.timelines)
            return status_of_several(state.status for state in states if state is not None)
        return self.rolled_up_at(instant).status if self.parts else None

    def rolled_up_at(self, instant: datetime) -> RolledUp:
        """Return the roll-up of its components at `instant`."""
        return rolled_up(self.rule, self.share, [part.status_at(instant) for part in self.parts])

    def instants(self) -> set[datetime]:
        """Return the instants at which anything in it changes."""
        found = {each.effective_at for line in self.timelines for each in line.transitions}
        return found.union(*(part.instants() for part in self.parts))

    def roll_ups(self) -> list[tuple[datetime, RolledUp]]:
        """Return the roll-up of its components, from each instant at which it changes."""
        found: list[tuple[datetime, RolledUp]] = []
        for instant in sorted(self.instants()):
            state = self.rolled_up_at(instant)
            if not found or found[-1][1] != state:
                found.append((instant, state))
        return found

    def as_timeline(self) -> Timeline:
        """Return the timeline of an obligation without a deadline, derived from its components."""
        transitions: list[Transition] = []
        for instant, state in self.roll_ups():
            if transitions and transitions[-1].status is state.status:
                continue
            is_breach = state.status in BREACHED
            transitions.append(
                Transition(
                    effective_at=instant,
                    status=state.status,
                    reason=Reason.DUE_PASSED if is_breach else Reason.COMPONENT_DONE,
                    fact_id=None,
                    due=None,
                    performed=Decimal(state.done),
                    target=Decimal(state.needed),
                )
            )
        return Timeline(tuple(transitions))


def component_moves(components: Part) -> list[Move]:
    """Return how the components of an obligation change its terms, in order."""
    return [
        Move(
            at=at,
            due=None,
            reason=Reason.COMPONENT_DONE,
            performed=Decimal(state.done),
            target=Decimal(state.needed),
        )
        for at, state in components.roll_ups()
    ]
