"""Find facts that make a deadline worse although nobody would expect that of their kind.

An extension is meant to give more time, and a restatement to correct a quantity. One that moves the
due date forward, or makes the deadline unmet, is more often a slip of the pen than an agreement, so
whoever records it must confirm it. The same holds for a trigger, a retraction, or a performance
or measurement that replaces another fact, if the deadline is unmet at once.
"""

from __future__ import annotations

from datetime import datetime

from compliance.domain import phrases
from compliance.domain.civil_time import displayed_zone_name
from compliance.domain.deadlines.timeline import BREACHED, Timeline
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import FactKind

# Violations, determinations and terminations say themselves that something ends or is not met.
EXPECTED_TO_HELP = frozenset(
    {FactKind.EXTENSION, FactKind.RESTATEMENT, FactKind.WAIVER, FactKind.SUSPENSION}
)


_SETS_OR_CORRECTS = frozenset({FactKind.TRIGGER, FactKind.RETRACTION})
_RECORDING = frozenset({FactKind.PERFORMANCE, FactKind.MEASUREMENT})


def surprise(
    before: Timeline,
    after: Timeline,
    *,
    kind: FactKind,
    as_of: datetime,
    is_replacing: bool = False,
) -> str | None:
    """Return a sentence on how a fact makes a deadline worse by surprise, or None if it does not.

    Args:
        before: the timeline without the fact.
        after: the timeline with it.
        is_replacing: whether it supersedes another fact.
    """
    if kind in _SETS_OR_CORRECTS or (kind in _RECORDING and is_replacing):
        return _unmet_at_once(before, after, as_of=as_of)
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
            return f"This would mean that the deadline has been unmet since {since}."
        return f"This would make the deadline unmet from {since} until it ended."
    old, new = _due(before, as_of), _due(after, as_of)
    if is_extension and old is not None and new is not None and new.due_at < old.due_at:
        return (
            f"This would make the deadline due earlier: {phrases.in_utc(new.due_at)} instead of "
            f"{phrases.in_utc(old.due_at)}."
        )
    return None


def _unmet_at_once(before: Timeline, after: Timeline, *, as_of: datetime) -> str | None:
    """Return a sentence if the deadline would be unmet now, and is not without the fact."""
    old, new = before.at(as_of), after.at(as_of)
    if new is None or new.status not in BREACHED:
        return None
    if old is not None and old.status in BREACHED:
        return None
    since = phrases.in_utc(after.breaches(as_of)[-1].occurred_at)
    status = phrases.label(new.status)
    return f"This would mean that the deadline has been {status} since {since}."


def effect(before: Timeline, after: Timeline, *, as_of: datetime) -> str:
    """Return a sentence on what a fact changes at `as_of`, good or bad.

    Args:
        before: the timeline without the fact.
        after: the timeline with it.
    """
    old, new = before.at(as_of), after.at(as_of)
    old_due, new_due = _due(before, as_of), _due(after, as_of)
    parts = []
    if new is not None and (old is None or old.status is not new.status):
        was = "" if old is None else f" from {phrases.label(old.status)}"
        parts.append(f"change its status{was} to {phrases.label(new.status)}")
    if new_due is not None and (old_due is None or old_due.due_at != new_due.due_at):
        was = "" if old_due is None else f" from {_shown(old_due)}"
        parts.append(f"change its due date{was} to {_shown(new_due)}")
    elif new_due is None and old_due is not None:
        parts.append("leave it without a due date")
    return f"This would {' and '.join(parts or ['not change its status now'])}."


def _shown(due: Due) -> str:
    return phrases.local_due_date(due.due_on, due.due_at, displayed_zone_name(due.timezone))


def _due(timeline: Timeline, as_of: datetime) -> Due | None:
    past = timeline.until(as_of) or timeline.transitions[:1]
    return past[-1].due if past else None
