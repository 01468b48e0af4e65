"""Counts of deadlines by group and status, in one statement."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from compliance.models.people.readers import Reader
from compliance.queries.deadlines.filters import DeadlineFilter, conditions, source
from compliance.queries.known_fields import corrected
from compliance.queries.responsible import NAMED, RESPONSIBLE_NAME
from compliance.queries.rows import Row, fetch


class Grouping(StrEnum):
    """The groupings of a summary.

    `month` is the month of the due day, or null without one. `responsible` names users by address
    and teams as `team:` and their slug; null: nobody is responsible.
    """

    STATUS = "status"
    AGREEMENT = "agreement"
    OBLIGOR = "obligor"
    OBLIGEE = "obligee"
    TAG = "tag"
    SEVERITY = "severity"
    MONTH = "month"
    RESPONSIBLE = "responsible"


class SummaryFilter(DeadlineFilter):
    """The filters and grouping of a summary."""

    group_by: Grouping = Grouping.STATUS


_SIDES = """
JOIN compliance_obligationparty AS side
  ON side.obligation_id = d.obligation_id AND side.capacity = '{capacity}'
  AND (d.party_id IS NULL OR side.capacity = 'obligee' OR side.party_id = d.party_id)
JOIN compliance_party AS party ON party.id = side.party_id
"""
_SIDES_THEN = """
CROSS JOIN LATERAL (
    SELECT p.code
    FROM compliance_obligationparty AS s JOIN compliance_party AS p ON p.id = s.party_id
    WHERE s.obligation_id = o.id AND s.capacity = '{capacity}' AND f.before IS NULL
      AND (d.party_id IS NULL OR s.capacity = 'obligee' OR s.party_id = d.party_id)
    UNION ALL
    SELECT former.code FROM jsonb_array_elements_text(f.before -> '{capacity}s') AS former(code)
    WHERE d.party_id IS NULL OR '{capacity}' = 'obligee'
       OR former.code = (SELECT p.code FROM compliance_party AS p WHERE p.id = d.party_id)
) AS party(code)
"""
# The expression and join of each grouping. A deadline with two obligors or two tags counts in both
# groups, and so does one for which two users are responsible.
_GROUPS = {
    Grouping.STATUS: ("d.status", ""),
    Grouping.AGREEMENT: (
        "a.ref",
        "JOIN compliance_agreement AS a ON a.id = d.agreement_id",
    ),
    Grouping.OBLIGOR: ("party.code", _SIDES.format(capacity="obligor")),
    Grouping.OBLIGEE: ("party.code", _SIDES.format(capacity="obligee")),
    Grouping.TAG: ("tag.name", "CROSS JOIN unnest(o.tags) AS tag(name)"),
    Grouping.SEVERITY: ("o.severity", ""),
    Grouping.MONTH: ("to_char(d.due_on, 'YYYY-MM')", ""),
    Grouping.RESPONSIBLE: (
        RESPONSIBLE_NAME,
        f"LEFT JOIN compliance_responsibility AS r ON r.obligation_id = o.id {NAMED}",
    ),
}


# The same of the fields that were known then.
_FORMER = f"LEFT JOIN {corrected('obligation')} AS f ON f.id = o.id"
_GROUPS_THEN = {
    Grouping.OBLIGOR: ("party.code", f"{_FORMER} {_SIDES_THEN.format(capacity='obligor')}"),
    Grouping.OBLIGEE: ("party.code", f"{_FORMER} {_SIDES_THEN.format(capacity='obligee')}"),
    Grouping.TAG: (
        "tag.name",
        f"""
        {_FORMER} CROSS JOIN LATERAL (
            SELECT unnest(o.tags)::text WHERE f.before IS NULL
            UNION ALL SELECT jsonb_array_elements_text(f.before -> 'tags')) AS tag(name)
        """,
    ),
    Grouping.SEVERITY: ("coalesce(f.before ->> 'severity', o.severity)", _FORMER),
}


def summary(question: SummaryFilter, *, reader: Reader, now: datetime) -> list[Row]:
    """Return the groups by name at a given time, each with its count and the count per status."""
    where = conditions(question, reader=reader, now=now)
    name, joins = _GROUPS[question.group_by]
    if question.known_at is not None:
        name, joins = _GROUPS_THEN.get(question.group_by, (name, joins))
    parts = (
        'SELECT counted."group", sum(counted.count)::bigint AS count,',
        "jsonb_object_agg(counted.status, counted.count ORDER BY counted.status) AS statuses",
        "FROM (SELECT",
        name,
        'AS "group", d.status, count(*) AS count FROM',
        source(question),
        "JOIN compliance_obligation AS o ON o.id = d.obligation_id",
        joins,
        where.sql,
        "GROUP BY 1, 2) AS counted GROUP BY 1 ORDER BY 1",
    )
    return fetch(parts, where.values)
