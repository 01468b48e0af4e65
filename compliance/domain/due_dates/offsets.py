"""Offset rules: when a period counted from an event ends.

Without a legal method, business days, months and rolling follow QuantLib's `Calendar::advance`.
"""

from __future__ import annotations

from datetime import date

from compliance.domain.due_dates.calendars import BusinessCalendar
from compliance.domain.due_dates.legal_methods import compute_by_method, contradiction
from compliance.domain.due_dates.period_days import day_of_period
from compliance.domain.due_dates.periods import (
    ONE_DAY,
    Event,
    PeriodEnd,
    Reading,
    Trace,
    clock,
    closed_days,
    counted,
    elapsed,
    instants_of,
    is_only_weekend,
    last_day_before,
    named,
    shifted,
    signed,
    warn_of_calendars,
)
from compliance.domain.due_dates.rule_parts import OnDay
from compliance.domain.due_dates.rule_types import OffsetRule
from compliance.domain.vocabulary import Direction, LegalMethod, PeriodUnit, RollConvention

__all__ = ["Event", "PeriodEnd", "Reading", "compute_period_end"]

_MONTHLY = frozenset({PeriodUnit.MONTHS, PeriodUnit.YEARS})
# For longer periods, a list of the skipped days would be too long to read.
_MOST_DAYS_LISTED = 62
_REVERSED = {
    RollConvention.MODIFIED_FOLLOWING: "so as not to leave the month",
    RollConvention.MODIFIED_PRECEDING: "so as not to leave the month",
    RollConvention.HALF_MONTH_MODIFIED_FOLLOWING: "so as not to leave the half of the month",
}


def compute_period_end(
    event: Event, rule: OffsetRule, *, calendar: BusinessCalendar, zone_name: str
) -> PeriodEnd:
    """Return when the period that the rule states ends, counted from the event.

    `calendar` has the calendars to use: the rule's own, or those of its agreement. `zone_name` is
    used only for hours and minutes; longer units are counted from the day `event.on`. The rule's
    own `time` and `timezone` are ignored.

    Raises:
        ValueError: the rule contradicts itself (see `contradiction`).
        NoBusinessDay: the calendars have too few business days.
        UnknownTimeZone: there is no such zone.
        DayOutOfRange: the period ends outside `FIRST_DAY`..`LAST_DAY`.
    """
    if (conflict := contradiction(rule)) is not None:
        raise ValueError(conflict[1])
    if rule.method is not None and rule.method is not LegalMethod.CORRESPONDING_DATE:
        return compute_by_method(rule.method, event, rule, calendar, zone_name)
    if rule.unit.is_elapsed:
        return _elapsed(event, rule, zone_name)
    trace = Trace()
    if rule.unit is PeriodUnit.BUSINESS_DAYS and rule.count:
        on = _business_days(event.on, rule, calendar, trace)
    else:
        on = _civil(event.on, rule, calendar, trace)
    counts_business_days = rule.on_day is not None and rule.on_day.business_day is not None
    if (
        rule.unit is PeriodUnit.BUSINESS_DAYS
        or rule.roll is not RollConvention.NONE
        or counts_business_days
    ):
        warn_of_calendars(on, calendar, trace.warnings)
    return trace.result(Reading(on=on))


def _business_days(start: date, rule: OffsetRule, calendar: BusinessCalendar, trace: Trace) -> date:
    step = signed(1, rule.direction)
    # To include the first day, count from the day before it (or after it when counting backward).
    origin = start - step * ONE_DAY if rule.count_first_day else start
    on = calendar.add(origin, step * rule.count)
    trace.steps.append(f"{_opening(start, rule)}, in {_joined(calendar)}: {named(on)}.")
    first, last = sorted((start, on))
    if (last - first).days <= _MOST_DAYS_LISTED:
        days = (first + n * ONE_DAY for n in range(1, (last - first).days))
        reasons = ((day, calendar.why_closed(day)) for day in days)
        skipped = [
            f"{day} is {reason}"
            for day, reason in reasons
            if reason is not None and not is_only_weekend(day, reason)
        ]
        if skipped:
            trace.steps.append(f"Not counted: {', '.join(skipped)}.")
    if rule.on_day is None:
        # The result is a business day in all calendars, so it is not rolled.
        return on
    return _rolled(_moved_to(on, rule.on_day, calendar, trace), rule.roll, calendar, trace)


