"""Project obligations to maintain something, or to refrain from it, during a period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.measurements import keeps_to
from compliance.domain.deadlines.projector import LIMITING, ZERO, Projector
from compliance.domain.deadlines.suspensions import longest
from compliance.domain.deadlines.terms import Move, Terms
from compliance.domain.deadlines.timeline import BREACHED
from compliance.domain.vocabulary import FactKind, Reason, Status, Verdict


@dataclass(kw_only=True, slots=True)
class _Violation:
    """A violation in progress, a value out of bounds, or a finding that the obligation is not met.

    It `counts` once it has lasted for some of the period.
    """

    fact_id: int
    until_at: datetime | None
    reason: Reason = Reason.VIOLATED
    counts: bool = False
    is_partial: bool = False
    accepted: Decimal = ZERO

    @classmethod
    def found_by(cls, determination: Fact, *, counts: bool) -> _Violation:
        """Return the violation that a determination finds."""
        return cls(
            fact_id=determination.id,
            until_at=None,
            reason=Reason.DETERMINED,
            counts=counts,
            is_partial=determination.verdict is Verdict.PARTLY_MET,
            accepted=determination.share or ZERO,
        )


class MaintainProjector(Projector):
    """Projects an obligation to maintain something, or to refrain from it, during a period."""

    def __init__(self, terms: Terms, facts: Sequence[Fact]) -> None:
        """Start with the terms; `facts` are all effective facts, in order of effect."""
        self.starts_at = max(terms.starts_at or terms.begins_at, terms.begins_at)
        self.violations: list[_Violation] = []
        self.was_violated = False
        # Determinations that it was not met, or only partly, and that have not taken effect yet.
        self.to_come = [each for each in facts if each.verdict in LIMITING]
        super().__init__(terms)

    def advance(self, at: datetime) -> None:
        """Move on to `at`, and count the violations that lasted until then."""
        # A violation counts only if it lasted for some time while the obligation was in force. A
        # violation that is suspended from its first instant does not count.
        if self.status in BREACHED and at > self.now and not self._is_over(self.now):
            self.was_violated = True
            for each in self._violations_at(self.now):
                each.counts = True
        super().advance(at)

    def status_at(self, at: datetime) -> Status:
        """Return the status that follows at `at`, ignoring suspensions."""
        if self.is_dormant:
            return Status.DORMANT
        is_over = self._is_over(at)
        if at < self.starts_at and not is_over:
            return Status.PENDING
        if violations := self._violations_at(at):
            is_partly = all(each.is_partial for each in violations)
            return Status.PARTLY_MET if is_partly else Status.UNMET
        if not is_over:
            return Status.HOLDING
        return Status.MET_LATE if self.was_violated else Status.MET

    def next_own_change(self) -> datetime | None:
        """Return when the status next changes by time alone."""
        end = self.due.due_at if self.due is not None else None
        match self.status:
            case Status.PENDING:
                return self.starts_at if end is None else min(self.starts_at, end)
            case Status.HOLDING:
                return end
            case Status.UNMET:
                violations = self._violations_at(self.now)
                return longest([each for each in violations if not each.is_partial]).until_at
        return None

    def change_own(self, at: datetime) -> None:
        """Apply the change that time brings at `at`."""
        if violations := self._violations_at(at):
            cause = longest(violations)
            if self.status_at(at) is Status.PARTLY_MET:
                # A later determination judges the whole period, with the share that it accepts.
                self.accepted = cause.accepted
            self._record_breach(at, cause.reason, cause.fact_id)
        elif self.status in BREACHED:
            cured = longest([each for each in self.violations if each.counts])
            self.record(at, self.status_at(at), Reason.CURED, cured.fact_id)
        else:
            self.update_status(at, Reason.PERIOD_BEGAN, None)

    def apply_own(self, fact: Fact, at: datetime) -> None:
        """Apply a violation, measurement, restatement or determination; others change nothing."""
        if fact.kind is FactKind.DETERMINATION:
            self._determine(fact, at)
        elif fact.kind is FactKind.MEASUREMENT and self.target is not None:
            self.measured = fact.quantity
            self._judge_value(at, Reason.MEASURED, fact.id)
        elif fact.kind is FactKind.RESTATEMENT and self.target is not None:
            self.target = fact.quantity
            self._judge_value(at, Reason.TARGET_RESTATED, fact.id)
        if fact.kind is not FactKind.VIOLATION:
            return
        if fact.until_at is not None and fact.until_at <= at:
            return
        # Those that have ended matter no more, and hundreds of them would be looked at each time.
        self.violations = [
            each for each in self.violations if each.until_at is None or each.until_at >= at
        ]
        self.violations.append(_Violation(fact_id=fact.id, until_at=fact.until_at))
        is_partly = self.status is Status.PARTLY_MET and not self._is_over(at)
        if self.status is Status.HOLDING or is_partly:
            self._record_breach(at, Reason.VIOLATED, fact.id)

    def expire(self, at: datetime) -> None:
        """End with the agreement. What has no end of its own ends then as a whole period.

        So does what is suspended at that time: it was kept for as long as it was in force.
        """
        is_kept = self.status_at_end(at) is Status.HOLDING
        if self.is_endless and self.due is None and is_kept:
            status = Status.MET_LATE if self.was_violated else Status.MET
            self.record(at, status, Reason.PERIOD_ENDED, None)
        else:
            super().expire(at)

    def count_components(self, event: Move, at: datetime) -> None:
        """Do nothing: components do not end a period."""

    def _judge_value(self, at: datetime, reason: Reason, fact_id: int) -> None:
        """Apply a new value, or a new target for the value in force."""
        was_breached = self.status in BREACHED
        running = [each for each in self.violations if each.reason is Reason.OUT_OF_BOUNDS]
        self.violations = [each for each in self.violations if each not in running]
        is_out = self.measured is not None and not keeps_to(self.target, self.bound, self.measured)
        if is_out and (running or not self._is_over(at)):
            self.violations.append(
                _Violation(
                    fact_id=fact_id,
                    until_at=None,
                    reason=Reason.OUT_OF_BOUNDS,
                    counts=any(each.counts for each in running),
                )
            )
            reason = Reason.OUT_OF_BOUNDS if reason is Reason.MEASURED else reason
        if self.status is not Status.HOLDING and not was_breached:
            self.record(at, self.status, reason, fact_id)
            return
        status = self.status_at(at)
        if status in BREACHED:
            self._record_breach(at, reason, fact_id)
        else:
            self.record(at, status, Reason.WITHIN_BOUNDS if was_breached else reason, fact_id)

    def _determine(self, fact: Fact, at: datetime) -> None:
        if fact.verdict is Verdict.UNDETERMINED:
            return
        self.to_come = [each for each in self.to_come if each.id != fact.id]
        was_breached = self.status in BREACHED
        if fact.verdict is Verdict.MET:
            self.accepted = ZERO
            self.was_violated = self.was_violated or was_breached
            self.violations.clear()
            if self.closing is not None and self.closing[0] is Reason.DETERMINED_FINALLY:
                self.closing = None
            if was_breached:
                status = self.status_at(at)
                # Later determinations may judge the period, now over, differently.
                reason = Reason.DETERMINED if status in BREACHED else Reason.CURED
                self.record(at, status, reason, fact.id)
            return
        self.accepted = fact.share or ZERO
        # That it is partly met says what became of the violations up to then.
        is_partly = fact.verdict is Verdict.PARTLY_MET
        self.violations = [
            each
            for each in self.violations
            if each.reason is not Reason.DETERMINED
            and not (is_partly and each.reason is Reason.VIOLATED)
        ]
        self.violations.append(_Violation.found_by(fact, counts=self._is_over(at)))
        if fact.is_final:
            self.closing = (Reason.DETERMINED_FINALLY, fact.id)
        if was_breached or self.status is Status.HOLDING:
            self._record_breach(at, Reason.DETERMINED, fact.id)

    def status_at_end(self, at: datetime) -> Status:
        """Return the status that it has when the agreement ends."""
        if self.suspensions:
            # What began during the suspension has not counted.
            self.violations = [each for each in self.violations if each.counts]
        return super().status_at_end(at)

    def _record_breach(self, at: datetime, reason: Reason, fact_id: int) -> None:
        if self.closing is not None:
            self.record(at, self.status_at(at), *self.closing)
        else:
            self.record(at, self.status_at(at), reason, fact_id)

    def _is_over(self, at: datetime) -> bool:
        return self.due is not None and self.due.due_at <= at

    def _violations_at(self, at: datetime) -> list[_Violation]:
        """Return the violations in progress at `at`; after the period, only those that counted.

        After the period, those found by later determinations count too: they judge all of it.
        """
        is_over = self._is_over(at)
        found = [
            each
            for each in self.violations
            if (each.until_at is None or each.until_at > at) and (each.counts or not is_over)
        ]
        if is_over:
            found += [_Violation.found_by(each, counts=True) for each in self.to_come]
        return found
