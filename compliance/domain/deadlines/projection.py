"""Project the timeline of a deadline from its terms and facts.

This is the only place that decides a status. It is a pure function and never reads a clock: it
returns every status that the deadline has had, and will have if nothing more happens.
"""

from __future__ import annotations

from collections.abc import Sequence

from compliance.domain.deadlines.achieve import AchieveProjector
from compliance.domain.deadlines.beginnings import proven
from compliance.domain.deadlines.facts import Fact, effective_facts, order_of_effect
from compliance.domain.deadlines.maintain import MaintainProjector
from compliance.domain.deadlines.projector import ZERO, Projector, event_at
from compliance.domain.deadlines.terms import Move, Terms
from compliance.domain.deadlines.timeline import Timeline, Transition
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import ObligationKind, Reason, Status, TargetBound
from compliance.domain.work import check

# Looking up a member of an enum is slow, and most deadlines of a sweep take `_untouched`.
_ACHIEVE, _AT_LEAST = ObligationKind.ACHIEVE, TargetBound.AT_LEAST
_PENDING, _IN_GRACE, _UNMET = Status.PENDING, Status.IN_GRACE, Status.UNMET
_CANCELLED = Status.CANCELLED
_AGREED, _DUE_PASSED, _GRACE_ENDED = Reason.AGREED, Reason.DUE_PASSED, Reason.GRACE_ENDED
_EXPIRED = Reason.EXPIRED


def project(terms: Terms, facts: Sequence[Fact]) -> Timeline:
    """Return the timeline of a deadline under `terms`, given all `facts` recorded about it.

    - A performance strictly before `due_at`, or by a civil day not after the due day, is `met`;
      any other is `met_late`. From `due.earliest_due_at` on the answer depends on the reading of
      the rule, and the reason says so.
    - `unmet` begins at the end of the grace period; without grace that is `due_at` itself.
    - An extension, a trigger or a waiver counts from the instant at which it takes effect. Before
      the end of the grace period there is no breach; after it the breach ends there.
    - A suspension hides the status while it lasts. If it stops the clock, the due date that lay
      ahead when it began moves by its length. A due date that is set during it does not.
    - An obligation to maintain or refrain is `unmet` while a violation lasts that began to count
      before the period ended. Nothing counts while it is suspended or dormant.
    - A measurement states the value on a day, which stays in force until a later one. At the due
      instant, it decides whether something is achieved; afterwards, the first value that keeps to
      the target does. Otherwise a value out of bounds is a violation until one within bounds.
    - The first complete performance, the end of the period, a waiver, a replacement or a
      cancellation closes the deadline. The end of the agreement closes it as unmet if it is in
      breach, lets a grace period that has begun run to its end, and cancels it otherwise.
    - An extension without a date leaves the deadline dormant until another fact sets a date.
    - A determination that something without a date was not met, or partly met, says that it was
      owed by then: a breach begins, until it is met or a date is set.
    - A determination that the obligation was met counts as a complete performance. One that it
      was not met, or partly met, says how much is accepted in total of everything performed,
      done by components or determined up to then. If it is final, it closes the deadline as soon as
      it is unmet.
    - A determination about an obligation to maintain or refrain acts like the beginning or end of a
      violation at that time. One made after the period judges the whole period.
    - A fact that takes effect before the deadline exists counts from `begins_at`. If the start is
      presumed, the deadline exists from its earliest effective fact on.
    - A fact whose hour is unknown counts from the start of its day; on the day after the last one,
      the breach that began with that day remains for one instant.

    Raises:
        ValueError: a fact lacks the due date or the quantity that its kind needs.
    """
    due = terms.due
    if (
        not facts
        and due is not None
        and due.earliest_due_at is None
        and not terms.moves
        and terms.kind is _ACHIEVE
        and terms.target_bound is _AT_LEAST
        and not terms.is_withdrawn
    ):
        return _untouched(terms, due)
    in_order = sorted(effective_facts(facts), key=order_of_effect)
    terms = proven(terms, in_order[:1])
    if terms.is_withdrawn:
        return _withdrawn(terms)
    of_kind = AchieveProjector if terms.kind is _ACHIEVE else MaintainProjector
    projector: Projector = of_kind(terms, in_order)
    # If a fact and a move take effect at the same instant, the fact comes last and wins.
    events: list[Move | Fact] = sorted([*_moves(terms), *in_order], key=event_at)
    for event in events:
        check()
        projector.apply(event)
    return projector.finish()


def _moves(terms: Terms) -> tuple[Move, ...]:
    if terms.expires_at is None:
        return terms.moves
    return (*terms.moves, Move(at=terms.expires_at, due=None, reason=Reason.EXPIRED))


def _untouched(terms: Terms, due: Due) -> Timeline:
    """Return what `project` returns without facts, in closed form: most deadlines of a sweep."""
    begins_at, due_at, unmet_at = terms.begins_at, due.due_at, due.unmet_at
    target = terms.target_quantity
    agreed = Transition(begins_at, _PENDING, _AGREED, None, due, ZERO, target)
    expires_at = terms.expires_at and max(terms.expires_at, begins_at)
    if expires_at is not None and expires_at < due_at:
        cancelled = Transition(expires_at, _CANCELLED, _EXPIRED, None, due, ZERO, target)
        return Timeline((cancelled,) if expires_at == begins_at else (agreed, cancelled))
    has_grace = unmet_at > due_at
    before = () if begins_at == due_at else (agreed,)
    if has_grace:
        in_grace = Transition(due_at, _IN_GRACE, _DUE_PASSED, None, due, ZERO, target)
        before = (*before, in_grace)
    reason = _GRACE_ENDED if has_grace else _DUE_PASSED
    unmet = Transition(unmet_at, _UNMET, reason, None, due, ZERO, target)
    if expires_at is None:
        return Timeline((*before, unmet))
    # It is closed as unmet; at once, if the agreement expired in its grace period.
    closed = Transition(max(expires_at, unmet_at), _UNMET, _EXPIRED, None, due, ZERO, target)
    if expires_at <= unmet_at:
        return Timeline((*before, closed))
    return Timeline((*before, unmet, closed))


def _withdrawn(terms: Terms) -> Timeline:
    withdrawn = Transition(
        effective_at=terms.begins_at,
        status=Status.CANCELLED,
        reason=Reason.WITHDRAWN,
        fact_id=None,
        due=terms.due,
        performed=None if terms.is_only_measured else ZERO,
        target=terms.target_quantity,
    )
    return Timeline((withdrawn,))
