"""Zone and holiday data change: the civil date stays, the instant moves, the ledger says so."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone

from compliance.domain import civil_time
from compliance.domain.drafts import read
from compliance.domain.due_dates import resolution
from compliance.domain.due_dates.drafts import CustomCalendarDraft
from compliance.models import (
    Alert,
    CustomCalendar,
    Deadline,
    JobRun,
    LedgerEntry,
    RecomputedDeadline,
)
from compliance.operations.deadlines import deadline_rows, recomputation, schedule, sweep
from compliance.operations.deadlines.deadline_rows import Failure
from compliance.operations.due_dates import calendars
from tests.samples import (
    counts,
    create_agreement,
    deadline_of,
    obligation,
    record,
    record_agreement_fact,
    subscribe,
    update_agreement,
    update_obligation,
    utc,
)

NOW = utc("2026-02-01T00:00")
LATER = utc("2026-02-02T00:00")
VANCOUVER = "America/Vancouver"


@contextmanager
def older_data(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use tzdata 2025.2, in which the clocks in Vancouver still go back."""
    footer = b"PST8PDT,M3.2.0,M11.1.0"
    header = b"TZif2" + bytes(15)
    counts = b"".join(number.to_bytes(4, "big") for number in (0, 0, 0, 0, 1, 4))
    kind = (-28800).to_bytes(4, "big", signed=True) + b"\x00\x00"
    block = header + counts + kind + b"PST\x00"
    then = ZoneInfo.from_file(io.BytesIO(block + block + b"\n" + footer + b"\n"), key=VANCOUVER)
    now = civil_time.zone
    with monkeypatch.context() as patch:
        patch.setattr(civil_time, "zone", lambda name: then if name == VANCOUVER else now(name))
        patch.setattr(resolution, "tzdata_version", lambda: "2025.2")
        yield


def calendar(*closed: str, weekend: tuple[int, ...] = (5, 6)) -> CustomCalendar:
    """Save the custom calendar `custom:hq` with these closing days."""
    days = [{"on": day, "reason": "Stocktaking"} for day in closed]
    value = {"code": "hq", "title": "Head office", "weekend": weekend, "closing_days": days}
    return calendars.save(
        calendar=CustomCalendar.objects.filter(code="hq").first(),
        draft=read(CustomCalendarDraft, value),
    )


def following(ref: str = "O-1", day: str = "2026-03-15") -> dict[str, object]:
    """Return an obligation due on the first day from `day` on that is open at the head office."""
    rule = {
        "type": "offset",
        "from": {"date": day},
        "count": 0,
        "unit": "days",
        "roll": "following",
        "calendars": ["custom:hq"],
    }
    return obligation(ref, due=rule)


@pytest.mark.django_db
def test_new_zone_data_moves_the_instant_and_keeps_the_civil_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rule = {"type": "date", "on": "2026-11-15", "time": "17:00", "timezone": VANCOUVER}
    with older_data(monkeypatch):
        deadline = create_agreement(obligation(due=rule))
        assert deadline.due_at == utc("2026-11-16T01:00")
        assert deadline.data_version.startswith("tzdata 2025.2")
    before = LedgerEntry.objects.filter(deadline=deadline).count()
    run = recomputation.run(as_of=LATER)
    deadline.refresh_from_db()
    assert (deadline.due_on, deadline.due_at) == (date(2026, 11, 15), utc("2026-11-16T00:00"))
    assert deadline.next_check_at is not None
    assert deadline.next_check_at <= deadline.due_at
    assert run is not None
    assert counts(run, "examined", "moved", "failed") == (1, 1, 0)
    recomputed = RecomputedDeadline.objects.get(run=run)
    assert (recomputed.from_due_at, recomputed.to_due_at) == (
        utc("2026-11-16T01:00"),
        deadline.due_at,
    )
    entries = LedgerEntry.objects.filter(deadline=deadline).order_by("id")
    assert len(entries) == before + 1
    assert (entries[before].recorded_at, entries[before].due_at) == (LATER, deadline.due_at)
    assert entries[0].due_at == utc("2026-11-16T01:00")
    assert recomputation.run(as_of=LATER + timedelta(minutes=1)) is None


