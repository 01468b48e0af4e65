"""Match the facts and positions of a document with stored ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from compliance.domain.agreements.document_drafts import NamedFact
from compliance.domain.agreements.import_reports import Difference
from compliance.domain.deadlines.facts import superseding
from compliance.domain.due_dates.due_rules import load_due_rule
from compliance.domain.vocabulary import FactKind
from compliance.models import Agreement, Fact, Position
from compliance.operations.agreements.stored_rows import Pool


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
        replacing: the rows that superseded facts, and the later positions of the same party and
            date, by the kind and id of the replaced row.
        replaced_at: when these became known, by the kind and then the id of the replaced row.
    """

    facts: Pool[Fact]
    positions: Pool[Position]
    evidence: Mapping[tuple[type, int], set[str]]
    last: dict[int | None, datetime] = field(default_factory=dict)
    effective: Sequence[Fact] = ()
    replacing: Mapping[tuple[type, int], Fact | Position] = field(default_factory=dict)
    replaced_at: Mapping[type, Mapping[int, datetime]] = field(default_factory=dict)

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
        replacing = _replacing(facts, positions)
        names: dict[int | None, Hashable] = {each.pk: fact_name(each) for each in facts}
        return cls(
            facts=Pool(
                facts,
                identities=lambda row: _fact_identities(row, names.get(row.supersedes_id)),
                slot=lambda row: _fact_slot(row) if not row.pk or row.pk in slots else row.pk,
            ),
            positions=Pool(
                positions,
                identities=lambda row: [_position_identity(row)],
                slot=lambda row: row.pk if (Position, row.pk) in replacing else _position_slot(row),
            ),
            evidence=_evidence_refs(facts, positions),
            last=last,
            effective=effective,
            replacing=replacing,
            replaced_at={
                kind: {pk: by.recorded_at for (each, pk), by in replacing.items() if each is kind}
                for kind in (Fact, Position)
            },
        )

    def equal(
        self,
        row: Fact | Position,
        supersedes: NamedFact | None,
        stated_at: datetime | None,
        *,
        is_exact: bool,
    ) -> Fact | Position | None:
        """Take a stored row with the same values, if there is one left.

        Args:
            stated_at: when this became known, if the document says so.
            is_exact: whether the stored row must have become known at this instant, too.
            supersedes: what names the fact that a fact says that it supersedes. Only a stored one
                that supersedes a fact of this name equals it. A fact that says nothing equals any,
                because it can state what a correction made of it.
        """
        known: Any = {
            "stated_at": stated_at, "replaced_at": self.replaced_at[type(row)],
            "is_exact": is_exact,
        }  # fmt: skip
        if not isinstance(row, Fact):
            return self.positions.equal(_position_identity(row), **known)
        if supersedes is None:
            return self.facts.equal(*reversed(_fact_identities(row, None)), **known)
        name = (supersedes.type.value, supersedes.on or supersedes.at)
        return self.facts.equal(_fact_identities(row, name)[1], **known)

    def unstated_replacement(self, row: Fact | Position) -> Fact | Position | None:
        """Return what replaced a stored row, unless the document states that, too."""
        found = self.replacing.get((type(row), row.pk))
        pool: Any = self.facts if isinstance(row, Fact) else self.positions
        return None if found is None or pool.is_taken(found.pk) else found

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
    """Return the facts that no other one supersedes, without retractions, newest first."""
    known = sorted(facts, key=lambda each: each.pk, reverse=True)
    ended = superseding((each.pk, each.kind, each.supersedes_id) for each in known)
    return [
        each for each in known if each.pk not in ended and each.kind != FactKind.RETRACTION.value
    ]


def _replacing(
    facts: Sequence[Fact], positions: Iterable[Position]
) -> dict[tuple[type, int], Fact | Position]:
    """Return the rows that replaced others, by the kind and id of the replaced row."""
    by_id = {each.pk: each for each in facts}
    links = superseding((each.pk, each.kind, each.supersedes_id) for each in facts)
    found: dict[tuple[type, int], Fact | Position] = {
        (Fact, pk): by_id[by] for pk, by in links.items()
    }
    last: dict[Hashable, Position] = {}
    for each in sorted(positions, key=lambda each: (each.recorded_at, each.pk)):
        earlier = last.get(slot := _position_slot(each))
        if earlier is not None:
            found[Position, earlier.pk] = each
        last[slot] = each
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


def fact_name(fact: Fact) -> Hashable:
    """Return the type and date by which a document names a fact about the same deadline."""
    return fact.kind, fact.effective_on or fact.effective_at


def _fact_identities(fact: Fact, supersedes: Hashable | None) -> tuple[Hashable, Hashable]:
    """Return the values of a fact, and these with the name of the fact that it supersedes."""
    values = _fact_values(fact)
    return values, (values, supersedes)


def _fact_values(fact: Fact) -> Hashable:
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
