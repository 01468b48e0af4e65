"""A burst is one message per recipient, however many batches of a sweep detect it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from compliance.delivery import outbox
from compliance.models import Agreement, JobRun, Message
from compliance.models.system.jobs import WAITED_FOR
from compliance.operations.deadlines import batches
from tests.delivery.conftest import DUE, NOW, READER, Desk, Sink

SECOND = timedelta(seconds=1)


def begin_sweep(count: int = 1) -> JobRun:
    """Start a sweep that has committed this many batches of two deadlines, and is still running."""
    run = JobRun.objects.create(kind="sweep", as_of=DUE, started_at=DUE)
    for _ in range(count):
        assert batches.refresh_due(as_of=DUE, limit=2).deadlines == 2
    return run


def end_sweep(run: JobRun) -> None:
    run.ended_at = DUE
    run.save()


def agreement_with_deadlines(desk: Desk, count: int, ref: str = "supply-2026") -> Agreement:
    """Create an agreement with this many deadlines that are due at the same instant."""
    return desk.enter(count, ref).agreement


def test_a_burst_waits_for_the_sweep_that_detects_it(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement_with_deadlines(desk, 5)
    begin_sweep()
    assert desk.deliver(DUE + SECOND).sent == 0

    begin_sweep()
    assert desk.deliver(DUE + 2 * SECOND).sent == 0
    desk.sweep()

    assert desk.deliver(DUE + 3 * SECOND).sent == 1
    assert sink.subjects == ["5 missed: Agreement supply-2026"]


def test_an_agreement_with_no_deadlines_left_to_sweep_does_not_wait(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement_with_deadlines(desk, 2, "first")
    agreement_with_deadlines(desk, 3, "second")
    begin_sweep(count=2)
    assert desk.deliver(DUE + SECOND).sent == 1
    assert sink.subjects == ["2 missed: Agreement first"]


def test_alerts_do_not_wait_for_a_finished_sweep(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement_with_deadlines(desk, 3)
    end_sweep(begin_sweep())
    assert desk.deliver(DUE + SECOND).sent == 1
    assert sink.subjects == ["2 missed: Agreement supply-2026"]


def test_alerts_wait_for_the_last_of_several_sweeps(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement_with_deadlines(desk, 3)
    first = begin_sweep()
    second = JobRun.objects.create(kind="sweep", as_of=DUE + SECOND, started_at=DUE + SECOND)
    end_sweep(first)
    assert desk.deliver(DUE + SECOND).sent == 0
    end_sweep(second)
    assert desk.deliver(DUE + SECOND).sent == 1


def test_a_burst_interrupted_by_a_killed_sweep_is_one_message_after_the_next(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    agreement_with_deadlines(desk, 4)
    begin_sweep()
    assert desk.deliver(DUE + SECOND).sent == 0
    desk.sweep(DUE + 5 * SECOND)
    assert desk.deliver(DUE + 6 * SECOND).sent == 1
    assert sink.subjects == ["4 missed: Agreement supply-2026"]


def test_a_killed_sweep_delays_alerts_for_a_limited_time(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement_with_deadlines(desk, 4)
    begin_sweep()
    assert desk.deliver(DUE + WAITED_FOR - SECOND).sent == 0
    assert desk.deliver(DUE + WAITED_FOR).sent == 1
    assert sink.subjects == ["2 missed: Agreement supply-2026"]


def test_repeatedly_killed_sweeps_delay_alerts_for_a_limited_time(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement_with_deadlines(desk, 4)
    begin_sweep()
    for number in range(1, 20):
        later = DUE + number * WAITED_FOR / 10
        JobRun.objects.create(kind="sweep", as_of=later, started_at=later)
    assert desk.deliver(DUE + WAITED_FOR - SECOND).sent == 0
    assert desk.deliver(DUE + WAITED_FOR).sent == 1


def test_other_alerts_about_the_agreement_join_the_burst(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement = agreement_with_deadlines(desk, 3)
    later = desk.deadline(agreement, title="Later", due_at=DUE + timedelta(days=90))
    elsewhere = desk.deadline(desk.agreement("other"), due_at=DUE + timedelta(days=90))
    run = begin_sweep()
    for deadline in (later, elsewhere):
        desk.record(deadline, DUE + SECOND, type="waiver", at=NOW.isoformat())

    assert desk.deliver(DUE + 2 * SECOND).sent == 1
    assert sink.subjects == ["Waived: Deliver (China)"]
    batches.refresh_due(as_of=DUE, limit=9)
    end_sweep(run)
    assert desk.deliver(DUE + 3 * SECOND).sent == 1
    assert sink.subjects[1:] == ["3 missed, 1 waived: Agreement supply-2026"]


def test_a_running_sweep_does_not_split_a_digest(desk: Desk, sink: Sink) -> None:
    desk.follow(frequency="daily", digest_hour=13)
    hour = DUE + timedelta(hours=1)
    quiet, busy = (desk.agreement(ref) for ref in ("quiet", "busy"))
    for agreement in (quiet, busy):
        desk.deadline(agreement, due_at=hour - 5 * SECOND)
    desk.deadline(busy, title="Now", due_at=hour)
    desk.sweep(hour - SECOND)
    JobRun.objects.create(kind="sweep", as_of=hour, started_at=hour)

    assert desk.deliver(hour).sent == 1
    assert sink.subjects == ["2 missed: your digest"]


def test_alerts_delayed_by_quiet_hours_do_not_also_wait_for_a_sweep(desk: Desk, sink: Sink) -> None:
    desk.follow(quiet_from="11:00", quiet_until="15:00")
    agreement = agreement_with_deadlines(desk, 2)
    desk.sweep()
    afternoon = DUE + timedelta(hours=3)
    desk.deadline(agreement, title="Now", due_at=afternoon)
    JobRun.objects.create(kind="sweep", as_of=afternoon, started_at=afternoon)
    assert desk.deliver(afternoon).sent == 1


def test_a_worker_claims_a_limited_number_of_alerts(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_CLAIMED_ALERTS", 5)
    for number in range(4):
        desk.follow(f"reader{number}@example.org")
    agreement_with_deadlines(desk, 2)
    desk.sweep()
    assert outbox.form(as_of=DUE, domain="desk.example") == 4
    claims, _ = outbox.claim(as_of=DUE, now=DUE)
    assert len(claims) == 2
    outbox.release(claims, now=DUE)
    assert desk.deliver().sent == 4


def test_a_worker_always_claims_at_least_one_message(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_CLAIMED_ALERTS", 1)
    desk.follow()
    agreement_with_deadlines(desk, 3)
    assert desk.pass_to(DUE).sent == 1
    assert sink.recipients == [READER]


def test_a_burst_larger_than_one_query_is_one_message(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "FORMED_AT_ONCE", 2)
    desk.follow()
    agreement_with_deadlines(desk, 5)
    assert desk.pass_to(DUE).sent == 1
    assert Message.objects.count() == 1
