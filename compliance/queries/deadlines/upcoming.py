"""What is overdue, and what falls due in each of the next weeks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import Field

from compliance.models.people.readers import Reader
from compliance.queries.deadlines.filters import DeadlineFilter, conditions, source
from compliance.queries.deadlines.groupings import Group, Grouping, group_of, joins_of
from compliance.queries.deadlines.measures import IS_DUE_WITHOUT_DATE, server_zones
from compliance.queries.deadlines.measuring_limits import FILTER, limited
from compliance.queries.filters import DIGITS
from compliance.queries.pages import Exportable
from compliance.queries.rows import Row, fetch


class UpcomingFilter(DeadlineFilter, Exportable):
    """The filters, weeks and grouping of what is upcoming."""

    weeks: Annotated[
        int,
        Field(ge=1, le=53, description="How many weeks, of which the first is the current one."),
        DIGITS,
    ] = 13
    group_by: Annotated[Grouping | None, Field(description="One grouping, or none.")] = None
    limit: Annotated[
        int,
        Field(ge=1, le=100, description="How many groups: those with most deadlines."),
        DIGITS,
    ] = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Upcoming:
    """The rows of the weeks of each group, and how many groups there are without a limit."""

    rows: list[Row]
    total: int


def upcoming(question: UpcomingFilter, *, reader: Reader, now: datetime) -> Upcoming:
    """Return how many deadlines that are not closed are overdue, and due in each week.

    A deadline belongs to the week (ISO 8601) of its due day in its own zone. The first week is that
    of the instant of the question in UTC, and includes what is due before it without being overdue,
    because the day has not ended in the zone of the deadline. What is suspended is never overdue.

    Raises:
        Invalid: this takes too long.
    """
    at = question.as_of or now
    today = at.astimezone(UTC).date()
    first = today - timedelta(days=today.weekday())
    where = conditions(question, reader=reader, now=now)
    where.add(f"NOT d.is_closed AND ({_IS_OVERDUE} OR {_IS_DUE_SOON})")
    where.values |= {
        "at": at,
        "first": first,
        "end": first + timedelta(weeks=question.weeks),
        "limit": question.limit,
        "server_zones": server_zones() if question.group_by is Grouping.BREACH_AGE else [],
    }
    group = Group("NULL")
    if question.group_by is not None:
        group = group_of(
            question.group_by,
            is_past=question.known_at is not None,
            has_prefix=question.tag_prefix is not None,
        )
    statement = _UPCOMING.format(
        group=group.name, source=source(question), joins=joins_of([group]), where=where.sql
    )
    with limited(parameter="", advice=FILTER):
        found = fetch((statement,), where.values)
    counted = {(each["group"], each["week"]): each for each in found}
    names = list(dict.fromkeys(each["group"] for each in found))
    if question.group_by is None:
        names = [None]
    weeks = [first + timedelta(weeks=number) for number in range(question.weeks)]
    rows = [
        _row(name, week, counted.get((name, week)), is_grouped=question.group_by is not None)
        for name in names
        for week in (None, *weeks)
    ]
    return Upcoming(rows=rows, total=found[0]["total"] if found else len(names))


def _row(name: str | None, week: date | None, found: Row | None, *, is_grouped: bool) -> Row:
    year, number, _ = (week or date.min).isocalendar()
    return {
        **({"group": name} if is_grouped else {}),
        "is_overdue": week is None,
        "week": week and f"{year}-W{number:02}",
        "first_on": week,
        "last_on": week and week + timedelta(days=6),
        "count": found["count"] if found else 0,
        "statuses": found["statuses"] if found else {},
    }


_IS_OVERDUE = f"""
(d.status <> 'suspended' AND (d.due_at <= %(at)s OR {IS_DUE_WITHOUT_DATE.format(kind="o.kind")}))
"""
_IS_DUE_SOON = "(d.due_at > %(at)s AND d.due_on < %(end)s)"
_UPCOMING = f"""
WITH matched AS (
    SELECT ({{group}})::text AS "group", d.status,
        CASE WHEN NOT {_IS_OVERDUE} THEN
            greatest(date_trunc('week', d.due_on::timestamp)::date, %(first)s::date) END AS week
    FROM {{source}} JOIN compliance_obligation AS o ON o.id = d.obligation_id
    {{joins}} {{where}}
),
weeks AS (
    SELECT "group", week, sum(number)::bigint AS count,
        jsonb_object_agg(status, number ORDER BY status) AS statuses,
        sum(sum(number)) OVER (PARTITION BY "group") AS of_group
    FROM (SELECT "group", week, status, count(*) AS number FROM matched GROUP BY 1, 2, 3) AS counted
    GROUP BY 1, 2
),
placed AS (
    SELECT *, dense_rank() OVER (ORDER BY of_group DESC, "group") AS place FROM weeks
)
SELECT "group", week, count, statuses, total
FROM (SELECT *, max(place) OVER () AS total FROM placed) AS counted
WHERE place <= %(limit)s ORDER BY place, week
"""