@pytest.mark.django_db
def test_a_closed_deadline_keeps_its_due_instant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rule = {"type": "date", "on": "2026-11-15", "time": "17:00", "timezone": VANCOUVER}
    with older_data(monkeypatch):
        deadline = create_agreement(obligation(due=rule))
        record(deadline, as_of=NOW, type="performance", on="2026-01-20")
    recomputation.run(as_of=LATER)
    deadline.refresh_from_db()
    assert (deadline.status, deadline.due_at) == ("met", utc("2026-11-16T01:00"))


@pytest.mark.django_db
@pytest.mark.parametrize("is_new_data", [False, True])
def test_a_deadline_closed_as_unmet_stays_as_it_was_judged(
    monkeypatch: pytest.MonkeyPatch, *, is_new_data: bool
) -> None:
    calendar()
    subscribe()
    deadline = create_agreement(following(day="2026-02-21"))
    recomputation.run(as_of=NOW)
    sweep.run(as_of=utc("2026-02-25T00:00"))
    record_agreement_fact(as_of=utc("2026-02-27T00:00"), type="termination", on="2026-02-26")
    before = _stored(deadline)
    assert before[:3] == ("unmet", True, date(2026, 2, 23))
    calendar("2026-02-23")
    if is_new_data:
        monkeypatch.setattr(resolution, "holidays_version", lambda: "9999.1")
    recomputation.run(as_of=utc("2026-03-01T00:00"))
    sweep.run(as_of=utc("2026-03-01T00:00"))
    assert _stored(deadline) == before


def _stored(deadline: Deadline) -> tuple[object, ...]:
    deadline.refresh_from_db()
    return (
        deadline.status,
        deadline.is_closed,
        deadline.due_on,
        list(deadline.breaches.values_list("occurred_at", "ended_at", "end_reason")),
        list(Alert.objects.order_by("id").values_list("kind", "occasion")),
    )


@pytest.mark.django_db
def test_new_zone_data_moves_extensions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = {"type": "date", "on": "2026-11-15", "time": "17:00", "timezone": VANCOUVER}
    with older_data(monkeypatch):
        deadline = create_agreement()
        record(deadline, as_of=NOW, type="extension", on="2026-01-30", due=rule)
        assert deadline.due_at == utc("2026-11-16T01:00")
    recomputation.run(as_of=LATER)
    deadline.refresh_from_db()
    assert deadline.due_at == utc("2026-11-16T00:00")


@pytest.mark.django_db
def test_a_closing_day_moves_only_deadlines_that_use_the_calendar() -> None:
    calendar()
    deadline = create_agreement(following(), obligation("O-2", "2026-03-16"))
    recomputation.run(as_of=NOW)
    assert deadline.due_on == date(2026, 3, 16)
    calendar("2026-03-16", "2026-03-17")
    run = recomputation.run(as_of=LATER)
    assert run is not None
    assert counts(run, "examined", "moved") == (1, 1)
    deadline.refresh_from_db()
    assert deadline.due_on == date(2026, 3, 18)
    assert any("Stocktaking" in step for step in deadline.trace)
    assert Deadline.objects.get(obligation__ref="O-2").due_on == date(2026, 3, 16)
    calendar()
    recomputation.run(as_of=LATER + timedelta(days=1))
    deadline.refresh_from_db()
    assert deadline.due_on == date(2026, 3, 16)


@pytest.mark.django_db
def test_a_date_that_can_no_longer_be_computed_is_kept_and_reported_once() -> None:
    calendar()
    deadline = create_agreement(following())
    recomputation.run(as_of=NOW)
    calendar(weekend=(0, 1, 2, 3, 4, 5, 6))
    run = recomputation.run(as_of=LATER)
    assert run is not None
    assert counts(run, "moved", "failed") == (0, 1)
    assert "business day" in RecomputedDeadline.objects.get(run=run).problem
    deadline.refresh_from_db()
    assert deadline.due_on == date(2026, 3, 16)
    assert recomputation.run(as_of=LATER + timedelta(minutes=1)) is None


@pytest.mark.django_db
def test_a_quarantined_deadline_is_tried_again_as_soon_as_its_calendar_is_repaired() -> None:
    calendar()
    after = {"type": "offset", "from": {"deadline": "A"}, "count": 2, "unit": "business_days"}
    create_agreement(obligation("A"), obligation("B", due={**after, "calendars": ["custom:hq"]}))
    calendar(weekend=(0, 1, 2, 3, 4, 5, 6))
    now = timezone.now()
    sweep.run(as_of=now)
    assert "business day" in deadline_of("B").quarantine_error
    sweep.run(as_of=now + timedelta(seconds=5))
    assert deadline_of("B").quarantine_error
    calendar("2026-03-16")
    sweep.run(as_of=now + timedelta(seconds=10))
    assert deadline_of("B").quarantine_error == ""
    assert deadline_of("B").due_on == date(2026, 3, 18)


