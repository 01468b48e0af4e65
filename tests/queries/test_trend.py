"""Each point of a trend is what the list of deadlines shows for that instant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as DatabaseTestCase

from compliance.domain.drafts import read
from compliance.domain.intervals import Interval
from compliance.domain.problems import Invalid
from compliance.domain.vocabulary import AgreementStatus
from compliance.models import Agreement
from compliance.models.people.readers import SYSTEM
from compliance.queries.deadlines import breaches
from compliance.queries.deadlines.breaches import BreachListing
from compliance.queries.deadlines.comparison import Comparison
from compliance.queries.deadlines.deadlines import DeadlineListing, listed
from compliance.queries.deadlines.measures import Measure
from compliance.queries.deadlines.trend import TrendFilter, trend
from tests.profiles import scaled
from tests.queries import analysed_world
from tests.queries.analysed_world import NOW
from tests.queries.test_summary import recount
from tests.samples import utc

_COUNTING = ("count", "statuses", "compliance_rate", "met_on_time_rate", "open")
_ANY = ",".join(AgreementStatus)


class EveryTrend(DatabaseTestCase):
    """A recount of what is listed at each point."""

    @classmethod
    def setUpTestData(cls) -> None:
        """Store the world, in which one agreement was archived in the end."""
        analysed_world.create()
        Agreement.objects.filter(ref="talks").update(archived_at="2026-09-20T00:00:00Z")

    @given(
        st.sampled_from([each for each in Interval if each != "day"]),
        st.sampled_from(["2026-01-31", "2026-03", "2026-08-10T00:00:00Z"]),
        st.sampled_from(["then", "now"]),
        st.fixed_dictionaries(
            {},
            optional={
                "status": st.sampled_from(("unmet,met", "met_late", "holding")),
                "is_open": st.sampled_from(("true", "false")),
                "is_closed": st.sampled_from(("true", "false")),
                "due_after": st.sampled_from(("2026-04", "2026-08-10T16:00:00Z")),
                "due_before": st.just("2026-Q3"),
                "obligor": st.sampled_from(("CHN", "USA")),
                "obligation_ref": st.just("T-4"),
                "q": st.just("lot o"),
                "ever_breached": st.sampled_from(("true", "false")),
                "agreement_status": st.sampled_from(("in_force", "suspended,draft", "archived")),
                "since_after": st.sampled_from(("2026-08", "2026-08-15T16:00:00Z")),
                "since_before": st.just("2026-08-20"),
                "is_disputed": st.sampled_from(("true", "false")),
                "is_acknowledged": st.sampled_from(("true", "false")),
            },
        ),
        st.sampled_from((_COUNTING, tuple(Measure))),
    )
    @settings(max_examples=scaled(0.2), suppress_health_check=list(HealthCheck))
    def test_each_point_is_a_recount_of_the_list(
        self,
        interval: Interval,
        start: str,
        known: str,
        asked: dict[str, Any],
        measures: tuple[str, ...],
    ) -> None:
        query = {"from": start, "interval": interval, "known": known, **asked}
        points = trend(
            read(TrendFilter, {**query, "measures": ",".join(measures)}), reader=SYSTEM, now=NOW
        )
        assert points[-1]["at"] == NOW
        for point in points:
            at = point["at"]
            moment = {"as_of": at, "known_at": at if known == "then" else NOW}
            listing = read(DeadlineListing, {**asked, **moment})
            found = [each["id"] for each in listed(listing, reader=SYSTEM, now=NOW).rows]
            of_breaches = read(BreachListing, {**moment, "agreement_status": _ANY})
            ended = breaches.listed(of_breaches, reader=SYSTEM, now=NOW).rows
            listing = read(DeadlineListing, {**moment, "agreement_status": _ANY})
            rows = [
                {**each, "breaches": [b for b in ended if b["deadline"] == each["id"]]}
                for each in listed(listing, reader=SYSTEM, now=NOW).rows
                if each["id"] in found
            ]
            expected = recount(rows, at)
            assert {name: point[name] for name in measures} == {
                name: expected[name] for name in measures
            }, point["period"]


@pytest.mark.django_db
def test_a_trend_names_its_intervals() -> None:
    def of(interval: Interval) -> TrendFilter:
        return read(TrendFilter, {"from": "2026-09-28", "interval": interval})

    names = {
        interval: [each["period"] for each in trend(of(interval), reader=SYSTEM, now=NOW)]
        for interval in Interval
    }
    assert names == {
        "day": ["2026-09-28", "2026-09-29", "2026-09-30", "2026-10-01"],
        "week": ["2026-W40"],
        "month": ["2026-09", "2026-10"],
        "quarter": ["2026-Q3", "2026-Q4"],
        "year": ["2026"],
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("to", "last"),
    [
        ("2025", "2025-12"),
        ("2025-Q2", "2025-06"),
        ("2025-04", "2025-04"),
        ("2025-04-03", "2025-04"),
        ("2026", "2026-10"),
    ],
)
def test_a_trend_to_a_period_ends_with_it_or_now(to: str, last: str) -> None:
    points = trend(read(TrendFilter, {"from": "2025-02", "to": to}), reader=SYSTEM, now=NOW)
    assert (points[0]["period"], points[-1]["period"]) == ("2025-02", last)


@pytest.mark.parametrize(
    ("until", "ends"),
    [
        ("2025", "2026-01-01T00:00"),
        ("2026-Q1", "2026-04-01T00:00"),
        ("2026-04", "2026-05-01T00:00"),
        ("2026-04-03", "2026-04-03T00:00"),
        ("2026", NOW.strftime("%Y-%m-%dT%H:%M")),
    ],
)
def test_a_comparison_until_a_period_ends_with_it_or_now(until: str, ends: str) -> None:
    asked_for = read(Comparison, {"since": "2025", "until": until}).pinned(NOW)
    assert asked_for.instants == (utc("2025-01-01T00:00"), utc(ends))


def test_a_comparison_until_a_period_in_the_future_is_refused() -> None:
    with pytest.raises(Invalid, match="until: This lies in the future"):
        read(Comparison, {"since": "2025", "until": "2027"}).pinned(NOW)


@pytest.mark.django_db
def test_an_empty_trend_has_every_point() -> None:
    query = {"from": "2026-08", "measures": ",".join(_COUNTING)}
    first, *_, last = trend(read(TrendFilter, query), reader=SYSTEM, now=NOW)
    assert first == {
        "period": "2026-08", "at": first["at"], "count": 0, "statuses": {},
        "compliance_rate": None, "met_on_time_rate": None, "open": 0,
    }  # fmt: skip
    assert (first["at"].isoformat(), last["at"]) == ("2026-09-01T00:00:00+00:00", NOW)


@pytest.mark.django_db
def test_an_empty_trend_measures_nothing_at_every_point() -> None:
    query = {"from": "2026-09", "measures": ",".join(Measure)}
    found = trend(read(TrendFilter, query), reader=SYSTEM, now=NOW)
    assert [(each["count"], each["statuses"], each["oldest_open_days"]) for each in found] == [
        (0, {}, None), (0, {}, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"from": "2027"}, "from"),
        ({"from": "2026-05", "to": "2026-04"}, "from"),
        ({"from": "2000", "interval": "day"}, "interval"),
        ({"from": "1900", "interval": "week"}, "interval"),
        ({"from": "2026", "known_at": "2027-01-01T00:00:00Z"}, "known_at"),
        ({"from": "2026", "measures": "mood"}, "measures/0"),
        ({}, "from"),
    ],
)
def test_a_trend_that_cannot_be_drawn_is_refused(query: dict[str, str], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        trend(read(TrendFilter, query), reader=SYSTEM, now=NOW)
    assert [each.path for each in refused.value.problems] == [path]
