"""summary/ and trend/ refuse what would occupy the database, and say what to ask instead."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from compliance.domain.problems import Invalid
from compliance.queries.deadlines import measuring_limits
from compliance.queries.rows import fetch
from tests.api.answers import get
from tests.samples import create_agreement, obligation

pytestmark = pytest.mark.django_db

_ADVICE = "Filter, or group by one thing."
_MEDIANS = "count,median_days_late,p90_days_late,median_days_to_cure"


def _create_crowd() -> None:
    """Store one obligation of 100 obligors to 100 obligees, with a deadline on each of 300 days."""
    sides: dict[str, Any] = {
        side: [f"{side.upper()}{n}" for n in range(100)] for side in ("obligors", "obligees")
    }
    parties = [
        {"code": code, "name": code, "kind": "state", "timezone": "UTC"}
        for codes in sides.values()
        for code in codes
    ]
    due = {"type": "recurrence", "rrule": "FREQ=DAILY;COUNT=300", "start": "2026-02-01"}
    create_agreement(obligation("O-1", due=due, **sides), parties=parties)


def test_two_groupings_that_multiply_are_refused_and_one_is_answered(api: Client) -> None:
    _create_crowd()
    for moment in ({}, {"as_of": "2026-03-01T00:00:00Z"}):
        for measures in ("count", _MEDIANS):
            question = {"measures": measures, **moment}
            refused = get(api, "summary/", 400, group_by="obligor,obligee", **question)
            [error] = refused["errors"]
            assert (error["path"], _ADVICE in error["detail"]) == ("group_by", True)
            found = get(api, "summary/", group_by="obligor,year", **question)
            assert [each["count"] for each in found["results"]] == [300] * 100
    filtered = get(
        api, "summary/", group_by="obligor,obligee", due_before="2026-02-11", limit="1",
    )  # fmt: skip
    assert (filtered["total"], filtered["results"][0]["count"]) == (10_000, 10)


def test_a_question_that_takes_the_database_too_long_is_refused_with_advice(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    _create_crowd()
    monkeypatch.setattr(measuring_limits, "MEASURING_SECONDS", 0.001)
    summary = get(api, "summary/", 400, group_by="obligor,week", measures=_MEDIANS)
    detail = "This takes the database too long to measure."
    assert summary["errors"] == [{"path": "group_by", "detail": f"{detail} {_ADVICE}"}]
    trend = get(api, "trend/", 400, **{"from": "2025-01-01", "interval": "day"})
    one = get(api, "summary/", 400, group_by="obligor", measures=_MEDIANS)
    none = get(api, "summary/", 400, measures=_MEDIANS)
    for answer in (trend, one, none):
        advice = "Filter, for example by agreement."
        assert answer["errors"] == [{"path": "", "detail": f"{detail} {advice}"}]


def test_too_many_temporary_files_are_refused_with_advice() -> None:
    fetch(("SELECT set_config('temp_file_limit', '64', TRUE)",), {})
    with (
        pytest.raises(Invalid, match="group_by: This takes the database too long"),
        measuring_limits.limited(parameter="group_by", advice=_ADVICE),
    ):
        fetch(("SELECT n FROM generate_series(1, 1000000) AS n ORDER BY -n",), {})


def test_other_faults_of_the_database_stay_faults() -> None:
    with pytest.raises(OperationalError), measuring_limits.limited(parameter="", advice=_ADVICE):
        fetch(("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'connection_failure'; END $$",), {})
