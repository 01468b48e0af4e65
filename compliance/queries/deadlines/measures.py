"""The measures of an aggregate, each a column of one statement.

[docs/glossary.md](../../../docs/glossary.md) defines them. The deadlines of each group are counted
by status first. Percentiles and breaches are added as further partial rows of the group, so that no
row needs to be sorted for a measure that counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from compliance.domain.fields import all_different
from compliance.domain.formats import ALL_DIFFERENT
from compliance.domain.limits import AtMost
from compliance.queries.deadlines.breach_intervals import IS_CURED, IS_CURED_THEN, past_intervals
from compliance.queries.deadlines.closed import OF_BREACHED
from compliance.queries.filters import Listed
from compliance.queries.rows import fetch


class Measure(StrEnum):
    """What an aggregate says about each group. Rates are between 0 and 1; null: of none."""

    COUNT = "count"
    STATUSES = "statuses"
    COMPLIANCE_RATE = "compliance_rate"
    MET_ON_TIME_RATE = "met_on_time_rate"
    MEDIAN_DAYS_LATE = "median_days_late"
    P90_DAYS_LATE = "p90_days_late"
    MEDIAN_DAYS_TO_CURE = "median_days_to_cure"
    OPEN = "open"
    OLDEST_OPEN_DAYS = "oldest_open_days"


Measures = Annotated[
    tuple[Measure, ...],
    AtMost(len(Measure)),
    Field(min_length=1),
    AfterValidator(all_different),
    ALL_DIFFERENT,
    Listed,
]
"""Different measures, separated by commas in a query."""

OF_LATENESS = frozenset({Measure.MEDIAN_DAYS_LATE, Measure.P90_DAYS_LATE})
_OF_BREACHES = frozenset({Measure.MEDIAN_DAYS_TO_CURE, Measure.OLDEST_OPEN_DAYS})
OF_DAYS = OF_LATENESS | _OF_BREACHES
"""The measures that count days, whose statements need the parameter `server_zones`."""

OF_NOTHING: Mapping[str, Any] = {"count": 0, "statuses": {}, "open": 0}
"""The measures of no deadlines. All others are null."""

# An hour is ignored between two beginnings of days, because a civil day has 23 to 25 hours. The
# ledger may state something a microsecond later than it happened. The database refuses the whole
# statement if it does not know a zone, and its zones may be older or newer than ours.
_FULL_DAYS = """
floor((extract(epoch FROM date_trunc('second', {end}) - date_trunc('second', {start}))
       + CASE WHEN date_trunc('second', {end}) = date_trunc('day', {end}, {known_zone})
               AND date_trunc('second', {start}) = date_trunc('day', {start}, {known_zone})
              THEN 3600 ELSE 0 END) / 86400)
"""
_KNOWN_ZONE = "CASE WHEN {zone} = ANY(%(server_zones)s) THEN {zone} ELSE 'UTC' END"


def known_zone(zone: str) -> str:
    """Return a column with a zone, or UTC where the database does not know it.

    Its parameter is `server_zones`.
    """
    return _KNOWN_ZONE.format(zone=zone)


def full_days(*, start: str, end: str, zone: str) -> str:
    """Return the number of full days between two instants, an hour ignored between days.

    Its parameter is `server_zones`.
    """
    return _FULL_DAYS.format(start=start, end=end, known_zone=known_zone(zone))


IS_DUE_WITHOUT_DATE = f"""
(d.due_at IS NULL
 AND (d.status IN ('met', 'met_late') OR (d.status IN ({OF_BREACHED}) AND {{kind}} = 'achieve')))
"""
"""Whether a deadline `d` of an obligation of some kind has no due date, and was met or missed.

It has been due since then.
"""
# A performance on the day after the due day is one day late.
_FULL_DAYS_LATE = full_days(start="d.due_at", end="d.status_since", zone="d.timezone")
DAYS_LATE = f"""
CASE WHEN d.status = 'met_late' AND o.kind = 'achieve'
     THEN {_FULL_DAYS_LATE} + 1 END
"""
_COUNTED = """
SELECT g1, g2, status, count(*) AS number, count(*) FILTER (WHERE is_due) AS due,
    count(*) FILTER (WHERE NOT is_closed) AS unclosed,
    NULL::float8 AS median_days_late, NULL::float8 AS p90_days_late,
    NULL::float8 AS median_days_to_cure, NULL::float8 AS oldest_open_days
FROM matched GROUP BY 1, 2, 3
"""
_LATE = """
SELECT g1, g2, NULL, 0, 0, 0,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY days_late),
    percentile_cont(0.9) WITHIN GROUP (ORDER BY days_late), NULL, NULL
