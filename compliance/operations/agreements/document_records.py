"""Add the evidence, facts and positions of a document that are not stored yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from compliance.domain.agreements.document_drafts import (
    AgreementDocument,
    DocumentAgreementFact,
    DocumentEvidence,
    DocumentFact,
    DocumentObligation,
    DocumentPosition,
)
from compliance.domain.problems import Invalid, Problem, collected_in, refusal
from compliance.domain.vocabulary import EvidenceKind
from compliance.models import Agreement, Deadline, Evidence, Fact, Party, Position, User
from compliance.models.bulk import insert
from compliance.models.locks import for_update
from compliance.operations.agreements import document_checks
from compliance.operations.agreements.known_records import KnownRecords, deadline_named
from compliance.operations.deadlines import fact_rows, facts, positions, schedule
from compliance.operations.deadlines.fact_dues import SETTING_DATES, Snapshots
from compliance.operations.evidence import evidence


@dataclass(kw_only=True, slots=True)
class Added:
    """How many rows were added, and which deadlines are affected.

    `recorded_at` is when the first fact about each deadline became known, by deadline. `searched`
    are the deadlines of the search logs. `fact_paths` and `position_paths` are the places in the
    document of the new rows, by id.
    """

    facts: int = 0
    positions: int = 0
    evidence: int = 0
    deadline_ids: set[int] = field(default_factory=set)
    searched: set[int] = field(default_factory=set)
    recorded_at: dict[int, datetime] = field(default_factory=dict)
    fact_paths: dict[int, str] = field(default_factory=dict)
    position_paths: dict[int, str] = field(default_factory=dict)


def add(
    *,
    agreement: Agreement,
    document: AgreementDocument,
    is_new: bool,
    new_refs: Collection[str],
    by: User | None,
    as_of: datetime,
) -> Added:
    """Add the evidence, facts and positions of a document that are not stored yet.

    The caller holds the lock of the agreement, and refreshes `deadline_ids` in the same
    transaction.

    Args:
        is_new: the agreement was created for this document.
        new_refs: the obligations that were created for this document.

    Raises:
        Invalid: with every problem and its path in the document.
    """
    if not document.has_records:
        return Added()
    found = _Import.load(agreement, is_new=is_new, new_refs=new_refs, by=by, as_of=as_of)
    found.add_evidence(document.evidence)
    found.load_records(document)
    for index, draft in enumerate(document.obligations):
        found.read_obligation(draft, f"obligations/{index}")
    for index, fact in enumerate(document.facts):
        found.read_agreement_fact(fact, f"facts/{index}")
    if found.problems:
        raise Invalid(found.problems)
    found.store()
    return found.added


@dataclass(kw_only=True, slots=True)
class _Import:
    """One import of a document into an agreement.

    `new_facts` and `new_positions` are unsaved rows with the refs of their evidence and their
    paths.
    """

    agreement: Agreement
    is_new: bool
    new_refs: Collection[str]
    by: User | None
    as_of: datetime
    parties: Mapping[str, Party]
    obligation_ids: Mapping[str, int]
    evidence_by_ref: dict[str, Evidence] = field(default_factory=dict)
    stating: Mapping[str, Party] = field(default_factory=dict)
    deadlines: dict[int, list[Deadline]] = field(default_factory=lambda: defaultdict(list))
    known: KnownRecords = field(init=False)
    snapshots: Snapshots = field(init=False)
    problems: list[Problem] = field(default_factory=list)
    new_facts: list[tuple[Fact, Sequence[str], str]] = field(default_factory=list)
    new_positions: list[tuple[Position, Sequence[str], str]] = field(default_factory=list)
    added: Added = field(default_factory=Added)

    @classmethod
    def load(
        cls,
        agreement: Agreement,
        *,
        is_new: bool,
        new_refs: Collection[str],
        by: User | None,
        as_of: datetime,
    ) -> _Import:
        """Load the obligations, deadlines and parties to which evidence refers."""
        return cls(
            agreement=agreement,
            is_new=is_new,
            new_refs=new_refs,
            by=by,
            as_of=as_of,
            parties={party.code: party for party in agreement.parties.all()},
            obligation_ids=dict(agreement.obligations.values_list("ref", "id")),
        )

    def load_records(self, document: AgreementDocument) -> None:
        """Load and lock the deadlines, and load their existing records."""
        self.snapshots = Snapshots(
            self.obligation_ids[each.ref]
            for each in document.obligations
            if any(fact.type in SETTING_DATES for fact in each.facts)
        )
        stating = {said.party for each in document.obligations for said in each.positions}
        self.stating = positions.registered_parties(stating)
        self.evidence_by_ref = {each.ref: each for each in self.agreement.evidence.all()}
        rows = Deadline.objects.filter(agreement=self.agreement, is_withdrawn=False)
        for row in for_update(rows.select_related("obligation", "agreement")):
            self.deadlines[row.obligation_id].append(row)
        self.known = KnownRecords.load(self.agreement)

    def add_evidence(self, drafts: Sequence[DocumentEvidence]) -> None:
        """Save the pieces of evidence that are not stored yet."""
        if not drafts:
            return
        stored = set(self.agreement.evidence.values_list("ref", flat=True))
        seen: set[str] = set()
        new: list[tuple[Evidence, DocumentEvidence]] = []
        for index, draft in enumerate(drafts):
            with collected_in(self.problems, f"evidence/{index}"):
                if draft.ref in seen:
                    sentence = f"The ref {draft.ref} occurs twice in this document: remove one."
                    raise refusal("ref", sentence)
                seen.add(draft.ref)
                found = evidence.reference_problems(draft, self.obligation_ids, self.parties)
                if found:
                    raise Invalid(found)
                if draft.ref not in stored:
                    known_at = self._known_at(draft.recorded_at, is_new=self.is_new)
                    row = evidence.build(
                        self.agreement, draft, self.parties, by=self.by, as_of=known_at
                    )
                    new.append((row, draft))
        self._store_evidence(new)

    def _store_evidence(self, new: Sequence[tuple[Evidence, DocumentEvidence]]) -> None:
        insert([row for row, _ in new])
        links: Any = Evidence.obligations.through
        insert(
            [
                links(evidence_id=row.pk, obligation_id=self.obligation_ids[ref])
                for row, draft in new
                for ref in draft.obligations
            ]
        )
        self.added.evidence += len(new)
        logs = [row for row, draft in new if draft.kind is EvidenceKind.SEARCH_LOG]
        self.added.searched |= evidence.deadline_ids_of(logs)

    def read_obligation(self, draft: DocumentObligation, path: str) -> None:
        """Read the facts and positions of an obligation."""
        deadlines = self.deadlines.get(self.obligation_ids.get(draft.ref, 0), [])
        if not deadlines:
            with collected_in(self.problems, path):
                document_checks.reject_records(draft)
            return
        is_new = draft.ref in self.new_refs
        for index, fact in enumerate(draft.facts):
            place = f"{path}/facts/{index}"
            with collected_in(self.problems, place):
                self._read_fact(fact, deadlines, place, is_new=is_new)
        for index, position in enumerate(draft.positions):
            place = f"{path}/positions/{index}"
            with collected_in(self.problems, place):
                self._read_position(position, deadlines, place, is_new=is_new)

    def _read_fact(
        self, draft: DocumentFact, deadlines: Sequence[Deadline], path: str, *, is_new: bool
    ) -> None:
        deadline = deadline_named(deadlines, draft.due_on, draft.number)
        document_checks.reject_supersedes(draft)
        evidence.check_refs(draft.evidence, self.evidence_by_ref)
        fact = fact_rows.build(
            deadline,
            draft,
            by=self.by,
            as_of=draft.recorded_at or self.as_of,
            snapshots=self.snapshots,
        )
        if self.known.take_fact(fact):
            return
        self._known_at(draft.recorded_at, is_new=is_new)
        if not self.is_new and facts.needs_approval(deadline, draft):
            sentence = f"A second person must approve this {fact.kind}: submit it as a proposal."
            raise refusal("type", sentence)
        self.new_facts.append((fact, draft.evidence, path))

    def _read_position(
        self, draft: DocumentPosition, deadlines: Sequence[Deadline], path: str, *, is_new: bool
    ) -> None:
        deadline = deadline_named(deadlines, draft.due_on, draft.number)
        evidence.check_refs(draft.evidence, self.evidence_by_ref)
        position = positions.build(
            deadline, draft, self.stating, by=self.by, as_of=draft.recorded_at or self.as_of
        )
        if not self.known.take_position(position):
            self._known_at(draft.recorded_at, is_new=is_new)
            self.new_positions.append((position, draft.evidence, path))

    def read_agreement_fact(self, draft: DocumentAgreementFact, path: str) -> None:
        """Read a fact about the whole agreement."""
        with collected_in(self.problems, path):
            document_checks.reject_supersedes(draft)
            evidence.check_refs(draft.evidence, self.evidence_by_ref)
            known_at = draft.recorded_at or self.as_of
            fact = fact_rows.build_of_agreement(self.agreement, draft, by=self.by, as_of=known_at)
            if not self.known.take_fact(fact):
                self._known_at(draft.recorded_at, is_new=self.is_new)
                self.new_facts.append((fact, draft.evidence, path))

    def _known_at(self, recorded_at: datetime | None, *, is_new: bool) -> datetime:
        """Return when a record became known. Only records about new rows can be in the past."""
        if recorded_at is not None and not is_new:
            sentence = (
                "This is already tracked, so new records about it are recorded as of now: "
                "remove recorded_at."
            )
            raise refusal("recorded_at", sentence)
        return recorded_at or self.as_of

    def store(self) -> None:
        """Save the new facts and positions, and reschedule the deadlines that they move."""
        # In the order in which they became known, which is the order of their hash chains.
        self.new_facts.sort(key=lambda each: each[0].recorded_at)
        self.new_positions.sort(key=lambda each: each[0].recorded_at)
        facts.store(
            [(fact, self._evidence(refs)) for fact, refs, _ in self.new_facts],
            deadlines=[each for rows in self.deadlines.values() for each in rows],
            as_of=self.as_of,
        )
        positions.store([(each, self._evidence(refs)) for each, refs, _ in self.new_positions])
        self.added.facts = len(self.new_facts)
        self.added.positions = len(self.new_positions)
        self.added.fact_paths = {fact.pk: path for fact, _, path in self.new_facts}
        self.added.position_paths = {each.pk: path for each, _, path in self.new_positions}
        self._note_affected_deadlines()

    def _evidence(self, refs: Sequence[str]) -> list[Evidence]:
        return [self.evidence_by_ref[ref] for ref in refs]

    def _note_affected_deadlines(self) -> None:
        added = self.added
        redated = []
        for fact, _, _ in self.new_facts:
            if fact.deadline_id is None:
                continue
            added.deadline_ids.add(fact.deadline_id)
            # The facts are sorted by `recorded_at`, so the first one is kept.
            added.recorded_at.setdefault(fact.deadline_id, fact.recorded_at)
            if fact.due_at is not None:
                redated.append(fact.deadline_id)
        if any(fact.deadline_id is None for fact, _, _ in self.new_facts):
            added.deadline_ids |= facts.affected_deadlines(self.agreement)
        if not redated:
            return
        obligation_ids = Deadline.objects.filter(id__in=redated).values_list(
            "obligation_id", flat=True
        )
        added.deadline_ids |= schedule.reschedule(obligation_ids, as_of=self.as_of).touched
