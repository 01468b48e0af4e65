"""What is overdue, and what falls due in each week, is a recount of the list."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as DatabaseTestCase

from compliance.domain.drafts import read
from compliance.models.people.readers import SYSTEM
from compliance.operations.deadlines import sweep
from compliance.queries.deadlines.groupings import Grouping
from compliance.queries.deadlines.upcoming import UpcomingFilter, upcoming
from compliance.queries.rows import Row
from tests.profiles import scaled
from tests.queries import analysed_world
from tests.queries.analysed_world import MOMENTS, NOW, everything
from tests.queries.test_summary import _names
from tests.samples import create_agreement, deadline_of, obligation, record, utc


def _found(**query: Any) -> list[Row]:
    return upcoming(read(UpcomingFilter, query), reader=SYSTEM, now=NOW).rows


class EveryWeek(DatabaseTestCase):
    """A recount of what is listed."""

    @classmethod
    def setUpTestData(cls) -> None:
        """Store the world."""
        analysed_world.create()

    @given(
        st.sampled_from(range(len(MOMENTS))),
        st.sampled_from([None, *Grouping]),
        st.sampled_from((1, 13, 53)),
    )
    @settings(max_examples=scaled(0.6), suppress_health_check=list(HealthCheck))
    def test_each_week_is_a_recount_of_the_list(
        self, number: int, grouping: Grouping | None, weeks: int
    ) -> None:
        moment = MOMENTS[number]
        at = moment.get("as_of", NOW)
        first = at.astimezone(UTC).date() - timedelta(days=at.astimezone(UTC).weekday())
        expected: dict[Any, Counter[str]] = defaultdict(Counter)
        for row in everything(moment):
            week = _week(row, at, first)
            if row["is_closed"] or week == "never" or (week and week >= first + weeks * _WEEK):
                continue
            for name in [None] if grouping is None else _names(row, grouping, moment):
                expected[name, week][row["status"]] += 1
        query = {"weeks": weeks, **moment, **({"group_by": grouping} if grouping else {})}
        rows = _found(**query)
        names = {name for name, _ in expected} if grouping else {None}
        assert len(rows) == len(names) * (weeks + 1)
        for row in rows:
            counted = expected[row.get("group"), row["first_on"]]
            assert (row["statuses"], row["count"]) == (dict(counted), counted.total())


_WEEK = timedelta(days=7)


def _week(row: Row, at: Any, first: date) -> Any:
    """Return the Monday of the week in which a deadline counts; None if it is overdue."""
    is_missed = row["status"] in {"unmet", "partly_met"} and row["kind"] == "achieve"
    if row["due_at"] is None:
        return None if is_missed else "never"
    if row["due_at"] <= at:
        return "never" if row["status"] == "suspended" else None
    return max(first, row["due_on"] - timedelta(days=row["due_on"].weekday()))


@pytest.mark.django_db
def test_every_week_is_shown_although_nothing_is_due() -> None:
    rows = _found(weeks=2)
    assert [tuple(each.values()) for each in rows] == [
        (True, None, None, None, 0, {}),
        (False, "2026-W40", date(2026, 9, 28), date(2026, 10, 4), 0, {}),
        (False, "2026-W41", date(2026, 10, 5), date(2026, 10, 11), 0, {}),
    ]
    assert _found(weeks=2, group_by="obligor") == []


@pytest.mark.django_db
def test_what_is_due_before_monday_but_not_overdue_counts_in_the_first_week() -> None:
    create_agreement(obligation("O-1", "2026-10-04"), timezone="America/Los_Angeles")
    monday = utc("2026-10-05T03:00")
    asked_for = read(UpcomingFilter, {"weeks": 1})
    late, this_week = upcoming(asked_for, reader=SYSTEM, now=monday).rows
    assert (late["count"], this_week["week"], this_week["count"]) == (0, "2026-W41", 1)
    after = utc("2026-10-05T08:00")
    sweep.run(as_of=after)
    late, this_week = upcoming(asked_for, reader=SYSTEM, now=after).rows
    assert (late["statuses"], this_week["count"]) == ({"unmet": 1}, 0)


@pytest.mark.django_db
def test_the_groups_with_most_deadlines_come_first() -> None:
    create_agreement(
        obligation("A", "2026-10-02", tags=["few", "most"]),
        obligation("B", "2026-10-08", tags=["most"]),
        obligation("C", "2026-10-09", tags=["other"]),
        as_of=utc("2026-09-01T00:00"),
    )
    record(deadline_of("C"), as_of=utc("2026-09-02T00:00"), type="performance", on="2026-09-01")
    query = {"weeks": 2, "group_by": "tag", "limit": 1}
    found = upcoming(read(UpcomingFilter, query), reader=SYSTEM, now=NOW)
    counts = [(each["group"], each["week"], each["count"]) for each in found.rows]
    assert counts == [("most", None, 0), ("most", "2026-W40", 1), ("most", "2026-W41", 1)]
    assert found.total == 2
