"""The check of everything that is stored for tampering: chains, seals, statuses and files.

Reads one batch of deadlines at a time, each in one snapshot. So concurrent writes never look like
tampering, and memory use does not grow with the data.
"""

from __future__ import annotations

from datetime import datetime

from compliance.models import Tombstone
from compliance.models.bulk import fetch
from compliance.queries.evidence.evidence import damaged_files
from compliance.queries.integrity.chains import check_agreements, purged_facts
from compliance.queries.integrity.deadlines import check_deadlines
from compliance.queries.integrity.findings import MOST_KEPT, BadRow, Findings
from compliance.queries.integrity.seal_checks import check_seals
from compliance.queries.integrity.tombstone_checks import check_tombstones

_DAMAGED = "Its bytes are missing or have changed."
_ORPHAN = "Its deadline or agreement does not exist."


def check(
    *,
    as_of: datetime,
    every_seal: bool = False,
    root: bytes | None = None,
) -> Findings:
    """Check everything that is stored.

    Recomputes the latest seal, or all with `every_seal`. Always checks the links between seals.
    `root` comes from a seal that somebody kept elsewhere.
    """
    while True:
        last = Tombstone.objects.count()
        findings = _check(as_of=as_of, every_seal=every_seal, root=root)
        # What was purged while the check ran would look as if it had been removed otherwise.
        if findings.is_clean or Tombstone.objects.count() == last:
            return findings


def _check(*, as_of: datetime, every_seal: bool, root: bytes | None) -> Findings:
    findings = Findings()
    purged = check_tombstones(findings)
    facts = purged_facts(purged)
    check_deadlines(findings, as_of=as_of, purged=facts)
    check_agreements(findings, purged=facts)
    _check_orphans(findings)
    check_seals(findings, purged=purged, every=every_seal, root=root)
    for file in damaged_files():
        findings.add(BadRow(table="compliance_evidencefile", id=file.pk, detail=_DAMAGED))
    return findings


def _check_orphans(findings: Findings) -> None:
    """Find rows whose deadline or agreement was removed."""
    for table, pk, deadline_id, agreement_id in fetch(_ORPHANS, limit=MOST_KEPT):
        findings.add(
            BadRow(table=table, id=pk, deadline=deadline_id, agreement=agreement_id, detail=_ORPHAN)
        )


_ORPHANS = """
    (SELECT 'compliance_fact', f.id, f.deadline_id, f.agreement_id FROM compliance_fact AS f
     WHERE (f.deadline_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM compliance_deadline AS d WHERE d.id = f.deadline_id))
        OR (f.agreement_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM compliance_agreement AS a WHERE a.id = f.agreement_id))
     LIMIT %(limit)s)
    UNION ALL
    (SELECT 'compliance_ledgerentry', e.id, e.deadline_id, NULL FROM compliance_ledgerentry AS e
     WHERE NOT EXISTS (SELECT FROM compliance_deadline AS d WHERE d.id = e.deadline_id)
     LIMIT %(limit)s)
"""
