"""Which alerts the course of a deadline calls for: pure decisions, from breaches and ladders."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from compliance.domain.deadlines.ledger import Entry
from compliance.domain.deadlines.timeline import BreachInterval, Transition
from compliance.domain.vocabulary import AlertKind, BreachEnd, Reason, Status


@dataclass(frozen=True, kw_only=True, slots=True)
class BreachChanges:
    """How stored breaches must change so that they are those of the timeline.

    `begun` are new, open or already over; `ended` were open and are over now, or have another
    end; `resumed` were over and are open again; `voided` never were.
    """

    begun: tuple[BreachInterval, ...] = ()
    ended: tuple[BreachInterval, ...] = ()
    resumed: tuple[BreachInterval, ...] = ()
    voided: tuple[datetime, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.begun or self.ended or self.resumed or self.voided)


_NONE = BreachChanges()


def breach_changes(
    stored: Collection[BreachInterval], projected: Collection[BreachInterval]
) -> BreachChanges:
    """Compare stored breaches with projected ones; they are the same when they began together."""
    if not stored:
        # By far the most deadlines of a sweep, whose time this is.
        return BreachChanges(begun=tuple(projected)) if projected else _NONE
    before = {breach.occurred_at: breach for breach in stored}
    now = {breach.occurred_at: breach for breach in projected}
    if before == now:
        return _NONE
    changed = [now[at] for at in now.keys() & before.keys() if now[at] != before[at]]
    return BreachChanges(
        begun=tuple(now[at] for at in sorted(now.keys() - before.keys())),
        ended=tuple(each for each in changed if each.ended_at is not None),
        resumed=tuple(each for each in changed if each.ended_at is None),
        voided=tuple(
            at
            for at in sorted(before.keys() - now.keys())
            if before[at].end_reason is not BreachEnd.VOIDED
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenBreach:
    """A breach that goes on: when it began, when it was found, and until when somebody has said
    that they are at it."""

    occurred_at: datetime
    detected_at: datetime
    acknowledged_until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """That an alert is called for. `occasion` is the instant that makes it one of a kind.

    `breach_at` is when the breach began that it tells of; `due_at` the due instant of a reminder,
    or what had been due before a change for `reason`. `level` counts escalations, from 1.
    """

    kind: AlertKind
    occasion: datetime
    breach_at: datetime | None = None
    due_at: datetime | None = None
    reason: Reason | None = None
    level: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Climb:
    """What a ladder calls for now, if anything, and when it will next have to be looked at."""

    call: Call | None = None
    next_at: datetime | None = None


_NO_CLIMB = Climb()
# Somebody can still do something about these.
_REMINDED = frozenset({Status.PENDING, Status.HOLDING})
_OPEN = _REMINDED | {Status.IN_GRACE}
_STOPPED = frozenset({Status.WAIVED, Status.CANCELLED, Status.SUSPENDED})
_CHANGES = frozenset(
    {
        Reason.EXTENDED, Reason.RESCHEDULED, Reason.TRIGGERED, Reason.TARGET_RESTATED,
        Reason.WAIVED, Reason.SUSPENDED, Reason.RESUMED, Reason.CANCELLED, Reason.TERMINATED,
        Reason.WITHDRAWN,
    }
)  # fmt: skip


def reminder(
    now: Transition, rungs: Sequence[datetime], *, known_since: datetime, as_of: datetime
) -> Climb:
    """The reminder that is due at `as_of` of what stands as `now`, and the next.

    Of several rungs that were passed unseen only the last is told; none that was passed before
    anybody knew of the due date, and none at all when the date itself has passed.
    """
    if now.status not in _REMINDED or now.due is None or now.due.due_at <= as_of:
        return _NO_CLIMB
    passed = [at for at in rungs if known_since < at <= as_of]
    call = None
    if passed:
        call = Call(kind=AlertKind.REMINDER, occasion=passed[-1], due_at=now.due.due_at)
    return Climb(call=call, next_at=min((at for at in rungs if at > as_of), default=None))


def escalation(breach: OpenBreach, rungs: Sequence[datetime], *, as_of: datetime) -> Climb:
    """The escalation that is due at `as_of` of a breach that goes on, and the next.

    Nobody is told while it is acknowledged; when the acknowledgement has ended, everybody who had
    been reached by then is.
    """
    until = breach.acknowledged_until
    if until is not None and as_of < until:
        return Climb(next_at=until)
    passed = [at for at in rungs if at <= as_of]
    level = len(passed)
    candidates = [*passed[-1:], *([until] if until is not None else [])]
    call = None
    if candidates:
        call = Call(
            kind=AlertKind.ESCALATED,
            occasion=max(candidates),
            breach_at=breach.occurred_at,
            level=level,
        )
    return Climb(call=call, next_at=min((at for at in rungs if at > as_of), default=None))


def change(before: Entry, now: Transition, *, recorded_at: datetime) -> Call | None:
    """Whether people are to be told that what they knew of a deadline holds no more.

    That is so when it was extended, waived, restated and the like, and when that was retracted;
    what time alone brings about, or a performance, is told otherwise or not at all.
    """
    due_at = now.due.due_at if now.due is not None else None
    if (before.status, before.due_at, before.target) == (now.status, due_at, now.target):
        return None
    reason: Reason | None = None
    if now.reason in _CHANGES:
        reason = now.reason
    elif now.status in _OPEN and before.status in _STOPPED:
        reason = Reason.RESUMED
    elif now.status in _OPEN and before.due_at != due_at:
        reason = Reason.RESCHEDULED
    elif now.status in _OPEN and before.target != now.target:
        reason = Reason.TARGET_RESTATED
    if reason is None:
        return None
    return Call(kind=AlertKind.CHANGED, occasion=recorded_at, due_at=before.due_at, reason=reason)


def due_known_since(held: Sequence[Entry], due_at: datetime) -> datetime | None:
    """Since when the ledger has held `due_at`, without a break until now; None if it does not."""
    since: datetime | None = None
    for entry in held:
        if entry.due_at != due_at:
            since = None
        elif since is None:
            since = entry.recorded_at
    return since
