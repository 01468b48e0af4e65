"""Periods under Regulation (EEC, Euratom) No 1182/71 on periods, dates and time limits.

Source: articles 2 and 3. Where the published text leaves a question open, every reading is returned
and none is preferred.
"""

from __future__ import annotations

from datetime import date, datetime

from compliance.domain.civil_time import wall_clock
from compliance.domain.due_dates.calendar_names import WEEKEND
from compliance.domain.due_dates.calendars import BusinessCalendar
from compliance.domain.due_dates.periods import (
    LEAST_TIME,
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
    last_day_before,
    named,
    shifted,
    signed,
    warn_of_calendars,
)
from compliance.domain.due_dates.rule_types import OffsetRule
from compliance.domain.vocabulary import Direction, PeriodUnit

# Article 3(5) of the Regulation applies to periods of two days or more.
_LEAST_WORKING_DAYS = 2
_TWO_DAYS_IN_HOURS = 48
_LONGER_THAN_A_DAY = frozenset({PeriodUnit.WEEKS, PeriodUnit.MONTHS, PeriodUnit.YEARS})


def eu_1182_71(
    event: Event, rule: OffsetRule, calendar: BusinessCalendar, zone_name: str
) -> PeriodEnd:
    """Return when a period ends under articles 2 and 3 of the Regulation.

    2(2): working days are all days except public holidays, Saturdays and Sundays. 3(1): the hour or
    day of the event is not counted. 3(2): periods end with their last hour or day; weeks, months
    and years end on the same weekday or date, or on the last day of the month if it is too short.
    3(3): closed days count, unless the period is in working days. 3(4): if the last day is closed,
    the period ends with the next working day, except for periods in hours or counted backward.

    3(5): periods of two days or more include at least two working days. Unlike 3(4), it does not
    except periods counted backward, where it could only move the day earlier, so both readings are
    returned. Whether it applies to hours is disputed too (for the 72 hours of article 33 GDPR);
    3(4) excepts them, so only a warning is given where it would matter.

    Raises:
        NoBusinessDay: the calendars have too few business days.
        UnknownTimeZone: there is no such zone.
        DayOutOfRange: the period ends outside `FIRST_DAY`..`LAST_DAY`.
    """
    trace = Trace()
    public = calendar.names
    calendar = calendar.renamed(tuple(dict.fromkeys((*public, WEEKEND))))
    if rule.unit is PeriodUnit.HOURS:
        return _eu_hours(event, rule, calendar, zone_name, trace)
    if all(name.startswith(WEEKEND) for name in public):
        trace.warnings.append(
            "No public holidays were considered: name the calendar of the Member State "
            "in which the action is to be taken (article 2(1))."
        )
    last = _last_day(event.on, rule, calendar, trace)
    readings = [Reading(on=last)]
    lasts_two_days = rule.count >= (1 if rule.unit in _LONGER_THAN_A_DAY else _LEAST_WORKING_DAYS)
    if lasts_two_days:
        step = signed(1, rule.direction)
        widened = _with_two_working_days(event.on, last, step, calendar)
        if widened != last:
            readings = _by_article_3_5(rule, last, widened, trace)
    for reading in readings:
        warn_of_calendars(reading.on, calendar, trace.warnings)
    return trace.result(*readings)


def _last_day(start: date, rule: OffsetRule, calendar: BusinessCalendar, trace: Trace) -> date:
    """Return the last day under article 3(1) to (4), and add the steps to the trace."""
    step = signed(1, rule.direction)
    period = f"{counted(rule.count, rule.unit)} {rule.direction} {start}"
    if rule.unit is PeriodUnit.BUSINESS_DAYS:
        on = calendar.add(start, step * rule.count)
        article = "articles 2(2) and 3(3)"
        period = period.replace("business", "working")
    else:
        on = shifted(start, step * rule.count, rule.unit)
        article = "article 3(2)(b)" if rule.unit is PeriodUnit.DAYS else "article 3(2)(c)"
    trace.steps.append(f"{period}, that day not counted (article 3(1); {article}): {named(on)}.")
    if calendar.is_business_day(on):
        return on
    if rule.direction is Direction.BEFORE:
        trace.steps.append(
            f"{on} is {calendar.why_closed(on)}, but the day stays: article 3(4) does not apply "
            "to periods counted backward."
        )
        return on
    last = calendar.add(on, 1)
    trace.steps.append(
        f"{closed_days(on, last, calendar)}: the period ends on the next working day, "
        f"{named(last)} (article 3(4))."
    )
    return last


def _with_two_working_days(start: date, last: date, step: int, calendar: BusinessCalendar) -> date:
    """Return `last`, or a day further from `start` by which two working days have passed."""
    second = calendar.add(start, step * _LEAST_WORKING_DAYS)
    return max(last, second) if step > 0 else min(last, second)


def _by_article_3_5(rule: OffsetRule, last: date, widened: date, trace: Trace) -> list[Reading]:
    if rule.direction is Direction.AFTER:
        trace.steps.append(
            f"To include two working days (article 3(5)), the period ends on {named(widened)}."
        )
        return [Reading(on=widened)]
    trace.steps.append(
        f"To include two working days (article 3(5)), the period would go back to "
        f"{named(widened)}; readings differ on whether this applies to periods counted backward."
    )
    return [
        Reading(on=widened, why="if article 3(5) applies to periods counted backward"),
        Reading(on=last, why="if article 3(5) does not apply to periods counted backward"),
    ]


def _eu_hours(
    event: Event,
    rule: OffsetRule,
    calendar: BusinessCalendar,
    zone_name: str,
    trace: Trace,
) -> PeriodEnd:
    readings = []
    step = signed(1, rule.direction)
    for number, (at, why) in enumerate(instants_of(event, zone_name)):
        # Ends of days are exclusive, so the last hour is the hour of the preceding instant.
        within = at - LEAST_TIME if number else at
        local = wall_clock(within, zone_name)
        hour = within - (local - local.replace(minute=0, second=0, microsecond=0))
        start = elapsed(hour, 1) if step > 0 else hour
        end = elapsed(start, step * rule.count)
        trace.steps.append(
            f"The hour of the event{', ' + why if why else ''}, from {clock(hour, zone_name)}, "
            f"is not counted (article 3(1)): {counted(rule.count, rule.unit)} "
            f"{'from' if step > 0 else 'back from'} {clock(start, zone_name)} "
            f"end at {clock(end, zone_name)}, in {zone_name} (article 3(2)(a))."
        )
        first, last = sorted((start, end))
        day = last_day_before(end, zone_name)
        if (
            rule.count >= _TWO_DAYS_IN_HOURS
            and _working_days(first, last, calendar, zone_name) < _LEAST_WORKING_DAYS
        ):
            trace.warnings.append(
                "The period includes fewer than two whole working days. Article 3(5) requires two "
                "in periods of two days or more; some hold that this applies to periods in hours "
                f"too, which would move the end from {day}."
            )
        readings.append(Reading(on=day, at=end, why=why))
    return trace.result(*readings)


def _working_days(
    first: datetime, last: datetime, calendar: BusinessCalendar, zone_name: str
) -> int:
    """Return how many whole working days there are between the instants, at most two."""
    day = last_day_before(first, zone_name) + ONE_DAY
    end = wall_clock(last, zone_name).date()
    found = 0
    while day < end and found < _LEAST_WORKING_DAYS:
        found += calendar.is_business_day(day)
        day += ONE_DAY
    return found
