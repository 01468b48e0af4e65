"""Offset rules: the day or instant on which a period counted from an event ends.

Without a legal method, business days, months and rolling are counted as QuantLib's
`Calendar::advance` counts them.
"""

from __future__ import annotations

from datetime import date

from compliance.domain.due_dates.calendars import BusinessCalendar
from compliance.domain.due_dates.due_rules import OffsetRule
from compliance.domain.due_dates.legal_methods import compute_by_method, contradiction
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
    is_weekend_alone,
    last_day_before,
    named,
    shifted,
    signed,
    warn_of_calendars,
)
from compliance.domain.vocabulary import Direction, LegalMethod, PeriodUnit, RollConvention

__all__ = ["Event", "PeriodEnd", "Reading", "compute_period_end"]

_MONTHLY = frozenset({PeriodUnit.MONTHS, PeriodUnit.YEARS})
# Of more days than these, nobody wants to read which were skipped.
_MOST_DAYS_TOLD = 62
_TURNED_BACK = {
    RollConvention.MODIFIED_FOLLOWING: "so as not to leave the month",
    RollConvention.MODIFIED_PRECEDING: "so as not to leave the month",
    RollConvention.HALF_MONTH_MODIFIED_FOLLOWING: "so as not to leave the half of the month",
}


def compute_period_end(
    event: Event, rule: OffsetRule, *, calendar: BusinessCalendar, zone_name: str
) -> PeriodEnd:
    """When the period that the rule states ends, counted from the event.

    `calendar` joins the calendars that count, the rule's own or those of its agreement. The zone
    matters to hours alone: for longer units `event.on` is the day counted from. The rule's `time`
    and `timezone` are not looked at.

    Raises `ValueError` with the sentence of `contradiction` where the rule contradicts itself,
    `NoBusinessDay`, `UnknownTimeZone`, and `DayOutOfRange` for a period that ends too far away.
    """
    if (conflict := contradiction(rule)) is not None:
        raise ValueError(conflict[1])
    if rule.method is not None and rule.method is not LegalMethod.CORRESPONDING_DATE:
        return compute_by_method(rule.method, event, rule, calendar, zone_name)
    if rule.unit is PeriodUnit.HOURS:
        return _hours(event, rule, zone_name)
    trace = Trace()
    if rule.unit is PeriodUnit.BUSINESS_DAYS and rule.count:
        on = _business_days(event.on, rule, calendar, trace)
    else:
        on = _civil(event.on, rule, calendar, trace)
    if rule.unit is PeriodUnit.BUSINESS_DAYS or rule.roll is not RollConvention.NONE:
        warn_of_calendars(on, calendar, trace.warnings)
    return trace.result(Reading(on=on))


def _business_days(start: date, rule: OffsetRule, calendar: BusinessCalendar, trace: Trace) -> date:
    step = signed(1, rule.direction)
    # To count the first day too, count from the day on its other side.
    origin = start - step * ONE_DAY if rule.count_first_day else start
    on = calendar.add(origin, step * rule.count)
    # A business day in all calendars has no need to roll.
    trace.steps.append(f"{_opening(start, rule)}, in {_joined(calendar)}: {named(on)}.")
    first, last = sorted((start, on))
    if (last - first).days <= _MOST_DAYS_TOLD:
        days = (first + n * ONE_DAY for n in range(1, (last - first).days))
        reasons = ((day, calendar.why_closed(day)) for day in days)
        skipped = [
            f"{day} is {reason}"
            for day, reason in reasons
            if reason is not None and not is_weekend_alone(day, reason)
        ]
        if skipped:
            trace.steps.append(f"Not counted: {', '.join(skipped)}.")
    return on


def _civil(start: date, rule: OffsetRule, calendar: BusinessCalendar, trace: Trace) -> date:
    on = shifted(start, signed(rule.count, rule.direction), rule.unit)
    lacks_day = rule.unit in _MONTHLY and on.day != start.day
    is_clamped_forward = lacks_day and rule.direction is Direction.AFTER
    # BGB section 188(2) and (3), alike in other laws: a period that begins with its first day ends
    # with the day before the corresponding one, and with the month where that is lacking.
    if rule.count_first_day and not is_clamped_forward:
        on -= signed(1, rule.direction) * ONE_DAY
    told = f"{_opening(start, rule)}: {named(on)}"
    if lacks_day:
        told += f", as that month has no day {start.day}"
    trace.steps.append(f"{told}.")
    if rule.end_of_month:
        if rule.unit not in _MONTHLY:
            trace.warnings.append(
                f"end_of_month says nothing of a period in {_unit_words(rule)}: leave it out."
            )
        elif rule.count and _is_month_end(start, rule, calendar):
            return _to_month_end(start, on, rule, calendar, trace)
    return _rolled(on, rule.roll, calendar, trace)


def _is_month_end(day: date, rule: OffsetRule, calendar: BusinessCalendar) -> bool:
    """QuantLib's reading: calendar months where nothing rolls, else business months."""
    if rule.roll is RollConvention.NONE:
        return (day + ONE_DAY).day == 1
    return calendar.is_month_end(day)


def _to_month_end(
    start: date, on: date, rule: OffsetRule, calendar: BusinessCalendar, trace: Trace
) -> date:
    if rule.roll is RollConvention.NONE:
        first = on.replace(day=1)
        end = shifted(first, 1, PeriodUnit.MONTHS) - ONE_DAY
        trace.steps.append(f"{start} ends its month, so the month's end counts: {named(end)}.")
        return _rolled(end, rule.roll, calendar, trace)
    end = calendar.month_end(on)
    trace.steps.append(
        f"No business day comes after {start} in its month, so the month's last business day "
        f"in {_joined(calendar)} counts: {named(end)}."
    )
    return end


def _rolled(on: date, convention: RollConvention, calendar: BusinessCalendar, trace: Trace) -> date:
    """`on` rolled, and the sentence that says why, or why not."""
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
        target = f"{side} business day, {_TURNED_BACK[convention]},"
    trace.steps.append(f"{closed_days(on, rolled, calendar)}: {target} {named(rolled)}.")
    return rolled


def _hours(event: Event, rule: OffsetRule, zone_name: str) -> PeriodEnd:
    trace = Trace()
    if rule.roll is not RollConvention.NONE:
        trace.warnings.append(
            "A period in hours ends when they have elapsed, on whatever day, and does not roll: "
            "leave roll out, or count by a legal method."
        )
    readings = []
    for start, why in instants_of(event, zone_name):
        end = elapsed(start, signed(rule.count, rule.direction))
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


def _unit_words(rule: OffsetRule) -> str:
    return rule.unit.replace("_", " ")


def _joined(calendar: BusinessCalendar) -> str:
    return " and ".join(calendar.names) or "weekend"
