"""Keep what each import stored, so that it can be listed and purged as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from compliance.domain.agreements.import_reports import ImportReport
from compliance.models import Agreement, ImportBatch, ImportedRows
from compliance.models.bulk import fetch, insert
from compliance.operations.agreements.import_targets import ImportTarget


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """The state of the agreement before an import.

    Attributes:
        last_ids: the highest id of each table. Later ids in the agreement belong to the import,
            because every writer holds the lock of the agreement.
        recorded_at: when the agreement had become known; None: it is new.
    """

    last_ids: Mapping[str, int]
    recorded_at: datetime | None

    @classmethod
    def take(cls, agreement: Agreement | None) -> Marks:
        """Return the marks at the beginning of an import, for which the caller holds the lock."""
        if agreement is None:
            return cls(last_ids=dict.fromkeys(_TABLES, 0), recorded_at=None)
        [ids] = fetch(_LAST_IDS)
        found = dict(zip(_TABLES, ids, strict=True))
        return cls(last_ids=found, recorded_at=agreement.recorded_at)


def keep(
    target: ImportTarget, marks: Marks, report: ImportReport, *, source_name: str
) -> ImportBatch | None:
    """Store what an import created in an agreement. Return None if it stored nothing."""
    if not report.is_change:
        return None
    agreement = target.agreement
    rows = {
        table: ids
        for table, ids in fetch(_CREATED, agreement=agreement.pk, **marks.last_ids)
        if ids
    }
    if target.is_new:
        rows["compliance_agreement"] = [agreement.pk]
    former = marks.recorded_at
    became_earlier = former is not None and (
        Agreement.objects.filter(pk=agreement.pk, recorded_at__lt=former).exists()
    )
    batch = ImportBatch.objects.create(
        agreement=agreement,
        is_new_agreement=target.is_new,
        mode=target.mode.value,
        source_name=source_name,
        imported_at=target.as_of,
        imported_by=target.by,
        counts=_counts(rows, report),
        former_recorded_at=former if became_earlier else None,
    )
    insert([ImportedRows(batch=batch, table_name=table, ids=ids) for table, ids in rows.items()])
    return batch


def _counts(rows: Mapping[str, list[int]], report: ImportReport) -> dict[str, int]:
    counts = {name: len(rows.get(table, ())) for table, name in _COUNTED.items()}
    return {**counts, "corrections": len(report.changed)}


_COUNTED = {
    "compliance_obligation": "obligations",
    "compliance_milestone": "milestones",
    "compliance_fact": "facts",
    "compliance_position": "positions",
    "compliance_evidence": "evidence",
}

_TABLES = ("obligation", "milestone", "dating", "fact", "position", "evidence")

_LAST_IDS = """
    SELECT
        coalesce((SELECT max(id) FROM compliance_obligation), 0),
        coalesce((SELECT max(id) FROM compliance_milestone), 0),
        coalesce((SELECT max(id) FROM compliance_milestonedating), 0),
        coalesce((SELECT max(id) FROM compliance_fact), 0),
        coalesce((SELECT max(id) FROM compliance_position), 0),
        coalesce((SELECT max(id) FROM compliance_evidence), 0)
"""

# A purge also removes the datings of older milestones, which then have their former dates again.
_CREATED = """
    WITH deadlines AS (SELECT id FROM compliance_deadline WHERE agreement_id = %(agreement)s)
    SELECT 'compliance_obligation', array_agg(id ORDER BY id) FROM compliance_obligation
    WHERE agreement_id = %(agreement)s AND id > %(obligation)s
    UNION ALL
    SELECT 'compliance_milestone', array_agg(id ORDER BY id) FROM compliance_milestone
    WHERE agreement_id = %(agreement)s AND id > %(milestone)s
    UNION ALL
    SELECT 'compliance_milestonedating', array_agg(id ORDER BY id) FROM compliance_milestonedating
    WHERE agreement_id = %(agreement)s AND id > %(dating)s
    UNION ALL
    SELECT 'compliance_fact', array_agg(id ORDER BY id) FROM (
        SELECT id FROM compliance_fact WHERE agreement_id = %(agreement)s AND id > %(fact)s
        UNION ALL
        SELECT f.id FROM compliance_fact AS f JOIN deadlines ON f.deadline_id = deadlines.id
        WHERE f.id > %(fact)s
    ) AS facts
    UNION ALL
    SELECT 'compliance_position', array_agg(p.id ORDER BY p.id)
    FROM compliance_position AS p JOIN deadlines ON p.deadline_id = deadlines.id
    WHERE p.id > %(position)s
    UNION ALL
    SELECT 'compliance_evidence', array_agg(id ORDER BY id) FROM compliance_evidence
    WHERE agreement_id = %(agreement)s AND id > %(evidence)s
"""
