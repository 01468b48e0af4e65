"""When something is due: rules as agreements state them.

A rule is the JSON of documents, API and database. `parse_due_rule` and `parse_grace` check what
comes from outside; building the values directly does not. `resolution` turns a rule into days
and instants: the civil date and its zone are the truth, the instants are derived.
"""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictBool,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY, DayOutOfRange, zone
from compliance.domain.due_dates.calendars import validate_calendar
from compliance.domain.due_dates.recurrences import parse_rrule
from compliance.domain.limits import AtMost
from compliance.domain.vocabulary import Direction, LegalMethod, PeriodUnit, RollConvention

LONGEST_GRACE = 3650
LONGEST_OFFSET = 100_000
MOST_CALENDARS = 20

REF_FORM = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_CLOCK = re.compile(r"(\d{2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_CLOCK_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"

T = TypeVar("T")


class _Unreadable(ValueError):
    """A value that is not written as a day or a time of day."""


def _refusing(kind: str, check: Callable[[Any], T]) -> Callable[[Any], T]:
    """`check`, with its ValueError made a validation error that carries the bare sentence."""

    def checked(value: Any) -> T:
        try:
            return check(value)
        except ValueError as problem:
            raise PydanticCustomError(kind, "{reason}", {"reason": str(problem)}) from None

    return checked


def _civil_day(value: object) -> dt.date:
    if isinstance(value, dt.datetime):
        raise _Unreadable(
            "This is an instant, not a day. Give the day alone, such as '2025-05-14', "
            "and the time of day, where there is one, in its own field."
        )
    if not isinstance(value, dt.date):
        value = _day_from_text(value)
    if not FIRST_DAY <= value <= LAST_DAY:
        raise DayOutOfRange
    return value


def _day_from_text(value: object) -> dt.date:
    parts = _ISO_DAY.fullmatch(value) if isinstance(value, str) else None
    if parts is None:
        raise _Unreadable("Give the day as year-month-day, such as '2025-05-14'.")
    year, month, day = (int(part) for part in parts.groups())
    if not FIRST_DAY.year <= year <= LAST_DAY.year:
        raise DayOutOfRange
    if not 1 <= month <= 12:
        raise _Unreadable(f"There is no month {month:02}. Give the day as year-month-day.")
    longest = monthrange(year, month)[1]
    if not 1 <= day <= longest:
        raise _Unreadable(f"{parts[0]} does not exist: that month has the days 01 to {longest}.")
    return dt.date(year, month, day)


def _civil_time(value: object) -> dt.time:
    advice = "Give the time of day as 'HH:MM' or 'HH:MM:SS', such as '17:00'."
    if isinstance(value, dt.time):
        if value.tzinfo is not None or value.microsecond:
            raise _Unreadable(
                f"{advice} The zone has a field of its own; parts of seconds have none."
            )
        return value.replace(fold=0)
    if isinstance(value, (int, float)):
        # YAML reads an unquoted 17:00 as the number 1020.
        raise _Unreadable(f"{advice} In YAML, put it in quotes.")
    if not isinstance(value, str):
        raise _Unreadable(advice)
    parts = _CLOCK.fullmatch(value)
    if parts is None:
        if _CLOCK.match(value) and re.search(r"[zZ+-]", value):
            raise _Unreadable(f"{advice} Without an offset: the zone has a field of its own.")
        raise _Unreadable(advice)
    hour, minute, second = (int(part or 0) for part in parts.groups())
    if hour == 24 and minute == second == 0:
        raise _Unreadable("There is no 24:00. For the end of the day, leave the time out.")
    if hour > 23 or minute > 59 or second > 59:
        raise _Unreadable(f"{value} is not a time of day. {advice}")
    return dt.time(hour, minute, second)


def _clock_text(value: dt.time) -> str:
    return value.isoformat("seconds" if value.second else "minutes")


def _zone_name(name: str) -> str:
    return zone(name).key


TimeZoneName = Annotated[
    str, Field(strict=True), AfterValidator(_refusing("unknown_time_zone", _zone_name))
]
"""The name of a zone in the IANA database, such as `Europe/Berlin`."""

CalendarName = Annotated[
    str, Field(strict=True), AfterValidator(_refusing("unknown_calendar", validate_calendar))
]
"""The name of a calendar: `US`, `DE-BY`, `weekend`, `weekend:fri-sat`, `desk:hq`."""


def _all_different(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        sentence = "Name each calendar only once."
        raise ValueError(sentence)
    return values


CalendarNames = Annotated[
    tuple[CalendarName, ...],
    AtMost(MOST_CALENDARS),
    AfterValidator(_refusing("calendar_twice", _all_different)),
]
"""Calendars joined: a business day is one in all of them."""

Ref = Annotated[str, Field(pattern=REF_FORM)]
"""The name of an obligation, milestone or piece of evidence within its agreement."""


def _rrule(text: str) -> str:
    parse_rrule(text)
    return text


RRule = Annotated[
    str, Field(strict=True, max_length=500), AfterValidator(_refusing("rrule", _rrule))
]
"""A recurrence rule of RFC 5545, such as `FREQ=MONTHLY;BYMONTHDAY=-1`."""

CivilDay = Annotated[dt.date, BeforeValidator(_refusing("civil_day", _civil_day))]
"""A day, `YYYY-MM-DD`, in the range that `civil_time` supports; never an instant."""

CivilTime = Annotated[
    dt.time,
    BeforeValidator(_refusing("civil_time", _civil_time)),
    PlainSerializer(_clock_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _CLOCK_PATTERN}),
]
"""A wall-clock time, `HH:MM` or `HH:MM:SS`, without a zone."""


def _require_type(schema: dict[str, Any]) -> None:
    schema["required"] = ["type", *schema.get("required", [])]


_RULE_CONFIG = ConfigDict(extra="forbid", json_schema_extra=_require_type)
_PART_CONFIG = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, slots=True)
class DateRule:
    """Due on a day: by its end, or by a wall-clock time on it.

    Without a `timezone`, the agreement's counts, else the obligor's. `is_two_sided` asks for the
    two-sided window: the day ends first in one party's zone and last in another's.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _RULE_CONFIG

    type: Literal["date"] = "date"
    on: CivilDay
    time: CivilTime | None = None
    timezone: TimeZoneName | None = None
    is_two_sided: StrictBool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchor:
    """What an offset counts from: a civil day (with a wall-clock time, where hours are counted),
    a milestone of the agreement, or the due date of another obligation in it."""

    __pydantic_config__: ClassVar[ConfigDict] = _PART_CONFIG

    date: CivilDay | None = None
    time: CivilTime | None = None
    milestone: Ref | None = None
    deadline: Ref | None = None


def _with_time_apart(value: object) -> object:
    """A `date` with a time of day in it, as its two fields."""
    if isinstance(value, dict) and isinstance(value.get("date"), str) and "time" not in value:
        day, mark, clock = value["date"].partition("T")
        if mark:
            return {**value, "date": day, "time": clock}
    return value


def _one_anchor(anchor: Anchor) -> Anchor:
    if [anchor.date, anchor.milestone, anchor.deadline].count(None) != 2:
        problem = "Give one of date, milestone and deadline."
        raise PydanticCustomError("anchor", "{reason}", {"reason": problem})
    if anchor.time is not None and anchor.date is None:
        problem = "A time of day goes with a date; a milestone brings its own."
        raise _error_at("time", "anchor_time", problem, anchor.time)
    return anchor


def _without_nulls(value: Anchor | TriggerEvent) -> dict[str, str]:
    found = {name: getattr(value, name) for name in value.__slots__}
    return {
        name: _clock_text(each) if isinstance(each, dt.time) else str(each)
        for name, each in found.items()
        if each is not None
    }


_WITHOUT_NULLS = PlainSerializer(_without_nulls, return_type=dict[str, str], when_used="json")

CheckedAnchor = Annotated[
    Anchor, BeforeValidator(_with_time_apart), AfterValidator(_one_anchor), _WITHOUT_NULLS
]
"""An anchor that names exactly one thing to count from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OffsetRule:
    """Due a period after, or before, an event.

    Without `time`, by the end of the day on which the period ends. `calendars` empty means the
    agreement's. A legal `method` brings its own way to count and to roll; `service_days` are
    added where it knows of them. `anchor` is absent only below a `TriggerRule`: the event that
    wakes that one is counted from.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _RULE_CONFIG

    type: Literal["offset"] = "offset"
    anchor: Annotated[CheckedAnchor | None, Field(alias="from")] = None
    count: Annotated[int, Field(strict=True, ge=0, le=LONGEST_OFFSET)]
    unit: PeriodUnit
    direction: Direction = Direction.AFTER
    count_first_day: StrictBool = False
    end_of_month: StrictBool = False
    roll: RollConvention = RollConvention.NONE
    calendars: CalendarNames = ()
    method: LegalMethod | None = None
    service_days: Annotated[int, Field(strict=True, ge=0, le=30)] = 0
    time: CivilTime | None = None
    timezone: TimeZoneName | None = None
    is_two_sided: StrictBool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RecurrenceRule:
    """Due again and again, by an RRULE of RFC 5545 that steps in days or more.

    `start` is its DTSTART, as a civil day. With `end_of_month`, a day of the month that a month
    does not have means its last. Each date rolls by itself.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _RULE_CONFIG

    type: Literal["recurrence"] = "recurrence"
    rrule: RRule
    start: CivilDay
    until: CivilDay | None = None
    end_of_month: StrictBool = False
    roll: RollConvention = RollConvention.NONE
    calendars: CalendarNames = ()
    time: CivilTime | None = None
    timezone: TimeZoneName | None = None
    is_two_sided: StrictBool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerEvent:
    """What wakes a dormant deadline: a milestone, another obligation met, or one breached."""

    __pydantic_config__: ClassVar[ConfigDict] = _PART_CONFIG

    milestone: Ref | None = None
    breach_of: Ref | None = None
    met: Ref | None = None


