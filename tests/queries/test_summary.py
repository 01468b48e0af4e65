"""The measures of a summary are those of a recount in Python."""

from __future__ import annotations

import statistics
from bisect import bisect
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from itertools import product
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as DatabaseTestCase

from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.models import Agreement
from compliance.models.people.readers import SYSTEM
from compliance.operations.deadlines import sweep
from compliance.queries.deadlines import measuring_limits
from compliance.queries.deadlines.groupings import AGES, Grouping
from compliance.queries.deadlines.measures import Measure
from compliance.queries.deadlines.summary import SummaryFilter, summary
from compliance.queries.deadlines.trend import TrendFilter, trend
from compliance.queries.rows import Row
from tests.profiles import scaled
from tests.queries import analysed_world
from tests.queries.analysed_world import MOMENTS, NOW, everything
from tests.samples import create_agreement, deadline_of, obligation, record, utc

Name = str | None
_BREACHED = {"unmet", "partly_met"}


class EverySummary(DatabaseTestCase):
    """A recount of what is listed."""

    known: dict[int, list[Row]]

    @classmethod
    def setUpTestData(cls) -> None:
        """Store the world, and list everything at each moment."""
        analysed_world.create()
        cls.known = {number: everything(each) for number, each in enumerate(MOMENTS)}

    @given(
        st.sampled_from(range(len(MOMENTS))),
        st.lists(st.sampled_from(Grouping), min_size=1, max_size=2, unique=True),
        st.booleans(),
    )
    @settings(max_examples=scaled(1), suppress_health_check=list(HealthCheck))
    def test_each_measure_is_that_of_arecount(
        self, number: int, groupings: list[Grouping], has_prefix: bool
    ) -> None:
        moment = MOMENTS[number]
        query = {"group_by": ",".join(groupings), "measures": ",".join(Measure), **moment}
        rows = self.known[number]
        if has_prefix:
            query["tag_prefix"] = "policy:"
            rows = [each for each in rows if any(tag.startswith("policy:") for tag in each["tags"])]
        found = summary(read(SummaryFilter, query), reader=SYSTEM, now=NOW)
        groups = defaultdict(list)
        for row in rows:
            names = [
                [tag for tag in each if not has_prefix or grouping != "tag" or _is_policy(tag)]
                for grouping in groupings
                for each in [_names(row, grouping, moment)]
            ]
            for place in product(*names):
                groups[place].append(row)
        expected = {
            place: recount(several, moment.get("as_of", NOW)) for place, several in groups.items()
        }
        assert found.total == len(expected)
        assert {
            (each.pop("group"), *([each.pop("subgroup")] if len(groupings) == 2 else [])): each
            for each in found.rows
        } == expected

    @given(
        st.sampled_from(range(len(MOMENTS))),
        st.permutations(["obligor", "obligee", "tag", "responsible"]),
        st.booleans(),
    )
    @settings(max_examples=scaled(1), suppress_health_check=list(HealthCheck))
    def test_two_groupings_are_refused_from_one_row_too_many(
        self, number: int, groupings: list[str], has_prefix: bool
    ) -> None:
        query = {"group_by": ",".join(groupings[:2]), **MOMENTS[number]}
        if has_prefix:
            query["tag_prefix"] = "policy:"
        asked_for = read(SummaryFilter, query)
        found = summary(asked_for, reader=SYSTEM, now=NOW)
        rows = sum(each["count"] for each in found.rows)
        with (
            patch.object(measuring_limits, "MOST_PER_DEADLINE", 0),
            patch.object(measuring_limits, "MOST_ROWS", rows),
        ):
            assert summary(asked_for, reader=SYSTEM, now=NOW) == found
            if rows:
                measuring_limits.MOST_ROWS -= 1
                with pytest.raises(Invalid, match=r"group_by: .*Filter, or group by one thing"):
                    summary(asked_for, reader=SYSTEM, now=NOW)


def test_a_recount_needs_what_each_measure_says() -> None:
    assert set(recount([], NOW)) == set(Measure)


