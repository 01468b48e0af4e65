"""Project obligations to achieve something by an instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from compliance.domain.deadlines.facts import Fact, order_of_effect
from compliance.domain.deadlines.projector import ZERO, Projector, longest
from compliance.domain.deadlines.suspensions import TICK
from compliance.domain.deadlines.terms import Move, Terms
from compliance.domain.deadlines.timeline import BREACHED
from compliance.domain.quantities import rounded
from compliance.domain.vocabulary import FactKind, Reason, Status, Verdict

# Verdicts that limit how much of the performance up to then is accepted.
_LIMITING = frozenset({Verdict.PARTLY_MET, Verdict.NOT_MET})
_WHOLE = Decimal(1)


class AchieveProjector(Projector):
    """Projects an obligation to achieve something by an instant."""

    def __init__(self, terms: Terms, facts: Sequence[Fact]) -> None:
        """Start with the terms; `facts` are all effective facts, in order of effect."""
        self.limiting = [each for each in facts if each.verdict in _LIMITING]
        super().__init__(terms)

    def effect_of(self, event: Move | Fact) -> datetime:
        """Return when an event takes effect."""
        at = super().effect_of(event)
        if isinstance(event, Move) or event.effective_on is None or self.due is None:
            return at
        if at == self.due.unmet_at and event.effective_on > self.due.due_on:
            until_at = longest(self.suspensions).until_at if self.suspensions else at
            if until_at is not None and until_at <= at:
                # It was performed on the next day, at an unknown hour, but not before that day
                # began. So the breach that began with that day remains, if only for an instant.
                return at + TICK
        return at

    def status_at(self, at: datetime) -> Status:
        """Return the status that follows at `at`, ignoring suspensions."""
        if self.is_dormant:
            return Status.DORMANT
        if self.due is None or at < self.due.due_at:
            return Status.PENDING
        if at < self.due.unmet_at:
            return Status.IN_GRACE
        return Status.PARTLY_MET if self.accepted else Status.UNMET

    def next_own_change(self) -> datetime | None:
        """Return when the status next changes by time alone."""
        due = self.due
        if due is None or self.status not in {Status.PENDING, Status.IN_GRACE}:
            return None
        if self.status is Status.IN_GRACE:
            return due.unmet_at
        if due.earliest_due_at is not None and due.earliest_due_at > self.now:
            return due.earliest_due_at
        return due.due_at

    def change_own(self, at: datetime) -> None:
        """Apply the change that time brings at `at`."""
        status = self.status_at(at)
        if status is Status.PENDING:
            reason = Reason.WINDOW_BEGAN
        elif status is Status.IN_GRACE or self.status is Status.PENDING:
            reason = Reason.DUE_PASSED
        else:
            reason = Reason.GRACE_ENDED
        self.record(at, status, reason, None)

    def apply_own(self, fact: Fact, at: datetime) -> None:
        """Apply a performance, a restatement of the target or a determination."""
        if fact.kind is FactKind.PERFORMANCE:
            self._perform(fact, at)
        elif fact.kind is FactKind.RESTATEMENT:
            self._restate(fact, at)
        elif fact.kind is FactKind.DETERMINATION:
            self._determine(fact, at)

    def count_components(self, event: Move, at: datetime) -> None:
        """Record how many components are done."""
        self.target = event.target
        self.accepted = self._limited(event.performed or ZERO, event) or ZERO
        if self.target == ZERO:
            # Every component was released.
            status = Status.WAIVED
        elif self.target is None or self.accepted < self.target:
            status = self.status
            if status in BREACHED:
                status = Status.PARTLY_MET if self.accepted else Status.UNMET
        else:
            is_late = self.due is not None and at >= self.due.due_at
            status = Status.MET_LATE if is_late else Status.MET
        self.record(at, status, Reason.COMPONENT_DONE, None)

    def _perform(self, fact: Fact, at: datetime) -> None:
        is_whole = fact.quantity is None or self.target is None
        before = self.accepted
        # A quantity may be left from a target that was removed since. It is no share of the whole.
        performed = before if self.target is None else before + (fact.quantity or ZERO)
        accepted = self._limited(None if is_whole else performed, fact)
        if accepted is not None:
            performed = max(before, accepted)
        self.accepted = performed
        if accepted is None or (self.target is not None and performed >= self.target):
            self.record(at, *self._completed(fact, at), fact.id)
        elif performed != before:
            self._accept_part(at, Reason.PART_PERFORMED, fact)

    def _accept_part(self, at: datetime, reason: Reason, fact: Fact) -> None:
        """Record that less than the whole is accepted."""
        status = self.status
        if status in BREACHED:
            status = Status.PARTLY_MET if self.accepted else Status.UNMET
        self.record(at, status, reason, fact.id)

    def _limited(self, performed: Decimal | None, event: Move | Fact) -> Decimal | None:
        """Return how much of the performance up to `event` all later determinations accept.

        `performed` is the quantity performed. None, as argument or result, means all of it.
        """
        if isinstance(event, Move):
            later = [each for each in self.limiting if each.effective_at >= event.at]
        else:
            key = order_of_effect(event)
            later = [each for each in self.limiting if order_of_effect(each) > key]
        amounts = [self._accepted(each) for each in later]
        return min(amounts if performed is None else [performed, *amounts], default=None)

    def _accepted(self, determination: Fact) -> Decimal:
        """Return how much a determination accepts in total; as a share of 1 without a target."""
        if determination.verdict is Verdict.NOT_MET:
            return ZERO
        if determination.share is None:
            return determination.quantity or ZERO
        return rounded(determination.share * (self.target or _WHOLE))

    def _determine(self, fact: Fact, at: datetime) -> None:
        if fact.verdict is Verdict.UNDETERMINED:
            return
        is_met = fact.verdict is Verdict.MET
        accepted = self._limited(None if is_met else self._accepted(fact), fact)
        if accepted is None:
            status, reason = self._completed(fact, at)
            is_plain = reason is Reason.PERFORMED
            self.record(at, status, Reason.DETERMINED if is_plain else reason, fact.id)
        else:
            self.accepted = accepted
            if self.target is not None and self.accepted >= self.target:
                status, _ = self._completed(fact, at)
                self.record(at, status, Reason.DETERMINED, fact.id)
            else:
                self._accept_part(at, Reason.DETERMINED, fact)

    def _restate(self, fact: Fact, at: datetime) -> None:
        if fact.quantity is None:
            sentence = f"Fact {fact.id} restates the target: record it again with `quantity`."
            raise ValueError(sentence)
        self.target = fact.quantity
        is_whole = self.accepted >= self.target
        status = self._completed(fact, at)[0] if is_whole else self.status
        self.record(at, status, Reason.TARGET_RESTATED, fact.id)

    def _completed(self, fact: Fact, at: datetime) -> tuple[Status, Reason]:
        """Return the status, and its reason, if `fact` completes the performance."""
        due = self.due
        if due is None:
            return Status.MET, Reason.PERFORMED
        clock = min([fact.effective_at, *self.clock_stops(at, due)])
        earliest_due_at = due.earliest_due_at
        if fact.effective_on is not None and fact.effective_on <= due.due_on:
            is_within = earliest_due_at is not None and fact.effective_at >= earliest_due_at
            return Status.MET, Reason.PERFORMED_IN_WINDOW if is_within else Reason.PERFORMED
        is_day_after = fact.effective_on is not None and clock == fact.effective_at
        if clock >= due.due_at or (is_day_after and earliest_due_at is None):
            return Status.MET_LATE, Reason.PERFORMED
        if earliest_due_at is not None and clock >= earliest_due_at:
            return Status.MET, Reason.PERFORMED_IN_WINDOW
        return Status.MET, Reason.PERFORMED
