"""Store the verification of deadlines: the basis of their status, apart from the clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.db.models import Q

from compliance.domain.civil_time import civil_day, zone_names
from compliance.domain.deadlines.facts import effective_facts
from compliance.domain.deadlines.verification import verification
from compliance.domain.vocabulary import EvidenceKind
from compliance.models import Deadline, Evidence, Fact
from compliance.models.bulk import fetch, write
from compliance.models.deadlines.fact_values import fact_of


def refresh(deadline_ids: Iterable[int]) -> None:
    """Update `verification` from the determinations and search logs about deadlines.

    Called by every refresh that follows a recorded fact or a changed due rule, and when a search
    log is stored.
    """
    ids = sorted(set(deadline_ids))
    relevant = [pk for (pk,) in fetch(_RELEVANT, ids=ids)] if ids else []
    if not relevant:
        return
    rows = Deadline.objects.filter(id__in=relevant).only(
        "obligation_id", "timezone", "due_on", "verification"
    )
    # Without its zone, the days of a deadline's facts are unknown: it keeps its verification.
    deadlines = {row.pk: row for row in rows if row.timezone in zone_names()}
    facts: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for fact in Fact.objects.filter(deadline_id__in=deadlines).values():
        facts[fact["deadline_id"]].append(fact)
    of_deadline, of_obligation = _search_logs(deadlines.values())
    changed = []
    for pk, deadline in deadlines.items():
        effective = effective_facts(fact_of(fact, deadline.timezone) for fact in facts[pk])
        logs = (*of_deadline[pk], *of_obligation[deadline.obligation_id])
        found = verification(
            [each.verdict for each in effective if each.verdict is not None],
            [_day(log, deadline.timezone) for log in logs],
            due_on=deadline.due_on,
        )
        if found != deadline.verification:
            changed.append({"id": pk, "verification": found})
    write(_UPDATE, changed)


def _search_logs(
    deadlines: Iterable[Deadline],
) -> tuple[dict[int, list[Evidence]], dict[int, list[Evidence]]]:
    """Return the search logs about deadlines, by deadline id and by obligation id."""
    ids = {each.pk: each.obligation_id for each in deadlines}
    of_deadline: dict[int, list[Evidence]] = defaultdict(list)
    of_obligation: dict[int, list[Evidence]] = defaultdict(list)
    logs = Evidence.objects.filter(kind=EvidenceKind.SEARCH_LOG.value)
    wanted = Q(deadlines__in=ids) | Q(obligations__in=set(ids.values()))
    for log in logs.filter(wanted).distinct().prefetch_related("deadlines", "obligations"):
        for deadline in log.deadlines.all():
            of_deadline[deadline.pk].append(log)
        for obligation in log.obligations.all():
            of_obligation[obligation.pk].append(log)
    return of_deadline, of_obligation


def _day(log: Evidence, timezone: str) -> date:
    return log.published_on or civil_day(log.recorded_at, timezone)


# Most deadlines have neither determinations nor search logs.
_RELEVANT = """
    SELECT d.id FROM compliance_deadline AS d
    WHERE d.id = ANY(%(ids)s) AND (
        d.verification <> 'unchecked'
        OR EXISTS (SELECT FROM compliance_fact AS f
                   WHERE f.deadline_id = d.id AND f.kind = 'determination')
        OR EXISTS (SELECT FROM compliance_evidence_deadlines AS l
                   JOIN compliance_evidence AS e ON e.id = l.evidence_id AND e.kind = 'search_log'
                   WHERE l.deadline_id = d.id)
        OR EXISTS (SELECT FROM compliance_evidence_obligations AS l
                   JOIN compliance_evidence AS e ON e.id = l.evidence_id AND e.kind = 'search_log'
                   WHERE l.obligation_id = d.obligation_id))
"""

_UPDATE = """
    UPDATE compliance_deadline AS d SET verification = v.verification
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(id bigint, verification text)
    WHERE d.id = v.id
"""
