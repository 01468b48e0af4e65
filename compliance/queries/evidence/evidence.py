"""Evidence as rows."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import file_digest
from typing import Annotated

from pydantic import Field

from compliance.domain.date_fields import Instant
from compliance.domain.fields import AgreementRef, PartyCode, Ref
from compliance.domain.vocabulary import EvidenceKind, Stance
from compliance.models import EvidenceFile
from compliance.models.people.readers import Reader
from compliance.models.visibility import visible_to
from compliance.queries.agreement_statuses import hide_archived
from compliance.queries.deadlines.periods import period_sql, precision_sql
from compliance.queries.filters import Id
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, one
from compliance.queries.unseen import hide_unseen

_ROWS = f"""
SELECT e.id, a.ref AS agreement, e.ref, e.title, e.kind, e.url, e.quote,
    {period_sql("e.published_on", "e.published_on_precision")} AS published_on,
    {precision_sql("e.published_on", "e.published_on_precision")} AS published_on_precision,
    p.code AS asserted_by, e.stance,
    ARRAY(SELECT o.ref FROM compliance_evidence_obligations AS l
          JOIN compliance_obligation AS o ON o.id = l.obligation_id
          WHERE l.evidence_id = e.id
            AND o.recorded_at <= coalesce(%(known_at)s, 'infinity'::timestamptz)
          ORDER BY l.id) AS obligations,
    ARRAY(SELECT l.deadline_id FROM compliance_evidence_deadlines AS l
          JOIN compliance_deadline AS d ON d.id = l.deadline_id
          JOIN compliance_obligation AS o ON o.id = d.obligation_id
          WHERE l.evidence_id = e.id
            AND o.recorded_at <= coalesce(%(known_at)s, 'infinity'::timestamptz)
          ORDER BY l.deadline_id) AS deadlines,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('revision', f.revision, 'name', f.name,
                'content_type', f.content_type, 'size', f.size, 'sha256', f.sha256,
                'recorded_at', replace(to_jsonb(f.recorded_at) #>> '{{}}', '+00:00', 'Z'),
                'recorded_by', w.email) ORDER BY f.revision), '[]')
     FROM compliance_evidencefile AS f LEFT JOIN compliance_user AS w ON w.id = f.recorded_by_id
     WHERE f.evidence_id = e.id
       AND f.recorded_at <= coalesce(%(known_at)s, 'infinity'::timestamptz)) AS files,
    e.recorded_at, u.email AS recorded_by
FROM compliance_evidence AS e
JOIN compliance_agreement AS a ON a.id = e.agreement_id
LEFT JOIN compliance_party AS p ON p.id = e.asserted_by_id
LEFT JOIN compliance_user AS u ON u.id = e.recorded_by_id
"""


class EvidenceListing(Listing):
    """Filters of evidence."""

    agreement: AgreementRef | None = None
    ref: Ref | None = None
    kind: EvidenceKind | None = None
    stance: Stance | None = None
    asserted_by: PartyCode | None = None
    obligation_ref: Ref | None = None
    deadline: Annotated[
        Id | None, Field(description="Evidence about this deadline or its obligation.")
    ] = None
    known_at: Annotated[Instant | None, Field(description="Only records up to this instant.")] = (
        None
    )


def listed(listing: EvidenceListing, *, reader: Reader) -> Page:
    """Return evidence in order of creation."""
    where = Where(known_at=listing.known_at).equal(
        a__ref=listing.agreement,
        e__ref=listing.ref,
        e__kind=listing.kind,
        e__stance=listing.stance,
        p__code=listing.asserted_by,
    )
    where.add(
        "e.id IN (SELECT l.evidence_id FROM compliance_evidence_obligations AS l"
        " JOIN compliance_obligation AS o ON o.id = l.obligation_id"
        " WHERE o.ref = %(obligation_ref)s"
        " AND o.recorded_at <= coalesce(%(known_at)s, 'infinity'::timestamptz))",
        obligation_ref=listing.obligation_ref,
    )
    hide_unseen(where, reader, agreement="e.agreement_id")
    if listing.agreement is None and listing.deadline is None:
        hide_archived(where, agreement="e.agreement_id", known_at=listing.known_at)
    where.add(
        "e.recorded_at <= %(known_at)s AND a.recorded_at <= %(known_at)s", known_at=listing.known_at
    )
    where.add(
        "e.id IN (SELECT l.evidence_id FROM compliance_evidence_deadlines AS l"
        " WHERE l.deadline_id = %(deadline)s UNION ALL"
        " SELECT l.evidence_id FROM compliance_evidence_obligations AS l"
        " JOIN compliance_deadline AS d ON d.obligation_id = l.obligation_id"
        " WHERE d.id = %(deadline)s)",
        deadline=listing.deadline,
    )
    return page(_ROWS, where, order=Order(table="e", columns=("id",)), listing=listing)


def row(evidence_id: int, *, reader: Reader) -> Row | None:
    """Return one piece of evidence, or None."""
    where = Where(known_at=None).equal(e__id=evidence_id)
    hide_unseen(where, reader, agreement="e.agreement_id")
    return one(_ROWS, where)


def file(evidence_id: int, revision: int, *, reader: Reader) -> EvidenceFile | None:
    """Return one revision of an evidence file, or None."""
    found = EvidenceFile.objects.filter(evidence_id=evidence_id, revision=revision)
    return visible_to(found, reader).first()


def damaged_files() -> Iterator[EvidenceFile]:
    """Yield the files whose bytes are missing or have changed."""
    for stored in EvidenceFile.objects.order_by("id").iterator():
        try:
            with stored.path.open("rb") as content:
                is_whole = file_digest(content, "sha256").hexdigest() == stored.sha256
        except OSError:
            is_whole = False
        if not is_whole:
            yield stored