def _is_policy(tag: Name) -> bool:
    return tag is not None and tag.startswith("policy:")


def _names(row: Row, grouping: Grouping, moment: dict[str, Any]) -> Sequence[Name]:
    day = row["due_on"]
    if grouping in {"year", "quarter", "month", "week"}:
        if day is None:
            return [None]
        year, week, _ = day.isocalendar()
        return [
            {
                "year": f"{day:%Y}",
                "quarter": f"{day:%Y}-Q{(day.month + 2) // 3}",
                "month": f"{day:%Y-%m}",
                "week": f"{year}-W{week:02}",
            }[grouping]
        ]
    if grouping == "breach_age":
        ages = [
            _full_days(row, each["occurred_at"], moment.get("as_of", NOW))
            for each in row["breaches"]
            if each["ended_at"] is None
        ]
        return [AGES[bisect([7, 30, 90, 365], each - 1)] for each in ages] or [None]
    lists = {"obligor": "obligors", "obligee": "obligees", "tag": "tags"}
    if grouping in lists:
        found: list[Name] = row[lists[grouping]]
        return found
    if grouping == "responsible":
        return row["responsible"] or [None]
    if grouping == "agreement_kind":
        if row["agreement"] == "supply" and moment.get("known_at", NOW) < analysed_world.CORRECTED:
            return ["contract"]
        return [Agreement.objects.get(ref=row["agreement"]).kind]
    return [row[grouping]]


def recount(rows: list[Row], at: datetime) -> dict[str, Any]:
    due = [each for each in rows if _is_due(each, at)]
    kept = [each for each in due if each["status"] in {"met", "met_late"}]
    kept += [each for each in rows if each["status"] == "holding"]
    breached = [each for each in rows if each["status"] in _BREACHED]
    decided = [each for each in due if each["status"] in _BREACHED | {"met", "met_late"}]
    on_time = [each for each in decided if each["status"] == "met"]
    late = [
        _full_days(each, each["due_at"], each["status_since"]) + 1
        for each in rows
        if each["status"] == "met_late" and each["kind"] == "achieve" and each["due_at"]
    ]
    breaches = [(row, breach) for row in rows for breach in row["breaches"]]
    cured = [
        _full_days(row, each["occurred_at"], each["ended_at"])
        for row, each in breaches
        if each["end_reason"] in {"performed", "cured"}
    ]
    still = [
        _full_days(row, each["occurred_at"], at)
        for row, each in breaches
        if each["ended_at"] is None
    ]
    statuses = {each["status"] for each in rows}
    return {
        "count": len(rows),
        "statuses": {
            status: sum(each["status"] == status for each in rows) for status in sorted(statuses)
        },
        "compliance_rate": _rate(len(kept), len(kept) + len(breached)),
        "met_on_time_rate": _rate(len(on_time), len(decided)),
        "median_days_late": statistics.median(late) if late else None,
        "p90_days_late": _ninth_decile(late),
        "median_days_to_cure": statistics.median(cured) if cured else None,
        "open": sum(not each["is_closed"] for each in breached),
        "oldest_open_days": max(still, default=None),
    }


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _is_due(row: Row, at: datetime) -> bool:
    if row["due_at"] is not None:
        return bool(row["due_at"] <= at)
    is_missed = row["status"] in _BREACHED and row["kind"] == "achieve"
    return is_missed or row["status"] in {"met", "met_late"}


def _full_days(row: Row, start: datetime, end: datetime) -> int:
    zone = ZoneInfo(row["timezone"])
    local = [each.astimezone(zone) for each in (start, end)]
    if all(each.time().replace(microsecond=0) == time() for each in local):
        return (local[1].date() - local[0].date()).days
    return (end - start) // timedelta(days=1)


