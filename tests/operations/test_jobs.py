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
from compliance.operations.system import audits

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
    ]

    last = sweep.run(as_of=NOW)

    assert not JobRun.objects.filter(pk=idle.pk).exists()
    assert set(JobRun.objects.all()) == {*kept, last}


def test_only_the_latest_audits_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "KEPT", 2)
    others = {ran(JobKind.SWEEP), ran(JobKind.RECOMPUTATION)}
    made = []
    for minutes in (0, 5, 10):
        at = NOW + timedelta(minutes=minutes)
        made.append(audits.record(started_at=at, ended_at=at, breaches=0, alerts=0, problems=[]))
        others.add(ran(JobKind.SWEEP))

    assert set(JobRun.objects.all()) == {*others, *made[1:]}


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
