"""The ways in which statutes and courts count a period, by name.

- `frcp-6`: Federal Rules of Civil Procedure of the United States, Rule 6(a) and (d), in the
  time-counting text in force since 2009-12-01.
- `eu-1182-71`: Regulation (EEC, Euratom) No 1182/71 determining the rules applicable to periods,
  dates and time limits, articles 2 and 3.
- `corresponding-date`: the English rule for months, Dodds v Walker [1981] 1 WLR 1027 (HL). It
  adds nothing to the plain count but refusals, so `offsets` counts it.

Where the published text leaves a question open, every reading is given and none is chosen.
"""

from __future__ import annotations

from datetime import date, datetime

from compliance.domain.civil_time import instant_or_jump, wall_clock
from compliance.domain.due_dates.calendars import WEEKEND, BusinessCalendar
from compliance.domain.due_dates.due_rules import OffsetRule
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
from compliance.domain.vocabulary import Direction, LegalMethod, PeriodUnit, RollConvention

_FRIDAY = 4
_US = "US"
# Article 3(5) of the Regulation speaks of periods of two days or more.
_LEAST_WORKING_DAYS = 2
_TWO_DAYS_IN_HOURS = 48
_LONGER_THAN_A_DAY = frozenset({PeriodUnit.WEEKS, PeriodUnit.MONTHS, PeriodUnit.YEARS})


def contradiction(rule: OffsetRule) -> tuple[str, str] | None:
    """The field at which the rule contradicts itself, and a sentence that says what to do.

    None where its unit, method, roll and the rest can be meant together.
    """
    method, unit = rule.method, rule.unit
    if rule.count_first_day:
        if method is not None:
            return (
                "count_first_day",
                f"{method} never counts the day of the event: leave count_first_day out, "
                "or the method.",
            )
        if unit is PeriodUnit.HOURS:
            return (
                "count_first_day",
                "Hours are counted from the event itself: leave count_first_day out.",
            )
        if not rule.count:
            return (
                "count_first_day",
                "A period of nothing has no first day: give a count of 1 or more, "
                "or leave count_first_day out.",
            )
        if rule.end_of_month:
            return (
                "end_of_month",
                "A period that counts its first day ends before the corresponding day: "
                "leave end_of_month or count_first_day out.",
            )
    if method is None:
        if rule.service_days:
            return (
                "service_days",
                "Only frcp-6 adds days for service: choose that method, or leave service_days out.",
            )
        return None
    if rule.end_of_month:
        return (
            "end_of_month",
            f"{method} says itself where a month without the day ends: leave end_of_month out, "
            "or the method.",
        )
    if method is LegalMethod.CORRESPONDING_DATE:
        if unit is PeriodUnit.HOURS:
            return (
                "unit",
                "Hours have no corresponding date: count days or longer, or leave the method out.",
            )
    elif rule.roll is not RollConvention.NONE:
        return (
            "roll",
            f"{method} says itself what becomes of a last day that is closed: leave roll out, "
            "or the method.",
        )
    if method is not LegalMethod.FRCP_6:
        if rule.service_days:
            return (
                "service_days",
                f"{method} adds no days for service: leave service_days out, or choose frcp-6.",
            )
        return None
    if unit is PeriodUnit.BUSINESS_DAYS:
        return (
            "unit",
            "Rule 6(a)(1)(B) counts every day, also those that are closed: give days, "
            "or leave the method out.",
        )
    if rule.service_days and rule.direction is Direction.BEFORE:
        return (
            "service_days",
            "Rule 6(d) adds time to act after being served, not before an event: "
            "leave service_days out.",
        )
    return None


def compute_by_method(
    method: LegalMethod,
    event: Event,
    rule: OffsetRule,
    calendar: BusinessCalendar,
    zone_name: str,
) -> PeriodEnd:
    """When the period ends by a method that counts in a way of its own.

    Raises as `offsets.compute_period_end` does.
    """
    if method is LegalMethod.FRCP_6:
        return _frcp_6(event, rule, calendar, zone_name)
    return _eu_1182_71(event, rule, calendar, zone_name)


