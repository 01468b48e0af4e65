"""From a due rule to days and instants, with the working shown.

`resolve` gives every date that a rule yields, one after another; each carries the sentences of
how it came about. The civil date and its zone are the truth. Where it is not agreed when a date
ends, because the parties' zones differ or because published readings of the rule do, the due
instant is the last of them and `Due.first_at` the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from compliance.domain.civil_time import (
    LAST_DAY,
    DayOutOfRange,
    NonexistentLocalTime,
    civil_day,
    day_end,
    day_start,
    instant,
    instant_or_jump,
    local_readings,
    tzdata_version,
    wall_clock,
)
from compliance.domain.due_dates.calendars import (
    BusinessCalendar,
    DeskCalendar,
    NoBusinessDay,
    UnknownCalendar,
    holidays_version,
)
from compliance.domain.due_dates.due_rules import (
    DateRule,
    Due,
    DueRule,
    Grace,
    GraceUnit,
    OffsetRule,
    RecurrenceRule,
    TriggerRule,
)
from compliance.domain.due_dates.legal_methods import contradiction
from compliance.domain.due_dates.offsets import compute_period_end
from compliance.domain.due_dates.periods import Event, PeriodEnd, Reading
from compliance.domain.due_dates.recurrences import Recurrence, occurrences, parse_rrule
from compliance.domain.vocabulary import PeriodUnit, RollConvention

_ONE_DAY = timedelta(days=1)


class Unresolvable(ValueError):
    """A rule that cannot give a date as it stands. `path` is the place in the rule."""

    def __init__(self, path: str, sentence: str) -> None:
        self.path = path
        super().__init__(sentence)


class GraceUnresolvable(ValueError):
    """A grace period that has no end that is supported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolutionContext:
    """What surrounds a rule, and counts where the rule itself is silent.

    `timezone` is the agreement's, else the obligors', and None where theirs differ.
    `party_timezones` are those of obligors and obligees, by their codes. `milestones` and
    `deadlines` are what a rule can count from, by ref; None is what has no date yet.
    """

    timezone: str | None = None
    party_timezones: Mapping[str, str] = field(default_factory=dict)
    calendars: tuple[str, ...] = ()
    desk: Mapping[str, DeskCalendar] = field(default_factory=dict)
    grace: Grace | None = None
    milestones: Mapping[str, Event | None] = field(default_factory=dict)
    deadlines: Mapping[str, Event | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """One date that a rule yields: when it is due, how that came about, what to beware of.

    `readings` are the first and the last instant that the due instant could be said to be,
    where that is not agreed; else there are none.
    """

    due: Due
    steps: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    earliest_on: date | None = None
    readings: tuple[datetime, ...] = ()


def data_version() -> str:
    """The zone and holiday data that everything here is computed with, in words."""
    return f"tzdata {tzdata_version()}, holidays {holidays_version()}"


def resolve(
    rule: DueRule,
    context: ResolutionContext,
    *,
    event: Event | None = None,
    is_lenient: bool = False,
) -> Iterator[Resolved]:
    """The dates of a rule, in order: one, for a recurrence many, for a dormant rule none.

    `event` is what woke a trigger. A wall-clock time that somebody chose for one day, and that
    the zone's clocks jump over, is refused unless `is_lenient`.

    Raises `Unresolvable`, with its place in the rule, and `GraceUnresolvable`.
    """
    if isinstance(rule, DateRule):
        zone_name = _zone(rule.timezone, context)
        closed = _calendar((), context).why_closed(rule.on)
        period_end = PeriodEnd(
            readings=(Reading(on=rule.on),),
            steps=(),
            warnings=(f"{rule.on} is {closed}.",) if closed else (),
        )
        yield _finish(rule, period_end, context, zone_name, is_lenient=is_lenient)
    elif isinstance(rule, RecurrenceRule):
        yield from _recur(rule, context)
    elif isinstance(rule, TriggerRule):
        counted_from = _anchor(rule.then, context, "then/") if rule.then.anchor else event
        if event is not None and counted_from is not None:
            try:
                yield _offset(rule.then, context, counted_from)
            except Unresolvable as error:
                raise Unresolvable(f"then/{error.path}", str(error)) from None
    else:
        counted_from = event or _anchor(rule, context, "")
        if counted_from is not None:
            yield _offset(rule, context, counted_from)


def working(resolved: Resolved) -> list[str]:
    """The whole trace of a date, as it is stored and shown."""
    return [*resolved.steps, f"Computed with {data_version()}."]


def _zone(named: str | None, context: ResolutionContext) -> str:
    zone_name = named or context.timezone
    if zone_name is None:
        sentence = (
            "The obligors are in different time zones: name the one that counts in timezone, "
            "here or on the agreement."
        )
        raise Unresolvable("timezone", sentence)
    return zone_name


def _anchor(rule: OffsetRule, context: ResolutionContext, path: str) -> Event | None:
    anchor = rule.anchor
    if anchor is None:
        return None
    if anchor.date is not None:
        if anchor.time is None:
            return Event(on=anchor.date)
        zone_name = _zone(rule.timezone, context)
        try:
            return Event(on=anchor.date, at=instant(anchor.date, anchor.time, zone_name))
        except NonexistentLocalTime as error:
            raise Unresolvable(f"{path}from/time", str(error)) from None
    known, name, word = context.milestones, anchor.milestone, "milestone"
    if name is None:
        known, name, word = context.deadlines, anchor.deadline, "deadline"
    if name is None or name not in known:
        sentence = f"There is no {word} {name} here: add it to the agreement, or correct its ref."
        raise Unresolvable(f"{path}from/{word}", sentence)
    return known[name]


def _offset(rule: OffsetRule, context: ResolutionContext, event: Event) -> Resolved:
    zone_name = _zone(rule.timezone, context)
    if (conflict := contradiction(rule)) is not None:
        raise Unresolvable(*conflict)
    if rule.time is not None and rule.unit is PeriodUnit.HOURS:
        raise Unresolvable("time", "A period in hours ends at its own time: leave this out.")
    if event.at is not None:
        # The day on which something happened is that in the zone in which it is counted from.
        event = Event(on=civil_day(event.at, zone_name), at=event.at)
    calendar = _calendar(rule.calendars, context)
    try:
        period_end = compute_period_end(event, rule, calendar=calendar, zone_name=zone_name)
    except NoBusinessDay as error:
        raise Unresolvable("count", str(error)) from None
    except DayOutOfRange as error:
        raise Unresolvable("count", f"{error} Count fewer.") from None
    named = rule.calendars or context.calendars
    last = period_end.readings[-1]
    if named and last.at is None and calendar.is_business_day(last.on):
        step = f"{last.on} is not a holiday in {' and '.join(named)}."
        period_end = replace(period_end, steps=(*period_end.steps, step))
    return _finish(rule, period_end, context, zone_name, is_lenient=True)


def _recur(rule: RecurrenceRule, context: ResolutionContext) -> Iterator[Resolved]:
    zone_name = _zone(rule.timezone, context)
    calendar = _calendar(rule.calendars, context)
    is_empty = True
    recurrence = parse_rrule(rule.rrule)
    if recurrence.until is not None and recurrence.is_until_utc:
        # In zones ahead of UTC its instant lies on the day after the one that is written.
        last = min(recurrence.until, LAST_DAY - _ONE_DAY)
        recurrence = replace(recurrence, until=last + _ONE_DAY)
    found = occurrences(
        recurrence, start=rule.start, until=rule.until, end_of_month=rule.end_of_month
    )
    for number, nominal in enumerate(found, start=1):
        if _is_past_until(parse_rrule(rule.rrule), nominal, rule.time, zone_name):
            break
        is_empty = False
        steps = [f"Date {number} of {rule.rrule} from {rule.start}: {_day(nominal)}."]
        warnings = []
        try:
            on = calendar.roll(nominal, rule.roll)
        except (NoBusinessDay, DayOutOfRange) as error:
            raise Unresolvable("roll", str(error)) from None
        closed = calendar.why_closed(nominal)
        if on != nominal:
            steps.append(f"{nominal} is {closed}; {rule.roll.replace('_', ' ')}: {_day(on)}.")
        elif closed is not None and rule.roll is RollConvention.NONE:
            warnings.append(f"{nominal} is {closed}, and the rule does not roll.")
        period_end = PeriodEnd(
            readings=(Reading(on=on),), steps=tuple(steps), warnings=tuple(warnings)
        )
        yield _finish(rule, period_end, context, zone_name, is_lenient=True)
    if is_empty:
        sentence = "This rule yields no date at all: check its parts, start and until."
        raise Unresolvable("rrule", sentence)


def _is_past_until(recurrence: Recurrence, on: date, at: time | None, zone_name: str) -> bool:
    """Whether a date comes after the time of day that UNTIL gives.

    A date without a time is past an UNTIL at its very beginning, and at no other on that day.
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


def _calendar(named: tuple[str, ...], context: ResolutionContext) -> BusinessCalendar:
    try:
        return BusinessCalendar(named or context.calendars, context.desk)
    except UnknownCalendar as error:
        raise Unresolvable("calendars", str(error)) from None


def _finish(
    rule: DateRule | OffsetRule | RecurrenceRule,
    period_end: PeriodEnd,
    context: ResolutionContext,
    zone_name: str,
    *,
    is_lenient: bool,
) -> Resolved:
    """The instants at which the days reckoned end, and the grace period after the last."""
    steps = list(period_end.steps)
    warnings = list(period_end.warnings)
    zones = [zone_name]
    if rule.is_two_sided:
        zones = sorted({zone_name, *context.party_timezones.values()})
        if len(zones) == 1:
            warnings.append(f"All parties are in {zone_name}: the window has no width.")
    ends: list[tuple[datetime, str, Reading]] = []
    twice: list[datetime] = []
    skipped: list[datetime] = []
    for reading in period_end.readings:
        for name in zones:
            if reading.at is not None:
                ends.append((reading.at, name, reading))
            elif rule.time is None:
                ends.append((_day_end(reading.on, name), name, reading))
            else:
                first, last = local_readings(reading.on, rule.time, name)
                if last < first:
                    skipped += [last, first]
                    warnings.append(_gap(reading.on, rule.time, name, is_lenient))
                    last = instant_or_jump(reading.on, rule.time, name)
                elif first < last:
                    twice.append(first)
                    warnings.append(_fold(reading.on, rule.time, name, first, last))
                ends.append((last, name, reading))
    due_at, due_zone, last_reading = max(ends, key=lambda end: end[0])
    due_on = last_reading.on
    first_at = min([end for end, _, _ in ends] + twice)
    instants = [first_at, due_at, *skipped]
    steps.append(_ending(rule, due_on, due_at, due_zone, last_reading))
    if first_at < due_at:
        steps += _window(ends, first_at, due_at, zones, period_end, rule.time)
    unmet_at = due_at
    if context.grace is not None and context.grace.count:
        unmet_at = _grace_end(rule.time, due_on, due_at, due_zone, context)
        unit = context.grace.unit.replace("_", " ")
        steps.append(f"Grace of {context.grace.count} {unit}: unmet from {_utc(unmet_at)}.")
    earliest = min(reading.on for reading in period_end.readings)
    return Resolved(
        due=Due(
            due_on=due_on,
            due_at=due_at,
            unmet_at=unmet_at,
            timezone=due_zone,
            first_at=first_at if first_at < due_at else None,
        ),
        steps=tuple(steps),
        warnings=tuple(dict.fromkeys(warnings)),
        earliest_on=earliest if earliest != due_on else None,
        readings=(min(instants), max(instants)) if min(instants) < max(instants) else (),
    )


def _fold(on: date, at: time, zone_name: str, first: datetime, last: datetime) -> str:
    return (
        f"Clocks in {zone_name} show {at:%H:%M} twice on {on}: first at {_utc(first)}, "
        f"again at {_utc(last)}. The second counts."
    )


def _gap(on: date, at: time, zone_name: str, is_lenient: bool) -> str:
    first, last = local_readings(on, at, zone_name)
    try:
        instant(on, at, zone_name)
    except NonexistentLocalTime as error:
        if not is_lenient:
            raise Unresolvable("time", str(error)) from None
        reason = str(error)
    return (
        f"{reason} Read with the offset before the jump it is {_utc(first)}, "
        f"with that after it {_utc(last)}."
    )


def _day_end(on: date, zone_name: str) -> datetime:
    try:
        return day_end(on, zone_name)
    except DayOutOfRange as error:
        raise Unresolvable("on", str(error)) from None


def _grace_end(
    at: time | None, due_on: date, due_at: datetime, zone_name: str, context: ResolutionContext
) -> datetime:
    grace = context.grace
    assert grace is not None
    if grace.unit is GraceUnit.HOURS:
        return due_at + timedelta(hours=grace.count)
    try:
        if grace.unit is GraceUnit.BUSINESS_DAYS:
            last_day = BusinessCalendar(context.calendars, context.desk).add(due_on, grace.count)
        else:
            weeks = grace.unit is GraceUnit.WEEKS
            last_day = due_on + timedelta(days=grace.count * (7 if weeks else 1))
        if at is None and day_end(due_on, zone_name) == due_at:
            return day_end(last_day, zone_name)
        # Nobody chose this time of that day, so a jump of the clocks over it is no error.
        clock = at or wall_clock(due_at, zone_name).time()
        return max(due_at, instant_or_jump(last_day, clock, zone_name))
    except DayOutOfRange:
        sentence = str(DayOutOfRange("The end of the grace period"))
        raise GraceUnresolvable(sentence) from None
    except (NoBusinessDay, UnknownCalendar) as error:
        raise GraceUnresolvable(str(error)) from None


def _ending(
    rule: DateRule | OffsetRule | RecurrenceRule,
    due_on: date,
    due_at: datetime,
    zone_name: str,
    reading: Reading,
) -> str:
    if reading.at is not None:
        clock = wall_clock(due_at, zone_name)
        if clock.date() != due_on:
            return f"Ends with {_day(due_on)}, in {zone_name}: {_utc(due_at)}."
        return f"Ends at {clock:%H:%M} on {_day(due_on)}, in {zone_name}: {_utc(due_at)}."
    if rule.time is not None:
        return f"At {rule.time:%H:%M} on {_day(due_on)}, in {zone_name}: {_utc(due_at)}."
    return f"End of {_day(due_on)}, in {zone_name}: {_utc(due_at)}."


def _window(
    ends: list[tuple[datetime, str, Reading]],
    first_at: datetime,
    due_at: datetime,
    zones: list[str],
    period_end: PeriodEnd,
    at: time | None,
) -> list[str]:
    """Why the due instant is not one instant, in sentences."""
    found = []
    if len(period_end.readings) > 1:
        ways = "; ".join(
            f"{_day(each.on)}{', ' + each.why if each.why else ''}" for each in period_end.readings
        )
        found.append(f"Readings differ: {ways}.")
    if len(zones) > 1:
        first_zone = min(ends, key=lambda end: end[0])[1]
        last_zone = max(ends, key=lambda end: end[0])[1]
        what = "The day ends" if at is None else f"{at:%H:%M} comes"
        found.append(
            f"{what} first in {first_zone}, at {_utc(first_at)}, "
            f"and last in {last_zone}, at {_utc(due_at)}."
        )
    found.append(f"Ambiguous from {_utc(first_at)} to {_utc(due_at)}.")
    return found


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _day(on: date) -> str:
    return f"{on}, a {_WEEKDAYS[on.weekday()]}"


def _utc(at: datetime) -> str:
    # Whole minutes are by far the most; seconds are shown where there are any.
    spec = "minutes" if not (at.second or at.microsecond) else "seconds"
    return at.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


MOST_SHOWN = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a rule comes to, for people to look at before anything is stored."""

    dates: tuple[Resolved, ...]
    trace: tuple[str, ...]
    warnings: tuple[str, ...]


def preview(
    rule: DueRule, context: ResolutionContext, *, limit: int, event: Event | None = None
) -> Preview:
    """The first `limit` dates of a rule, with the working and what to beware of.

    A trigger whose event is not known gives no dates, and says what it waits for.

    Raises `Unresolvable`, with its place in the rule, and `GraceUnresolvable`.
    """
    found = tuple(islice(resolve(rule, context, event=event, is_lenient=True), limit + 1))
    shown = found[:limit]
    warnings = [warning for each in shown for warning in each.warnings]
    if len(found) > len(shown):
        warnings.append(f"There are more dates: these are the first {limit}.")
    if not found:
        warnings.append(waiting(rule))
    steps = [step for each in shown for step in each.steps]
    return Preview(
        dates=shown,
        trace=(*steps, f"Computed with {data_version()}."),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def waiting(rule: DueRule) -> str:
    """What a rule that gives no date yet waits for."""
    if isinstance(rule, TriggerRule):
        event = rule.on
        if event.milestone is not None:
            return f"Dormant until the milestone {event.milestone} happens."
        if event.met is not None:
            return f"Dormant until {event.met} is met."
        return f"Dormant until {event.breach_of} is breached."
    anchor: Any = getattr(rule, "anchor", None)
    if anchor is not None and anchor.milestone is not None:
        return f"Dormant until the milestone {anchor.milestone} has a date."
    return "Dormant until what it is counted from has a date."
