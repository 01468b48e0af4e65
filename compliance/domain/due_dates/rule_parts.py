"""The parts from which due rules are composed: calendars, events, and days of a period."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from compliance.domain.civil_periods import period_from_text, period_of, period_text
from compliance.domain.date_fields import (
    CivilDayOrPeriod,
    CivilTime,
    GivenPrecision,
    clock_text,
    refusing,
)
from compliance.domain.due_dates.calendar_names import validate_calendar
from compliance.domain.due_dates.rrules import LONGEST_RRULE, parse_rrule
from compliance.domain.fields import WHOLE, Ref
from compliance.domain.formats import ALL_DIFFERENT, CALENDAR, RECURRENCE, one_of
from compliance.domain.limits import AtMost
from compliance.domain.period_fields import PRECISIONS
from compliance.domain.vocabulary import CalendarPeriod, Precision

MOST_CALENDARS = 20

CalendarName = Annotated[
    str,
    Field(strict=True),
    AfterValidator(refusing("unknown_calendar", validate_calendar)),
    CALENDAR,
]
"""The name of a calendar, such as `US`, `DE-BY`, `weekend`, `weekend:fri-sat` or `custom:hq`."""


def _all_different(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        sentence = "Name each calendar only once."
        raise ValueError(sentence)
    return values


CalendarNames = Annotated[
    tuple[CalendarName, ...],
    AtMost(MOST_CALENDARS),
    AfterValidator(refusing("calendar_twice", _all_different)),
    ALL_DIFFERENT,
]
"""Several calendars: a business day is one that is a business day in all of them."""


def _rrule(text: str) -> str:
    parse_rrule(text)
    return text


RRule = Annotated[
    str,
    Field(strict=True, max_length=LONGEST_RRULE),
    AfterValidator(refusing("rrule", _rrule)),
    RECURRENCE,
]
"""A recurrence rule of RFC 5545, such as `FREQ=MONTHLY;BYMONTHDAY=-1`."""


def error_at(path: str, kind: str, problem: str, value: object) -> ValidationError:
    """Return the error of a field of the rule that is being validated."""
    # Pydantic would report a plain error of a validator at the rule as a whole. It reports the
    # errors of a ValidationError below the path of the rule.
    error = PydanticCustomError(kind, "{reason}", {"reason": problem})
    line = InitErrorDetails(type=error, loc=tuple(path.split("/")), input=value)
    return ValidationError.from_exception_data("DueRule", [line])


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchor:
    """The event from which an offset counts.

    It is a civil day (with a wall-clock time if the offset is in hours), a milestone of the
    agreement, or the due date of another obligation in the agreement. If only a month, quarter or
    year is known, `date` is its first day, with its `precision`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", json_schema_extra=one_of("date", "milestone", "deadline")
    )

    date: CivilDayOrPeriod | None = None
    precision: GivenPrecision = Precision.DAY
    time: CivilTime | None = None
    milestone: Ref | None = None
    deadline: Ref | None = None


def _with_time_apart(value: object) -> object:
    """Split a `date` such as `2007-11-02T10:23` into the fields `date` and `time`."""
    if isinstance(value, dict) and isinstance(value.get("date"), str) and "time" not in value:
        day, mark, clock = value["date"].partition("T")
        if mark:
            return {**value, "date": day, "time": clock}
    if isinstance(value, dict) and (period := period_from_text(value.get("date"))) is not None:
        stated = value.get("precision")
        # The anchor reports a precision that is none.
        precision = period.precision if stated in PRECISIONS else stated
        return {**value, "date": period.first, "precision": precision}
    return value


def _check_period(anchor: Anchor) -> None:
    if anchor.date is None:
        problem = "A precision needs a date: a milestone or deadline has its own. Remove precision."
        raise error_at("precision", "precision", problem, anchor.precision)
    if period_of(anchor.date, anchor.precision).first != anchor.date:
        problem = f"Give date as a {anchor.precision} to state that precision, or omit it."
        raise error_at("precision", "precision", problem, anchor.precision)


