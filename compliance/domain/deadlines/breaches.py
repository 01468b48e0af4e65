"""Compare the stored breaches of a deadline with its timeline."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from compliance.domain.deadlines.ledger import Entry, current_history
from compliance.domain.deadlines.timeline import BREACHED, BreachInterval
from compliance.domain.vocabulary import BreachEnd


def voided(occurred_at: datetime) -> BreachInterval:
    """Return a breach that never happened as it stays stored, with an empty interval."""
    return BreachInterval(
        occurred_at=occurred_at, ended_at=occurred_at, end_reason=BreachEnd.VOIDED
    )


class BreachChanges(NamedTuple):
    """The changes that turn the stored breaches into those of the timeline.

    Attributes:
        begun: new breaches, open or already over.
        ended: breaches that were open and are now over, or that ended at another time or reason.
        resumed: breaches that were over and are open again.
        voided: when breaches began that, as it turned out, never happened.
    """

    begun: tuple[BreachInterval, ...] = ()
    ended: tuple[BreachInterval, ...] = ()
    resumed: tuple[BreachInterval, ...] = ()
    voided: tuple[datetime, ...] = ()

    @property
    def altered(self) -> tuple[BreachInterval, ...]:
        """The stored breaches that change, as they will be."""
        if not (self.ended or self.resumed or self.voided):
            return ()
        return (*self.ended, *self.resumed, *map(voided, self.voided))

    def __bool__(self) -> bool:
        return any(self)


NO_CHANGES = BreachChanges()


def breach_changes(
    stored: Collection[BreachInterval], projected: Collection[BreachInterval]
) -> BreachChanges:
    """Compare stored with projected breaches, which are identified by their beginning.

    Returns:
        The changes; `NO_CHANGES` itself if there are none.
    """
    if not stored:
        # Most deadlines of a sweep take this path.
        return BreachChanges(begun=tuple(projected)) if projected else NO_CHANGES
    before = {breach.occurred_at: breach for breach in stored}
    now = {breach.occurred_at: breach for breach in projected}
    if before == now:
        return NO_CHANGES
    changed = [now[at] for at in now.keys() & before.keys() if now[at] != before[at]]
    changes = BreachChanges(
        begun=tuple(now[at] for at in sorted(now.keys() - before.keys())),
        ended=tuple(each for each in changed if each.ended_at is not None),
        resumed=tuple(each for each in changed if each.ended_at is None),
        voided=tuple(
            at
            for at in sorted(before.keys() - now.keys())
            if before[at].end_reason is not BreachEnd.VOIDED
        ),
    )
    return changes if any(changes) else NO_CHANGES


def breaches_ever_recorded(entries: Sequence[Entry]) -> set[datetime]:
    """Return when each breach began that the ledger has ever stated, even if corrected later."""
    found: set[datetime] = set()
    for known_at in {entry.recorded_at for entry in entries}:
        history = current_history([entry for entry in entries if entry.recorded_at <= known_at])
        was_breached = False
        for entry in history:
            is_breached = entry.status in BREACHED
            if is_breached and not was_breached:
                found.add(entry.effective_at)
            was_breached = is_breached
    return found
