"""What readiness reports about audits and recomputations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from compliance.domain.drafts import read
from compliance.domain.due_dates.drafts import CustomCalendarDraft
from compliance.models import JobRun
from compliance.operations.due_dates import calendars
from compliance.queries.system import health
from tests.samples import create_agreement, obligation

pytestmark = pytest.mark.django_db(transaction=True)


def check(later: timedelta = timedelta()) -> tuple[str, dict[str, Any]]:
    """Return the state of the recomputation and its figures."""
    found = health.readiness(as_of=timezone.now() + later)["recomputation"]
    return found.state, found.figure


def test_readiness_has_no_warning_without_a_recomputation() -> None:
    assert check() == ("ok", {"failed": 0, "stale": 0})


def test_a_partly_failed_recomputation_is_a_warning_but_not_a_failure() -> None:
    now = timezone.now()
    JobRun.objects.create(
        kind="recomputation",
        as_of=now,
        started_at=now,
        ended_at=now,
        parameters={"data_version": "x", "horizon": str(now.date())},
        counts={"examined": 2, "moved": 0, "failed": 2},
    )

    state, figure = check()

    assert (state, figure["failed"]) == ("ok", 2)
    assert "could not compute" in figure["warning"]


def test_a_sweeping_service_without_audits_is_not_ready() -> None:
    now = timezone.now()
    JobRun.objects.create(kind="sweep", as_of=now, started_at=now, ended_at=now)
    for minutes, expected in ((29, "ok"), (31, "failing")):
        found = health.readiness(as_of=now + timedelta(minutes=minutes))["audit"]
        assert found.state == expected


def test_due_dates_that_have_waited_an_hour_for_recomputation_are_a_warning() -> None:
    draft = read(CustomCalendarDraft, {"code": "hq", "title": "Head office"})
    calendar = calendars.save(calendar=None, draft=draft)
    due = {"type": "offset", "from": {"date": "2099-06-01"}, "count": 1, "unit": "days",
           "calendars": ["custom:hq"]}  # fmt: skip
    create_agreement(obligation(due=due))
    closed = {"on": "2099-06-02", "reason": "Moving house"}
    draft = read(CustomCalendarDraft, {"code": "hq", "title": "HQ", "closing_days": [closed]})
    calendars.save(calendar=calendar, draft=draft)

    assert check() == ("ok", {"failed": 0, "stale": 1})
    assert "waited for an hour" in check(timedelta(minutes=61))[1]["warning"]
