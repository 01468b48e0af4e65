"""What the readiness of the service says of audits, and of due dates to be worked out again."""

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
from tests.samples import agree, duty

pytestmark = pytest.mark.django_db(transaction=True)


def check(later: timedelta = timedelta()) -> tuple[str, dict[str, Any]]:
    """How the recomputation stands."""
    found = health.readiness(as_of=timezone.now() + later)["recomputation"]
    return found.state, found.figure


def test_without_a_recomputation_there_is_nothing_to_warn_of() -> None:
    assert check() == ("ok", {"failed": 0, "stale": 0})


def test_a_recomputation_that_failed_in_part_is_a_warning_and_no_failure() -> None:
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


def test_a_service_that_sweeps_and_is_never_audited_is_not_ready() -> None:
    now = timezone.now()
    JobRun.objects.create(kind="sweep", as_of=now, started_at=now, ended_at=now)
    for minutes, expected in ((29, "ok"), (31, "failing")):
        found = health.readiness(as_of=now + timedelta(minutes=minutes))["audit"]
        assert found.state == expected


def test_due_dates_that_wait_for_an_hour_are_a_warning() -> None:
    draft = read(CustomCalendarDraft, {"code": "hq", "title": "Head office"})
    calendar = calendars.save(calendar=None, draft=draft)
    due = {"type": "offset", "from": {"date": "2099-06-01"}, "count": 1, "unit": "days",
           "calendars": ["custom:hq"]}  # fmt: skip
    agree(duty(due=due))
    closed = {"on": "2099-06-02", "reason": "Moving house"}
    draft = read(CustomCalendarDraft, {"code": "hq", "title": "HQ", "closing_days": [closed]})
    calendars.save(calendar=calendar, draft=draft)

    assert check() == ("ok", {"failed": 0, "stale": 1})
    assert "waited for an hour" in check(timedelta(minutes=61))[1]["warning"]
