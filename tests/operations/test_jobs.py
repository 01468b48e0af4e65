"""Runs of background jobs: how long they are kept, and what the database refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from compliance.domain.vocabulary import JobKind
from compliance.models import JobRun
from compliance.operations.deadlines import sweep
from compliance.operations.integrity import seals
from compliance.operations.system import audits, jobs

pytestmark = pytest.mark.django_db

NOW = timezone.now()
LONG_AGO = NOW - timedelta(days=3)


def ran(kind: JobKind, **values: Any) -> JobRun:
    """Store a run that ended three days ago."""
    times = {"as_of": LONG_AGO, "started_at": LONG_AGO, "ended_at": LONG_AGO}
    return JobRun.objects.create(kind=kind.value, **{**times, **values})


def test_only_old_sweeps_that_changed_nothing_are_deleted() -> None:
    nothing = {"refreshed": 0, "breaches": 0, "quarantined": 0}
    idle = ran(JobKind.SWEEP, counts=nothing)
    kept = [
        ran(JobKind.SWEEP, counts={**nothing, "refreshed": 1}),
        ran(JobKind.SWEEP, counts={**nothing, "quarantined": 1}),
        ran(JobKind.SWEEP, counts=nothing, ended_at=NOW - timedelta(days=1)),
        ran(JobKind.SWEEP, ended_at=None),
        ran(JobKind.RECOMPUTATION, counts={"examined": 0, "moved": 0, "failed": 0}),
        ran(JobKind.AUDIT, counts={"breaches": 0, "alerts": 0}),
        sweep.run(as_of=NOW),
    ]

    assert jobs.prune(as_of=NOW) == 1
    assert not JobRun.objects.filter(pk=idle.pk).exists()
    assert set(JobRun.objects.all()) == set(kept)


def test_audits_are_kept_for_a_week() -> None:
    def audited(**ago: float) -> JobRun:
        at = NOW - timedelta(**ago)
        return audits.record(started_at=at, ended_at=at, breaches=0, alerts=0, problems=[])

    audited(days=8)
    kept = [audited(days=6), audited(minutes=5)]

    jobs.prune(as_of=NOW)

    assert list(JobRun.objects.order_by("pk")) == kept


def test_killed_runs_are_kept_for_a_week() -> None:
    ran(JobKind.SWEEP, ended_at=None, started_at=NOW - timedelta(days=8))
    ran(JobKind.RECOMPUTATION, ended_at=None, started_at=NOW - timedelta(days=8))
    kept = ran(JobKind.SWEEP, ended_at=None, started_at=NOW - timedelta(days=6))

    jobs.prune(as_of=NOW)

    assert list(JobRun.objects.all()) == [kept]


def test_the_latest_finished_run_of_a_kind_is_always_kept() -> None:
    month_ago = NOW - timedelta(days=30)
    nothing = {"refreshed": 0, "breaches": 0, "quarantined": 0}
    ran(JobKind.SWEEP, counts=nothing, ended_at=month_ago - timedelta(hours=1))
    kept = [
        ran(JobKind.SWEEP, counts=nothing, ended_at=month_ago),
        ran(JobKind.AUDIT, ended_at=month_ago + timedelta(hours=1)),
    ]

    jobs.prune(as_of=NOW)

    assert list(JobRun.objects.order_by("pk")) == kept


def test_a_ledger_check_is_never_deleted() -> None:
    at = NOW - timedelta(days=400)
    checks = [
        seals.record_check(
            started_at=at, ended_at=ended_at, deadlines=0, facts=0, entries=0, problems=[]
        )
        for ended_at in (at, NOW)
    ]

    assert jobs.prune(as_of=NOW) == 0
    assert list(JobRun.objects.order_by("pk")) == checks


def test_a_ledger_check_can_be_neither_changed_nor_deleted() -> None:
    check = seals.record_check(
        started_at=NOW,
        ended_at=NOW,
        deadlines=1,
        facts=0,
        entries=1,
        problems=[{"about": "compliance_fact", "id": 1, "detail": "It was changed."}],
    )
    rows = JobRun.objects.filter(pk=check.pk)
    for change in (lambda: rows.update(problems=[]), rows.delete):
        with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
            change()
    assert len(rows.get().problems) == 1


def test_the_database_refuses_an_unknown_kind_of_job() -> None:
    with pytest.raises(IntegrityError, match="jobrun_kind_known"), transaction.atomic():
        JobRun.objects.create(kind="mystery", as_of=NOW, started_at=NOW)


def test_sweeps_under_way_are_found_with_an_index() -> None:
    JobRun.objects.bulk_create(
        JobRun(kind=kind.value, as_of=NOW, started_at=NOW, ended_at=NOW)
        for kind in JobKind
        for _ in range(1_000)
    )
    running = JobRun.objects.create(kind=JobKind.SWEEP.value, as_of=NOW, started_at=NOW)
    JobRun.objects.create(kind=JobKind.RECOMPUTATION.value, as_of=NOW, started_at=NOW)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE compliance_jobrun")
    found = JobRun.objects.sweeps_under_way(NOW)

    assert list(found) == [running]
    assert "jobrun_newest" in found.explain()