@pytest.mark.django_db
@pytest.mark.parametrize("keeps_closed", [False, True])
def test_closed_deadlines_change_after_a_quarantine_only_if_they_were_to_change_before(
    *, keeps_closed: bool
) -> None:
    calendar()
    after = {"count": 2, "unit": "business_days", "calendars": ["custom:hq"]}
    rule = {"type": "recurrence", "rrule": "FREQ=MONTHLY;COUNT=2", "start": "2026-03-16"}
    done = create_agreement(obligation("B", due={**rule, "then": after}))
    now = utc("2026-03-17T00:00")
    record(done, as_of=now, type="performance", on="2026-03-16")
    calendar(weekend=(0, 1, 2, 3, 4, 5, 6))
    # As when a deadline is refreshed from which this one counts.
    with transaction.atomic():
        rescheduled = schedule.reschedule(
            [done.obligation_id], as_of=now, is_forgiving=True, keeps_closed=keeps_closed
        )
        failures = [Failure(pk, error) for pk, error in rescheduled.failed.items()]
        deadline_rows.quarantine_unscheduled(failures, as_of=now)
    calendar("2026-03-17")
    sweep.run(as_of=now + timedelta(hours=2))
    due = dict(Deadline.objects.order_by("number").values_list("number", "due_on"))
    assert due[1] == (date(2026, 3, 18) if keeps_closed else date(2026, 3, 19))
    assert not Deadline.objects.exclude(quarantine_error="").exists()


@pytest.mark.django_db
def test_recurrences_are_extended_once_a_day() -> None:
    rule = {"type": "recurrence", "rrule": "FREQ=MONTHLY", "start": "2026-01-15"}
    create_agreement(obligation(due=rule))
    recomputation.run(as_of=NOW)
    last = _last()
    assert recomputation.run(as_of=NOW + timedelta(hours=1)) is None
    recomputation.run(as_of=NOW + timedelta(days=60))
    assert _last() > last
    assert JobRun.objects.filter(kind="recomputation").count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("day", ["2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31"])
def test_the_next_date_of_a_rare_recurrence_follows_on_the_day_of_the_last_one(day: str) -> None:
    rule = {"type": "recurrence", "rrule": "FREQ=YEARLY;INTERVAL=5", "start": day}
    create_agreement(obligation(due=rule))
    morning = utc(f"{day}T06:00")
    recomputation.run(as_of=morning - timedelta(days=1))
    assert Deadline.objects.count() == 1
    recomputation.run(as_of=morning)
    assert [str(each.due_on) for each in Deadline.objects.order_by("number")] == [
        day,
        day.replace("2026", "2031"),
    ]
    assert recomputation.run(as_of=morning + timedelta(hours=1)) is None


@pytest.mark.django_db
def test_a_recomputation_that_did_not_store_its_day_is_followed_by_another() -> None:
    create_agreement()
    run = recomputation.run(as_of=NOW)
    assert run is not None
    del run.parameters["today"]
    run.save()
    assert recomputation.run(as_of=NOW + timedelta(minutes=1)) is not None
    assert recomputation.run(as_of=NOW + timedelta(minutes=2)) is None


def _last() -> datetime:
    due_at = Deadline.objects.order_by("-number")[0].due_at
    assert due_at is not None
    return due_at


@pytest.mark.django_db
def test_a_closed_deadline_does_not_move_with_its_anchor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rule = {"type": "date", "on": "2026-11-15", "timezone": VANCOUVER}
    after = {"type": "offset", "from": {"deadline": "A"}, "count": 1, "unit": "days"}
    hanging = {**after, "timezone": VANCOUVER}
    with older_data(monkeypatch):
        create_agreement(
            obligation("A", due=rule),
            obligation("DONE", due=hanging),
            obligation("OPEN", due=hanging),
        )
        done = deadline_of("DONE")
        record(done, as_of=NOW, type="performance", on="2026-01-20")
    recomputation.run(as_of=LATER)
    assert deadline_of("A").due_at == utc("2026-11-16T07:00")
    assert deadline_of("OPEN").due_at == utc("2026-11-17T07:00")
    assert deadline_of("DONE").due_at == utc("2026-11-17T08:00")
    assert LedgerEntry.objects.filter(deadline=done).latest("id").recorded_at <= LATER
    assert {each.deadline.obligation.ref for each in RecomputedDeadline.objects.all()} == {
        "A",
        "OPEN",
    }


