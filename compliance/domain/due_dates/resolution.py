"""Resolution of due rules: from a rule and its context to days and instants, with the trace.

`resolve` yields every date of a rule, each with the sentences that explain how it was computed. The
civil date and its zone are authoritative, and the instants are derived from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from compliance.domain.civil_time import (
    LAST_DAY,
    DayOutOfRange,
    NonexistentLocalTime,
    civil_day,
    day_start,
    instant,
    instant_or_jump,
    tzdata_version,
)
from compliance.domain.due_dates.area_readings import closed_in_part, end_by_area
from compliance.domain.due_dates.calendars import BusinessCalendar, NoBusinessDay
from compliance.domain.due_dates.contexts import ResolutionContext, Unresolvable
from compliance.domain.due_dates.due_instants import Resolved, due_at_period_end
from compliance.domain.due_dates.due_rules import (
    DateRule,
    DueRule,
    OffsetRule,
    RecurrenceRule,
    TriggerRule,
)
from compliance.domain.due_dates.holiday_laws import laws_version
from compliance.domain.due_dates.legal_methods import contradiction
from compliance.domain.due_dates.offsets import compute_period_end
from compliance.domain.due_dates.periods import Event, PeriodEnd, Reading, named
from compliance.domain.due_dates.public_holidays import holidays_version
from compliance.domain.due_dates.recurrences import occurrences
from compliance.domain.due_dates.rrules import Recurrence, parse_rrule
from compliance.domain.skipped_days import skipped_days
from compliance.domain.vocabulary import PeriodUnit, RollConvention

_ONE_DAY = timedelta(days=1)


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
    is_lenient: bool = False,
) -> Iterator[Resolved]:
    """Yield the dates of a rule, in order: one, many for a recurrence, none for a dormant rule.

    `event` is what activated a trigger, or replaces the anchor of an offset. A wall-clock time in
    a `DateRule` that clocks skip is rejected unless `is_lenient`.

    Raises:
        Unresolvable: the rule cannot yield a date; with the path of a field.
        GraceUnresolvable: the grace period has no end in the supported range.
    """
    if isinstance(rule, DateRule):
        yield _resolve_date(rule, context, is_lenient=is_lenient)
    elif isinstance(rule, RecurrenceRule):
        yield from _resolve_recurrence(rule, context)
    elif isinstance(rule, TriggerRule):
        counted_from = _anchor(rule.then, context, "then/") if rule.then.anchor else event
        if event is not None and counted_from is not None:
            try:
                yield _resolve_offset(rule.then, context, counted_from)
            except Unresolvable as error:
                raise Unresolvable(f"then/{error.path}", str(error)) from None
    else:
        counted_from = event or _anchor(rule, context, "")
        if counted_from is not None:
            yield _resolve_offset(rule, context, counted_from)


def _resolve_date(rule: DateRule, context: ResolutionContext, *, is_lenient: bool) -> Resolved:
    zone_name = context.zone_name(rule.timezone)
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
            return Event(on=anchor.date)
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
    zone_name = context.zone_name(rule.timezone)
    if (conflict := contradiction(rule)) is not None:
        raise Unresolvable(*conflict)
    if rule.time is not None and rule.unit is PeriodUnit.HOURS:
        raise Unresolvable("time", "A period in hours ends at its own time: remove time.")
    if event.at is not None:
        # The day of an event is its day in the zone in which the period is counted.
        event = Event(on=civil_day(event.at, zone_name), at=event.at)
    calendar = context.calendar(rule.calendars)
    try:
        period_end = end_by_area(
            event.on,
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
    if rule.unit is not PeriodUnit.HOURS:
        warnings = _skipped_within(event.on, last.on, zone_name)
        period_end = replace(period_end, warnings=(*period_end.warnings, *warnings))
    return due_at_period_end(rule, period_end, context, zone_name, is_lenient=True)


def _skipped_within(start: date, last: date, zone_name: str) -> tuple[str, ...]:
    """Return warnings about days within a period that its zone skipped, except its last day."""
    low, high = sorted((start, last))
    return tuple(
        f"{day} does not exist in {zone_name}, whose calendar skipped it, but it was counted: "
        "check whether the agreement counts it."
        for day in skipped_days(zone_name)
        if low <= day <= high and day != last
    )


def _resolve_recurrence(rule: RecurrenceRule, context: ResolutionContext) -> Iterator[Resolved]:
    zone_name = context.zone_name(rule.timezone)
    calendar = context.calendar(rule.calendars)
    is_empty = True
    for number, nominal in enumerate(_nominal_days(rule, zone_name), start=1):
        is_empty = False
        period_end = _rolled_occurrence(rule, calendar, number, nominal)
        yield due_at_period_end(rule, period_end, context, zone_name, is_lenient=True)
    if is_empty:
        sentence = "This rule yields no date: check the parts of rrule, and start and until."
        raise Unresolvable("rrule", sentence)


def _nominal_days(rule: RecurrenceRule, zone_name: str) -> Iterator[date]:
    """Yield the days of a recurrence before they are rolled."""
    recurrence = parse_rrule(rule.rrule)
    widened = recurrence
    if recurrence.until is not None and recurrence.is_until_utc:
        # In zones ahead of UTC, the instant of UNTIL can be on the day after the written one.
        last = min(recurrence.until, LAST_DAY - _ONE_DAY)
        widened = replace(recurrence, until=last + _ONE_DAY)
    days = occurrences(widened, start=rule.start, until=rule.until, end_of_month=rule.end_of_month)
    for day in days:
        if _is_past_until(recurrence, day, rule.time, zone_name):
            return
        yield day


def _rolled_occurrence(
    rule: RecurrenceRule, calendar: BusinessCalendar, number: int, nominal: date
) -> PeriodEnd:
    def rolled(part: BusinessCalendar) -> PeriodEnd:
        return _rolled_in(rule, part, nominal)

    try:
        period_end = end_by_area(nominal, calendar, rolled)
    except (NoBusinessDay, DayOutOfRange) as error:
        raise Unresolvable("roll", str(error)) from None
    step = f"Date {number} of {rule.rrule} from {rule.start}: {named(nominal)}."
    warnings = period_end.warnings
    if rule.roll is RollConvention.NONE and (partly := closed_in_part(calendar, nominal)):
        warnings = (*warnings, f"{partly} The rule does not roll.")
    return replace(period_end, steps=(step, *period_end.steps), warnings=warnings)


def _rolled_in(rule: RecurrenceRule, calendar: BusinessCalendar, nominal: date) -> PeriodEnd:
    steps, warnings = [], []
    on = calendar.roll(nominal, rule.roll)
    closed = calendar.why_closed(nominal)
    if on != nominal:
        steps.append(f"{nominal} is {closed}; {rule.roll.replace('_', ' ')}: {named(on)}.")
    elif closed is not None and rule.roll is RollConvention.NONE:
        warnings.append(f"{nominal} is {closed}, and the rule does not roll.")
    return PeriodEnd(readings=(Reading(on=on),), steps=tuple(steps), warnings=tuple(warnings))


def _is_past_until(recurrence: Recurrence, on: date, at: time | None, zone_name: str) -> bool:
    """Return whether a date is after the time of day of UNTIL.

    A date without a time is compared by its first instant.
    """
    until, clock = recurrence.until, recurrence.until_clock
    if until is None or clock is None:
        return False
    if not recurrence.is_until_utc:
        last = datetime.combine(until, clock)
        return datetime.combine(on, at) > last if at else datetime.combine(on, time()) >= last
    end = datetime.combine(until, clock, UTC)
    if at is None:
        return day_start(on, zone_name) >= end
    return instant_or_jump(on, at, zone_name) > end
