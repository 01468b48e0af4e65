"""Match the deadlines, facts and positions of a document with stored ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from compliance.domain.agreements.document_drafts import DocumentFact, DocumentPosition
from compliance.domain.agreements.import_reports import Difference
from compliance.domain.civil_periods import period_of, period_text
from compliance.domain.due_dates.due_rules import load_due_rule
from compliance.domain.limits import MOST_FACTS, too_many_facts
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import FactKind, Precision
from compliance.models import Agreement, Deadline, Fact, Position

RecordT = TypeVar("RecordT", Fact, Position)


class _Pool(Generic[RecordT]):
    """Stored rows, each of which matches one row of the document."""

    def __init__(
        self,
        rows: Iterable[RecordT],
        *,
        identity: Callable[[RecordT], Hashable],
        slot: Callable[[RecordT], Hashable],
    ) -> None:
        self._identity: Callable[[RecordT], Hashable] = identity
        self._slot: Callable[[RecordT], Hashable] = slot
        self._equal: dict[Hashable, list[RecordT]] = defaultdict(list)
        self._similar: dict[Hashable, list[RecordT]] = defaultdict(list)
        self._taken: set[int] = set()
        for row in reversed(list(rows)):
            self._equal[identity(row)].append(row)
            self._similar[slot(row)].append(row)

    def equal(self, row: RecordT) -> RecordT | None:
        """Take a stored row with the same values, if there is one left."""
        return self._take(self._equal.get(self._identity(row), []))

    def similar(self, row: RecordT) -> RecordT | None:
        """Take a stored row of the same sort and date, if there is one left."""
        return self._take(self._similar.get(self._slot(row), []))

    def _take(self, rows: list[RecordT]) -> RecordT | None:
        while rows:
            row = rows.pop()
            if row.pk not in self._taken:
                self._taken.add(row.pk)
                return row
        return None


@dataclass(kw_only=True, slots=True)
class KnownRecords:
    """The stored facts and positions of an agreement, by the values that a document gives.

    Each stored row matches one row of the document. If a document has two equal rows and only one
    is stored, the second one is added. A row that equals none, but has the same sort and date as
    one that is left, states that one differently.

    Attributes:
        evidence: the refs of the evidence of facts and positions, by kind of row and id.
        last: when the latest record about each deadline became known; about the agreement: None.
        effective: the facts that no other one supersedes, without retractions.
    """

    facts: _Pool[Fact]
    positions: _Pool[Position]
    evidence: Mapping[tuple[type, int], set[str]]
    last: dict[int | None, datetime] = field(default_factory=dict)
    effective: Sequence[Fact] = ()

    @classmethod
    def load(cls, agreement: Agreement) -> KnownRecords:
        """Load the facts and positions of an agreement and of its deadlines."""
        facts = [
            *Fact.objects.filter(deadline__agreement=agreement),
            *Fact.objects.filter(agreement=agreement),
        ]
        positions = [*Position.objects.filter(deadline__agreement=agreement)]
        last: dict[int | None, datetime] = {}
        times = [(row.deadline_id, row.recorded_at) for row in facts]
        times += [(row.deadline_id, row.recorded_at) for row in positions]
        for deadline_id, recorded_at in times:
            last[deadline_id] = max(recorded_at, last.get(deadline_id, recorded_at))
        # Only an effective fact can be stated differently.
        effective = _effective(facts)
        slots = {each.pk for each in effective}
        return cls(
            facts=_Pool(
                facts,
                identity=_fact_identity,
                slot=lambda row: _fact_slot(row) if not row.pk or row.pk in slots else row.pk,
            ),
            positions=_Pool(positions, identity=_position_identity, slot=_position_slot),
            evidence=_evidence_refs(facts, positions),
            last=last,
            effective=effective,
        )

    def equal(self, row: Fact | Position) -> Fact | Position | None:
        """Take a stored row with the same values, if there is one left."""
        return self.facts.equal(row) if isinstance(row, Fact) else self.positions.equal(row)

    def similar(self, row: Fact | Position) -> Fact | Position | None:
        """Take a stored row of the same sort and date, if there is one left."""
        return self.facts.similar(row) if isinstance(row, Fact) else self.positions.similar(row)

    def evidence_of(self, row: Fact | Position) -> set[str]:
        """Return the refs of the evidence of a stored row."""
        return self.evidence.get((type(row), row.pk), set())

    def last_about(self, deadline_id: int) -> datetime | None:
        """Return when the latest record about a deadline or the agreement became known."""
        known = [each for each in (self.last.get(deadline_id), self.last.get(None)) if each]
        return max(known, default=None)

    @property
    def latest(self) -> datetime | None:
        """When the latest record about anything became known."""
        return max(self.last.values(), default=None)


def _effective(facts: Iterable[Fact]) -> list[Fact]:
    """Return the facts that no effective fact supersedes, without retractions."""
    found: list[Fact] = []
    ended: set[int | None] = set()
    for fact in sorted(facts, key=lambda each: each.pk, reverse=True):
        if fact.pk not in ended:
            ended.add(fact.supersedes_id)
            if fact.kind != FactKind.RETRACTION.value:
                found.append(fact)
    return found


def _evidence_refs(
    facts: Sequence[Fact], positions: Sequence[Position]
) -> dict[tuple[type, int], set[str]]:
    found: dict[tuple[type, int], set[str]] = defaultdict(set)
    kinds: tuple[tuple[type, Any, str, Sequence[Any]], ...] = (
        (Fact, Fact.evidence.through, "fact_id", facts),
        (Position, Position.evidence.through, "position_id", positions),
    )
    for kind, links, name, rows in kinds:
        if rows:
            ids = [each.pk for each in rows]
            for pk, ref in links.objects.filter(**{f"{name}__in": ids}).values_list(
                name, "evidence__ref"
            ):
                found[kind, pk].add(ref)
    return found


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


def _fact_slot(fact: Fact) -> Hashable:
    return (fact.deadline_id, fact.kind, fact.effective_on or fact.effective_at)


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


def _position_slot(position: Position) -> Hashable:
    return (position.deadline_id, position.party_id, position.stated_on or position.stated_at)


class DeadlinesOfObligation:
    """The deadlines of one obligation, by due day."""

    def __init__(self, rows: Sequence[Deadline]) -> None:
        self._rows = rows
        self._by_day: dict[date, list[Deadline]] = defaultdict(list)
        self._by_original_day: dict[date, list[Deadline]] = defaultdict(list)
        for row in rows:
            if row.due_on is not None:
                self._by_day[row.due_on].append(row)
            if row.original_due_on is not None:
                self._by_original_day[row.original_due_on].append(row)

    def check_number_of_facts(self, drafts: Sequence[DocumentFact]) -> None:
        """Refuse a document with more facts about one deadline than are accepted.

        Raises:
            Invalid: at the empty path.
        """
        days = Counter((each.due_on, each.number) for each in drafts)
        (due_on, _), count = next(iter(days.most_common(1)), ((None, None), 0))
        if count > MOST_FACTS:
            subject = f"The deadline due on {due_on}" if due_on else "The deadline"
            raise refusal("", f"{subject} {too_many_facts(count)}")

    def named(self, draft: DocumentFact | DocumentPosition) -> Deadline:
        """Return the deadline with a number, or the one that is due on a day, or the only one.

        If a month, quarter or year is given, it may be due anywhere in that.

        Raises:
            Invalid: there is no such deadline (at `number`), or not exactly one (at `due_on`).
        """
        due_on, number, precision = draft.due_on, draft.number, draft.due_on_precision
        if number is not None:
            return self._numbered(number, due_on)
        if due_on is None:
            if len(self._rows) > 1:
                sentence = "This obligation recurs: give the due date of the deadline as due_on."
                raise refusal("due_on", sentence)
            return self._rows[0]
        # Original dates take precedence: another deadline may have been moved to this date.
        for days in (self._by_original_day, self._by_day):
            found = days.get(due_on, [])
            if not found and precision is not Precision.DAY:
                first = period_of(due_on, precision).first
                found = [each for on in days if first <= on <= due_on for each in days[on]]
            if len(found) > 1:
                numbers = " or ".join(str(each.number) for each in found)
                sentence = (
                    f"Several deadlines are due on {period_text(due_on, precision)}: give number "
                    f"as well ({numbers})."
                )
                raise refusal("due_on", sentence)
            if found:
                return found[0]
        due = period_text(due_on, precision)
        sentence = f"No deadline of this obligation is due on {due}: correct due_on."
        raise refusal("due_on", sentence)

    def _numbered(self, number: int, due_on: date | None) -> Deadline:
        numbered = next((each for each in self._rows if each.number == number), None)
        if numbered is None:
            sentence = f"This obligation has no deadline with the number {number}: correct number."
            raise refusal("number", sentence)
        if due_on is not None and due_on not in (numbered.original_due_on, numbered.due_on):
            sentence = f"Deadline {number} is not due on {due_on}: remove number or due_on."
            raise refusal("due_on", sentence)
        return numbered


_COMPARED = {
    Fact: ("until_on", "until_at", "is_tolling", "quantity", "verdict", "share", "due", "note"),
    Position: ("verdict", "quote"),
}


def differences_between(
    row: Fact | Position, stored: Fact | Position, *, path: str, ref: str
) -> Iterator[Difference]:
    """Yield the values in which a new row differs from a stored row of the same sort and date."""
    for name in _COMPARED[type(row)]:
        held, sent = getattr(stored, name), getattr(row, name)
        if held != sent:
            yield Difference(path=f"{path}/{name}", ref=ref, stored=held, sent=sent)
