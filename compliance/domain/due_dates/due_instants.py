"""Compute the due instants from the last civil day of a period, and the grace period after them.

If it is not agreed when a day ends, because the parties' zones or the readings of a rule differ,
the due instant is the last of the possible ends and `Due.earliest_due_at` is the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from compliance.domain.civil_time import (
    DayOutOfRange,
    NonexistentLocalTime,
    day_end,
    day_start,
    instant,
    instant_or_jump,
    local_readings,
    wall_clock,
)
from compliance.domain.due_dates.area_readings import latest_by_area
from compliance.domain.due_dates.calendar_names import UnknownCalendar
from compliance.domain.due_dates.calendars import BusinessCalendar, NoBusinessDay
from compliance.domain.due_dates.contexts import (
    GraceUnresolvable,
    ResolutionContext,
    Unresolvable,
)
from compliance.domain.due_dates.dues import Due
from compliance.domain.due_dates.grace_periods import GraceUnit
from compliance.domain.due_dates.periods import PeriodEnd, Reading, named
from compliance.domain.due_dates.rule_types import DateRule, OffsetRule, RecurrenceRule
from compliance.domain.skipped_days import skipped_days


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """One date of a rule: when it is due, how that was computed, and warnings.

    If readings of the rule differ, `earliest_on` is the first possible due day. If the due instant
    is ambiguous, `readings` are the first and the last possible one; otherwise it is empty.
    """

    due: Due
    steps: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    earliest_on: date | None = None
    readings: tuple[datetime, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _End:
    """One possible end of the due date: by one reading, in one zone."""

    at: datetime
    zone_name: str
    reading: Reading


@dataclass(kw_only=True, slots=True)
class _Ends:
    """All possible ends of the due date.

    `repeated` are the first instants of wall-clock times that clocks show twice; the second is
    among the `ends`. `skipped` are both readings of times that clocks skip.
    """

    ends: list[_End] = field(default_factory=list)
    repeated: list[datetime] = field(default_factory=list)
    skipped: list[datetime] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, reading: Reading, at: time | None, zone_name: str, *, is_lenient: bool) -> None:
        """Add the end of `reading` in a zone: the wall-clock time `at`, or the end of the day."""
        end = reading.at
        if end is None and at is None:
            end = _day_end(reading.on, zone_name)
        elif end is None and at is not None:
            end = self._wall_clock_end(reading.on, at, zone_name, is_lenient=is_lenient)
        assert end is not None
        self.ends.append(_End(at=end, zone_name=zone_name, reading=reading))

    def _wall_clock_end(self, on: date, at: time, zone_name: str, *, is_lenient: bool) -> datetime:
        first, last = local_readings(on, at, zone_name)
        if last < first:
            self.skipped += [last, first]
            self.warnings.append(_skipped_time(on, at, zone_name, is_lenient=is_lenient))
            return instant_or_jump(on, at, zone_name)
        if first < last:
            self.repeated.append(first)
            self.warnings.append(_repeated_time(on, at, zone_name, first, last))
        return last

    @property
    def first(self) -> _End:
        return min(self.ends, key=lambda end: end.at)

    @property
    def last(self) -> _End:
        return max(self.ends, key=lambda end: end.at)


def due_at_period_end(
    rule: DateRule | OffsetRule | RecurrenceRule,
    period_end: PeriodEnd,
    context: ResolutionContext,
    zone_name: str,
    *,
    is_lenient: bool,
) -> Resolved:
    """Return the due instants of a period end, with the grace period of the context.

    A wall-clock time that clocks skip is rejected unless `is_lenient`.

    Raises:
        Unresolvable: the day or time is not valid in a zone.
        GraceUnresolvable: the grace period has no end in the supported range.
    """
    warnings = list(period_end.warnings)
    zones = [zone_name]
    if rule.is_two_sided:
        zones = sorted({zone_name, *context.party_timezones.values()})
        if len(zones) == 1:
            warnings.append(f"All parties are in {zone_name}, so is_two_sided makes no difference.")
    found = _Ends(warnings=warnings)
    for reading in period_end.readings:
        for name in zones:
            if reading.on in skipped_days(name):
                warnings.append(_skipped_day(reading.on, name))
            found.add(reading, rule.time, name, is_lenient=is_lenient)
    last = found.last
    due_on, due_at = last.reading.on, last.at
    earliest_due_at = min([found.first.at, *found.repeated])
    steps = [*period_end.steps, _ending(rule.time, last)]
    if earliest_due_at < due_at:
        steps += _window(found, earliest_due_at, zones, period_end.readings, rule.time)
    unmet_at = due_at
    if context.grace is not None and context.grace.count:
        unmet_at = _grace_end(rule.time, due_on, due_at, last.zone_name, context)
        warnings.extend(
            f"{day}, within the grace period, does not exist in {last.zone_name}, but was counted."
            for day in skipped_days(last.zone_name)
            if due_on < day and day_start(day, last.zone_name) <= unmet_at
        )
        unit = context.grace.unit.replace("_", " ")
        steps.append(f"Grace of {context.grace.count} {unit}: unmet from {_utc(unmet_at)}.")
    earliest_on = min(reading.on for reading in period_end.readings)
    possible = [earliest_due_at, due_at, *found.skipped]
    return Resolved(
        due=Due(
            due_on=due_on,
            due_at=due_at,
            unmet_at=unmet_at,
            timezone=last.zone_name,
            earliest_due_at=earliest_due_at if earliest_due_at < due_at else None,
        ),
        steps=tuple(steps),
        warnings=tuple(dict.fromkeys(warnings)),
        earliest_on=earliest_on if earliest_on != due_on else None,
        readings=(min(possible), max(possible)) if min(possible) < max(possible) else (),
    )


def by_every_reading(
    found: Sequence[Resolved], steps: tuple[str, ...], warnings: tuple[str, ...]
) -> Resolved:
    """Return one due date from those of several readings, with these sentences before theirs."""
    first = min(found, key=lambda each: each.due.earliest_due_at or each.due.due_at)
    last = max(found, key=lambda each: each.due.due_at)
    steps = (*steps, *(step for each in found for step in each.steps))
    warnings = (*warnings, *(each for one in found for each in one.warnings))
    if first is last:
        return replace(last, steps=steps, warnings=tuple(dict.fromkeys(warnings)))
    earliest_due_at = first.due.earliest_due_at or first.due.due_at
    ends = [earliest_due_at, last.due.due_at, *first.readings, *last.readings]
    return Resolved(
        due=last.due._replace(earliest_due_at=earliest_due_at),
        steps=tuple(dict.fromkeys(steps)),
        warnings=tuple(dict.fromkeys(warnings)),
        earliest_on=first.earliest_on or first.due.due_on,
        readings=(min(ends), max(ends)),
    )


def _skipped_day(on: date, zone_name: str) -> str:
    return (
        f"{on} does not exist in {zone_name}, whose calendar skipped it: it begins and ends with "
        f"the end of {on - timedelta(days=1)}. Check which day the agreement means."
    )


def _repeated_time(on: date, at: time, zone_name: str, first: datetime, last: datetime) -> str:
    return (
        f"Clocks in {zone_name} show {at:%H:%M} twice on {on}: first at {_utc(first)}, "
        f"again at {_utc(last)}. The second is used."
    )


def _skipped_time(on: date, at: time, zone_name: str, *, is_lenient: bool) -> str:
    first, last = local_readings(on, at, zone_name)
    try:
        instant(on, at, zone_name)
    except NonexistentLocalTime as error:
        if not is_lenient:
            raise Unresolvable("time", str(error)) from None
        reason = str(error)
    return (
        f"{reason} With the UTC offset before the change it is {_utc(first)}, "
        f"with the offset after it {_utc(last)}."
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
    if grace.unit in {GraceUnit.HOURS, GraceUnit.MINUTES}:
        return due_at + timedelta(**{grace.unit.value: grace.count})
    try:
        if grace.unit is GraceUnit.BUSINESS_DAYS:
            calendar = BusinessCalendar(context.calendars, context.custom_calendars)
            # Grace ends when it has ended in every part of the calendars' areas.
            last_day = latest_by_area(calendar, lambda part: part.add(due_on, grace.count))
        else:
            weeks = grace.unit is GraceUnit.WEEKS
            last_day = due_on + timedelta(days=grace.count * (7 if weeks else 1))
        if at is None and day_end(due_on, zone_name) == due_at:
            return day_end(last_day, zone_name)
        # Nobody chose this time on the last day, so it is not an error if clocks skip it.
        clock = at or wall_clock(due_at, zone_name).time()
        return max(due_at, instant_or_jump(last_day, clock, zone_name))
    except DayOutOfRange:
        sentence = str(DayOutOfRange("The end of the grace period"))
        raise GraceUnresolvable(sentence) from None
    except (NoBusinessDay, UnknownCalendar) as error:
        raise GraceUnresolvable(str(error)) from None


def _ending(at: time | None, end: _End) -> str:
    """Return the sentence that explains how the due instant follows from the due day."""
    on, zone_name = end.reading.on, end.zone_name
    if end.reading.at is not None:
        clock = wall_clock(end.at, zone_name)
        if clock.date() != on:
            return f"Ends with {named(on)}, in {zone_name}: {_utc(end.at)}."
        return f"Ends at {clock:%H:%M} on {named(on)}, in {zone_name}: {_utc(end.at)}."
    if at is not None:
        return f"At {at:%H:%M} on {named(on)}, in {zone_name}: {_utc(end.at)}."
    return f"End of {named(on)}, in {zone_name}: {_utc(end.at)}."


def _window(
    found: _Ends,
    earliest_due_at: datetime,
    zones: Sequence[str],
    readings: Sequence[Reading],
    at: time | None,
) -> list[str]:
    """Return sentences that explain why the due instant is ambiguous."""
    due_at = found.last.at
    sentences = []
    if len(readings) > 1:
        ways = "; ".join(
            f"{named(each.on)}{', ' + each.why if each.why else ''}" for each in readings
        )
        sentences.append(f"Readings differ: {ways}.")
    if len(zones) > 1:
        what = "The day ends" if at is None else f"It is {at:%H:%M}"
        sentences.append(
            f"{what} first in {found.first.zone_name}, at {_utc(earliest_due_at)}, "
            f"and last in {found.last.zone_name}, at {_utc(due_at)}."
        )
    sentences.append(f"Ambiguous from {_utc(earliest_due_at)} to {_utc(due_at)}.")
    return sentences


def _utc(at: datetime) -> str:
    # Seconds are shown only if there are any, which is rare.
    spec = "minutes" if not (at.second or at.microsecond) else "seconds"
    return at.replace(tzinfo=None).isoformat(timespec=spec) + "Z"
