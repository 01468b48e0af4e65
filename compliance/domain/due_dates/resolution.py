"""Resolution of due rules: from a rule and its context to days and instants, with the trace.

`resolve` yields every date of a rule, each with the sentences that explain how it was computed. The
civil date and its zone are authoritative, and the instants are derived from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from compliance.domain.civil_periods import period_of, period_phrase, period_text, precision_between
from compliance.domain.civil_time import (
    DayOutOfRange,
    NonexistentLocalTime,
    civil_day,
    instant,
    instant_or_jump,
    tzdata_version,
)
from compliance.domain.due_dates.area_readings import closed_in_part, end_by_area
from compliance.domain.due_dates.calendars import NoBusinessDay
from compliance.domain.due_dates.contexts import ResolutionContext, Unresolvable
from compliance.domain.due_dates.due_instants import Resolved, by_every_reading, due_at_period_end
from compliance.domain.due_dates.due_rules import DueRule, event_path
from compliance.domain.due_dates.holiday_laws import laws_version
from compliance.domain.due_dates.legal_methods import contradiction
from compliance.domain.due_dates.offsets import compute_period_end
from compliance.domain.due_dates.period_days import period_around
from compliance.domain.due_dates.periods import Event, PeriodEnd, Reading, event_in
from compliance.domain.due_dates.public_holidays import holidays_version
from compliance.domain.due_dates.recurring_days import recurring_days
from compliance.domain.due_dates.rule_parts import TriggerEvent
from compliance.domain.due_dates.rule_types import (
    DateRule,
    OffsetRule,
    RecurrenceRule,
    StartOffset,
    TriggerRule,
    UndatedRule,
)
from compliance.domain.skipped_days import skipped_days
from compliance.domain.vocabulary import Precision
from compliance.domain.work import check


def data_version() -> str:
    """Return the versions of the data that dates are computed with, in words.

    If it changes, open deadlines are computed again.
    """
    laws = laws_version()
    return f"tzdata {tzdata_version()}, holiday laws {laws}, holidays {holidays_version()}"


def resolve(
    rule: DueRule,
    context: ResolutionContext,
    *,
    event: Event | None = None,
    ended_at: datetime | None = None,
    is_lenient: bool = False,
) -> Iterator[Resolved]:
    """Yield the dates of a rule, in order: one, many for a recurrence, none for a dormant rule.

    `event` is what activated a trigger or started a recurrence, or replaces the anchor of an
    offset. `ended_at` is the exclusive end of what started a recurrence, such as a breach. A
    wall-clock time in a `DateRule` that clocks skip is rejected unless `is_lenient`.

    Raises:
        Unresolvable: the rule cannot yield a date; with the path of a field.
        GraceUnresolvable: the grace period has no end in the supported range.
    """
    check()
    if isinstance(rule, DateRule):
        yield _resolve_date(rule, context, is_lenient=is_lenient)
    elif isinstance(rule, RecurrenceRule):
        yield from _resolve_recurrence(rule, context, event, ended_at)
    elif isinstance(rule, TriggerRule):
        counted_from = _anchor(rule.then, context, "then/") if rule.then.anchor else event
        if event is not None and counted_from is not None:
            try:
                yield _resolve_offset(rule.then, context, counted_from)
            except Unresolvable as error:
                raise Unresolvable(f"then/{error.path}", str(error)) from None
    elif not isinstance(rule, UndatedRule):
        counted_from = event or _anchor(rule, context, "")
        if counted_from is not None:
            yield _resolve_offset(rule, context, counted_from)


def _resolve_date(rule: DateRule, context: ResolutionContext, *, is_lenient: bool) -> Resolved:
    zone_name = context.zone_name(rule.timezone)
    if rule.precision is not Precision.DAY:
        step = f"{period_phrase(rule.on, rule.precision)} ends on {rule.on}."
        whole = PeriodEnd(readings=(Reading(on=rule.on),), steps=(step,), warnings=())
        return due_at_period_end(rule, whole, context, zone_name, is_lenient=is_lenient)
    calendar = context.calendar(())
    closed = calendar.why_closed(rule.on)
    warning = f"{rule.on} is {closed}." if closed else closed_in_part(calendar, rule.on)
    period_end = PeriodEnd(
        readings=(Reading(on=rule.on),), steps=(), warnings=(warning,) if warning else ()
    )
    return due_at_period_end(rule, period_end, context, zone_name, is_lenient=is_lenient)


def _anchor(rule: OffsetRule, context: ResolutionContext, path: str) -> Event | None:
    """Return the event from which an offset counts, or None if it has no date yet."""
    anchor = rule.anchor
    if anchor is None:
        return None
    if anchor.date is not None:
        if anchor.time is None:
            return event_in(period_of(anchor.date, anchor.precision))
        zone_name = context.zone_name(rule.timezone)
        try:
            return Event(on=anchor.date, at=instant(anchor.date, anchor.time, zone_name))
        except NonexistentLocalTime as error:
            raise Unresolvable(f"{path}from/time", str(error)) from None
    known, ref, kind = context.milestones, anchor.milestone, "milestone"
    if ref is None:
        known, ref, kind = context.deadlines, anchor.deadline, "deadline"
    if ref is None or ref not in known:
        sentence = f"There is no {kind} {ref} here: add it to the agreement, or correct its ref."
        raise Unresolvable(f"{path}from/{kind}", sentence)
    return known[ref]


def _resolve_offset(rule: OffsetRule, context: ResolutionContext, event: Event) -> Resolved:
    if event.last_on is not None and event.at is None:
        on, last_on = event.on, event.last_on
        precision = precision_between(on, last_on)
        warning = (
            f"Only the {precision} of the event from which it counts is known, "
            f"{period_text(on, precision)}: it is read as {on} and as {last_on}."
        )
        both = [_resolve_offset(rule, context, Event(on=each)) for each in (on, last_on)]
        return by_every_reading(both, (), (warning,))
    zone_name = context.zone_name(rule.timezone)
    if (conflict := contradiction(rule)) is not None:
        raise Unresolvable(*conflict)
    if rule.time is not None and rule.unit.is_elapsed:
        raise Unresolvable("time", f"A period in {rule.unit} ends at its own time: remove time.")
    if event.at is not None:
        # The day of an event is its day in the zone in which the period is counted.
        event = Event(on=civil_day(event.at, zone_name), at=event.at)
    calendar = context.calendar(rule.calendars)
    try:
        period_end = end_by_area(
            _first_day_considered(event.on, rule),
            calendar,
            lambda part: compute_period_end(event, rule, calendar=part, zone_name=zone_name),
        )
    except NoBusinessDay as error:
        raise Unresolvable("count", str(error)) from None
    except DayOutOfRange as error:
        raise Unresolvable("count", f"{error} Use a smaller count.") from None
    calendars = rule.calendars or context.calendars
    last = period_end.readings[-1]
    if (
        calendars
        and last.at is None
        and calendar.is_business_day(last.on)
        and closed_in_part(calendar, last.on) is None
    ):
        step = f"{last.on} is not a holiday in {' and '.join(calendars)}."
        period_end = replace(period_end, steps=(*period_end.steps, step))
    if not rule.unit.is_elapsed:
        warnings = _skipped_within(event.on, last.on, zone_name)
        period_end = replace(period_end, warnings=(*period_end.warnings, *warnings))
    return due_at_period_end(rule, period_end, context, zone_name, is_lenient=True)


def _first_day_considered(on: date, rule: OffsetRule) -> date:
    """Return the first day whose closing can change when the period ends."""
    if rule.on_day is None or rule.on_day.business_day is None:
        return on
    return period_around(on, rule.on_day.of)[0]


def _skipped_within(start: date, last: date, zone_name: str) -> tuple[str, ...]:
    """Return warnings about days within a period that its zone skipped, except its last day."""
    low, high = sorted((start, last))
    return tuple(
        f"{day} does not exist in {zone_name}, whose calendar skipped it, but it was counted: "
        "check whether the agreement counts it."
        for day in skipped_days(zone_name)
        if low <= day <= high and day != last
    )


def _resolve_recurrence(
    rule: RecurrenceRule,
    context: ResolutionContext,
    event: Event | None,
    ended_at: datetime | None,
) -> Iterator[Resolved]:
    zone_name = context.zone_name(rule.then.timezone if rule.then else rule.timezone)
    calendar = context.calendar(rule.calendars)
    steps: tuple[str, ...] = ()
    is_empty = True
    if not isinstance(rule.start, date):
        started = _start_after_event(rule, rule.start, context, event, zone_name)
        if started is None:
            return
        start, steps = started
        ends = [end for end in (rule.until, context.ends_on) if end is not None]
        rule = replace(rule, start=start, until=min(ends, default=None))
        # It may end before its first date.
        is_empty = False
    for period_end in recurring_days(rule, calendar, zone_name, ended_at=ended_at):
        check()
        is_empty = False
        period_end = replace(period_end, steps=(*steps, *period_end.steps))
        if rule.then is None:
            resolved = due_at_period_end(rule, period_end, context, zone_name, is_lenient=True)
        else:
            resolved = _counted_from_date(rule, rule.then, period_end, context, zone_name)
        yield from _repeated(resolved, rule.times)
    if is_empty:
        sentence = "This rule yields no date: check the parts of rrule, and start and until."
        raise Unresolvable("rrule", sentence)


def _start_after_event(
    rule: RecurrenceRule,
    start: TriggerEvent | StartOffset,
    context: ResolutionContext,
    event: Event | None,
    zone_name: str,
) -> tuple[date, tuple[str, ...]] | None:
    """Return the day on which a recurrence starts, with its steps; None if it is not known yet."""
    named_event = start.anchor if isinstance(start, StartOffset) else start
    if event is None and (ref := named_event.milestone) is not None:
        if ref not in context.milestones:
            sentence = f"There is no milestone {ref} here: add it to the agreement, or correct it."
            raise Unresolvable(f"{event_path(rule)}/milestone", sentence)
        event = context.milestones[ref]
    if event is None:
        return None
    if not isinstance(start, StartOffset):
        on = event.on if event.at is None else civil_day(event.at, zone_name)
        return on, (f"The event that starts it happened on {on}.",)
    offset = OffsetRule(
        count=start.count,
        unit=start.unit,
        direction=start.direction,
        on_day=start.on_day,
        calendars=rule.calendars,
        timezone=zone_name,
    )
    try:
        found = _resolve_offset(offset, replace(context, grace=None), event)
    except Unresolvable as error:
        raise Unresolvable(f"start/{error.path}", str(error)) from None
    on = found.due.due_on
    return on, (*found.steps[:-1], f"It starts on {on}.")


def _counted_from_date(
    rule: RecurrenceRule,
    then: OffsetRule,
    date_of_rule: PeriodEnd,
    context: ResolutionContext,
    zone_name: str,
) -> Resolved:
    """Return when the offset from a date of a recurrence ends, by every reading of that date."""
    found = []
    for reading in date_of_rule.readings:
        at = None if rule.time is None else instant_or_jump(reading.on, rule.time, zone_name)
        try:
            found.append(_resolve_offset(then, context, Event(on=reading.on, at=at)))
        except Unresolvable as error:
            raise Unresolvable(f"then/{error.path}", str(error)) from None
    return by_every_reading(found, date_of_rule.steps, date_of_rule.warnings)


def _repeated(resolved: Resolved, times: int) -> Iterator[Resolved]:
    """Yield a date once for each time that something is due by it."""
    if times == 1:
        yield resolved
        return
    for number in range(1, times + 1):
        step = f"This is number {number} of the {times} that are due by this date."
        yield replace(resolved, steps=(*resolved.steps, step))
