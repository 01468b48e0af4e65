"""Which alerts a change in the breaches of a deadline calls for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from compliance.domain.timeline import BreachInterval
from compliance.domain.vocabulary import BreachEnd


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
