"""Periods under Rule 6 of the Federal Rules of Civil Procedure of the United States.

Source: Rule 6(a) and (d), in the time-counting text in force since 2009-12-01. Where the published
text leaves a question open, every reading is returned and none is preferred.
"""

from __future__ import annotations

from datetime import date, datetime

from compliance.domain.civil_time import instant_or_jump, wall_clock
from compliance.domain.due_dates.calendar_names import WEEKEND, country_of
from compliance.domain.due_dates.calendars import BusinessCalendar
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
    last_day_before,
    named,
    shifted,
    signed,
    warn_of_calendars,
)
from compliance.domain.due_dates.rule_types import OffsetRule
from compliance.domain.vocabulary import Direction, PeriodUnit

_FRIDAY = 4
_US = "US"


def frcp_6(event: Event, rule: OffsetRule, calendar: BusinessCalendar, zone_name: str) -> PeriodEnd:
    """Return when a period ends under Rule 6(a) and (d).

    6(a)(1), days or longer: the day of the event is not counted, every other day is, and a period
    whose last day is a Saturday, Sunday or legal holiday continues to the next day that is none
    of these. 6(a)(2), hours: every hour is counted from the event, and a period that ends on such
    a day continues to the same time on the next open day. 6(a)(5): if the period is counted
    backward, it continues backward. 6(d): days for service are added after the period would
    otherwise expire.

    6(a)(6)(A) makes the statutory days of the federal holidays legal holidays. If a
    holiday falls on a Saturday, 5 U.S.C. 6103(b) observes it on the Friday before, but only for
    the pay and leave of federal employees, so both readings are returned. If it falls on a
    Sunday, Executive Order 11582 moves it to the Monday for everybody, so only that is returned.

    Raises:
        NoBusinessDay: the calendars have too few business days.
        UnknownTimeZone: there is no such zone.
        DayOutOfRange: the period ends outside `FIRST_DAY`..`LAST_DAY`.
    """
    trace = Trace()
    calendar = _legal_holidays(rule, calendar, trace)
    readings: list[Reading] = []
    for start, supposed in _starts(event, rule, zone_name):
        attempts = []
        for counts_friday in (True, False):
            attempt = _FrcpCount(rule, calendar, zone_name, counts_friday=counts_friday)
            attempts.append((attempt, attempt.end(event.on, start)))
            if not attempt.fridays:
                break
        fridays = dict.fromkeys(holiday for attempt, _ in attempts for holiday in attempt.fridays)
        for attempt, (on, at) in attempts:
            whys = [supposed] if supposed else []
            for holiday in fridays:
                does = "counts" if attempt.counts_friday else "does not count"
                whys.append(f"if the day observed for {holiday} {does}")
            readings.append(Reading(on=on, at=at, why=", ".join(whys)))
        trace.steps.extend(_merged([attempt.steps for attempt, _ in attempts]))
    last = max(reading.on for reading in readings)
    warn_of_calendars(last, calendar, trace.warnings)
    return trace.result(*readings)


def _legal_holidays(rule: OffsetRule, calendar: BusinessCalendar, trace: Trace) -> BusinessCalendar:
    """Return the calendars with Saturdays, Sundays and the federal holidays added.

    Rule 6(a)(6)(C): state holidays count in addition to the federal ones, but only in periods
    that are counted forward.
    """
    names = calendar.names or (_US,)
    states = [name for name in names if name.startswith(f"{_US}-")]
    if states:
        joined = " and ".join(states)
        if rule.direction is Direction.BEFORE:
            names = tuple(name for name in names if name not in states)
            trace.steps.append(
                f"Holidays of {joined} that are not federal do not count in a period counted "
                "backward (Rule 6(a)(6)(C))."
            )
        else:
            trace.steps.append(
                f"The federal holidays count in addition to those of {joined} (Rule 6(a)(6))."
            )
        names = (_US, *(name for name in names if name != _US))
    elif _US not in {country_of(name) for name in names}:
        trace.warnings.append(
            "Rule 6 uses the federal holidays of the United States, but US is not among the "
            f"calendars ({' and '.join(names)}): add it."
        )
    return calendar.renamed(tuple(dict.fromkeys((*names, WEEKEND))))


def _starts(
    event: Event, rule: OffsetRule, zone_name: str
) -> tuple[tuple[datetime | None, str], ...]:
    if rule.unit is not PeriodUnit.HOURS:
        return ((None, ""),)
    return instants_of(event, zone_name)