def _frcp_6(
    event: Event, rule: OffsetRule, calendar: BusinessCalendar, zone_name: str
) -> PeriodEnd:
    """Rule 6(a) and (d).

    6(a)(1), days or longer: the day of the event is left out, every other day counts, and a period
    whose last day is a Saturday, Sunday or legal holiday continues to the next day that is none.
    6(a)(2), hours: they count at once, every one of them, and such a period continues to the same
    time of such a day. 6(a)(5): the next day lies further back where the period is counted back.
    6(d): days for service are added after the period would otherwise expire.

    6(a)(6)(A) makes the days "set aside by statute" for the federal holidays legal holidays. For
    a holiday on a Saturday, 5 U.S.C. 6103(b) moves the Friday before only for the pay and leave
    of federal employees, so both readings are given. For one on a Sunday, Executive Order 11582
    moves it to the Monday for the country, which counts.
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
    """The calendars with Saturdays, Sundays and the federal holidays among them.

    Rule 6(a)(6)(C): holidays that a state declares count beside the federal ones, and only in
    periods that are counted forward.
    """
    names = calendar.names or (_US,)
    states = [name for name in names if name.startswith(f"{_US}-")]
    if states:
        told = " and ".join(states)
        if rule.direction is Direction.BEFORE:
            names = tuple(name for name in names if name not in states)
            trace.steps.append(
                f"Holidays of {told} alone do not count in a period counted back: "
                "only the federal ones do (Rule 6(a)(6)(C))."
            )
        else:
            trace.steps.append(f"The federal holidays count beside those of {told} (Rule 6(a)(6)).")
        names = (_US, *(name for name in names if name != _US))
    elif _US not in names:
        trace.warnings.append(
            "Rule 6 counts by the federal holidays of the United States, and US is not among the "
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
    """The steps of one count, or of both, those told apart that only one of them takes."""
    first, second = attempts[0], attempts[-1]
    return [
        *(each if each in second else f"If it counts: {each}" for each in first),
        *(f"If it does not count: {each}" for each in second if each not in first),
    ]


class _FrcpCount:
    """One count under Rule 6, on one view of Fridays that stand in for a Saturday.

    `fridays` are the holidays for which such a Friday made a difference to where it ended.
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
        """The last day in time, and for hours the end."""
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
            self._tell_service(named(served))
            on = self._continue(served)
        return on, None

    def _serve_instant(self, at: datetime) -> tuple[date, datetime]:
        if self.rule.service_days:
            at = self._same_time(at, self.rule.service_days)
            self._tell_service(clock(at, self.zone_name))
            at = self._continue_instant(at)
        return last_day_before(at, self.zone_name), at

    def _tell_service(self, reached: str) -> None:
        days = counted(self.rule.service_days, PeriodUnit.DAYS)
        self.steps.append(f"{days} added for service (Rule 6(d)): {reached}.")

    def _continue(self, on: date) -> date:
        """`on`, or the next day in the direction of counting that is no day of rest."""
        if self._is_open(on):
            return on
        step = signed(1, self.rule.direction)
        # The furthest that it can go; refuses calendars that never open.
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
            f"{closed_days(on, opened, self.calendar)}: continues {way} to {named(opened)} "
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
                f"{day} is observed for {holiday} on {day + ONE_DAY}; 5 U.S.C. 6103(b) does so "
                "for pay and leave of federal employees only, and readings differ on whether it "
                "is a legal holiday."
            )
        return not self.counts_friday


