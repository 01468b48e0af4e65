"""Find facts that make a deadline worse although nobody would expect that of their kind.

An extension is meant to give more time, and a restatement to correct a quantity. One that moves the
due date forward, or makes the deadline unmet, is more often a slip of the pen than an agreement, so
whoever records it must confirm it.
"""

from __future__ import annotations

from datetime import datetime

from compliance.domain import phrases
from compliance.domain.deadlines.timeline import BREACHED, Timeline
from compliance.domain.due_dates.due_rules import Due
from compliance.domain.vocabulary import FactKind

# Violations, determinations, performances and retractions say themselves what they change, and a
# trigger starts a period that may well have ended.
EXPECTED_TO_HELP = frozenset(
    {FactKind.EXTENSION, FactKind.RESTATEMENT, FactKind.WAIVER, FactKind.SUSPENSION}
)


def surprise(before: Timeline, after: Timeline, *, kind: FactKind, as_of: datetime) -> str | None:
    """Return a sentence on how a fact makes a deadline worse by surprise, or None if it does not.

    Args:
        before: the timeline without the fact.
        after: the timeline with it.
    """
    if kind not in EXPECTED_TO_HELP:
        return None
    known = {breach.occurred_at for breach in before.breaches(as_of)}
    past = after.until(as_of)
    breaches = after.breaches(as_of)
    is_unmet = bool(past) and past[-1].status in BREACHED
    is_extension = kind is FactKind.EXTENSION
    if breaches and breaches[-1].occurred_at not in known and (is_unmet or not known):
        since = phrases.in_utc(breaches[-1].occurred_at)
        if is_unmet:
            return f"This would make the deadline unmet since {since}."
        return f"This would make the deadline unmet from {since} until it ended."
    old, new = _due(before, as_of), _due(after, as_of)
    if is_extension and old is not None and new is not None and new.due_at < old.due_at:
        return (
            f"This would make the deadline due earlier, on {phrases.in_utc(new.due_at)} instead of "
            f"{phrases.in_utc(old.due_at)}."
        )
    return None


def _due(timeline: Timeline, as_of: datetime) -> Due | None:
    past = timeline.until(as_of) or timeline.transitions[:1]
    return past[-1].due if past else None
