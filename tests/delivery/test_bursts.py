"""A burst is one message for each recipient, however many batches of a sweep it was found in."""

from __future__ import annotations

from datetime import timedelta

import pytest

from compliance.delivery import outbox
from compliance.models import Agreement, JobRun, Message
from compliance.models.system.jobs import WAITED_FOR
from compliance.operations.deadlines import projection
from tests.delivery.conftest import DUE, NOW, READER, Desk, Sink

SECOND = timedelta(seconds=1)


def begin_sweep(batches: int = 1) -> JobRun:
    """A sweep that has committed so many batches of two deadlines, and is not over."""
    run = JobRun.objects.create(kind="sweep", as_of=DUE, started_at=DUE)
    for _ in range(batches):
        assert projection.refresh_due(as_of=DUE, limit=2).deadlines == 2
    return run


def end_sweep(run: JobRun) -> None:
    run.ended_at = DUE
    run.save()


def due_together(desk: Desk, count: int, ref: str = "supply-2026") -> Agreement:
    """An agreement of which so many deadlines fall due at one instant."""
    agreement = desk.agreement(ref, title=f"Agreement {ref}")
    for number in range(count):
        desk.deadline(agreement, title=f"Deliver {number}")
    return agreement


def test_a_burst_waits_for_the_sweep_that_is_finding_it(desk: Desk, sink: Sink) -> None:
    desk.follow()
    due_together(desk, 5)
    begin_sweep()
    assert desk.deliver(DUE + SECOND).sent == 0

    begin_sweep()
    assert desk.deliver(DUE + 2 * SECOND).sent == 0
    desk.sweep()

    assert desk.deliver(DUE + 3 * SECOND).sent == 1
    assert sink.subjects == ["5 missed: Agreement supply-2026"]


def test_an_agreement_of_which_nothing_is_left_to_find_does_not_wait(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    due_together(desk, 2, "first")
    due_together(desk, 3, "second")
    begin_sweep(batches=2)
    assert desk.deliver(DUE + SECOND).sent == 1
    assert sink.subjects == ["2 missed: Agreement first"]


def test_nothing_waits_for_a_sweep_that_is_over(desk: Desk, sink: Sink) -> None:
    desk.follow()
    due_together(desk, 3)
    end_sweep(begin_sweep())
    assert desk.deliver(DUE + SECOND).sent == 1
    assert sink.subjects == ["2 missed: Agreement supply-2026"]


def test_of_several_sweeps_the_last_to_end_is_waited_for(desk: Desk, sink: Sink) -> None:
    desk.follow()
    due_together(desk, 3)
    first = begin_sweep()
    second = JobRun.objects.create(kind="sweep", as_of=DUE + SECOND, started_at=DUE + SECOND)
    end_sweep(first)
    assert desk.deliver(DUE + SECOND).sent == 0
    end_sweep(second)
    assert desk.deliver(DUE + SECOND).sent == 1


def test_a_killed_sweep_is_made_good_by_the_next_and_splits_nothing(desk: Desk, sink: Sink) -> None:
    desk.follow()
    due_together(desk, 4)
    begin_sweep()
    assert desk.deliver(DUE + SECOND).sent == 0
    desk.sweep(DUE + 5 * SECOND)
    assert desk.deliver(DUE + 6 * SECOND).sent == 1
    assert sink.subjects == ["4 missed: Agreement supply-2026"]


def test_a_killed_sweep_that_nobody_makes_good_holds_nothing_for_long(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    due_together(desk, 4)
    begin_sweep()
    assert desk.deliver(DUE + WAITED_FOR - SECOND).sent == 0
    assert desk.deliver(DUE + WAITED_FOR).sent == 1
    assert sink.subjects == ["2 missed: Agreement supply-2026"]


def test_nor_do_sweeps_that_are_killed_one_after_the_other(desk: Desk, sink: Sink) -> None:
    desk.follow()
    due_together(desk, 4)
    begin_sweep()
    for number in range(1, 20):
        later = DUE + number * WAITED_FOR / 10
        JobRun.objects.create(kind="sweep", as_of=later, started_at=later)
    assert desk.deliver(DUE + WAITED_FOR - SECOND).sent == 0
    assert desk.deliver(DUE + WAITED_FOR).sent == 1


def test_what_else_befalls_the_agreement_meanwhile_is_told_with_the_burst(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    agreement = due_together(desk, 3)
    later = desk.deadline(agreement, title="Later", due_at=DUE + timedelta(days=90))
    elsewhere = desk.deadline(desk.agreement("other"), due_at=DUE + timedelta(days=90))
    run = begin_sweep()
    for deadline in (later, elsewhere):
        desk.record(deadline, DUE + SECOND, type="waiver", at=NOW.isoformat())

    assert desk.deliver(DUE + 2 * SECOND).sent == 1
    assert sink.subjects == ["Waived: Deliver (China)"]
    projection.refresh_due(as_of=DUE, limit=9)
    end_sweep(run)
    assert desk.deliver(DUE + 3 * SECOND).sent == 1
    assert sink.subjects[1:] == ["3 missed, 1 waived: Agreement supply-2026"]


def test_a_digest_is_not_split_by_a_sweep_that_is_under_way(desk: Desk, sink: Sink) -> None:
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


def test_what_waited_for_something_else_does_not_wait_for_a_sweep_as_well(
    desk: Desk, sink: Sink
) -> None:
    desk.follow(quiet_from="11:00", quiet_until="15:00")
    agreement = due_together(desk, 2)
    desk.sweep()
    afternoon = DUE + timedelta(hours=3)
    desk.deadline(agreement, title="Now", due_at=afternoon)
    JobRun.objects.create(kind="sweep", as_of=afternoon, started_at=afternoon)
    assert desk.deliver(afternoon).sent == 1


def test_a_worker_takes_no_more_at_once_than_it_can_read_within_a_lease(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_CLAIMED_ALERTS", 5)
    for number in range(4):
        desk.follow(f"reader{number}@example.org")
    due_together(desk, 2)
    desk.sweep()
    assert outbox.form(as_of=DUE, domain="desk.example") == 4
    claims, _ = outbox.claim(as_of=DUE, now=DUE)
    assert len(claims) == 2
    outbox.release(claims, now=DUE)
    assert desk.deliver().sent == 4


def test_but_always_one(desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_CLAIMED_ALERTS", 1)
    desk.follow()
    due_together(desk, 3)
    assert desk.pass_to(DUE).sent == 1
    assert sink.recipients == [READER]


def test_a_storm_larger_than_one_look_is_one_message_too(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "FORMED_AT_ONCE", 2)
    desk.follow()
    due_together(desk, 5)
    assert desk.pass_to(DUE).sent == 1
    assert Message.objects.count() == 1