def _one_event(event: TriggerEvent) -> TriggerEvent:
    if [event.milestone, event.breach_of, event.met].count(None) != 2:
        problem = "Give one of milestone, breach_of and met."
        raise PydanticCustomError("event", "{reason}", {"reason": problem})
    return event


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerRule:
    """Dormant until an event happens; due as `then` says, counted from that event."""

    __pydantic_config__: ClassVar[ConfigDict] = _RULE_CONFIG

    type: Literal["trigger"] = "trigger"
    on: Annotated[TriggerEvent, AfterValidator(_one_event), _WITHOUT_NULLS]
    then: OffsetRule


class GraceUnit(StrEnum):
    """What a grace period counts. Hours elapse; the others are civil."""

    HOURS = "hours"
    DAYS = "days"
    BUSINESS_DAYS = "business_days"
    WEEKS = "weeks"


@dataclass(frozen=True, kw_only=True, slots=True)
class Grace:
    """Time after the due instant before a deadline counts as unmet; 0..3650 units."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    count: Annotated[int, Field(strict=True, ge=0, le=LONGEST_GRACE)]
    unit: GraceUnit


class Due(NamedTuple):
    """When something is due, and when it counts as unmet.

    `due_on` is the civil day in `timezone`. `due_at` is UTC and exclusive: what happens at it is
    late for everyone. `unmet_at` is UTC, the end of the grace period; without one it equals
    `due_at`. `first_at` is UTC and set where it is not agreed when the day ends, be it that the
    parties' zones or the readings of the rule differ: what happens from it on, and before
    `due_at`, is in time by one reading and late by another.
    """

    due_on: dt.date
    due_at: dt.datetime
    unmet_at: dt.datetime
    timezone: str
    first_at: dt.datetime | None = None


_RULES: dict[str, TypeAdapter[Any]] = {
    "date": TypeAdapter(DateRule),
    "offset": TypeAdapter(OffsetRule),
    "recurrence": TypeAdapter(RecurrenceRule),
    "trigger": TypeAdapter(TriggerRule),
}


def _checked(value: object) -> object:
    """The rule that `value` states, by its `type`; problems at the paths of that type's fields."""
    if isinstance(value, DateRule | OffsetRule | RecurrenceRule | TriggerRule):
        return value
    if not isinstance(value, dict):
        problem = "Give the rule as an object, such as {'type': 'date', 'on': '2025-05-14'}."
        raise PydanticCustomError("due_rule", "{reason}", {"reason": problem})
    kinds = ", ".join(f"'{name}'" for name in _RULES)
    if "type" not in value:
        problem = f"Say what kind of rule this is: one of {kinds}."
        raise _error_at("type", "due_rule_type", problem, None)
    name = value["type"]
    if not isinstance(name, str) or name not in _RULES:
        problem = f"There is no such kind of rule: use one of {kinds}."
        raise _error_at("type", "due_rule_type", problem, name)
    rule = _RULES[name].validate_python(value)
    if isinstance(rule, OffsetRule) and rule.anchor is None:
        problem = "Say what to count from: a date, a milestone or a deadline."
        raise _error_at("from", "due_rule_from", problem, None)
    return rule


