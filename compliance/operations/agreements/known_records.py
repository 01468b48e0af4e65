"""Match the deadlines, facts and positions of a document with stored ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import date

from compliance.domain.due_dates.due_rules import load_due_rule
from compliance.domain.problems import refusal
from compliance.models import Agreement, Deadline, Fact, Position


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownRecords:
    """The stored facts and positions of an agreement, by the values that a document gives.

    Each stored row matches one row of the document. If a document has two equal rows and only one
    is stored, the second one is added.
    """

    _facts: Counter[Hashable]
    _positions: Counter[Hashable]

    @classmethod
    def load(cls, agreement: Agreement) -> KnownRecords:
        """Load the facts and positions of an agreement and of its deadlines."""
        facts = Fact.objects.filter(deadline__agreement=agreement)
        of_agreement = Fact.objects.filter(agreement=agreement)
        positions = Position.objects.filter(deadline__agreement=agreement)
        return cls(
            _facts=Counter(map(_fact_identity, (*facts, *of_agreement))),
            _positions=Counter(map(_position_identity, positions)),
        )

    def take_fact(self, fact: Fact) -> bool:
        """Return whether an equal fact is stored, and remove it from the stored ones."""
        return _take(self._facts, _fact_identity(fact))

    def take_position(self, position: Position) -> bool:
        """Return whether an equal position is stored, and remove it from the stored ones."""
        return _take(self._positions, _position_identity(position))


def _take(known: Counter[Hashable], identity: Hashable) -> bool:
    if not known[identity]:
        return False
    known[identity] -= 1
    return True


def _fact_identity(fact: Fact) -> Hashable:
    # If only the day is known, the instant depends on the zone at the time of recording, so it does
    # not identify the fact. Rules are compared as values, because a rule may have been stored
    # before its type got some of its fields.
    return (
        fact.deadline_id,
        fact.kind,
        fact.effective_on,
        fact.until_on,
        fact.precision,
        fact.until_precision,
        fact.is_tolling,
        fact.quantity,
        fact.verdict,
        fact.share,
        fact.is_final,
        fact.successor_id,
        load_due_rule(fact.due),
        fact.note,
        fact.effective_at if fact.effective_on is None else None,
        fact.until_at if fact.until_on is None else None,
    )


def _position_identity(position: Position) -> Hashable:
    return (
        position.deadline_id,
        position.party_id,
        position.verdict,
        position.share,
        position.precision,
        position.stated_on,
        position.quote,
        position.stated_at if position.stated_on is None else None,
    )


def deadline_named(
    deadlines: Sequence[Deadline], due_on: date | None, number: int | None = None
) -> Deadline:
    """Return the deadline with a number, or the one that is due on a day, or the only one.

    Raises:
        Invalid: there is no such deadline (at `number`), or not exactly one (at `due_on`).
    """
    if number is not None:
        numbered = next((each for each in deadlines if each.number == number), None)
        if numbered is None:
            sentence = f"This obligation has no deadline with the number {number}: correct number."
            raise refusal("number", sentence)
        if due_on is not None and due_on not in (numbered.original_due_on, numbered.due_on):
            sentence = f"Deadline {number} is not due on {due_on}: remove number or due_on."
            raise refusal("due_on", sentence)
        return numbered
    if due_on is None:
        if len(deadlines) > 1:
            sentence = "This obligation recurs: give the due date of the deadline as due_on."
            raise refusal("due_on", sentence)
        return deadlines[0]
    # Original dates take precedence: another deadline may have been moved to this date.
    for name in ("original_due_on", "due_on"):
        found = [each for each in deadlines if getattr(each, name) == due_on]
        if len(found) > 1:
            numbers = " or ".join(str(each.number) for each in found)
            sentence = f"Several deadlines are due on {due_on}: give number as well ({numbers})."
            raise refusal("due_on", sentence)
        if found:
            return found[0]
    sentence = f"No deadline of this obligation is due on {due_on}: correct due_on."
    raise refusal("due_on", sentence)
