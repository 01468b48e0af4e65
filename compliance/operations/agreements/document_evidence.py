"""Add the evidence of a document that is not stored yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from compliance.domain.agreements.document_drafts import DocumentEvidence
from compliance.domain.agreements.import_reports import Difference, ImportReport, Made
from compliance.domain.evidence.drafts import EvidenceDraft
from compliance.domain.problems import Invalid, Problem, collected_in, refusal
from compliance.models import Agreement, Evidence, Party, User
from compliance.models.bulk import insert
from compliance.operations.evidence import evidence


@dataclass(kw_only=True, slots=True)
class StoredEvidence:
    """The evidence of an agreement by ref, and the obligations and parties that it may name."""

    agreement: Agreement
    parties: Mapping[str, Party]
    obligation_ids: Mapping[str, int]
    by_ref: dict[str, Evidence]

    @classmethod
    def load(cls, agreement: Agreement, parties: Mapping[str, Party]) -> StoredEvidence:
        """Load the evidence of an agreement."""
        return cls(
            agreement=agreement,
            parties=parties,
            obligation_ids=dict(agreement.obligations.order_by().values_list("ref", "id")),
            by_ref={
                each.ref: each for each in agreement.evidence.select_related("asserted_by").all()
            },
        )

    def add(
        self,
        drafts: Sequence[DocumentEvidence],
        *,
        by: User | None,
        as_of: datetime,
        report: ImportReport,
        problems: list[Problem],
    ) -> list[Evidence]:
        """Save the pieces of evidence that are not stored yet, and return them."""
        if not drafts:
            return []
        last = max((each.recorded_at for each in self.by_ref.values()), default=None)
        links = _obligation_refs(self.by_ref.values())
        seen: set[str] = set()
        new: list[tuple[Evidence, DocumentEvidence]] = []
        for index, draft in enumerate(drafts):
            path = f"evidence/{index}"
            with collected_in(problems, path):
                if draft.ref in seen:
                    sentence = f"The ref {draft.ref} occurs twice in this document: remove one."
                    raise refusal("ref", sentence)
                seen.add(draft.ref)
                found = evidence.reference_problems(draft, self.obligation_ids, self.parties)
                if found:
                    raise Invalid(found)
                stored = self.by_ref.get(draft.ref)
                if stored is not None:
                    report.ignored += _differences(draft, stored, links[stored.pk], path)
                    continue
                known_at = draft.recorded_at or as_of
                if last is not None and known_at <= last < as_of:
                    report.warn_recorded_now(path, known_at)
                    known_at = as_of
                row = evidence.build(self.agreement, draft, self.parties, by=by, as_of=known_at)
                new.append((row, draft))
                report.made.append(Made(path=path, ref=draft.ref))
        self._store(new)
        return [row for row, _ in new]

    def _store(self, new: Sequence[tuple[Evidence, DocumentEvidence]]) -> None:
        insert([row for row, _ in new])
        links: Any = Evidence.obligations.through
        insert(
            [
                links(evidence_id=row.pk, obligation_id=self.obligation_ids[ref])
                for row, draft in new
                for ref in draft.obligations
            ]
        )
        self.by_ref |= {row.ref: row for row, _ in new}


def _obligation_refs(stored: Iterable[Evidence]) -> dict[int, set[str]]:
    links: Any = Evidence.obligations.through
    found: dict[int, set[str]] = defaultdict(set)
    ids = [each.pk for each in stored]
    if ids:
        rows = links.objects.filter(evidence_id__in=ids)
        for pk, ref in rows.values_list("evidence_id", "obligation__ref"):
            found[pk].add(ref)
    return found


def _differences(
    draft: DocumentEvidence, stored: Evidence, obligations: set[str], path: str
) -> Iterable[Difference]:
    """Yield the fields that a document gives differently. Evidence is never edited."""
    for name in (*EvidenceDraft.model_fields, "recorded_at"):
        if name not in draft.model_fields_set or name == "deadlines":
            continue
        sent: Any = getattr(draft, name)
        held: Any = getattr(stored, name)
        if name == "asserted_by":
            held = stored.asserted_by.code if stored.asserted_by else None
        elif name == "obligations":
            held, sent = sorted(obligations), sorted(sent)
        if held != sent:
            yield Difference(path=f"{path}/{name}", ref=draft.ref, stored=held, sent=sent)
