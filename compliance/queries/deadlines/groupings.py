"""What the deadlines of an aggregate are grouped by, in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from compliance.queries.deadlines.breach_intervals import LATEST_BEGINNING
from compliance.queries.deadlines.closed import IS_OPEN
from compliance.queries.deadlines.measures import full_days
from compliance.queries.known_fields import corrected
from compliance.queries.responsible import NAMED, RESPONSIBLE_NAME


class Grouping(StrEnum):
    """What deadlines can be grouped by.

    `year`, `quarter`, `month` and `week` (ISO 8601) are those of the due day, or null without one.
    `responsible` names users by address and teams as `team:` and their slug; null: nobody is
    responsible. `kind` is the kind of the obligation. `breach_age` is one of `AGES`: the full days
    since the breach began that is open; null: none is.
    """

    STATUS = "status"
    AGREEMENT = "agreement"
    AGREEMENT_KIND = "agreement_kind"
    OBLIGOR = "obligor"
    OBLIGEE = "obligee"
    TAG = "tag"
    SEVERITY = "severity"
    KIND = "kind"
    RESPONSIBLE = "responsible"
    YEAR = "year"
    QUARTER = "quarter"
    MONTH = "month"
    WEEK = "week"
    BREACH_AGE = "breach_age"


AGES = ("0-7", "8-30", "31-90", "91-365", "over 365")
"""The groups of `breach_age`, in order: the days since the breach began."""


class Group(NamedTuple):
    """A grouping in SQL: the name of the group, and the joins that it needs.

    The joins follow the deadlines `d` and their obligations `o`. A deadline with two obligors or
    two tags counts in both groups, and so does one for which two users are responsible.
    """

    name: str
    joins: tuple[str, ...] = ()


def group_of(grouping: Grouping, *, is_past: bool, has_prefix: bool) -> Group:
    """Return a grouping by the fields that are known now or, with `is_past`, at `known_at`.

    Args:
        has_prefix: whether only tags that begin with `tag_prefix` form groups.
    """
    found = _GROUPS[grouping]
    if is_past:
        found = _GROUPS_THEN.get(grouping, found)
    if grouping is Grouping.TAG and has_prefix:
        return found._replace(joins=(*found.joins[:-1], f"{found.joins[-1]} {_PREFIXED}"))
    return found


def joins_of(groups: Iterable[Group]) -> str:
    """Return the joins of several groupings, each once."""
    return "\n".join(dict.fromkeys(join for each in groups for join in each.joins))


_PREFIXED = "AND starts_with(tag.name, %(tag_prefix)s)"
_AGREEMENT = "JOIN compliance_agreement AS a ON a.id = d.agreement_id"
_OBLIGATION_THEN = f"LEFT JOIN {corrected('obligation')} AS f ON f.id = o.id"

_TAGS_THEN = """
JOIN LATERAL (
    SELECT unnest(o.tags)::text WHERE f.before IS NULL
    UNION ALL SELECT jsonb_array_elements_text(f.before -> 'tags')) AS tag(name) ON TRUE
"""


_DAYS_OF_BREACH = full_days(start="open_breach.occurred_at", end="%(at)s", zone="d.timezone")
_AGE = f"LEFT JOIN LATERAL (SELECT {_DAYS_OF_BREACH} AS days) AS age ON TRUE"
_OPEN_BREACH = """
LEFT JOIN compliance_breach AS open_breach
  ON open_breach.deadline_id = d.id AND open_breach.ended_at IS NULL
"""
_OPEN_BREACH_THEN = f"""
LEFT JOIN LATERAL (
    SELECT CASE WHEN {IS_OPEN} THEN {LATEST_BEGINNING} END AS occurred_at) AS open_breach ON TRUE
"""
_AGE_NAME = """
CASE WHEN age.days <= 7 THEN '0-7' WHEN age.days <= 30 THEN '8-30'
     WHEN age.days <= 90 THEN '31-90' WHEN age.days <= 365 THEN '91-365'
     WHEN age.days IS NOT NULL THEN 'over 365' END
