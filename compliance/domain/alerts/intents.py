"""Decide which alerts a change of a deadline causes. All functions here are pure.

An `AlertIntent` says what must be announced, not to whom: subscriptions decide that when alerts are
created from it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from compliance.domain.deadlines.breaches import BreachChanges
from compliance.domain.deadlines.ledger import Entry, current_history
from compliance.domain.deadlines.timeline import BREACHED, Transition
from compliance.domain.vocabulary import AlertKind, Announcement, Reason, Status


class OpenBreach(NamedTuple):
    """An open breach: when it began, when it was detected, and when its acknowledgement ends."""

    occurred_at: datetime
    detected_at: datetime
    acknowledged_until: datetime | None = None


class AlertIntent(NamedTuple):
    """Something that must be announced. Kind and `occasion` identify it within its deadline.

    `breach_at` is when the breach that it is about began. `due_at` is the due instant of a
    reminder, or the due instant before a change for `reason`. `level` counts escalations from 1.
    `predates_entry` means that the breach began before its deadline was entered.
    """

    kind: AlertKind
    occasion: datetime
    breach_at: datetime | None = None
    due_at: datetime | None = None
    reason: Reason | None = None
    level: int = 0
    predates_entry: bool = False


class DeadlineEntry(NamedTuple):
    """When a deadline was entered, and how breaches that began before that are announced.

    Without `entered_at`, every breach is news.
    """

    entered_at: datetime | None = None
    announcement: Announcement = Announcement.SUMMARY

    def predates(self, occurred_at: datetime) -> bool:
        """Return whether a breach began before the entry, and is therefore not announced as news.

        It starts no escalations either.
        """
        return (
            self.entered_at is not None
            and occurred_at < self.entered_at
            and self.announcement != Announcement.ALL
        )


TRACKED = DeadlineEntry()


class PolicyStep(NamedTuple):
    """The alert that a notification policy requires now, if any, and when to consult it next."""

    intent: AlertIntent | None = None
    next_at: datetime | None = None


NO_STEP = PolicyStep()

# Reminders make sense only for deadlines that can still be met.
_REMINDED = frozenset({Status.PENDING, Status.HOLDING})
_OPEN = _REMINDED | {Status.IN_GRACE}
_STOPPED = frozenset({Status.WAIVED, Status.SUPERSEDED, Status.CANCELLED, Status.SUSPENDED})
_CHANGES = frozenset(
    {
        Reason.EXTENDED, Reason.POSTPONED, Reason.RESCHEDULED, Reason.TRIGGERED,
        Reason.TARGET_RESTATED, Reason.WAIVED, Reason.SUSPENDED, Reason.RESUMED, Reason.REPLACED,
        Reason.CANCELLED, Reason.TERMINATED, Reason.EXPIRED, Reason.WITHDRAWN,
    }
)  # fmt: skip

# Looking up a member of an enum is slow, and a sweep comes by here for every breach.
_MISSED, _ESCALATED = AlertKind.MISSED, AlertKind.ESCALATED


def reminder(
    now: Transition, steps: Sequence[datetime], *, known_since: datetime, as_of: datetime
) -> PolicyStep:
    """Return the reminder that is due at `as_of`, and when the next one is due.

    If several steps were missed, only the last one counts. A step counts only if the due date was
    known when it passed. After the due date, no step counts.

    Args:
        now: the state at `as_of`.
        steps: the instants of all reminders, in order.
        known_since: since when the due date has been known.
    """
    if now.status not in _REMINDED or now.due is None or now.due.due_at <= as_of:
        return NO_STEP
    count = bisect_right(steps, as_of)
    intent = None
    if count and steps[count - 1] > known_since:
        occasion = steps[count - 1]
        intent = AlertIntent(kind=AlertKind.REMINDER, occasion=occasion, due_at=now.due.due_at)
    return PolicyStep(intent, steps[count] if count < len(steps) else None)


def escalation(breach: OpenBreach, steps: Sequence[datetime], *, as_of: datetime) -> PolicyStep:
    """Return the escalation of an open breach that is due at `as_of`, and when the next one is due.

    Escalations pause while the breach is acknowledged. When the acknowledgement ends, everyone is
    notified whom the escalations would have reached by then.

    Args:
        steps: the instants of all escalations, in order.
    """
    until = breach.acknowledged_until
    if until is not None and as_of < until:
        return PolicyStep(next_at=until)
    level = bisect_right(steps, as_of)
    occasion = steps[level - 1] if level else None
    if until is not None and (occasion is None or until > occasion):
        occasion = until
    intent = None
    if occasion is not None:
        intent = AlertIntent(
            kind=_ESCALATED, occasion=occasion, breach_at=breach.occurred_at, level=level
        )
    return PolicyStep(intent, steps[level] if level < len(steps) else None)


def missed(
    changes: BreachChanges,
    *,
    announce_ended: bool,
    entry: DeadlineEntry = TRACKED,
    imported_at: datetime | None = None,
) -> list[AlertIntent]:
    """Return the announcements of breaches that began or reopened.

    With `announce_ended`, breaches that had ended before they were detected are announced too, but
    not those that predate the entry of the deadline, or ended before their history was imported.
    During an import of history nobody was notified, so a breach is announced if it reopens later.
    """
    announced = []
    for breach in changes.begun:
        is_earlier = entry.predates(breach.occurred_at)
        is_open = breach.ended_at is None
        if is_earlier and (not is_open or entry.announcement == Announcement.NONE):
            continue
        is_history = (
            imported_at is not None
            and breach.ended_at is not None
            and breach.ended_at <= imported_at
        )
        if is_open or (announce_ended and not is_history):
            announced.append(_missed(breach.occurred_at, predates_entry=is_earlier))
    for breach in changes.resumed:
        is_earlier = entry.predates(breach.occurred_at)
        announced.append(_missed(breach.occurred_at, predates_entry=is_earlier))
    return announced


def _missed(occurred_at: datetime, *, predates_entry: bool) -> AlertIntent:
    return AlertIntent(_MISSED, occurred_at, occurred_at, predates_entry=predates_entry)


def changed(
    recorded: Sequence[Entry], now: Transition, *, recorded_at: datetime
) -> AlertIntent | None:
    """Return the announcement that a deadline has changed, or None.

    A change is announced if the deadline was, for example, extended, waived or restated, or if such
    a fact was retracted. It has no reason if what made the deadline due was corrected away.
    Performances and changes that time brings have other alerts or none.

    Args:
        recorded: the ledger before the change; not empty.
        now: the state after it.
        recorded_at: when the change was recorded.
    """
    is_dormant = now.status is Status.DORMANT
    if now.reason not in _CHANGES and now.status not in _OPEN and not is_dormant:
        return None
    if now.status in BREACHED and now.is_closed:
        # The alerts about its breach report this.
        return None
    before = current_history(recorded)[-1]
    due_at = now.due.due_at if now.due is not None else None
    if (before.status, before.due_at, before.target) == (now.status, due_at, now.target):
        return None
    reason: Reason | None = None
    if is_dormant and now.reason not in _CHANGES:
        pass
    elif now.reason in _CHANGES:
        reason = now.reason
    elif before.status in _STOPPED:
        reason = Reason.RESUMED
    elif before.due_at != due_at:
        reason = Reason.RESCHEDULED
    elif before.target != now.target:
        reason = Reason.TARGET_RESTATED
    is_undone = is_dormant and before.due_at is not None
    if reason is None and not is_undone:
        return None
    return AlertIntent(
        kind=AlertKind.CHANGED, occasion=recorded_at, due_at=before.due_at, reason=reason
    )