def _one_anchor(anchor: Anchor) -> Anchor:
    if [anchor.date, anchor.milestone, anchor.deadline].count(None) != 2:
        problem = "Give exactly one of date, milestone and deadline."
        raise PydanticCustomError("anchor", "{reason}", {"reason": problem})
    if anchor.precision is not Precision.DAY:
        _check_period(anchor)
    if anchor.time is not None and anchor.precision is not Precision.DAY:
        problem = f"A {anchor.precision} has no time of day: give the day, or remove time."
        raise error_at("time", "anchor_time", problem, anchor.time)
    if anchor.time is not None and anchor.date is None:
        problem = "A time needs a date: a milestone or deadline has its own. Remove time."
        raise error_at("time", "anchor_time", problem, anchor.time)
    return anchor


def _without_nulls(value: Anchor | TriggerEvent) -> dict[str, str]:
    found = {name: getattr(value, name) for name in value.__slots__}
    precision = found.pop("precision", Precision.DAY)
    if precision is not Precision.DAY:
        found["date"] = period_text(found["date"], precision)
    return {
        name: clock_text(each) if isinstance(each, dt.time) else str(each)
        for name, each in found.items()
        if each is not None
    }


_WITHOUT_NULLS = PlainSerializer(_without_nulls, return_type=dict[str, str], when_used="json")

CheckedAnchor = Annotated[
    Anchor,
    BeforeValidator(_with_time_apart),
    AfterValidator(_one_anchor),
    _WITHOUT_NULLS,
]
"""An anchor with exactly one of its three fields set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerEvent:
    """An event that activates a deadline: a milestone, or an obligation met or breached."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", json_schema_extra=one_of("milestone", "breach_of", "met")
    )

    milestone: Ref | None = None
    breach_of: Ref | None = None
    met: Ref | None = None


def _one_event(event: TriggerEvent) -> TriggerEvent:
    if [event.milestone, event.breach_of, event.met].count(None) != 2:
        problem = "Give exactly one of milestone, breach_of and met."
        raise PydanticCustomError("event", "{reason}", {"reason": problem})
    return event


CheckedEvent = Annotated[
    TriggerEvent,
    AfterValidator(_one_event),
    _WITHOUT_NULLS,
]
"""An event with exactly one of its fields set."""

_LONGEST_PERIOD = {
    CalendarPeriod.WEEK: 7,
    CalendarPeriod.MONTH: 31,
    CalendarPeriod.QUARTER: 92,
    CalendarPeriod.YEAR: 366,
}
_DayNumber = Annotated[int, Field(strict=True, ge=-366, le=366), WHOLE]


@dataclass(frozen=True, kw_only=True, slots=True)
class OnDay:
    """A day of the calendar period in which a date falls, such as the last day of its month.

    It is the n-th `day` or the n-th `business_day` of the period; negative numbers count from its
    end. If the period has fewer such days, it is the last of them, or the first if counted from
    the end.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", json_schema_extra=one_of("day", "business_day")
    )

    day: _DayNumber | None = None
    business_day: _DayNumber | None = None
    of: CalendarPeriod


def _one_number(on_day: OnDay) -> OnDay:
    if (on_day.day is None) == (on_day.business_day is None):
        problem = "Give either day or business_day, such as {'business_day': 5, 'of': 'month'}."
        raise PydanticCustomError("on_day", "{reason}", {"reason": problem})
    name = "day" if on_day.day is not None else "business_day"
    number = getattr(on_day, name)
    most = _LONGEST_PERIOD[on_day.of]
    if not 1 <= abs(number) <= most:
        problem = (
            f"Give a number from 1 to {most}, or from -1 to -{most} to count from the end of the "
            f"{on_day.of}."
        )
        raise error_at(name, "on_day", problem, number)
    return on_day


CheckedOnDay = Annotated[
    OnDay,
    AfterValidator(_one_number),
    PlainSerializer(
        lambda on_day: {
            name: value
            for name in ("day", "business_day", "of")
            if (value := getattr(on_day, name)) is not None
        },
        return_type=dict[str, int | str],
        when_used="json",
    ),
]
"""A named day whose number can occur in its period."""
