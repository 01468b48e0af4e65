"""Add the facts and positions of a document that are not stored yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from compliance.domain.agreements.document_drafts import (
    AgreementDocument,
    DocumentAgreementFact,
    DocumentFact,
    DocumentObligation,
    DocumentPosition,
    NamedFact,
)
from compliance.domain.agreements.import_reports import ImportMode, ImportReport, Made
from compliance.domain.problems import Invalid, Problem, collected_in
from compliance.domain.vocabulary import EvidenceKind
from compliance.models import Deadline, Evidence, Fact, Party, Position
from compliance.models.locks import for_update
from compliance.operations.agreements.document_checks import no_deadline
from compliance.operations.agreements.document_evidence import StoredEvidence
from compliance.operations.agreements.import_targets import Added, ImportTarget
from compliance.operations.agreements.known_records import KnownRecords, differences_between
from compliance.operations.agreements.named_deadlines import DeadlinesOfObligation
from compliance.operations.agreements.named_facts import NamedFacts
from compliance.operations.deadlines import fact_rows, facts, positions
from compliance.operations.deadlines.fact_dues import SETTING_DATES, Snapshots
from compliance.operations.deadlines.guarded_facts import is_guarded
from compliance.operations.evidence import evidence


def add(*, target: ImportTarget, document: AgreementDocument, report: ImportReport) -> Added:
    """Add the evidence, facts and positions of a document that are not stored yet.

    The caller holds the lock of the agreement, and refreshes `deadline_ids` in the same
    transaction.

    Raises:
        Invalid: with every problem and its path in the document.
    """
    added = Added()
    if not document.has_records:
        return added
    problems: list[Problem] = []
    parties = {party.code: party for party in target.agreement.parties.all()}
    stored_evidence = StoredEvidence.load(target.agreement, parties)
    new = stored_evidence.add(
        document.evidence, by=target.by, as_of=target.as_of, report=report, problems=problems
    )
    added.evidence = [each.pk for each in new]
    added.searched = evidence.deadline_ids_of(
        [each for each in new if each.kind == EvidenceKind.SEARCH_LOG]
    )
    known = KnownRecords.load(target.agreement)
    records = _Records(
        target=target,
        report=report,
        stating=positions.registered_parties(
            {said.party for each in document.obligations for said in each.positions}
        ),
        evidence_by_ref=stored_evidence.by_ref,
        obligation_ids=stored_evidence.obligation_ids,
        known=known,
        named=NamedFacts(known.effective),
        snapshots=Snapshots(
            stored_evidence.obligation_ids[each.ref]
            for each in document.obligations
            if any(fact.type in SETTING_DATES for fact in each.facts)
        ),
        problems=problems,
        added=added,
    )
    records.read(document)
    records.store()
    return added


@dataclass(frozen=True, kw_only=True, slots=True)
class _New:
    """A fact or position of a document, with its place there.

    `recorded_at` is when the document says that it became known.
    """

    row: Fact | Position
    path: str
    ref: str
    evidence: Sequence[str]
    recorded_at: datetime | None
    supersedes: NamedFact | None = None


@dataclass(kw_only=True, slots=True)
class _Records:
    """The facts and positions of a document, which are compared with the stored ones."""

    target: ImportTarget
    report: ImportReport
    evidence_by_ref: Mapping[str, Evidence]
    obligation_ids: Mapping[str, int]
    stating: Mapping[str, Party]
    known: KnownRecords
    snapshots: Snapshots
    problems: list[Problem]
    added: Added
    named: NamedFacts
    repeated: list[tuple[_New, Fact | Position]] = field(default_factory=list)
    deadlines: dict[int, list[Deadline]] = field(default_factory=lambda: defaultdict(list))
    found: list[_New] = field(default_factory=list)
    facts: list[tuple[Fact, Sequence[str], str]] = field(default_factory=list)
    positions: list[tuple[Position, Sequence[str], str]] = field(default_factory=list)

    def read(self, document: AgreementDocument) -> None:
        """Lock the deadlines, and decide what to do with every fact and position.

        Raises:
            Invalid: with every problem and its path in the document.
        """
        rows = Deadline.objects.filter(agreement=self.target.agreement, is_withdrawn=False)
        for row in for_update(rows.select_related("obligation")):
            row.agreement = self.target.agreement
            self.deadlines[row.obligation_id].append(row)
        for index, draft in enumerate(document.obligations):
            if draft.facts or draft.positions:
                self._read_obligation(draft, f"obligations/{index}")
        for index, fact in enumerate(document.facts):
            with collected_in(self.problems, f"facts/{index}"):
                self._read_agreement_fact(fact, f"facts/{index}")
        # Exact matches come first, so that no later statement of the same takes their place. Then
        # come those that name what they supersede, because fewer stored rows equal them.
        unmatched = sorted(self.found, key=lambda each: each.supersedes is None)
        for is_exact in (True, False):
            unmatched = [each for each in unmatched if not self._is_stored(each, is_exact)]
        for new, stored in self.repeated:
            if new.recorded_at is None and self.known.unstated_replacement(stored) is not None:
                self.report.warn_replaced_since(new.path)
        # Only now is it known which stored rows the document repeats, and which it may correct.
        for each in sorted(unmatched, key=self._order):
            with collected_in(self.problems, each.path):
                self._take(each)
        if self.problems:
            raise Invalid(self.problems)

    def _read_obligation(self, draft: DocumentObligation, path: str) -> None:
        rows = self.deadlines.get(self.obligation_ids.get(draft.ref, 0), [])
        if not rows:
            with collected_in(self.problems, path):
                raise no_deadline()
            return
        deadlines = DeadlinesOfObligation(rows)
        with collected_in(self.problems, f"{path}/facts"):
            deadlines.check_number_of_facts(draft.facts)
        for index, fact in enumerate(draft.facts):
            place = f"{path}/facts/{index}"
            with collected_in(self.problems, place):
                self._read_fact(fact, deadlines.named(fact), place)
        for index, position in enumerate(draft.positions):
            place = f"{path}/positions/{index}"
            with collected_in(self.problems, place):
                self._read_position(position, deadlines.named(position), place)

    def _read_fact(self, draft: DocumentFact, deadline: Deadline, path: str) -> None:
        evidence.check_refs(draft.evidence, self.evidence_by_ref)
        fact = fact_rows.build(
            deadline,
            draft,
            by=self.target.by,
            as_of=draft.recorded_at or self.target.as_of,
            snapshots=self.snapshots,
            is_history=draft.recorded_at is not None,
        )
        self._note(fact, draft, path, deadline.obligation.ref)

    def _read_agreement_fact(self, draft: DocumentAgreementFact, path: str) -> None:
        evidence.check_refs(draft.evidence, self.evidence_by_ref)
        agreement = self.target.agreement
        fact = fact_rows.build_of_agreement(
            agreement, draft, by=self.target.by, as_of=draft.recorded_at or self.target.as_of
        )
        self._note(fact, draft, path, agreement.ref)

    def _read_position(self, draft: DocumentPosition, deadline: Deadline, path: str) -> None:
        evidence.check_refs(draft.evidence, self.evidence_by_ref)
        position = positions.build(
            deadline,
            draft,
            self.stating,
            by=self.target.by,
            as_of=draft.recorded_at or self.target.as_of,
        )
        self._note(position, draft, path, deadline.obligation.ref)

    def _note(
        self,
        row: Fact | Position,
        draft: DocumentFact | DocumentAgreementFact | DocumentPosition,
        path: str,
        ref: str,
    ) -> None:
        new = _New(
            row=row,
            path=path,
            ref=ref,
            evidence=draft.evidence,
            recorded_at=draft.recorded_at,
            supersedes=None if isinstance(draft, DocumentPosition) else draft.supersedes,
        )
        self.found.append(new)

    def _is_stored(self, new: _New, is_exact: bool) -> bool:
        """Tell whether a row with the same values is stored, and report how that one differs."""
        stored = self.known.equal(new.row, new.supersedes, new.recorded_at, is_exact=is_exact)
        if stored is None:
            return False
        self.repeated.append((new, stored))
        held, path, ref = self.known.evidence_of(stored), new.path, new.ref
        if new.evidence and set(new.evidence) != held:
            self.report.ignore(f"{path}/evidence", ref, sorted(held), sorted(new.evidence))
        if new.recorded_at is not None and new.recorded_at != stored.recorded_at:
            self.report.ignore(f"{path}/recorded_at", ref, stored.recorded_at, new.recorded_at)
        return True

    def _order(self, new: _New) -> tuple[bool, datetime]:
        """Facts that supersede others come last, in the order in which they became known."""
        as_of, names = self.target.as_of, new.supersedes is not None
        return names, (new.recorded_at or as_of) if names else as_of

    def _take(self, new: _New) -> None:
        """Add a row, or treat it as a correction of a stored row of the same sort and date."""
        row = new.row
        stored = None if new.supersedes is not None else self.known.similar(row)
        if stored is not None:
            found = list(differences_between(row, stored, path=new.path, ref=new.ref))
            if self.target.mode is ImportMode.ADD:
                self.report.ignored += found
                return
            self.report.changed += found
            if isinstance(row, Fact) and isinstance(stored, Fact):
                row.supersedes = stored
        else:
            self.report.made.append(Made(path=new.path, ref=new.ref))
        row.recorded_at = self._known_at(new)
        if isinstance(row, Fact):
            if new.supersedes is not None:
                row.supersedes = self.named.superseded_by(row, new.supersedes)
            self.named.add(row)
            row.approved_by = self.target.approved_by
            if row.deadline_id is None or is_guarded(row):
                self.added.guarded[row.kind] += 1
            self.facts.append((row, new.evidence, new.path))
        else:
            self.positions.append((row, new.evidence, new.path))

    def _known_at(self, new: _New) -> datetime:
        """Return when a new row became known: what a stored deadline already states, stays."""
        as_of, known_at = self.target.as_of, new.recorded_at
        if known_at is None:
            return as_of
        row = new.row.deadline
        if row is None:
            is_new, last = self.target.is_new, self.known.latest
        else:
            is_new = row.obligation.ref in self.target.new_refs
            last = self.known.last_about(row.pk)
        stated_at = self._stated_at(row)
        if is_new:
            return known_at
        is_history = known_at < self.target.agreement.created_at
        if (last is None or known_at >= last) and (is_history or known_at > stated_at):
            return known_at
        self.report.warn_recorded_now(new.path, known_at)
        return as_of

    def _stated_at(self, deadline: Deadline | None) -> datetime:
        """Return when the ledger of a deadline, or of any, last stated something."""
        every = [each for rows in self.deadlines.values() for each in rows]
        rows = [deadline] if deadline else every
        stated = [each.recorded_at for each in rows if each.recorded_at is not None]
        return max(stated, default=self.target.agreement.created_at)

    def store(self) -> None:
        """Save the new facts and positions, and reschedule the deadlines that they move."""
        # In the order in which they became known, which is the order of their hash chains.
        self.facts.sort(key=lambda each: each[0].recorded_at)
        self.positions.sort(key=lambda each: each[0].recorded_at)
        facts.store(
            [(fact, self._evidence(refs)) for fact, refs, _ in self.facts],
            deadlines=[each for rows in self.deadlines.values() for each in rows],
            as_of=self.target.as_of,
        )
        positions.store([(each, self._evidence(refs)) for each, refs, _ in self.positions])
        self.added.facts = {fact.pk: path for fact, _, path in self.facts}
        self.added.positions = {each.pk: path for each, _, path in self.positions}
        self.added.note([fact for fact, _, _ in self.facts], self.target)

    def _evidence(self, refs: Sequence[str]) -> list[Evidence]:
        return [self.evidence_by_ref[ref] for ref in refs]