@pytest.mark.django_db
def test_new_holiday_data_recomputes_open_deadlines_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create_agreement(obligation("OPEN"), obligation("DONE"))
    record(deadline_of("DONE"), as_of=NOW, type="performance", on="2026-01-20")
    assert recomputation.run(as_of=NOW) is not None
    monkeypatch.setattr(resolution, "holidays_version", lambda: "9999.1")
    run = recomputation.run(as_of=LATER)
    assert run is not None
    assert counts(run, "examined", "moved", "failed") == (1, 0, 0)
    assert run.parameters["data_version"].endswith("holidays 9999.1")
    assert recomputation.run(as_of=LATER) is None


@pytest.mark.django_db
def test_a_failing_rule_does_not_stop_others_in_any_batch_size() -> None:
    calendar()
    create_agreement(*(following(f"O-{number}") for number in range(5)))
    recomputation.run(as_of=NOW)
    # As after an upgrade that no longer knows a calendar of some country.
    broken = deadline_of("O-2").obligation
    assert broken.due is not None
    broken.due = {**broken.due, "calendars": ["custom:hq", "XX"]}
    broken.save()
    calendar("2026-03-16")
    run = recomputation.run(as_of=LATER, batch=2)
    assert run is not None
    assert counts(run, "examined", "moved", "failed") == (5, 4, 1)
    problem = RecomputedDeadline.objects.exclude(problem="").get()
    assert problem.deadline == deadline_of("O-2")
    assert "'XX' is not a calendar" in problem.problem
    assert deadline_of("O-4").due_on == date(2026, 3, 17)


@pytest.mark.django_db
def test_a_withdrawn_deadline_is_not_recomputed_repeatedly() -> None:
    calendar()
    monthly = {
        "type": "recurrence",
        "rrule": "FREQ=MONTHLY",
        "start": "2026-02-16",
        "roll": "following",
        "calendars": ["custom:hq"],
    }
    create_agreement(obligation(due=monthly))
    update_obligation(obligation(due={**monthly, "until": "2026-04-30"}), as_of=NOW)
    recomputation.run(as_of=NOW)
    calendar("2026-03-16")
    assert recomputation.run(as_of=LATER) is not None
    assert deadline_of("O-1", 2).due_on == date(2026, 3, 17)
    assert recomputation.run(as_of=LATER) is None


@pytest.mark.django_db
def test_a_closing_day_moves_the_grace_period_in_the_ledger() -> None:
    calendar()
    deadline = create_agreement(
        obligation(due_on="2026-03-12", grace={"count": 1, "unit": "business_days"}),
        calendars=["custom:hq"],
    )
    recomputation.run(as_of=NOW)
    assert deadline.unmet_at == utc("2026-03-13T16:00")
    calendar("2026-03-13")
    recomputation.run(as_of=LATER)
    deadline.refresh_from_db()
    assert (deadline.due_on, deadline.unmet_at) == (date(2026, 3, 12), utc("2026-03-16T16:00"))
    newest = LedgerEntry.objects.filter(deadline=deadline).latest("id")
    assert (newest.recorded_at, newest.unmet_at) == (LATER, deadline.unmet_at)


@pytest.mark.django_db
def test_a_closing_day_that_moves_the_due_date_voids_the_breach() -> None:
    calendar()
    deadline = create_agreement(following())
    recomputation.run(as_of=NOW)
    sweep.run(as_of=utc("2026-03-17T00:00"))
    deadline.refresh_from_db()
    assert deadline.status == "unmet"
    calendar("2026-03-16")
    recomputation.run(as_of=utc("2026-03-17T01:00"))
    deadline.refresh_from_db()
    assert (deadline.status, deadline.due_on) == ("pending", date(2026, 3, 17))
    assert deadline.breaches.get().end_reason == "voided"


@pytest.mark.django_db
def test_dependents_move_when_a_closing_day_moves_their_anchor() -> None:
    calendar()
    after = {"type": "offset", "from": {"deadline": "O-1"}, "count": 1, "unit": "days"}
    create_agreement(following(), obligation("B", due=after))
    recomputation.run(as_of=NOW)
    calendar("2026-03-16")
    run = recomputation.run(as_of=LATER)
    assert run is not None
    assert counts(run, "examined", "moved") == (2, 2)
    assert deadline_of("B").due_on == date(2026, 3, 18)


