"""Facts about a deadline: what each records, which of them are effective, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from compliance.domain.civil_periods import period_of
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import FactKind, Precision, Verdict

# The order of facts that take effect at the same instant. Facts that set the due date or the target
# come first, so that a performance on the day of an extension is judged by the extended date. Then
# come facts that stop the clock. A performance precedes a waiver, so that completed work is not
# shown as waived.
_PRECEDENCE = {
    kind: place
    for place, kind in enumerate(
        (
            FactKind.TRIGGER,
            FactKind.EXTENSION,
            FactKind.RESTATEMENT,
            FactKind.SUSPENSION,
            FactKind.VIOLATION,
            FactKind.MEASUREMENT,
            FactKind.PERFORMANCE,
            FactKind.DETERMINATION,
            FactKind.WAIVER,
            FactKind.REPLACEMENT,
            FactKind.CANCELLATION,
            FactKind.TERMINATION,
            FactKind.RETRACTION,
        )
    )
}

_ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One recorded fact about a deadline, or about its whole agreement.

    Attributes:
        effective_at: when it takes effect. If only the civil day is known, `effective_on` is
            set and this is the first instant of that day in the deadline's zone.
        precision: whether only the month, quarter or year is known that begins with `effective_on`.
        until_at: the exclusive end of a violation or suspension; None until further notice. If
            only the last civil day is known, `until_on` is set and this is the end of that day.
        tolls: whether a suspension stops the clock, which moves the due date.
        quantity: what was performed or accepted, the value that was measured, or the new target of
            a restatement.
        due: the new due date of an extension or a trigger. An extension without one postpones the
            deadline until another fact sets a date.
        verdict: the conclusion of a determination. If the obligation is partly met, `quantity` or
            `share` (of the target) says how much is accepted in total; without either, the size of
            the accepted part is unknown.
        is_final: whether a determination that it was not met, or partly met, closes an unmet
            deadline.
        supersedes: the id of the fact that this one replaces or retracts.
    """

    id: int
    kind: FactKind
    effective_at: datetime
    effective_on: date | None = None
    precision: Precision = Precision.DAY
    until_at: datetime | None = None
    until_on: date | None = None
    tolls: bool = False
    quantity: Decimal | None = None
    due: Due | None = None
    verdict: Verdict | None = None
    share: Decimal | None = None
    is_final: bool = False
    supersedes: int | None = None
    is_of_agreement: bool = False
    recorded_at: datetime | None = None

    @property
    def last_on(self) -> date | None:
        """The last day on which it can have taken effect, if no time of day is known."""
        if self.effective_on is None:
            return None
        return period_of(self.effective_on, self.precision).last


def effective_facts(facts: Iterable[Fact]) -> list[Fact]:
    """Return the facts that no other one supersedes, without retractions (see `superseding`)."""
    known = list(facts)
    found = superseding((fact.id, fact.kind, fact.supersedes) for fact in known)
    return [fact for fact in known if fact.id not in found and fact.kind is not FactKind.RETRACTION]


def superseding(facts: Iterable[tuple[int, str, int | None]]) -> dict[int, int]:
    """Return the latest fact that supersedes each fact, by the id of the superseded one.

    If the fact that superseded another one is itself replaced, the first one stays superseded: the
    newest stands in place of both. If it is retracted, the first one counts again.

    Args:
        facts: the id and kind of each fact, and the id of the one that it supersedes.
    """
    # A fact can only supersede an earlier one. From the newest to the oldest, every superseding
    # fact is therefore decided before the fact that it supersedes.
    links = sorted((link for link in facts if link[2] is not None), reverse=True)
    found: dict[int, int] = {}
    retracted: set[int] = set()
    for fact_id, kind, target in links:
        if target is None or fact_id in retracted:
            continue
        found.setdefault(target, fact_id)
        if kind == FactKind.RETRACTION:
            retracted.add(target)
    return found


def order_of_effect(fact: Fact) -> tuple[object, ...]:
    """Return the key that sorts facts in the order in which they take effect.

    The order never depends on when facts were recorded: the truth does not depend on the order in
    which it became known. Of two extensions at one instant the later date wins. The id only
    decides which of two equal facts is named as the cause.
    """
    due = fact.due
    return (
        fact.effective_at,
        _PRECEDENCE[fact.kind],
        due.due_at if due is not None else fact.effective_at,
        due.unmet_at if due is not None else fact.effective_at,
        fact.quantity or _ZERO,
        fact.verdict or "",
        fact.share or _ZERO,
        fact.is_final,
        fact.until_at is None,
        fact.until_at or fact.effective_at,
        fact.tolls,
        fact.effective_on is not None,
        fact.id,
    )