FROM matched WHERE days_late IS NOT NULL GROUP BY 1, 2
"""
_DAYS_OF_BREACH = full_days(
    start="b.occurred_at", end="coalesce(b.ended_at, %(at)s)", zone="m.timezone"
)
_BREACHES = f"""
SELECT g1, g2, NULL, 0, 0, 0, NULL, NULL,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY days) FILTER (WHERE is_cured),
    max(days) FILTER (WHERE is_open)
FROM (SELECT m.g1, m.g2, b.is_cured, b.ended_at IS NULL AS is_open,
          {_DAYS_OF_BREACH} AS days
      FROM matched AS m JOIN breaches AS b ON b.deadline_id = m.id) AS lasted
GROUP BY 1, 2
"""
_NOW = f"""
breaches AS (
    SELECT b.deadline_id, b.occurred_at, b.ended_at, {IS_CURED} AS is_cured
    FROM compliance_breach AS b WHERE b.ended_at IS NULL OR {IS_CURED})
"""
_OF_MATCHED = """
WHERE r.deadline_id IN (
    SELECT b.deadline_id FROM compliance_breach AS b JOIN matched AS m ON m.id = b.deadline_id)
"""
_THEN = f"""
{past_intervals(of=_OF_MATCHED)},
breaches AS (
    SELECT c.deadline_id, c.effective_at AS occurred_at, c.ended_at, {IS_CURED_THEN} AS is_cured
    FROM changes AS c WHERE c.is_breach AND NOT c.was_breach)
"""
_KEPT = """
sum(CASE WHEN status IN ('met', 'met_late') THEN due WHEN status = 'holding' THEN number END)
"""
_BREACHED = f"sum(number) FILTER (WHERE status IN ({OF_BREACHED}))"
_MEASURES = {
    Measure.COUNT: "sum(number)::bigint",
    Measure.STATUSES: """
        coalesce(jsonb_object_agg(status, number ORDER BY status)
                 FILTER (WHERE status IS NOT NULL AND number > 0), '{}')""",
    Measure.COMPLIANCE_RATE: f"""
        round(coalesce({_KEPT}, 0)
              / nullif(coalesce({_KEPT}, 0) + coalesce({_BREACHED}, 0), 0), 4)::float8""",
    Measure.MET_ON_TIME_RATE: f"""
        round(coalesce(sum(due) FILTER (WHERE status = 'met'), 0)
              / nullif(sum(due) FILTER (WHERE status IN ('met', 'met_late', {OF_BREACHED})), 0),
            4)::float8""",
    Measure.MEDIAN_DAYS_LATE: "round(max(median_days_late)::numeric, 2)::float8",
    Measure.P90_DAYS_LATE: "round(max(p90_days_late)::numeric, 2)::float8",
    Measure.MEDIAN_DAYS_TO_CURE: "round(max(median_days_to_cure)::numeric, 2)::float8",
    Measure.OPEN: f"""
        coalesce(sum(unclosed) FILTER (WHERE status IN ({OF_BREACHED})), 0)::bigint""",
    Measure.OLDEST_OPEN_DAYS: "max(oldest_open_days)::bigint",
}


def measured(matched: str, measures: Collection[Measure], *, is_past: bool) -> str:
    """Return a statement that measures groups of deadlines: `g1`, `g2`, and the measures.

    Its parameters include `at`, the instant of the question, in the past `as_of` and `known_at`,
    and for measures `OF_DAYS` the `server_zones`.

    Args:
        matched: a statement for the deadlines, once for each of their groups: `g1`, `g2`, `id`,
            `status`, `is_due`, `is_closed`, `days_late` and `timezone`.
    """
    columns = columns_of(measures)
    tables, partial = [f"matched AS ({matched})"], [_COUNTED]
    if OF_LATENESS & set(measures):
        partial.append(_LATE)
    if _OF_BREACHES & set(measures):
        tables.append(_THEN if is_past else _NOW)
        partial.append(_BREACHES)
    return f"""
    WITH {", ".join(tables)}
    SELECT g1, g2, {columns} FROM ({" UNION ALL ".join(partial)}) AS partial GROUP BY 1, 2
    """


@cache
def server_zones() -> list[str]:
    """Return the names of the time zones that the database server knows, read once."""
    return [row["name"] for row in fetch(("SELECT name FROM pg_timezone_names",), {})]


def columns_of(measures: Collection[Measure]) -> str:
    """Return the columns of measures over the partial rows of a group."""
    return ", ".join(f'{_MEASURES[each]} AS "{each}"' for each in measures)