@pytest.mark.django_db
def test_an_extension_follows_a_calendar_and_a_corrected_zone() -> None:
    calendar()
    deadline = create_agreement()
    rolled = {"from": {"date": "2026-04-18"}, "count": 0, "unit": "days", "roll": "following"}
    extended = {"type": "offset", "calendars": ["custom:hq"], **rolled}
    record(deadline, as_of=NOW, type="extension", on="2026-01-30", due=extended)
    recomputation.run(as_of=NOW)
    assert deadline.due_at == utc("2026-04-20T16:00")
    calendar("2026-04-20")
    recomputation.run(as_of=LATER)
    deadline.refresh_from_db()
    assert deadline.due_at == utc("2026-04-21T16:00")
    update_agreement(timezone="Europe/Berlin", as_of=LATER)
    deadline.refresh_from_db()
    assert deadline.due_at == utc("2026-04-21T22:00")


AFTER_ANCHOR = {"type": "offset", "from": {"deadline": "O-1"}, "count": 1, "unit": "days"}


def _judged_before_its_anchor_moved() -> None:
    """Close a deadline that counts from another one, which new closing days then move."""
    calendar()
    create_agreement(following(), obligation("DONE", due=AFTER_ANCHOR))
    recomputation.run(as_of=NOW)
    record(deadline_of("DONE"), as_of=NOW, type="performance", on="2026-01-20")
    calendar("2026-03-16")
    recomputation.run(as_of=LATER)
    assert deadline_of("O-1").due_on == date(2026, 3, 17)
    assert deadline_of("DONE").due_on == date(2026, 3, 17)


@pytest.mark.django_db
def test_a_closed_deadline_does_not_move_with_its_anchor_when_time_passes() -> None:
    _judged_before_its_anchor_moved()
    sweep.run(as_of=utc("2026-03-25T00:00"))
    assert deadline_of("O-1").status == "unmet"
    assert deadline_of("DONE").due_on == date(2026, 3, 17)


@pytest.mark.django_db
def test_a_closed_deadline_follows_news_about_its_anchor() -> None:
    _judged_before_its_anchor_moved()
    due = {"type": "date", "on": "2026-04-10"}
    record(deadline_of("O-1"), as_of=LATER, type="extension", on="2026-01-15", due=due)
    assert deadline_of("DONE").due_on == date(2026, 4, 11)
    sweep.run(as_of=utc("2026-04-25T00:00"))
    assert deadline_of("DONE").due_on == date(2026, 4, 11)


@pytest.mark.django_db
@pytest.mark.parametrize("is_news", [False, True])
def test_what_counts_from_a_quarantined_deadline_moves_later_only_because_of_news(
    monkeypatch: pytest.MonkeyPatch, *, is_news: bool
) -> None:
    source = {"type": "date", "on": "2026-11-15", "timezone": VANCOUVER}
    business = {"count": 1, "unit": "business_days", "calendars": ["custom:hq"]}
    with older_data(monkeypatch):
        calendar()
        create_agreement(
            obligation("SOURCE", due=source),
            obligation("O-1", due={"type": "offset", "from": {"deadline": "SOURCE"}, **business}),
            obligation("DONE", due=AFTER_ANCHOR),
        )
        record(deadline_of("DONE"), as_of=NOW, type="performance", on="2026-01-20")
    assert deadline_of("DONE").due_on == date(2026, 11, 17)
    calendar(weekend=(0, 1, 2, 3, 4, 5, 6))
    recomputation.run(as_of=LATER)
    assert deadline_of("O-1").quarantine_error
    if is_news:
        due = {"type": "date", "on": "2026-11-22", "timezone": VANCOUVER}
        record(deadline_of("SOURCE"), as_of=LATER, type="extension", on="2026-01-15", due=due)
        assert deadline_of("O-1").quarantine_error
    calendar("2026-11-16", "2026-11-23")
    sweep.run(as_of=LATER + timedelta(hours=2))
    assert deadline_of("O-1").quarantine_error == ""
    assert deadline_of("O-1").due_on == date(2026, 11, 24 if is_news else 17)
    assert deadline_of("DONE").due_on == date(2026, 11, 25 if is_news else 17)
