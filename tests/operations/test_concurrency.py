"""Concurrent workers produce the same result as a single one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection

from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import Status
from compliance.models import Agreement, Alert, Breach, Deadline, LedgerEntry
from compliance.operations.agreements import obligations
from compliance.operations.deadlines import facts, projection, sweep
from compliance.operations.deadlines.batches import Refreshed
from tests.samples import create_agreement, obligation, subscribe, utc

AFTER = utc("2026-03-20T00:00")
COUNT = 300


def together(*actions: Callable[[], object]) -> None:
    """Run the actions at the same time, each on its own connection; raise the first error."""
    start = threading.Barrier(len(actions))

    def run(action: Callable[[], object]) -> None:
        try:
            start.wait(timeout=60)
            action()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        for done in [pool.submit(run, action) for action in actions]:
            done.result(timeout=60)


@pytest.mark.django_db(transaction=True)
def test_two_concurrent_sweeps_store_the_same_rows_as_one() -> None:
    subscribe()
    create_agreement(*(obligation(f"O-{number}") for number in range(COUNT)))
    together(*[lambda: sweep.run(as_of=AFTER, batch=20)] * 4)
    assert Deadline.objects.filter(status=Status.UNMET).count() == COUNT
    assert Breach.objects.count() == COUNT
    assert Alert.objects.count() == COUNT
    unmet = LedgerEntry.objects.filter(status=Status.UNMET)
    assert unmet.values("deadline").distinct().count() == unmet.count() == COUNT


@pytest.mark.django_db(transaction=True)
def test_facts_recorded_while_the_sweep_runs_are_neither_lost_nor_undone() -> None:
    create_agreement(*(obligation(f"O-{number}") for number in range(60)))
    deadlines = list(Deadline.objects.order_by("id"))

    def perform(part: list[Deadline]) -> None:
        for deadline in part:
            facts.record(
                deadline=deadline,
                draft=read(FactDraft, {"type": "performance", "on": "2026-03-10"}),
                by=None,
                as_of=AFTER,
            )

    together(
        lambda: sweep.run(as_of=AFTER, batch=5),
        lambda: perform(deadlines[::2]),
        lambda: perform(deadlines[1::2]),
        lambda: sweep.run(as_of=AFTER, batch=7),
    )
    sweep.run(as_of=AFTER + timedelta(seconds=1))
    assert set(Deadline.objects.values_list("status", flat=True)) == {Status.MET}
    assert not Breach.objects.exclude(end_reason="voided").exists()


@pytest.mark.django_db(transaction=True)
def test_creating_an_obligation_during_a_sweep_does_not_deadlock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subscribe()
    create_agreement(*(obligation(f"O-{number}") for number in range(COUNT)))
    agreement = Agreement.objects.get()
    is_held = threading.Event()
    refresh = projection.refresh

    def refresh_slowly(ids: Iterable[int], *, as_of: datetime) -> Refreshed:
        is_held.set()
        # Long enough for the sweep to reach its commit, where foreign keys are checked.
        time.sleep(1)
        return refresh(ids, as_of=as_of)

    def enter() -> None:
        draft = read(ObligationDraft, obligation("late", "2026-01-20"))
        obligations.create(agreement=agreement, draft=draft, as_of=AFTER)

    def work() -> None:
        is_held.wait(timeout=60)
        sweep.run(as_of=AFTER)

    monkeypatch.setattr(projection, "refresh", refresh_slowly)
    together(enter, work)
    assert Breach.objects.count() == COUNT + 1


@pytest.mark.django_db(transaction=True)
def test_reading_the_ledger_from_the_last_id_on_misses_nothing() -> None:
    create_agreement(*(obligation(f"O-{number}") for number in range(COUNT)))
    already = LedgerEntry.objects.count()
    seen: list[int] = []
    finished = threading.Event()

    def follow_feed() -> None:
        last = 0
        while True:
            is_last_look = finished.is_set()
            fresh = list(
                LedgerEntry.objects.filter(id__gt=last).order_by("id").values_list("id", flat=True)
            )
            seen.extend(fresh)
            last = seen[-1] if seen else 0
            if is_last_look:
                return

    def work() -> None:
        together(*[lambda: sweep.run(as_of=AFTER, batch=3)] * 3)
        finished.set()

    together(follow_feed, work)
    assert seen == sorted(seen)
    assert len(seen) == LedgerEntry.objects.count() == already + COUNT
