"""Project obligations to achieve something by an instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from compliance.domain.deadlines.facts import Fact, order_of_effect
from compliance.domain.deadlines.measurements import decided, keeps_to
from compliance.domain.deadlines.projector import DUE_DATE_REASONS, LIMITING, ZERO, Projector
from compliance.domain.deadlines.suspensions import TICK, longest
from compliance.domain.deadlines.terms import Move, Terms
from compliance.domain.deadlines.timeline import BREACHED
from compliance.domain.quantities import rounded
from compliance.domain.vocabulary import FactKind, Reason, Status, Verdict

_WHOLE = Decimal(1)


class AchieveProjector(Projector):
    """Projects an obligation to achieve something by an instant."""

    def __init__(self, terms: Terms, facts: Sequence[Fact]) -> None:
        """Start with the terms; `facts` are all effective facts, in order of effect."""
        self.limiting = [each for each in facts if each.verdict in LIMITING]
        self.limits_to_come = list(self.limiting)
        # Those that no determination has rejected.
        self.measurements: list[Fact] = []
        # Whether a part of unknown size is accepted.
        self.has_part = False
        # Whether it was found unmet while it had no date: then it was owed by then.
        self.is_found_unmet = False
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
        if self.due is None:
            return self._breached() if self.is_found_unmet else Status.DORMANT
        if at < self.due.due_at:
            return Status.PENDING
        if at < self.due.unmet_at:
            return Status.IN_GRACE
        return self._breached()

    def status_at_end(self, at: datetime) -> Status:
        """Return the status that it has when the agreement ends, ignoring suspensions."""
        if self.due is not None and self.clock_stops(at, self.due):
            # The clock stopped before it was due.
            return Status.PENDING
        return self.status_at(at)

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
        if self._decide_by_measurements(at):
            return
        status = self.status_at(at)
        if status is Status.PENDING:
            reason = Reason.WINDOW_BEGAN
        elif status is Status.IN_GRACE or self.status is Status.PENDING:
            reason = Reason.DUE_PASSED
        else:
            reason = Reason.GRACE_ENDED
        if status in BREACHED:
            self.update_status(at, reason, None)
        else:
            self.record(at, status, reason, None)

    def update_status(self, at: datetime, reason: Reason, fact_id: int | None) -> None:
        """Record the status that follows from all previous events."""
        if reason in DUE_DATE_REASONS:
            self.is_found_unmet = False
        if self.suspensions or not self._decide_by_measurements(at):
            super().update_status(at, reason, fact_id)

    def apply_own(self, fact: Fact, at: datetime) -> None:
        """Apply a performance, a measurement, a restatement of the target or a determination."""
        if fact.kind is FactKind.PERFORMANCE:
            self._perform(fact, at)
        elif fact.kind is FactKind.MEASUREMENT:
            self._measure(fact, at)
        elif fact.kind is FactKind.RESTATEMENT:
            self._restate(fact, at)
        elif fact.kind is FactKind.DETERMINATION:
            self._determine(fact, at)

    def count_components(self, event: Move, at: datetime) -> None:
        """Record how many components are done."""
        self.target = event.target
        self.accepted = self._limited(event.performed or ZERO, event) or ZERO
        self.has_part = self.has_part or (
            bool(event.performed) and _is_part(self._later_limits(event))
        )
        if self.target == ZERO:
            # Every component was released.
            status = Status.WAIVED
        elif self.target is None or self.accepted < self.target:
            status = self.status
            if status in BREACHED:
                status = self._breached()
        else:
            is_late = self.is_found_unmet if self.due is None else at >= self.due.due_at
            status = Status.MET_LATE if is_late else Status.MET
        self.record(at, status, Reason.COMPONENT_DONE, None)

    def _measure(self, fact: Fact, at: datetime) -> None:
        if self.target is None:
            return
        self.measured = fact.quantity
        self.measurements.append(fact)
        if not self._decide_by_measurements(at):
            self.record(at, self.status, Reason.MEASURED, fact.id)

    def _decide_by_measurements(self, at: datetime) -> bool:
        """Close the deadline if it is due and the measurements keep to the target."""
        due = self.due
        if not self.measurements or due is None or at < due.due_at:
            return False
        if self.limits_to_come or self.clock_stops(at, due):
            return False
        found = decided(
            self.measurements, due, lambda value: keeps_to(self.target, self.bound, value)
        )
        if found is None:
            return False
        status = Status.MET_LATE if found.is_late else Status.MET
        reason = Reason.PERFORMED_IN_WINDOW if found.is_ambiguous else Reason.MEASURED
        self.record(at, status, reason, found.fact_id)
        return True

    def _perform(self, fact: Fact, at: datetime) -> None:
        is_whole = fact.quantity is None or self.sum_target is None
        before = (self.accepted, self.has_part)
        performed = self.accepted
        # A quantity may remain from a target that was removed. It is not a share of the whole.
        if self.sum_target is not None and fact.quantity is not None:
            performed += fact.quantity
        accepted = self._limited(None if is_whole else performed, fact)
        if accepted is not None:
            performed = max(self.accepted, accepted)
        limits = self._later_limits(fact)
        self.has_part = self.has_part or _is_part(limits)
        self.accepted = performed
        if self._is_complete(accepted, performed, limits):
            self.record(at, *self._completed(fact, at), fact.id)
        elif (self.accepted, self.has_part) != before:
            self._accept_part(at, Reason.PART_PERFORMED, fact)

    def _is_complete(
        self, accepted: Decimal | None, performed: Decimal, limits: Sequence[Fact]
    ) -> bool:
        if any(map(_has_unknown_size, limits)):
            return False
        return accepted is None or (self.sum_target is not None and performed >= self.sum_target)

    def _accept_part(self, at: datetime, reason: Reason, fact: Fact) -> None:
        """Record that less than the whole is accepted."""
        status = self.status
        if self.due is None and fact.verdict in LIMITING:
            self.is_found_unmet = True
            status = status if self.suspensions else self.status_at(at)
        if status in BREACHED:
            status = self._breached()
        if fact.is_final:
            self.closing = (Reason.DETERMINED_FINALLY, fact.id)
            if status in BREACHED:
                reason = Reason.DETERMINED_FINALLY
        self.record(at, status, reason, fact.id)

    def _breached(self) -> Status:
        return Status.PARTLY_MET if self.accepted or self.has_part else Status.UNMET

    def _limited(self, performed: Decimal | None, event: Move | Fact) -> Decimal | None:
        """Return how much of the performance up to `event` all later determinations accept.

        `performed` is the quantity performed. None, as argument or result, means all of it. If one
        of them accepts a part of unknown size, that is no more than was accepted before.
        """
        limits = self._later_limits(event)
        amounts = [self._accepted(each) for each in limits if not _has_unknown_size(each)]
        found = min(amounts if performed is None else [performed, *amounts], default=None)
        is_whole = found is None or (self.sum_target is not None and found >= self.sum_target)
        return self.accepted if is_whole and len(amounts) < len(limits) else found

    def _later_limits(self, event: Move | Fact) -> list[Fact]:
        if not self.limiting:
            return []
        if isinstance(event, Move):
            return [each for each in self.limiting if each.effective_at >= event.at]
        key = order_of_effect(event)
        return [each for each in self.limiting if order_of_effect(each) > key]

    def _accepted(self, determination: Fact) -> Decimal:
        """Return how much a determination accepts in total; as a share of 1 without a target."""
        if determination.verdict is Verdict.NOT_MET:
            return ZERO
        if determination.share is None:
            return determination.quantity or ZERO
        return rounded(determination.share * (self.sum_target or _WHOLE))

    def _determine(self, fact: Fact, at: datetime) -> None:
        if fact.verdict is Verdict.UNDETERMINED:
            return
        if fact.verdict in LIMITING:
            # It rejects the values up to then.
            self.measurements.clear()
            self.limits_to_come = [each for each in self.limits_to_come if each.id != fact.id]
        limits = self._later_limits(fact)
        if _has_unknown_size(fact):
            known = [self._accepted(each) for each in limits if not _has_unknown_size(each)]
            self.accepted = min([self.accepted, *known])
            self.has_part = ZERO not in known
            self._accept_part(at, Reason.DETERMINED, fact)
            return
        is_met = fact.verdict is Verdict.MET
        accepted = self._limited(None if is_met else self._accepted(fact), fact)
        self.has_part = _is_part(limits) and fact.verdict is not Verdict.NOT_MET
        if accepted is not None:
            self.accepted = accepted
        if not self._is_complete(accepted, self.accepted, limits):
            self._accept_part(at, Reason.DETERMINED, fact)
            return
        status, reason = self._completed(fact, at)
        if accepted is not None or reason is Reason.PERFORMED:
            reason = Reason.DETERMINED
        self.record(at, status, reason, fact.id)

    def _restate(self, fact: Fact, at: datetime) -> None:
        if fact.quantity is None:
            sentence = f"Fact {fact.id} restates the target: record it again with `quantity`."
            raise ValueError(sentence)
        self.target = fact.quantity
        if self._decide_by_measurements(at):
            self.record(at, Status.MET_LATE, Reason.TARGET_RESTATED, fact.id)
            return
        is_whole = self._is_complete(self.accepted, self.accepted, self._later_limits(fact))
        status = self._completed(fact, at)[0] if is_whole else self.status
        self.record(at, status, Reason.TARGET_RESTATED, fact.id)

    def _completed(self, fact: Fact, at: datetime) -> tuple[Status, Reason]:
        """Return the status, and its reason, if `fact` completes the performance."""
        due = self.due
        if due is None:
            return Status.MET_LATE if self.is_found_unmet else Status.MET, Reason.PERFORMED
        clock = min([fact.effective_at, *self.clock_stops(at, due)])
        earliest_due_at = due.earliest_due_at
        last_on = fact.last_on
        if (
            fact.effective_on is not None
            and last_on is not None
            and fact.effective_on <= due.due_on
        ):
            last_at = fact.effective_at + (last_on - fact.effective_on)
            is_within = earliest_due_at is not None and last_at >= earliest_due_at
            # A month, quarter or year that contains the due day is on time in part.
            is_within = is_within or (last_on > due.due_on and clock == fact.effective_at)
            return Status.MET, Reason.PERFORMED_IN_WINDOW if is_within else Reason.PERFORMED
        is_day_after = fact.effective_on is not None and clock == fact.effective_at
        if clock >= due.due_at or (is_day_after and earliest_due_at is None):
            return Status.MET_LATE, Reason.PERFORMED
        if earliest_due_at is not None and clock >= earliest_due_at:
            return Status.MET, Reason.PERFORMED_IN_WINDOW
        return Status.MET, Reason.PERFORMED


def _has_unknown_size(determination: Fact) -> bool:
    """Return whether a determination accepts a part without saying how much."""
    is_partly = determination.verdict is Verdict.PARTLY_MET
    return is_partly and determination.share is None and determination.quantity is None


def _is_part(limits: Sequence[Fact]) -> bool:
    """Return whether determinations accept something, and one does not say how much."""
    is_rejected = any(each.verdict is Verdict.NOT_MET for each in limits)
    return not is_rejected and any(map(_has_unknown_size, limits))
