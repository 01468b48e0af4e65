"""Measure how fast due dates are computed, and recomputed after a calendar changes.

`python -m benchmarks.due_rules [DEADLINES]` prints three comparisons, each with its floor. All
figures are medians of several rounds.

- Offsets per second. Ours come from `resolution.resolve`, which also returns the instant, the
  trace and the warnings. The floor is arithmetic in QuantLib or plain Python, which returns a day.
- Dates of recurrences per second. The floor is python-dateutil.
- Deadlines recomputed per second after a closing day is added to a custom calendar (100k by
  default, of which a sixth move). The floor is SQL that writes the same rows.

The floors only produce the result; they decide and explain nothing.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import QuantLib as ql  # noqa: N813 -- the usual alias
from dateutil.rrule import rrulestr

from benchmarks import execute, expect, throwaway_database
from compliance.domain.due_dates.calendars import BusinessCalendar
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.due_rules import parse_due_rule
from compliance.domain.due_dates.resolution import data_version, resolve

ROUNDS = 5
STARTS = [date(2024, 1, 1) + timedelta(days=number) for number in range(1_000)]
IN_NEW_YORK = ResolutionContext(timezone="America/New_York")

# All deadlines to recompute fall in one week of six working days. The rounds close these days from
# the last to the first, so that each round moves a sixth of the deadlines to the next Monday.
WEEK = [date(2027, 3, 1) + timedelta(days=number) for number in range(6)]
AFTER = WEEK[0] + timedelta(days=7)
AS_OF = datetime(2026, 2, 1, tzinfo=UTC)
CALENDAR = "custom:hq"
AGREEMENTS = 20


def main(deadlines: int) -> None:
    """Measure and print the results."""
    print(f"{'offsets':<46} {'ours/s':>10} {'floor/s':>11}   ratio", flush=True)
    for name, ours, floor in _offsets():
        _compare(name, ours, floor, len(STARTS))
    print(f"{'dates of recurrences':<46} {'ours/s':>10} {'floor/s':>11}   ratio", flush=True)
    for rrule in (
        "FREQ=DAILY",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH",
        "FREQ=MONTHLY;BYMONTHDAY=-1",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
    ):
        count = 150
        ours, floor = _recurrence(rrule, count)
        _compare(rrule, ours, floor, count)
    with throwaway_database():
        _recompute(deadlines)


def _compare(
    name: str, ours: Callable[[], object], floor: Callable[[], object], count: int
) -> None:
    expect(ours(), floor(), name)
    times = [(_timed(ours), _timed(floor)) for _ in range(ROUNDS)]
    fast, least = (count / statistics.median(each) for each in zip(*times, strict=True))
    ratio = statistics.median(floor / ours for ours, floor in times)
    print(f"{name:<46} {fast:>10,.0f} {least:>11,.0f} {ratio:>7.2f}", flush=True)


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


# Offsets.


def _offsets() -> Iterator[tuple[str, Callable[[], object], Callable[[], object]]]:
    us, cn = _closed_as_ours("US"), _closed_as_ours("US", "CN")
    starts = [ql.Date(day.day, day.month, day.year) for day in STARTS]

    def advanced(calendar: ql.Calendar, *period: Any) -> Callable[[], object]:
        return lambda: [_day(calendar.advance(start, *period)) for start in starts]

    yield (
        "90 days, US, following",
        _resolved(count=90, unit="days", calendars=["US"], roll="following"),
        lambda: [_day(us.adjust(start + 90, ql.Following)) for start in starts],
    )
    yield (
        "10 business days, US and CN",
        _resolved(count=10, unit="business_days", calendars=["US", "CN"]),
        advanced(cn, 10, ql.Days),
    )
    yield (
        "3 months, US, modified, end of month",
        _resolved(
            count=3, unit="months", calendars=["US"], roll="modified_following", end_of_month=True
        ),
        advanced(us, 3, ql.Months, ql.ModifiedFollowing, True),
    )
    calendar = BusinessCalendar(("US",))
    closed = {day for day in _days(2024, 2028) if not calendar.is_business_day(day)}

    def counted() -> list[date]:
        found = []
        for day in STARTS:
            day += timedelta(days=14)
            while day in closed:
                day += timedelta(days=1)
            found.append(day)
        return found

    yield "14 days, frcp-6", _resolved(count=14, unit="days", method="frcp-6"), counted


def _resolved(**rule: Any) -> Callable[[], list[date]]:
    rules = [
        parse_due_rule({"type": "offset", "from": {"date": day.isoformat()}, **rule})
        for day in STARTS
    ]
    return lambda: [next(resolve(each, IN_NEW_YORK)).due.due_on for each in rules]


def _closed_as_ours(*names: str) -> ql.Calendar:
    """Return a QuantLib calendar with the same closed days as ours."""
    ours, theirs = BusinessCalendar(names), ql.BespokeCalendar("-".join(names))
    for day in _days(2023, 2028):
        if not ours.is_business_day(day):
            theirs.addHoliday(ql.Date(day.day, day.month, day.year))
    return theirs


def _days(first_year: int, last_year: int) -> Iterator[date]:
    day = date(first_year, 1, 1)
    while day.year <= last_year:
        yield day
        day += timedelta(days=1)


def _day(day: ql.Date) -> date:
    return date(day.year(), day.month(), day.dayOfMonth())


# Recurrences.


def _recurrence(rrule: str, count: int) -> tuple[Callable[[], object], Callable[[], object]]:
    start = date(2026, 1, 1)
    rule = parse_due_rule({"type": "recurrence", "rrule": rrule, "start": start.isoformat()})
    dtstart = datetime(start.year, start.month, start.day)  # noqa: DTZ001 -- a civil day

    def ours() -> list[date]:
        return [each.due.due_on for each in islice(resolve(rule, IN_NEW_YORK), count)]

    def floor() -> list[date]:
        return [each.date() for each in islice(rrulestr(rrule, dtstart=dtstart), count)]

    return ours, floor


# Recomputation.


def _recompute(deadlines: int) -> None:
    from compliance.operations.deadlines import recomputation

    deadlines -= deadlines % len(WEEK)
    moving = deadlines // len(WEEK)
    deadlines = moving * len(WEEK)
    seconds = _timed(lambda: _fill(deadlines))
    print(f"{deadlines:,} deadlines made in {seconds:.1f} s: {deadlines / seconds:,.0f}/s")
    recomputation.run(as_of=AS_OF)
    print(f"closing a day, {moving:,} of {deadlines:,} deadlines move")
    print("round   ours s      saving s   deadlines/s   floor s   deadlines/s   ratio   peak MB")
    ratios = []
    days = WEEK[::-1]
    for number, (first, second) in enumerate(zip(days[::2], days[1::2], strict=True), start=1):
        ours, saving, peak = _ours(first, deadlines, moving)
        floor = _floor(second, moving)
        ratios.append(floor / ours)
        print(
            f"{number:>5} {ours:>8.2f} {saving:>13.2f} {deadlines / ours:>13,.0f} {floor:>9.2f} "
            f"{deadlines / floor:>13,.0f} {floor / ours:>7.2f} {peak:>9.0f}",
            flush=True,
        )
    [[moved]] = execute("SELECT count(*) FROM compliance_deadline WHERE due_on = %s", [AFTER])
    expect(moved, len(WEEK) * moving, "deadlines moved")
    print(f"median ratio: {statistics.median(ratios):.2f}")


def _ours(closing: date, deadlines: int, moving: int) -> tuple[float, float, float]:
    """Return the total seconds, the seconds for saving the calendar, and the peak memory in MB."""
    from compliance.operations.deadlines import recomputation

    _vacuum()
    # Resets the peak.
    Path("/proc/self/clear_refs").write_text("5")
    began = time.perf_counter()
    _save(closing)
    saved = time.perf_counter()
    record = recomputation.run(as_of=AS_OF)
    ended = time.perf_counter()
    assert record is not None
    found = (record.counts["examined"], record.counts["moved"])
    expect(found, (deadlines, moving), "deadlines examined and moved")
    [peak] = [
        int(line.split()[1]) / 1024
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    return ended - began, saved - began, peak


def _floor(closing: date, moving: int) -> float:
    """Return the seconds that SQL needs to write the same rows when the outcome is known."""
    _vacuum()
    began = time.perf_counter()
    execute("UPDATE compliance_deadline SET data_version = ''")
    [[moved]] = execute(_MOVE, {"on": closing, "to": AFTER, "as_of": AS_OF})
    execute(
        "UPDATE compliance_deadline SET data_version = %s WHERE data_version = ''",
        [data_version()],
    )
    seconds = time.perf_counter() - began
    expect(moved, moving, "deadlines moved in one statement")
    # Not measured. Without this closing day, our next round would move the deadlines back.
    execute(
        'INSERT INTO compliance_closingday (calendar_id, "on", reason) '
        "SELECT id, %s, 'Closed' FROM compliance_customcalendar",
        [closing],
    )
    return seconds


def _vacuum() -> None:
    execute("VACUUM (ANALYZE)")
    execute("CHECKPOINT")


def _save(*closing: date) -> None:
    """Add closing days to the calendar."""
    from compliance.domain.drafts import read
    from compliance.domain.due_dates.drafts import CustomCalendarDraft
    from compliance.models import CustomCalendar
    from compliance.operations.due_dates import calendars

    calendar = CustomCalendar.objects.filter(code="hq").first()
    days = [*calendar.closing_days.values_list("on", flat=True)] if calendar else []
    value = {
        "code": "hq",
        "title": "Headquarters",
        "weekend": [6],
        "closing_days": [{"on": day, "reason": "Closed"} for day in [*days, *closing]],
    }
    calendars.save(calendar=calendar, draft=read(CustomCalendarDraft, value))


def _fill(count: int) -> None:
    """Store obligations that use the calendar, and create their deadlines as Pacta does."""
    from django.db import transaction

    from compliance.operations.deadlines import projection, schedule

    _save()
    with transaction.atomic():
        # Skips the history triggers, to save time.
        execute("SET LOCAL session_replication_role = replica")
        for statement in _FILL:
            execute(
                statement,
                {
                    "count": count,
                    "agreements": AGREEMENTS,
                    "calendars": [CALENDAR],
                    "from": WEEK[0] - timedelta(days=90),
                    "days": len(WEEK),
                },
            )
    execute("ANALYZE")
    ids = [pk for (pk,) in execute("SELECT id FROM compliance_obligation ORDER BY id")]
    for batch in _batches(ids, 1_000):
        with transaction.atomic():
            projection.refresh(schedule.reschedule(batch, as_of=AS_OF).touched, as_of=AS_OF)


def _batches(ids: list[int], size: int) -> Iterable[list[int]]:
    return (ids[first : first + size] for first in range(0, len(ids), size))


_FILL = (
    """
    INSERT INTO compliance_party (id, code, name, kind, timezone) OVERRIDING SYSTEM VALUE
    VALUES (1, 'A', 'A', 'company', 'Europe/Berlin'), (2, 'B', 'B', 'company', 'Asia/Shanghai')
    """,
    """
    INSERT INTO compliance_agreement (id, ref, title, kind, calendars, created_at, signed_on)
    OVERRIDING SYSTEM VALUE
    SELECT number, 'agreement-' || number, 'Agreement ' || number, 'contract', %(calendars)s,
           now(), '2026-01-10'
    FROM generate_series(1, %(agreements)s) AS number
    """,
    """
    INSERT INTO compliance_obligation
        (id, agreement_id, ref, title, text, clause, kind, severity, tags, unit, due)
    OVERRIDING SYSTEM VALUE
    SELECT number, number %% %(agreements)s + 1, 'O-' || number, 'Obligation ' || number, '', '',
           'achieve', 'normal', '{}', '',
           jsonb_build_object('type', 'offset', 'count', 90, 'unit', 'days', 'roll', 'following',
               'from', jsonb_build_object('date', %(from)s::date + number %% %(days)s))
    FROM generate_series(1, %(count)s) AS number
    """,
    """
    INSERT INTO compliance_obligationparty (agreement_id, obligation_id, party_id, capacity)
    SELECT o.agreement_id, o.id, side.party_id, side.capacity FROM compliance_obligation AS o
    CROSS JOIN (VALUES (1, 'obligor'), (2, 'obligee')) AS side (party_id, capacity)
    """,
)

_MOVE = """
    WITH due AS (
        SELECT id, due_at AS from_due_at, %(to)s - due_on AS days FROM compliance_deadline
        WHERE due_on = %(on)s ORDER BY id FOR NO KEY UPDATE
    ), moved AS (
        UPDATE compliance_deadline AS d
        SET due_on = %(to)s, original_due_on = %(to)s,
            due_at = due_at + due.days * interval '1 day',
            unmet_at = unmet_at + due.days * interval '1 day',
            original_due_at = original_due_at + due.days * interval '1 day',
            original_unmet_at = original_unmet_at + due.days * interval '1 day',
            next_check_at = next_check_at + due.days * interval '1 day',
            recorded_at = greatest(%(as_of)s, recorded_at + interval '1 microsecond'),
            trace = trace
        FROM due WHERE d.id = due.id
        RETURNING d.id, due.from_due_at, d.due_on, d.due_at, d.unmet_at, d.recorded_at,
                  d.begins_at
    ), ledger AS (
        INSERT INTO compliance_ledgerentry
            (deadline_id, recorded_at, effective_at, status, reason, due_on, due_at, unmet_at)
        SELECT id, recorded_at, begins_at, 'pending', 'agreed', due_on, due_at, unmet_at FROM moved
    ), run AS (
        INSERT INTO compliance_jobrun
            (kind, as_of, started_at, parameters, counts, problems)
        VALUES ('recomputation', %(as_of)s, now(), '{}', '{}', '[]') RETURNING id
    ), move AS (
        INSERT INTO compliance_recomputeddeadline
            (run_id, deadline_id, from_due_at, to_due_at, problem)
        SELECT run.id, moved.id, from_due_at, due_at, '' FROM moved CROSS JOIN run
    )
    SELECT count(*) FROM moved
"""


if __name__ == "__main__":
    main(*([int(argument) for argument in sys.argv[1:2]] or [100_000]))
