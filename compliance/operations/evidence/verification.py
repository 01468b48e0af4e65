"""Keeps with deadlines what their status rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.db.models import Q

from compliance.domain.civil_time import civil_day
from compliance.domain.deadlines.facts import effective_facts
from compliance.domain.deadlines.verification import verification
from compliance.domain.vocabulary import EvidenceKind
from compliance.models import Deadline, Evidence, Fact
from compliance.models.bulk import fetch, write
from compliance.models.deadlines.facts import fact_of


def mark(deadline_ids: Iterable[int]) -> None:
    """Bring `verification` in line with the determinations and looks of deadlines.

    Called with every settlement that a fact or a rule gave cause for, and by what stores a look.
    """
    concerned = [pk for (pk,) in fetch(_CONCERNED, ids=sorted(set(deadline_ids)))]
    rows = Deadline.objects.filter(id__in=concerned).only(
        "obligation_id", "timezone", "due_on", "verification"
    )
    deadlines = {row.pk: row for row in rows}
    facts: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for fact in Fact.objects.filter(deadline_id__in=deadlines).values():
        facts[fact["deadline_id"]].append(fact)
    of_deadline, of_obligation = _looks(deadlines.values())
    changed = []
    for pk, deadline in deadlines.items():
        stands = effective_facts(fact_of(fact, deadline.timezone) for fact in facts[pk])
        looks = (*of_deadline[pk], *of_obligation[deadline.obligation_id])
        found = verification(
            [each.verdict for each in stands if each.verdict is not None],
            [_day(look, deadline.timezone) for look in looks],
            due_on=deadline.due_on,
        )
        if found != deadline.verification:
            changed.append({"id": pk, "verification": found})
    write(_MARK, changed)


def _looks(
    deadlines: Iterable[Deadline],
) -> tuple[dict[int, list[Evidence]], dict[int, list[Evidence]]]:
    """The looks at deadlines by their ids, and by the ids of their obligations."""
    ids = {each.pk: each.obligation_id for each in deadlines}
    of_deadline: dict[int, list[Evidence]] = defaultdict(list)
    of_obligation: dict[int, list[Evidence]] = defaultdict(list)
    looks = Evidence.objects.filter(kind=EvidenceKind.LOOK.value)
    wanted = Q(deadlines__in=ids) | Q(obligations__in=set(ids.values()))
    for look in looks.filter(wanted).distinct().prefetch_related("deadlines", "obligations"):
        for deadline in look.deadlines.all():
            of_deadline[deadline.pk].append(look)
        for obligation in look.obligations.all():
            of_obligation[obligation.pk].append(look)
    return of_deadline, of_obligation


def _day(look: Evidence, timezone: str) -> date:
    return look.published_on or civil_day(look.recorded_at, timezone)


# Most deadlines have nothing that bears on it.
_CONCERNED = """
    SELECT d.id FROM compliance_deadline AS d
    WHERE d.id = ANY(%(ids)s) AND (
        d.verification <> 'unchecked'
        OR EXISTS (SELECT FROM compliance_fact AS f
                   WHERE f.deadline_id = d.id AND f.kind = 'determination')
        OR EXISTS (SELECT FROM compliance_evidence_deadlines AS l
                   JOIN compliance_evidence AS e ON e.id = l.evidence_id AND e.kind = 'look'
                   WHERE l.deadline_id = d.id)
        OR EXISTS (SELECT FROM compliance_evidence_obligations AS l
                   JOIN compliance_evidence AS e ON e.id = l.evidence_id AND e.kind = 'look'
                   WHERE l.obligation_id = d.obligation_id))
"""

_MARK = """
    UPDATE compliance_deadline AS d SET verification = v.verification
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(id bigint, verification text)
    WHERE d.id = v.id
"""
