"""Every list and aggregate has the same filters, and each finds what its name says."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as DatabaseTestCase

from compliance.domain.alerts.drafts import AcknowledgementDraft
from compliance.domain.drafts import read
from compliance.models import Breach, User
from compliance.models.people.readers import SYSTEM
from compliance.operations.deadlines import breaches as operations
from compliance.operations.deadlines import sweep
from compliance.queries.agreements import obligations
from compliance.queries.deadlines import breaches, deadlines, summary, trend
from compliance.queries.deadlines.filters import DeadlineFilter
from compliance.queries.rows import Row
from tests.profiles import scaled
from tests.queries import analysed_world
from tests.queries.analysed_world import MOMENTS, NOW, everything
from tests.samples import create_agreement, obligation, record, utc

_TAGS = ("policy:steel", "policy:ports", "hs:7208", "none")
_DAYS = ("2026-03-15", "2026-04", "2026-Q3", "2026-08-15T16:00:00Z", "2027")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from(("unmet", "met,met_late", "pending,holding", "cancelled")),
    "is_open": st.sampled_from(("true", "false")),
    "is_closed": st.sampled_from(("true", "false")),
    "ever_breached": st.sampled_from(("true", "false")),
    "agreement": st.sampled_from(("supply", "talks", "other")),
    "agreement_kind": st.sampled_from(("treaty", "contract", "trade_deal,contract")),
    "obligation_ref": st.sampled_from(("O-1", "T-3", "T-4")),
    "obligor": st.sampled_from(("CHN", "ACME", "USA")),
    "obligee": st.sampled_from(("CHN", "ACME")),
    "tag": st.lists(st.sampled_from(_TAGS), min_size=1, max_size=2),
    "tag_any": st.sampled_from(("policy:steel,hs:7208", "policy:ports", "none")),
    "tag_prefix": st.sampled_from(("policy:", "hs", "p%", "_")),
    "severity": st.sampled_from(("high", "low,critical", "normal")),
    "responsible": st.sampled_from(("ana@example.org", "team:none")),
    "due_after": st.sampled_from(_DAYS),
    "due_before": st.sampled_from(_DAYS),
    "since_after": st.sampled_from(_DAYS),
    "since_before": st.sampled_from(_DAYS),
    "is_disputed": st.sampled_from(("true", "false")),
    "is_acknowledged": st.sampled_from(("true", "false")),
    "kind": st.sampled_from(("achieve", "maintain,refrain")),
    "q": st.sampled_from(("lot t", "O-1", "zzz")),
}
_OF_STATE = {
    "status", "is_open", "is_closed", "ever_breached", "due_after", "due_before", "since_after",
    "since_before", "is_disputed", "is_acknowledged",
}  # fmt: skip


def test_the_test_knows_every_filter() -> None:
    of_time = {"as_of", "known_at", "agreement_status"}
    assert set(DeadlineFilter.model_fields) == set(VALUES) | of_time
    for listing in (summary.SummaryFilter, breaches.BreachListing, obligations.ObligationListing):
        assert set(DeadlineFilter.model_fields) <= set(listing.model_fields)
    assert set(DeadlineFilter.model_fields) - {"as_of"} <= set(trend.TrendFilter.model_fields)


class EveryFilter(DatabaseTestCase):
    """A recount of what is listed without filters."""

    known: dict[int, list[Row]]

    @classmethod
    def setUpTestData(cls) -> None:
        """Store the world, and list everything at each moment."""
        analysed_world.create()
        cls.known = {number: everything(each) for number, each in enumerate(MOMENTS)}
        found = {each["status"] for rows in cls.known.values() for each in rows}
        assert len(found) >= 8, found

    @given(
        st.sampled_from(range(len(MOMENTS))),
        st.sets(st.sampled_from(sorted(VALUES)), max_size=3).flatmap(
            lambda names: st.fixed_dictionaries({name: VALUES[name] for name in sorted(names)})
        ),
    )
    @settings(max_examples=scaled(1.5), suppress_health_check=list(HealthCheck))
    def test_each_filter_finds_the_rows_that_a_recount_finds(
        self, number: int, asked: dict[str, Any]
    ) -> None:
        moment = MOMENTS[number]
        expected = [each for each in self.known[number] if _matches(each, asked, number)]
        query = {**asked, **moment}
        for ordering in ("due_at", "-status_since", "id"):
            listing = read(deadlines.DeadlineListing, {**query, "ordering": ordering})
            page = deadlines.listed(listing, reader=SYSTEM, now=NOW)
            assert {each["id"] for each in page.rows} == {each["id"] for each in expected}
        by_status = read(summary.SummaryFilter, query)
        groups = summary.summary(by_status, reader=SYSTEM, now=NOW).rows
        assert sum(each["count"] for each in groups) == len(expected)
        self._check_breaches(number, asked)
        self._check_obligations(number, asked)

    def _check_breaches(self, number: int, asked: dict[str, Any]) -> None:
        of_breach = {"is_open", "is_acknowledged"}
        of_deadline = {name: each for name, each in asked.items() if name not in of_breach}
        at = MOMENTS[number].get("as_of", NOW)
        expected = {
            breach["id"]
            for row in self.known[number]
            if _matches(row, of_deadline, number)
            for breach in row["breaches"]
            if _is(asked.get("is_open"), breach["ended_at"] is None)
            and _is(asked.get("is_acknowledged"), _holds(breach, at))
        }
        listing = read(breaches.BreachListing, {**asked, **MOMENTS[number]})
        page = breaches.listed(listing, reader=SYSTEM, now=NOW)
        assert {each["id"] for each in page.rows} == expected

    def _check_obligations(self, number: int, asked: dict[str, Any]) -> None:
        own = {name: each for name, each in asked.items() if name not in _OF_STATE}
        of_state = {name: each for name, each in asked.items() if name in _OF_STATE}
        rows = self.known[number]
        expected = {
            row["obligation"]
            for row in rows
            if _matches({**row, "obligors": row["all_obligors"]}, own, number)
            and _matches(row, of_state, number)
            and (not of_state or _is_owed_by(row, asked.get("obligor")))
        }
        listing = read(obligations.ObligationListing, {**asked, **MOMENTS[number]})
        page = obligations.listed(listing, reader=SYSTEM, now=NOW)
        dated = {row["obligation"] for row in rows}
        assert {each["id"] for each in page.rows if each["id"] in dated} == expected


@pytest.mark.django_db
def test_a_deadline_is_acknowledged_if_the_breach_that_reopened_is() -> None:
    deadline = create_agreement(obligation())
    sweep.run(as_of=utc("2026-03-16T12:00"))
    extended = record(
        deadline, as_of=utc("2026-04-20T00:00"), type="extension", on="2026-03-10",
        due={"type": "date", "on": "2026-04-10"},
    )  # fmt: skip
    between = utc("2026-04-20T12:00")
    record(deadline, as_of=utc("2026-04-21T00:00"), type="retraction", supersedes=extended.pk)
    first, second = Breach.objects.order_by("id")
    assert (first.ended_at, second.end_reason) == (None, "voided")
    draft = AcknowledgementDraft(until_at=utc("2026-06-20T00:00"))
    at, now = utc("2026-04-22T00:00"), utc("2026-05-01T00:00")
    desk = User.objects.create_user("ana@example.org", "secret")
    operations.acknowledge(breach=first, draft=draft, by=desk, as_of=at)
    after = at + timedelta(days=1)
    moments: tuple[tuple[dict[str, Any], int], ...] = (
        ({}, 1),
        ({"as_of": after, "known_at": after}, 1),
        ({"as_of": at - timedelta(hours=1), "known_at": now}, 1),
        ({"as_of": between, "known_at": now}, 1),
        ({"as_of": between, "known_at": between}, 0),
    )
    for moment, expected in moments:
        wanted = {"is_acknowledged": "true", **moment}
        of_deadlines = read(deadlines.DeadlineListing, wanted)
        of_breaches = read(breaches.BreachListing, {**wanted, "is_open": "true"})
        found = (
            len(deadlines.listed(of_deadlines, reader=SYSTEM, now=now).rows),
            len(breaches.listed(of_breaches, reader=SYSTEM, now=now).rows),
        )
        assert found == (expected, expected), moment


def _is_owed_by(row: Row, obligor: str | None) -> bool:
    return obligor is None or obligor in row["obligors"]


def _matches(row: Row, asked: dict[str, Any], number: int) -> bool:
    return all(_has(row, name, wanted, number) for name, wanted in asked.items())


def _has(row: Row, name: str, wanted: Any, number: int) -> bool:
    moment = MOMENTS[number]
    is_open = row["status"] in {"unmet", "partly_met"} and not row["is_closed"]
    ongoing = [each for each in row["breaches"] if each["ended_at"] is None]
    at = moment.get("as_of", NOW)
    kinds = {
        "talks": "trade_deal",
        # It was corrected in August.
        "supply": "contract"
        if moment.get("known_at", NOW) < analysed_world.CORRECTED
        else "treaty",
    }
    boundary = name.removesuffix("_after").removesuffix("_before")
    if boundary in {"due", "since"}:
        return _is_beyond(row, name, wanted)
    answers = {
        "is_open": lambda: _is(wanted, is_open),
        "is_closed": lambda: _is(wanted, row["is_closed"]),
        "ever_breached": lambda: _is(
            wanted, any(each["end_reason"] != "voided" for each in row["breaches"])
        ),
        "is_disputed": lambda: _is(wanted, row["is_disputed"]),
        "is_acknowledged": lambda: _is(
            wanted, is_open and any(_holds(each, at) for each in ongoing)
        ),
        "agreement_kind": lambda: kinds[row["agreement"]] in wanted.split(","),
        "obligor": lambda: wanted in row["obligors"],
        "obligee": lambda: wanted in row["obligees"],
        "tag": lambda: set(wanted) <= set(row["tags"]),
        "tag_any": lambda: bool(set(wanted.split(",")) & set(row["tags"])),
        "tag_prefix": lambda: any(each.startswith(wanted) for each in row["tags"]),
        "responsible": lambda: wanted in row["responsible"],
        "q": lambda: wanted.lower() in f"{row['obligation_ref']} {row['title']}".lower(),
    }
    return answers[name]() if name in answers else row[name] in wanted.split(",")


def _is(wanted: str | None, found: bool) -> bool:
    return wanted is None or (wanted == "true") == found


def _holds(breach: Row, at: datetime) -> bool:
    until = breach["acknowledged_until"]
    return until is not None and until > at


def _is_beyond(row: Row, name: str, wanted: str) -> bool:
    boundary = _FIRST.get(wanted) or datetime.fromisoformat(wanted)
    if name.startswith("since"):
        found = row["status_since"]
        if not isinstance(boundary, datetime):
            boundary = datetime.combine(boundary, time(), UTC)
    else:
        found = row["due_at"] if isinstance(boundary, datetime) else row["due_on"]
    if found is None:
        return False
    return bool(found >= boundary) if name.endswith("after") else bool(found < boundary)


_FIRST = {
    "2026-03-15": date(2026, 3, 15),
    "2026-04": date(2026, 4, 1),
    "2026-Q3": date(2026, 7, 1),
    "2027": date(2027, 1, 1),
}
