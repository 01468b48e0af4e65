"""Measures of deadlines at the end of each interval, from the ledger.

A ledger entry is in force from the instant at which it is known and effective until a later one
takes its place. So it counts at the points in between, and a running sum over the points at which
entries begin and end counts all of them in one statement, however many points there are. Measures
of days, and filters by more than an entry says, are computed for one point after another instead.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Annotated, Literal

from pydantic import Field

from compliance.domain.date_fields import Instant
from compliance.domain.intervals import Interval, periods
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import Status
from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import hide_archived
from compliance.queries.deadlines import measuring_limits
from compliance.queries.deadlines.closed import IS_CLOSED
from compliance.queries.deadlines.filters import (
    IS_OF_OBLIGOR,
    OF_PARTY,
    ConditionFilter,
    DeadlineFilter,
    add_ledger_state,
    conditions,
)
from compliance.queries.deadlines.groupings import Group
from compliance.queries.deadlines.measures import (
    IS_DUE_WITHOUT_DATE,
    OF_DAYS,
    OF_NOTHING,
    Measure,
    Measures,
    columns_of,
    measured,
    server_zones,
)
from compliance.queries.deadlines.measuring_limits import FEWER_POINTS, FILTER, limited, too_long
from compliance.queries.deadlines.summary import matched
from compliance.queries.filters import DayOrInstant, LastDayOrInstant
from compliance.queries.obligation_filters import ObligationFilter, add_obligation_filter
from compliance.queries.pages import Exportable
from compliance.queries.rows import Row, Where, fetch
from compliance.queries.unseen import hide_unseen

MOST_POINTS = 1_000

# These need more than the ledger entry that holds at a point, such as when its status began.
_OF_MORE = (
    "ever_breached", "agreement_status", "since_after", "since_before", "is_disputed",
    "is_acknowledged",
)  # fmt: skip


class TrendFilter(ObligationFilter, ConditionFilter, Exportable):
    """The points of a trend, and filters: those by state apply at each point."""

    start: Annotated[
        DayOrInstant, Field(alias="from", description="The first interval contains this.")
    ]
    to: Annotated[
        LastDayOrInstant | None,
        Field(
            description="The last interval contains this, or the end of a month, quarter or year. "
            "The default is now."
        ),
    ] = None
    interval: Annotated[
        Interval, Field(description="The length of the intervals between the points.")
    ] = Interval.MONTH
    measures: Measures = (Measure.COUNT, Measure.COMPLIANCE_RATE)
    known: Annotated[
        Literal["then", "now"], Field(description="Whether each point shows what was known then.")
    ] = "then"
    known_at: Annotated[
        Instant | None, Field(description="Use what was known at this instant at every point.")
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """The end of an interval, or now if it has not ended."""

    period: str
    at: datetime


def trend(question: TrendFilter, *, reader: Reader, now: datetime) -> list[Row]:
    """Return the measures at each point, oldest first.

    Raises:
        Invalid: `from` is after `to` or in the future, `known_at` is in the future, there are too
            many points, or this takes too long.
    """
    points = _points(question, now)
    known_at = question.known_at or (now if question.known == "now" else None)
    if known_at is not None and known_at > now:
        raise refusal("known_at", "This lies in the future. Give an instant up to now.")
    if OF_DAYS & set(question.measures) or any(
        getattr(question, name) is not None for name in _OF_MORE
    ):
        rows = _one_by_one(question, points, known_at=known_at, reader=reader)
    else:
        rows = _summed(question, points, known_at=known_at, reader=reader)
    return [
        {"period": point.period, "at": point.at, **row}
        for point, row in zip(points, rows, strict=True)
    ]


def _one_by_one(
    question: TrendFilter, points: list[Point], *, known_at: datetime | None, reader: Reader
) -> list[Row]:
    """Return the measures at each point, computed as a summary at this point is."""
    filters = {name: getattr(question, name) for name in _FILTERS}
    before = time.monotonic()
    rows = []
    for point in points:
        wanted = DeadlineFilter.model_construct(
            **filters, as_of=point.at, known_at=known_at or point.at
        )
        where = conditions(
            wanted, reader=reader, now=point.at, has_former_fields=question.known_at is not None
        )
        where.values |= {"at": point.at, "server_zones": server_zones()}
        found = matched(wanted, [Group("''")], question.measures, where=where)
        left = measuring_limits.MEASURING_SECONDS - (time.monotonic() - before)
        if left <= 0:
            raise too_long("", FEWER_POINTS)
        with limited(parameter="", advice=FEWER_POINTS, seconds=left):
            rows += fetch((measured(found, question.measures, is_past=True),), where.values) or [{}]
    names = [each.value for each in question.measures]
    return [{each: row.get(each, OF_NOTHING.get(each)) for each in names} for row in rows]


_FILTERS = (*ObligationFilter.model_fields, *ConditionFilter.model_fields)


def _summed(
    question: TrendFilter, points: list[Point], *, known_at: datetime | None, reader: Reader
) -> list[Row]:
    """Return the measures at each point, all counted in one statement."""
    where = Where(
        # `width_bucket` counts the points up to an instant. Those before it are to be counted.
        points=[each.at + timedelta(microseconds=1) for each in points],
        last=points[-1].at,
        statuses=[each.value for each in Status],
        known_at=known_at,
    )
    hide_unseen(where, reader, agreement="d.agreement_id")
    if known_at is not None:
        hide_archived(where, agreement="d.agreement_id", known_at=known_at)
        where.add("r.recorded_at <= %(known_at)s")
    add_obligation_filter(
        where,
        question,
        reader=reader,
        agreement="d.agreement_id",
        of_party=OF_PARTY,
        is_of_obligor=IS_OF_OBLIGOR,
        known_at="known_at" if question.known_at is not None else None,
    )
    began = "r.effective_at" if known_at else "greatest(r.effective_at, r.recorded_at)"
    where.add(f"{began} <= %(last)s")
    state = Where()
    state.add("d.reason <> 'not_binding'")
    add_ledger_state(state, question)
    statement = _TREND.format(
        began=began,
        # It was archived at some points, and not at earlier ones.
        archived="FALSE" if known_at else "archived_at IS NOT NULL",
        # What was missed counts in one rate only if it was due. The others need no obligations.
        kind="o.kind" if Measure.MET_ON_TIME_RATE in question.measures else "NULL::text",
        entries=where.sql,
        state=state.sql,
        measures=columns_of(question.measures),
    )
    with limited(parameter="", advice=FILTER):
        rows = fetch((statement,), {**where.values, **state.values})
    for row in rows:
        del row["place"]
    return rows


_TREND = f"""
WITH placed AS (
    -- How many points there are before an entry begins, and before another one takes its place.
    -- These are compared instead of the instants, so that each instant is looked up once.
    SELECT p.*, min(p.first) OVER (
            PARTITION BY p.deadline_id ORDER BY p.recorded_at DESC, p.effective_at DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ended
    FROM (
        SELECT r.deadline_id, r.recorded_at, r.effective_at, r.status, r.reason, r.due_on, r.due_at,
            d.agreement_id, {{kind}} AS kind,
            width_bucket({{began}}, %(points)s::timestamptz[]) AS first
        FROM compliance_ledgerentry AS r
        JOIN compliance_deadline AS d ON d.id = r.deadline_id
        -- PostgreSQL omits this join if no condition needs it.
        LEFT JOIN compliance_obligation AS o ON o.id = d.obligation_id
        {{entries}}) AS p
),
entries AS (
    SELECT e.status, e.reason, e.due_on, e.due_at, e.kind, {IS_CLOSED} AS is_closed, e.first,
        coalesce(least(e.ended, a.place), cardinality(%(points)s::timestamptz[])) AS after
    FROM placed AS e
    LEFT JOIN (
        SELECT id, width_bucket(archived_at, %(points)s::timestamptz[]) AS place
        FROM compliance_agreement WHERE {{archived}}) AS a ON a.id = e.agreement_id
),
spans AS (
    -- And before it was due then.
    SELECT d.status, d.reason, d.first, d.after,
        CASE WHEN d.due_at IS NOT NULL
             THEN greatest(d.first, width_bucket(d.due_at, %(points)s::timestamptz[]))
             WHEN {IS_DUE_WITHOUT_DATE.format(kind="d.kind")} THEN d.first END AS due,
        count(*) AS number
    FROM entries AS d {{state}} GROUP BY 1, 2, 3, 4, 5
),
changes AS (
    SELECT c.place, e.status, sum(c.sign * e.number) AS number, sum(c.due * e.number) AS due,
        sum(c.sign * e.number) FILTER (WHERE NOT {IS_CLOSED}) AS unclosed
    FROM spans AS e CROSS JOIN LATERAL (VALUES
        (e.first, 1, 0), (e.after, -1, 0),
        (e.due, 0, CASE WHEN e.due < e.after THEN 1 ELSE 0 END),
        (e.after, 0, CASE WHEN e.due < e.after THEN -1 ELSE 0 END)
    ) AS c(place, sign, due)
    WHERE e.first < e.after GROUP BY 1, 2
),
partial AS (
    SELECT p.place, s.status,
        sum(coalesce(c.number, 0)) OVER running AS number,
        sum(coalesce(c.due, 0)) OVER running AS due,
        sum(coalesce(c.unclosed, 0)) OVER running AS unclosed
    FROM generate_series(0, cardinality(%(points)s::timestamptz[]) - 1) AS p(place)
    CROSS JOIN unnest(%(statuses)s::text[]) AS s(status)
    LEFT JOIN changes AS c ON c.place = p.place AND c.status = s.status
    WINDOW running AS (PARTITION BY s.status ORDER BY p.place)
)
SELECT place, {{measures}} FROM partial GROUP BY place ORDER BY place
"""


def _points(question: TrendFilter, now: datetime) -> list[Point]:
    last = _day(question.to, now)
    first = _day(question.start, now)
    if question.to is not None and first > last:
        raise refusal("from", "This is after `to`. Give an earlier day.")
    if first > now.date():
        raise refusal("from", "This lies in the future. Give a day up to today.")
    found = islice(periods(question.interval, first, min(last, now.date())), MOST_POINTS + 1)
    points = [Point(period=name, at=min(end, now)) for name, end in found]
    if len(points) > MOST_POINTS:
        sentence = f"These are more than {MOST_POINTS:,} points. Give a longer interval."
        raise refusal("interval", sentence)
    return points


def _day(value: date | datetime | None, now: datetime) -> date:
    if value is None:
        return now.date()
    return value.astimezone(UTC).date() if isinstance(value, datetime) else value