"""


def _parties(capacity: str) -> str:
    return f"""
    JOIN compliance_obligationparty AS {capacity}_side
      ON {capacity}_side.obligation_id = d.obligation_id AND {capacity}_side.capacity = '{capacity}'
      AND (d.party_id IS NULL OR '{capacity}' = 'obligee' OR {capacity}_side.party_id = d.party_id)
    JOIN compliance_party AS {capacity} ON {capacity}.id = {capacity}_side.party_id
    """


def _parties_then(capacity: str) -> str:
    return f"""
    CROSS JOIN LATERAL (
        SELECT p.code
        FROM compliance_obligationparty AS s JOIN compliance_party AS p ON p.id = s.party_id
        WHERE s.obligation_id = o.id AND s.capacity = '{capacity}' AND f.before IS NULL
          AND (d.party_id IS NULL OR s.capacity = 'obligee' OR s.party_id = d.party_id)
        UNION ALL
        SELECT former.code FROM jsonb_array_elements_text(f.before -> '{capacity}s') AS former(code)
        WHERE d.party_id IS NULL OR '{capacity}' = 'obligee'
           OR former.code = (SELECT p.code FROM compliance_party AS p WHERE p.id = d.party_id)
    ) AS {capacity}(code)
    """


_GROUPS = {
    Grouping.STATUS: Group("d.status"),
    Grouping.AGREEMENT: Group("a.ref", (_AGREEMENT,)),
    Grouping.AGREEMENT_KIND: Group("a.kind", (_AGREEMENT,)),
    Grouping.OBLIGOR: Group("obligor.code", (_parties("obligor"),)),
    Grouping.OBLIGEE: Group("obligee.code", (_parties("obligee"),)),
    Grouping.TAG: Group("tag.name", ("JOIN LATERAL unnest(o.tags) AS tag(name) ON TRUE",)),
    Grouping.SEVERITY: Group("o.severity"),
    Grouping.KIND: Group("o.kind"),
    Grouping.RESPONSIBLE: Group(
        RESPONSIBLE_NAME,
        (f"LEFT JOIN compliance_responsibility AS r ON r.obligation_id = o.id {NAMED}",),
    ),
    Grouping.YEAR: Group("to_char(d.due_on, 'YYYY')"),
    Grouping.QUARTER: Group("to_char(d.due_on, 'YYYY\"-Q\"Q')"),
    Grouping.MONTH: Group("to_char(d.due_on, 'YYYY-MM')"),
    Grouping.WEEK: Group("to_char(d.due_on, 'IYYY\"-W\"IW')"),
    Grouping.BREACH_AGE: Group(_AGE_NAME, (_OPEN_BREACH, _AGE)),
}
# The same of the fields that were known then.
_GROUPS_THEN = {
    Grouping.AGREEMENT_KIND: Group(
        "coalesce(g.before ->> 'kind', a.kind)",
        (_AGREEMENT, f"LEFT JOIN {corrected('agreement')} AS g ON g.id = d.agreement_id"),
    ),
    Grouping.OBLIGOR: Group("obligor.code", (_OBLIGATION_THEN, _parties_then("obligor"))),
    Grouping.OBLIGEE: Group("obligee.code", (_OBLIGATION_THEN, _parties_then("obligee"))),
    Grouping.TAG: Group(
        "tag.name",
        (_OBLIGATION_THEN, _TAGS_THEN),
    ),
    Grouping.SEVERITY: Group("coalesce(f.before ->> 'severity', o.severity)", (_OBLIGATION_THEN,)),
    Grouping.KIND: Group("coalesce(f.before ->> 'kind', o.kind)", (_OBLIGATION_THEN,)),
    Grouping.BREACH_AGE: Group(_AGE_NAME, (_OPEN_BREACH_THEN, _AGE)),
}
