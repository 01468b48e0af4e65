"""Checks of deadlines: their chains of facts and ledger entries, and their stored status."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import DataError

from compliance.domain.civil_time import UnknownTimeZone
from compliance.models import Seal
from compliance.models.bulk import fetch
from compliance.models.deadlines.fact_values import facts_about
from compliance.queries.integrity.chains import (
    NONE_PURGED,
    Purged,
    fact_chains,
    first_bad,
    ledger_chains,
    link_of,
)
from compliance.queries.integrity.findings import BATCH, BadRow, Findings, snapshot
from compliance.queries.integrity.statuses import DeadlineRow, breaches_of, status_problem


def check_deadlines(
    findings: Findings,
    *,
    as_of: datetime,
    deadline_ids: Collection[int] | None = None,
    purged: Purged = NONE_PURGED,
) -> None:
    """Check the chains and stored timelines of all deadlines, or of the given ones."""
    after = 0
    ids = None if deadline_ids is None else list(deadline_ids)
    is_sealed = Seal.objects.exists()
    while True:
        with snapshot():
            rows = [
                DeadlineRow(*row) for row in fetch(_DEADLINES, after=after, ids=ids, limit=BATCH)
            ]
            if not rows:
                return
            _check_some(findings, rows, as_of, purged, is_sealed=is_sealed)
        after = rows[-1].id


def _check_some(
    findings: Findings,
    rows: Sequence[DeadlineRow],
    as_of: datetime,
    purged: Purged,
    *,
    is_sealed: bool,
) -> None:
    try:
        found = _check_batch(rows, as_of, purged, is_sealed=is_sealed)
    except _UNREADABLE as error:
        # Pacta never writes such values. Bisect until only their rows are left out.
        if len(rows) == 1:
            detail = f"Its stored values cannot be read: {error!r}."
            pk = rows[0].id
            findings.add(BadRow(table="compliance_deadline", id=pk, deadline=pk, detail=detail))
            return
        half = len(rows) // 2
        _check_some(findings, rows[:half], as_of, purged, is_sealed=is_sealed)
        _check_some(findings, rows[half:], as_of, purged, is_sealed=is_sealed)
    else:
        findings.merge(found)


_UNREADABLE = (ValueError, TypeError, ArithmeticError, LookupError, DataError)


def _check_batch(
    rows: Sequence[DeadlineRow], as_of: datetime, purged: Purged, *, is_sealed: bool
) -> Findings:
    findings = Findings()
    ids = [row.id for row in rows]
    facts = fact_chains("deadline_id", ids, purged)
    ledger = ledger_chains(ids)
    breaches = breaches_of(ids)
    surviving = {row.id for row in rows if row.survives_termination}
    unknown_zones: dict[int, UnknownTimeZone] = {}
    known = facts_about(rows, surviving=surviving, failures=unknown_zones)
    for row in rows:
        entries = ledger.get(row.id, [])
        chain = [link_of(each) for each in entries]
        findings.deadlines += 1
        findings.facts += sum(each.values is not None for each in facts[row.id])
        findings.entries += len(entries)
        for table, links, head in (
            ("compliance_fact", facts[row.id], row.facts_head),
            ("compliance_ledgerentry", chain, row.ledger_head),
        ):
            if bad := first_bad(links, head, is_sealed=is_sealed):
                row_id, detail = bad
                findings.add(BadRow(table=table, id=row_id, deadline=row.id, detail=detail))
        if row.quarantine_error or row.id in unknown_zones:
            findings.quarantined += 1
            continue
        if detail := status_problem(
            row, known.get(row.id, ()), entries, breaches.get(row.id, ()), as_of
        ):
            findings.add(
                BadRow(table="compliance_deadline", id=row.id, deadline=row.id, detail=detail)
            )
    return findings


_OF_DEADLINE = ", ".join(
    f"d.{name}" for name in DeadlineRow._fields[: DeadlineRow._fields.index("duty_kind")]
)

# The left join also finds deadlines whose obligation was removed.
_DEADLINES = f"""
    SELECT {_OF_DEADLINE}, o.kind, o.target_quantity, o.target_bound, o.due IS NOT NULL,
        coalesce(o.survives_termination, FALSE),
        CASE WHEN NOT o.survives_termination THEN a.ends_on END
    FROM compliance_deadline AS d
    LEFT JOIN compliance_obligation AS o ON o.id = d.obligation_id
    LEFT JOIN compliance_agreement AS a ON a.id = o.agreement_id
    WHERE d.id > %(after)s AND (%(ids)s::bigint[] IS NULL OR d.id = ANY(%(ids)s::bigint[]))
    ORDER BY d.id LIMIT %(limit)s
"""