def _merged(attempts: list[list[str]]) -> list[str]:
    """Return the steps of all counts, and mark those that only one count has."""
    first, second = attempts[0], attempts[-1]
    return [
        *(each if each in second else f"If it counts: {each}" for each in first),
        *(f"If it does not count: {each}" for each in second if each not in first),
    ]


class _FrcpCount:
    """One count under Rule 6, under one reading of Fridays on which a holiday is observed.

    `fridays` are the holidays for which such a Friday affected the end of the period.
    """

    def __init__(
        self,
        rule: OffsetRule,
        calendar: BusinessCalendar,
        zone_name: str,
        *,
        counts_friday: bool,
    ) -> None:
        self.rule = rule
        self.calendar = calendar
        self.zone_name = zone_name
        self.counts_friday = counts_friday
        self.steps: list[str] = []
        self.fridays: list[str] = []

    def end(self, day: date, start: datetime | None) -> tuple[date, datetime | None]:
        """Return the last day that is on time and, for hours, the exclusive end."""
        rule = self.rule
        count = signed(rule.count, rule.direction)
        period = f"{counted(rule.count, rule.unit)} {rule.direction}"
        if start is not None:
            at = elapsed(start, count)
            self.steps.append(
                f"{period} {clock(start, self.zone_name)}, every hour counted (Rule 6(a)(2)): "
                f"{clock(at, self.zone_name)}."
            )
            return self._serve_instant(self._continue_instant(at))
        on = shifted(day, count, rule.unit)
        self.steps.append(f"{period} {day}, that day not counted (Rule 6(a)(1)): {named(on)}.")
        on = self._continue(on)
        if rule.service_days:
            served = shifted(on, rule.service_days, PeriodUnit.DAYS)
            self._add_service_step(named(served))
            on = self._continue(served)
        return on, None

    def _serve_instant(self, at: datetime) -> tuple[date, datetime]:
        if self.rule.service_days:
            at = self._same_time(at, self.rule.service_days)
            self._add_service_step(clock(at, self.zone_name))
            at = self._continue_instant(at)
        return last_day_before(at, self.zone_name), at

    def _add_service_step(self, reached: str) -> None:
        days = counted(self.rule.service_days, PeriodUnit.DAYS)
        self.steps.append(f"{days} added for service (Rule 6(d)): {reached}.")

    def _continue(self, on: date) -> date:
        """Return `on`, or the next open day in the direction of counting."""
        if self._is_open(on):
            return on
        step = signed(1, self.rule.direction)
        # The furthest day that can be reached; raises for calendars that are always closed.
        furthest = self.calendar.add(on, step)
        opened = on
        while opened != furthest and not self._is_open(opened):
            opened += step * ONE_DAY
        part, way = (
            ("(a)(1)(C)", "on") if self.rule.direction is Direction.AFTER else ("(a)(5)", "back")
        )
        if self.rule.unit is PeriodUnit.HOURS and self.rule.direction is Direction.AFTER:
            part = "(a)(2)(C)"
        self.steps.append(
            f"{closed_days(on, opened, self.calendar)}: the period continues {way} to "
            f"{named(opened)} "
            f"(Rule 6{part})."
        )
        return opened

    def _continue_instant(self, at: datetime) -> datetime:
        on = last_day_before(at, self.zone_name)
        opened = self._continue(on)
        return at if opened == on else self._same_time(at, (opened - on).days)

    def _same_time(self, at: datetime, days: int) -> datetime:
        local = wall_clock(at, self.zone_name)
        day = shifted(local.date(), days, PeriodUnit.DAYS)
        return instant_or_jump(day, local.time(), self.zone_name)

    def _is_open(self, day: date) -> bool:
        if self.calendar.is_business_day(day):
            return True
        holiday = self.calendar.in_lieu_of(day) if day.weekday() == _FRIDAY else None
        if holiday is None:
            return False
        if holiday not in self.fridays:
            self.fridays.append(holiday)
            self.steps.append(
                f"{day} is the day observed for {holiday} on {day + ONE_DAY}. 5 U.S.C. 6103(b) "
                "moves it only for the pay and leave of federal employees; readings differ on "
                "whether it is a legal holiday."
            )
        return not self.counts_friday
