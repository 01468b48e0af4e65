"""Project obligations to maintain something, or to refrain from it, during a period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.projector import Projector, longest
from compliance.domain.deadlines.terms import Move, Terms
from compliance.domain.vocabulary import FactKind, Reason, Status


@dataclass(kw_only=True, slots=True)
class _Violation:
    """A violation that is in progress; `counts` once it has lasted for some of the period."""

    fact_id: int
    until_at: datetime | None
    counts: bool = False


class MaintainProjector(Projector):
    """Projects an obligation to maintain something, or to refrain from it, during a period."""

    def __init__(self, terms: Terms) -> None:
        """Start with the terms."""
        self.starts_at = max(terms.starts_at or terms.begins_at, terms.begins_at)
        self.violations: list[_Violation] = []
        self.was_violated = False
        super().__init__(terms)

    def advance(self, at: datetime) -> None:
        """Move on to `at`, and count the violations that lasted until then."""
        # A violation counts only if it lasted for some time while the obligation was in force. A
        # violation that is suspended from its first instant does not count.
        if self.status is Status.UNMET and at > self.now and not self._is_over(self.now):
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
        if self._violations_at(at):
            return Status.UNMET
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
                return longest(self._violations_at(self.now)).until_at
        return None

    def change_own(self, at: datetime) -> None:
        """Apply the change that time brings at `at`."""
        if self.status is Status.UNMET:
            cured = longest([each for each in self.violations if each.counts])
            self.record(at, self.status_at(at), Reason.CURED, cured.fact_id)
        elif violations := self._violations_at(at):
            self.record(at, Status.UNMET, Reason.VIOLATED, longest(violations).fact_id)
        else:
            self.update_status(at, Reason.PERIOD_BEGAN, None)

    def apply_own(self, fact: Fact, at: datetime) -> None:
        """Apply a violation; facts of other kinds change nothing."""
        if fact.kind is not FactKind.VIOLATION:
            return
        if fact.until_at is not None and fact.until_at <= at:
            return
        self.violations.append(_Violation(fact_id=fact.id, until_at=fact.until_at))
        if self.status is Status.HOLDING:
            self.record(at, Status.UNMET, Reason.VIOLATED, fact.id)

    def count_components(self, event: Move, at: datetime) -> None:
        """Do nothing: components do not end a period."""

    def _is_over(self, at: datetime) -> bool:
        return self.due is not None and self.due.due_at <= at

    def _violations_at(self, at: datetime) -> list[_Violation]:
        """Return the violations in progress at `at`; after the period, only those that counted."""
        is_over = self._is_over(at)
        return [
            each
            for each in self.violations
            if (each.until_at is None or each.until_at > at) and (each.counts or not is_over)
        ]