def _eu_1182_71(
    event: Event, rule: OffsetRule, calendar: BusinessCalendar, zone_name: str
) -> PeriodEnd:
    """Articles 2 and 3 of the Regulation.

    2(2): working days are all but public holidays, Saturdays and Sundays. 3(1): the hour or day of
    the event is left out. 3(2): periods end as their last hour or day does; weeks, months and
    years on the same weekday or date, or the month's last day where there is none. 3(3): closed
    days count, unless working days are what is counted. 3(4): a last day that is closed runs to
    the end of the next working day, but not in hours and not in periods counted back.

    3(5): periods of two days or more include at least two working days. Unlike 3(4), it does not
    except periods counted back, but all that it could do there is move the day earlier: both
    readings are given. Whether it covers hours is disputed too (for the 72 hours of article 33
    GDPR); 3(4) excepts them, so a warning says where it would matter.
    """
    trace = Trace()
    public = calendar.names
    calendar = calendar.renamed(tuple(dict.fromkeys((*public, WEEKEND))))
    if rule.unit is PeriodUnit.HOURS:
        return _eu_hours(event, rule, calendar, zone_name, trace)
    if all(name.startswith(WEEKEND) for name in public):
        trace.warnings.append(
            "No public holidays were looked at: name the calendar of the Member State "
            "in which the action is to be taken (article 2(1))."
        )
    step = signed(1, rule.direction)
    period = f"{counted(rule.count, rule.unit)} {rule.direction} {event.on}"
    if rule.unit is PeriodUnit.BUSINESS_DAYS:
        on = calendar.add(event.on, step * rule.count)
        article = "articles 2(2) and 3(3)"
        period = period.replace("business", "working")
    else:
        on = shifted(event.on, step * rule.count, rule.unit)
        article = "article 3(2)(b)" if rule.unit is PeriodUnit.DAYS else "article 3(2)(c)"
    trace.steps.append(f"{period}, that day not counted (article 3(1); {article}): {named(on)}.")
    last = on
    if rule.direction is Direction.AFTER and not calendar.is_business_day(on):
        last = calendar.add(on, 1)
        trace.steps.append(
            f"{closed_days(on, last, calendar)}: ends on the next working day, {named(last)} "
            "(article 3(4))."
        )
    elif not calendar.is_business_day(on):
        trace.steps.append(
            f"{on} is {calendar.why_closed(on)}, and stands: article 3(4) does not apply "
            "to periods counted back."
        )
    readings = [Reading(on=last)]
    lasts_two_days = rule.count >= (1 if rule.unit in _LONGER_THAN_A_DAY else _LEAST_WORKING_DAYS)
    if lasts_two_days:
        widened = _with_two_working_days(event.on, last, step, calendar)
        if widened != last:
            readings = _by_article_3_5(rule, last, widened, trace)
    for reading in readings:
        warn_of_calendars(reading.on, calendar, trace.warnings)
    return trace.result(*readings)


def _with_two_working_days(start: date, last: date, step: int, calendar: BusinessCalendar) -> date:
    """`last`, or the day further from `start` by which two working days have passed."""
    second = calendar.add(start, step * _LEAST_WORKING_DAYS)
    return max(last, second) if step > 0 else min(last, second)


def _by_article_3_5(rule: OffsetRule, last: date, widened: date, trace: Trace) -> list[Reading]:
    if rule.direction is Direction.AFTER:
        trace.steps.append(
            f"To include two working days (article 3(5)), it ends on {named(widened)}."
        )
        return [Reading(on=widened)]
    trace.steps.append(
        f"To include two working days (article 3(5)), it would go back to {named(widened)}; "
        "readings differ on whether that holds for periods counted back."
    )
    return [
        Reading(on=widened, why="if article 3(5) holds for periods counted back"),
        Reading(on=last, why="if article 3(5) does not hold for periods counted back"),
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
    for number, (moment, why) in enumerate(instants_of(event, zone_name)):
        # The end of a day is no part of it: its last hour is that of the instant before.
        within = moment - LEAST_TIME if number else moment
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
                "The period has fewer than two whole working days in it. Article 3(5) asks for "
                "two in periods of two days or more; some hold that this includes periods in "
                f"hours, and would move its end from {day}."
            )
        readings.append(Reading(on=day, at=end, why=why))
    return trace.result(*readings)


def _working_days(
    first: datetime, last: datetime, calendar: BusinessCalendar, zone_name: str
) -> int:
    """How many whole working days lie between the instants, up to two."""
    day = last_day_before(first, zone_name) + ONE_DAY
    end = wall_clock(last, zone_name).date()
    found = 0
    while day < end and found < _LEAST_WORKING_DAYS:
        found += calendar.is_business_day(day)
        day += ONE_DAY
    return found