@pytest.mark.django_db
def test_open_breaches_are_counted_by_age_youngest_first() -> None:
    dues = ("2026-09-29", "2026-09-01", "2026-08-31", "2026-05-01", "2025-01-01", "2027-01-01")
    create_agreement(*(obligation(f"O-{n}", due) for n, due in enumerate(dues)))
    sweep.run(as_of=NOW)
    query = {"group_by": "breach_age", "measures": "count"}
    for moment in ({}, {"as_of": NOW, "known_at": NOW}):
        found = summary(read(SummaryFilter, {**query, **moment}), reader=SYSTEM, now=NOW).rows
        assert [(each["group"], each["count"]) for each in found] == [
            ("0-7", 1), ("8-30", 2), ("91-365", 1), ("over 365", 1), (None, 1),
        ]  # fmt: skip
    query |= {"is_open": "true", "order_by": "-group"}
    found = summary(read(SummaryFilter, query), reader=SYSTEM, now=NOW).rows
    assert [each["group"] for each in found] == ["over 365", "91-365", "8-30", "0-7"]


UNDATED = {"type": "undated"}


@pytest.mark.django_db
def test_what_was_met_without_a_due_date_counts_as_kept() -> None:
    create_agreement(*(obligation(f"O-{number}", due=UNDATED) for number in (1, 2, 3)))
    for number in (1, 2):
        done = utc(f"2026-03-0{number}T12:00")
        record(deadline_of(f"O-{number}"), as_of=done, type="performance", on="2026-02-20")
    missed = deadline_of("O-3")
    finding: dict[str, Any] = {
        "type": "determination",
        "verdict": "not_met",
        "on": "2026-04-10",
        "note": "Seen.",
    }
    record(missed, as_of=utc("2026-04-11T00:00"), **finding)
    record(missed, as_of=utc("2026-05-11T00:00"), type="performance", on="2026-05-10")
    rates = ("compliance_rate", "met_on_time_rate")
    asked = {"from": "2026-02", "to": "2026-05", "measures": ",".join(rates)}
    points = trend(read(TrendFilter, asked), reader=SYSTEM, now=NOW)
    found = [tuple(each[name] for name in rates) for each in points]
    assert found == [(None, None), (1.0, 1.0), (0.6667, 0.6667), (1.0, 0.6667)]
    for each in points:
        moment = {"as_of": each["at"], "known_at": each["at"], "measures": ",".join(rates)}
        for row in summary(read(SummaryFilter, {**moment, "group_by": "kind"}),
                           reader=SYSTEM, now=NOW).rows:  # fmt: skip
            assert {name: row[name] for name in rates} == {name: each[name] for name in rates}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("due", "done", "late", "to_cure"),
    [
        ({"on": "2026-03-15", "time": "18:00"}, {"at": "2026-03-16T16:30:00Z"}, 1, 0),
        ({"on": "2026-03-15", "time": "18:00"}, {"at": "2026-03-16T17:00:00Z"}, 2, 1),
        # The night in which summer time begins.
        ({"on": "2026-03-28"}, {"on": "2026-03-29"}, 1, 0),
        ({"on": "2026-03-28"}, {"on": "2026-03-30"}, 2, 1),
    ],
)
def test_an_hour_is_ignored_only_between_days(
    due: dict[str, Any], done: dict[str, Any], late: int, to_cure: int
) -> None:
    deadline = create_agreement(
        obligation(due={"type": "date", **due}), timezone="Europe/Berlin",
        as_of=utc("2026-02-01T00:00"),
    )  # fmt: skip
    sweep.run(as_of=utc("2026-03-29T12:00"))
    record(deadline, as_of=utc("2026-04-20T00:00"), type="performance", **done)
    for moment in ({}, {"as_of": NOW, "known_at": NOW}):
        query = {"group_by": "kind", "measures": "median_days_late,median_days_to_cure", **moment}
        [row] = summary(read(SummaryFilter, query), reader=SYSTEM, now=NOW).rows
        assert row["median_days_late"] == late
        assert row["median_days_to_cure"] == to_cure


def _ninth_decile(values: list[int]) -> float | None:
    if len(values) < 2:
        return values[0] if values else None
    return round(statistics.quantiles(values, n=10, method="inclusive")[8], 2)
