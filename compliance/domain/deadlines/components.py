"""How an obligation stands by its components: all of them, any of them, or a share must be done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from compliance.domain.deadlines.timeline import BREACHED, Timeline, Transition
from compliance.domain.vocabulary import Reason, RollUp, Status

DONE = frozenset({Status.MET, Status.MET_LATE})
RELEASED = frozenset({Status.WAIVED, Status.CANCELLED})
_NOT_YET = frozenset({Status.DORMANT, Status.PENDING, Status.HOLDING})
# What describes open components better than that they are pending.
_TELLING = frozenset({Status.DORMANT, Status.HOLDING, Status.IN_GRACE, Status.SUSPENDED})


@dataclass(frozen=True, kw_only=True, slots=True)
class RolledUp:
    """How many components are `done`, `of` those that count, of which `needed` must be.

    `released` ones, waived or cancelled, do not count.
    """

    done: int
    of: int
    needed: int
    released: int
    status: Status

    @property
    def summary(self) -> str:
        """In words: "3 of 4 done"."""
        released = f", {self.released} released" if self.released else ""
        return f"{self.done} of {self.of} done{released}"


def needed_of(rule: RollUp, share: Decimal | None, of: int) -> int:
    """How many of so many components must be done; a share is rounded up."""
    match rule:
        case RollUp.ALL:
            return of
        case RollUp.ANY:
            return min(1, of)
        case RollUp.SHARE:
            return int((Decimal(of) * (share or 1)).to_integral_value(ROUND_CEILING))


def rolled_up(rule: RollUp, share: Decimal | None, statuses: Sequence[Status | None]) -> RolledUp:
    """How an obligation stands by the statuses of its components; None is one without any yet.

    It is met once enough of them are, late if those met in time were too few. It is in breach once
    too few are left that are done or can still be: in part if anything was done. Otherwise it is
    pending, or as all the open ones are. With every component released it is waived.
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
    [told, *others] = still_open
    return told if not others and told in _TELLING and told is not None else Status.PENDING


def status_of_several(statuses: Iterable[Status]) -> Status | None:
    """How a component with several deadlines stands: by those that have come due, if any has."""
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
    """A component: the courses of its own deadlines or, if it has none, its own components and
    how they roll up."""

    timelines: tuple[Timeline, ...] = ()
    parts: tuple[Part, ...] = ()
    rule: RollUp = RollUp.ALL
    share: Decimal | None = None

    def status_at(self, instant: datetime) -> Status | None:
        """How it stands at `instant`, if anything is said of it yet."""
        if self.timelines:
            states = (each.at(instant) for each in self.timelines)
            return status_of_several(state.status for state in states if state is not None)
        return self.rolled_up_at(instant).status if self.parts else None

    def rolled_up_at(self, instant: datetime) -> RolledUp:
        """How its components stand at `instant`."""
        return rolled_up(self.rule, self.share, [part.status_at(instant) for part in self.parts])

    def instants(self) -> set[datetime]:
        """When anything changes in it."""
        found = {each.effective_at for line in self.timelines for each in line.transitions}
        return found.union(*(part.instants() for part in self.parts))

    def rolled_up_course(self) -> list[tuple[datetime, RolledUp]]:
        """How its components roll up, from each instant on at which that changes."""
        course: list[tuple[datetime, RolledUp]] = []
        for instant in sorted(self.instants()):
            state = self.rolled_up_at(instant)
            if not course or course[-1][1] != state:
                course.append((instant, state))
        return course

    def as_timeline(self) -> Timeline:
        """The course of an obligation that has no deadline of its own and goes by its parts."""
        transitions: list[Transition] = []
        for instant, state in self.rolled_up_course():
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
