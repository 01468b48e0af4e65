"""The verification of past statuses, as known at that time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from compliance.domain.civil_time import civil_day, displayed_zone_name
from compliance.domain.deadlines.facts import effective_facts
from compliance.domain.deadlines.verification import verification
from compliance.domain.vocabulary import EvidenceKind, Verdict, Verification
from compliance.models import Fact
from compliance.models.deadlines.fact_values import fact_of
from compliance.queries.rows import Row, array, fetch


class Pinned(Protocol):
    """A point in time with both instants, or with neither."""

    @property
    def as_of(self) -> datetime | None:
        """The effective time of the question."""

    @property
    def known_at(self) -> datetime | None:
        """The recorded time of the question."""


def add_verification(rows: Sequence[Row], moment: Pinned) -> None:
    """Set `verification` on rows of a past time. Current rows already have it."""
    as_of, known_at = moment.as_of, moment.known_at
    if as_of is None or known_at is None or not rows:
        return
    by_id = {row["id"]: row for row in rows}
    concluded = _conclusions(by_id, as_of, known_at)
    looked = _looks(by_id, as_of, known_at)
    for row in rows:
        row["verification"] = Verification.UNCHECKED
    # Most deadlines have neither.
    for pk in concluded.keys() | looked.keys():
        row = by_id[pk]
        row["verification"] = verification(
            concluded.get(pk, ()), looked.get(pk, ()), due_on=row["due_on"]
        )


def _conclusions(
    by_id: dict[int, Row], as_of: datetime, known_at: datetime
) -> dict[int, list[Verdict]]:
    found: dict[int, list[Verdict]] = defaultdict(list)
    # Few deadlines have a determination; only their facts are read.
    judged = {each["id"] for each in fetch((_JUDGED,), {"ids": array(by_id)})}
    known = Fact.objects.filter(deadline_id__in=judged, recorded_at__lte=known_at)
    facts = defaultdict(list)
    for fact in known.values():
        pk = fact["deadline_id"]
        facts[pk].append(fact_of(fact, displayed_zone_name(by_id[pk]["timezone"])))
    for pk, several in facts.items():
        for each in effective_facts(several):
            if each.verdict is not None and each.effective_at <= as_of:
                found[pk].append(each.verdict)
    return found


_JUDGED = """
SELECT DISTINCT f.deadline_id AS id FROM compliance_fact AS f
WHERE f.deadline_id = ANY(%(ids)s::bigint[]) AND f.verdict IS NOT NULL
"""


def _looks(by_id: dict[int, Row], as_of: datetime, known_at: datetime) -> dict[int, list[date]]:
    found: dict[int, list[date]] = defaultdict(list)
    values = {
        "ids": array(by_id),
        "obligations": array({row["obligation"] for row in by_id.values()}),
        "known_at": known_at,
        "kind": EvidenceKind.SEARCH_LOG.value,
    }
    looks = fetch((_LOOKS,), values)
    of_obligation: dict[int, list[int]] = defaultdict(list)
    for pk, row in by_id.items() if looks else ():
        of_obligation[row["obligation"]].append(pk)
    for look in looks:
        for pk in of_obligation.get(look["obligation"], (look["id"],)):
            zone = displayed_zone_name(by_id[pk]["timezone"])
            day = look["published_on"] or civil_day(look["recorded_at"], zone)
            if day <= civil_day(as_of, zone):
                found[pk].append(day)
    return found


_LOOKS = """
SELECT l.deadline_id AS id, NULL::bigint AS obligation, e.published_on, e.recorded_at
FROM compliance_evidence_deadlines AS l JOIN compliance_evidence AS e ON e.id = l.evidence_id
WHERE l.deadline_id IN (SELECT unnest(%(ids)s::bigint[])) AND e.kind = %(kind)s
  AND e.recorded_at <= %(known_at)s
UNION ALL
SELECT NULL::bigint, l.obligation_id, e.published_on, e.recorded_at
FROM compliance_evidence_obligations AS l JOIN compliance_evidence AS e ON e.id = l.evidence_id
WHERE l.obligation_id IN (SELECT unnest(%(obligations)s::bigint[])) AND e.kind = %(kind)s
  AND e.recorded_at <= %(known_at)s
"""