def _civil(start: date, rule: OffsetRule, calendar: BusinessCalendar, trace: Trace) -> date:
    on = shifted(start, signed(rule.count, rule.direction), rule.unit)
    lacks_day = rule.unit in _MONTHLY and on.day != start.day
    is_clamped_forward = lacks_day and rule.direction is Direction.AFTER
    # German Civil Code (BGB), section 188(2) and (3), and similar laws: a period that includes its
    # first day ends on the day before the corresponding day, or at the end of the month if the
    # month has no corresponding day.
    if rule.count_first_day and not is_clamped_forward:
        on -= signed(1, rule.direction) * ONE_DAY
    step = f"{_opening(start, rule)}: {named(on)}"
    if lacks_day:
        step += f", because that month has no day {start.day}"
    trace.steps.append(f"{step}.")
    if rule.end_of_month:
        if rule.unit not in _MONTHLY:
            trace.warnings.append(
                f"end_of_month has no effect on a period in {_unit_label(rule)}: remove it."
            )
        elif rule.count and _is_month_end(start, rule, calendar):
            return _to_month_end(start, on, rule, calendar, trace)
    if rule.on_day is not None:
        on = _moved_to(on, rule.on_day, calendar, trace)
    return _rolled(on, rule.roll, calendar, trace)


def _is_month_end(day: date, rule: OffsetRule, calendar: BusinessCalendar) -> bool:
    """Return whether `day` ends its month; like QuantLib, its business month if the rule rolls."""
    if rule.roll is RollConvention.NONE:
        return (day + ONE_DAY).day == 1
    return calendar.is_month_end(day)


def _to_month_end(
    start: date, on: date, rule: OffsetRule, calendar: BusinessCalendar, trace: Trace
) -> date:
    if rule.roll is RollConvention.NONE:
        first = on.replace(day=1)
        end = shifted(first, 1, PeriodUnit.MONTHS) - ONE_DAY
        trace.steps.append(
            f"{start} is the last day of its month, so the period ends with the month: "
            f"{named(end)}."
        )
        return _rolled(end, rule.roll, calendar, trace)
    end = calendar.month_end(on)
    trace.steps.append(
        f"There is no business day after {start} in its month, so the period ends on the last "
        f"business day of the month in {_joined(calendar)}: {named(end)}."
    )
    return end


def _moved_to(on: date, on_day: OnDay, calendar: BusinessCalendar, trace: Trace) -> date:
    """Return the day of the period of `on` that the rule names, and add the steps to the trace."""
    found = day_of_period(on, on_day, calendar)
    trace.steps.extend(found.steps)
    trace.warnings.extend(found.warnings)
    return found.on


def _rolled(on: date, convention: RollConvention, calendar: BusinessCalendar, trace: Trace) -> date:
    """Return `on` rolled to a business day, and add the reason to the trace."""
    if calendar.is_business_day(on):
        if convention is not RollConvention.NONE:
            trace.steps.append(f"{on} is a business day in {_joined(calendar)}.")
        return on
    if convention is RollConvention.NONE:
        trace.warnings.append(f"{on} is {calendar.why_closed(on)}, and the rule does not roll.")
        return on
    rolled = calendar.roll(on, convention)
    side = "following" if rolled > on else "preceding"
    if convention is RollConvention.NEAREST:
        target = "nearest business day"
    elif side in convention:
        target = f"{side} business day"
    else:
        target = f"{side} business day, {_REVERSED[convention]},"
    trace.steps.append(f"{closed_days(on, rolled, calendar)}: {target} {named(rolled)}.")
    return rolled


def _elapsed(event: Event, rule: OffsetRule, zone_name: str) -> PeriodEnd:
    trace = Trace()
    if rule.roll is not RollConvention.NONE:
        trace.warnings.append(
            f"A period in {rule.unit} ends when they have elapsed, on any day, and does not roll: "
            "remove roll, or use a legal method."
        )
    readings = []
    for start, why in instants_of(event, zone_name):
        end = elapsed(start, signed(rule.count, rule.direction), rule.unit)
        trace.steps.append(
            f"{counted(rule.count, rule.unit)} {rule.direction} {clock(start, zone_name)}"
            f"{', ' + why if why else ''}: {clock(end, zone_name)}, in {zone_name}."
        )
        readings.append(Reading(on=last_day_before(end, zone_name), at=end, why=why))
    return trace.result(*readings)


def _opening(start: date, rule: OffsetRule) -> str:
    period = f"{counted(rule.count, rule.unit)} {rule.direction} {start}"
    if rule.method is LegalMethod.CORRESPONDING_DATE and rule.unit not in {
        PeriodUnit.DAYS,
        PeriodUnit.BUSINESS_DAYS,
    }:
        return f"{period}, to the corresponding date (Dodds v Walker)"
    if not rule.count:
        return period
    return f"{period}, first day {'' if rule.count_first_day else 'not '}counted"


def _unit_label(rule: OffsetRule) -> str:
    return rule.unit.replace("_", " ")


def _joined(calendar: BusinessCalendar) -> str:
    return " and ".join(calendar.names) or "weekend"