def _error_at(field_name: str, kind: str, problem: str, value: object) -> ValidationError:
    # A validator's plain error would stand at the rule as a whole; pydantic places the lines of a
    # ValidationError below the rule's own path.
    error = PydanticCustomError(kind, "{reason}", {"reason": problem})
    line = InitErrorDetails(type=error, loc=(field_name,), input=value)
    return ValidationError.from_exception_data("DueRule", [line])


# Only values that `_checked` has made reach the union itself, which is there for the schema.
DueRule = Annotated[
    Annotated[DateRule | OffsetRule | RecurrenceRule | TriggerRule, Field(discriminator="type")],
    BeforeValidator(_checked),
]
"""A due rule of any type, checked; for use in document models too."""

_RULE: TypeAdapter[DueRule] = TypeAdapter(DueRule)
_GRACE: TypeAdapter[Grace] = TypeAdapter(Grace)


def parse_due_rule(value: object) -> DueRule:
    """The rule that the JSON value states; YAML's dates will do as well.

    Raises `pydantic.ValidationError`, whose locations are paths in `value`, such as `on`.
    """
    return _RULE.validate_python(value)


def dump_due_rule(rule: DueRule) -> dict[str, object]:
    """The rule as JSON values, every field named. `parse_due_rule` gives back the same rule."""
    dumped: dict[str, object] = _RULE.dump_python(rule, mode="json", by_alias=True)
    return dumped


def parse_grace(value: object) -> Grace:
    """The grace period that the JSON value states. Raises `pydantic.ValidationError`."""
    return _GRACE.validate_python(value)


def dump_grace(grace: Grace) -> dict[str, object]:
    """The grace period as JSON values. `parse_grace` gives back the same."""
    dumped: dict[str, object] = _GRACE.dump_python(grace, mode="json")
    return dumped
