"""Measures of deadlines by one or two groupings, in one statement."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from compliance.domain.fields import all_different
from compliance.domain.formats import ALL_DIFFERENT
from compliance.domain.limits import AtMost
from compliance.models.people.readers import Reader
from compliance.queries.deadlines.filters import DeadlineFilter, conditions, source
from compliance.queries.deadlines.groupings import AGES, Group, Grouping, group_of, joins_of
from compliance.queries.deadlines.measures import (
    DAYS_LATE,
    IS_DUE_WITHOUT_DATE,
    OF_DAYS,
    OF_LATENESS,
    Measure,
    Measures,
    measured,
    server_zones,
)
from compliance.queries.deadlines.measuring_limits import (
    FEWER_GROUPS,
    FILTER,
    limited,
    refuse_products,
)
from compliance.queries.filters import DIGITS, Listed
from compliance.queries.pages import Exportable
from compliance.queries.rows import Row, Where, fetch

MOST_GROUPS = 10_000

Ordering = Literal[
    "group", "-group", "count", "-count", "compliance_rate", "-compliance_rate",
    "met_on_time_rate", "-met_on_time_rate", "median_days_late", "-median_days_late",
    "p90_days_late", "-p90_days_late", "median_days_to_cure", "-median_days_to_cure",
    "open", "-open", "oldest_open_days", "-oldest_open_days",
]  # fmt: skip


class SummaryFilter(DeadlineFilter, Exportable):
    """The filters, groupings and measures of a summary."""

    group_by: Annotated[
        tuple[Grouping, ...],
        AtMost(2),
        Field(min_length=1, description="One grouping or two."),
        AfterValidator(all_different),
        ALL_DIFFERENT,
        Listed,
    ] = (Grouping.STATUS,)
    measures: Measures = (Measure.COUNT, Measure.STATUSES)
    order_by: Annotated[
        Ordering, Field(description="The name of the group or a measure; none comes last.")
    ] = "group"
    limit: Annotated[int, Field(ge=1, le=MOST_GROUPS), DIGITS] = MOST_GROUPS


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """The groups that were asked for, and how many there are without a limit."""

    rows: list[Row]
    total: int


def summary(question: SummaryFilter, *, reader: Reader, now: datetime) -> Summary:
    """Return the groups with their measures at a given time.

    Raises:
        Invalid: the groupings multiply the deadlines too much, or this takes too long.
    """
    where = conditions(question, reader=reader, now=now)
    where.values |= {"at": question.as_of or now, "limit": question.limit}
    groups = [
        group_of(
            each,
            is_past=question.known_at is not None,
            has_prefix=question.tag_prefix is not None,
        )
        for each in question.group_by
    ]
    column = question.order_by.removeprefix("-")
    needed = list(question.measures)
    if column != "group" and Measure(column) not in needed:
        needed.append(Measure(column))
    if OF_DAYS & set(needed) or Grouping.BREACH_AGE in question.group_by:
        where.values["server_zones"] = server_zones()
    found = matched(question, groups, needed, where=where)
    names = ['g1 AS "group"', *(['g2 AS "subgroup"'] if len(groups) > 1 else [])]
    names += [f'"{each}"' for each in question.measures]
    parts = (
        f"SELECT {', '.join(names)}, count(*) OVER () AS total FROM (",
        measured(found, needed, is_past=question.as_of is not None),
        f") AS groups {_order(question)} LIMIT %(limit)s",
    )
    parameter, advice = ("group_by", FEWER_GROUPS) if len(groups) > 1 else ("", FILTER)
    with limited(parameter=parameter, advice=advice):
        refuse_products(question.group_by, groups, source=source(question), where=where)
        rows = fetch(parts, where.values)
    total = [each.pop("total") for each in rows]
    return Summary(rows=rows, total=total[0] if total else 0)


def matched(
    question: DeadlineFilter, groups: list[Group], needed: Collection[Measure], *, where: Where
) -> str:
    """Return the statement for the deadlines to be measured, once for each of their groups."""
    second = groups[1].name if len(groups) > 1 else "NULL"
    # Since when a past status began takes a look-up of its own.
    days_late = DAYS_LATE if OF_LATENESS & set(needed) else "NULL"
    return f"""
    SELECT ({groups[0].name})::text AS g1, ({second})::text AS g2, d.id, d.status,
        (d.due_at <= %(at)s OR {IS_DUE_WITHOUT_DATE.format(kind="o.kind")}) AS is_due, d.is_closed,
        ({days_late})::float8 AS days_late, d.timezone
    FROM {source(question)} JOIN compliance_obligation AS o ON o.id = d.obligation_id
    {joins_of(groups)} {where.sql}
    """


def _order(question: SummaryFilter) -> str:
    column = question.order_by.removeprefix("-")
    direction = "DESC" if question.order_by.startswith("-") else "ASC"
    first, second = (
        f"array_position(ARRAY{list(AGES)}, {name})" if grouping is Grouping.BREACH_AGE else name
        for name, grouping in zip(("g1", "g2"), (*question.group_by, None), strict=False)
    )
    if column == "group":
        return f"ORDER BY {first} {direction} NULLS LAST, {second} {direction} NULLS LAST"
    return f'ORDER BY "{column}" {direction} NULLS LAST, {first}, {second}'
