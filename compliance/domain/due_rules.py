"""When something is due: rules as agreements state them, and the instants that follow from them.

A rule is the JSON of documents, API and database. `parse_due_rule` and `parse_grace` check what
comes from outside; building the values directly does not. `resolve` turns a rule into a day and
instants: the civil date and its zone are the truth, the instants are derived.
"""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from compliance.domain.calendars import add_business_days, validate_calendar
from compliance.domain.civil_time import (
    FIRST_DAY,
    LAST_DAY,
    DayOutOfRange,
    NonexistentLocalTime,
    day_end,
    instant,
    instant_or_jump,
    zone,
)

LONGEST_GRACE = 3650

_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_CLOCK = re.compile(r"(\d{2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_CLOCK_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"

T = TypeVar("T")


class GraceOutOfRange(DayOutOfRange):
    """A grace period that ends after the last day that is supported."""

    def __init__(self) -> None:
        super().__init__("The end of the grace period")


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
"""The name of a calendar: `US`, `DE-BY` or `weekend`."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class DateRule:
    """Due on a day: by its end, or by a wall-clock time on it.

    Without a `timezone`, the agreement's counts, else the obligor's.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", json_schema_extra=_require_type
    )

    type: Literal["date"] = "date"
    on: CivilDay
    time: CivilTime | None = None
    timezone: TimeZoneName | None = None


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """When something is due, and when it counts as unmet.

    `due_on` is the civil day in `timezone`. `due_at` is UTC and exclusive: what happens at it is
    late. `unmet_at` is UTC, the end of the grace period; without one it equals `due_at`.
    """

    due_on: dt.date
    due_at: dt.datetime
    unmet_at: dt.datetime
    timezone: str


def _with_known_type(value: object) -> object:
    """Refuse a rule of another type at the path `type`, with or without other errors in it."""
    if not isinstance(value, dict) or value.get("type") == "date":
        return value
    if "type" in value:
        problem = "Only rules of the type 'date' are known."
    else:
        problem = "Say what kind of rule this is: 'date'."
    raise _error_at("type", "due_rule_type", problem, value.get("type"))


def _existing(rule: DateRule) -> DateRule:
    """Refuse a time that the rule's own zone jumps over. Without one, `resolve` will."""
    if rule.time is not None and rule.timezone is not None:
        try:
            instant(rule.on, rule.time, rule.timezone)
        except NonexistentLocalTime as problem:
            raise _error_at("time", "nonexistent_local_time", str(problem), rule.time) from None
    return rule


def _error_at(field_name: str, kind: str, problem: str, value: object) -> ValidationError:
    # A validator's plain error would stand at the rule as a whole; pydantic places the lines of a
    # ValidationError below the rule's own path.
    error = PydanticCustomError(kind, "{reason}", {"reason": problem})
    line = InitErrorDetails(type=error, loc=(field_name,), input=value)
    return ValidationError.from_exception_data("DueRule", [line])


# Once there are several kinds of rule: a union with a Discriminator on `type`.
DueRule = Annotated[DateRule, BeforeValidator(_with_known_type), AfterValidator(_existing)]
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
    dumped: dict[str, object] = _RULE.dump_python(rule, mode="json")
    return dumped


def parse_grace(value: object) -> Grace:
    """The grace period that the JSON value states. Raises `pydantic.ValidationError`."""
    return _GRACE.validate_python(value)


def dump_grace(grace: Grace) -> dict[str, object]:
    """The grace period as JSON values. `parse_grace` gives back the same."""
    dumped: dict[str, object] = _GRACE.dump_python(grace, mode="json")
    return dumped


def resolve(
    rule: DueRule,
    *,
    fallback_timezone: str,
    grace: Grace | None = None,
    calendars: tuple[str, ...] = (),
) -> Due:
    """The day and the instants that the rule fixes.

    The zone is the rule's own, else `fallback_timezone`: the agreement's, else the obligor's.
    `calendars` say which days a grace period in business days counts; none means Saturdays and
    Sundays off.

    Raises `NonexistentLocalTime` where clocks jump over the rule's time in that zone (its place
    is the rule's `time`), `UnknownTimeZone`, `UnknownCalendar`, `NoBusinessDay`, `DayOutOfRange`
    for the rule's day and `GraceOutOfRange` for a grace period that ends too late.
    """
    zone_name = rule.timezone or fallback_timezone
    if rule.time is None:
        due_at = day_end(rule.on, zone_name)
    else:
        due_at = instant(rule.on, rule.time, zone_name)
    unmet_at = due_at
    if grace is not None and grace.count:
        unmet_at = _grace_end(rule, due_at, zone_name, grace, calendars)
    return Due(due_on=rule.on, due_at=due_at, unmet_at=unmet_at, timezone=zone_name)


def _grace_end(
    rule: DueRule, due_at: dt.datetime, zone_name: str, grace: Grace, calendars: tuple[str, ...]
) -> dt.datetime:
    if grace.unit is GraceUnit.HOURS:
        return due_at + dt.timedelta(hours=grace.count)
    try:
        if grace.unit is GraceUnit.BUSINESS_DAYS:
            last_day = add_business_days(rule.on, grace.count, calendars)
        else:
            weeks = grace.unit is GraceUnit.WEEKS
            last_day = rule.on + dt.timedelta(days=grace.count * (7 if weeks else 1))
        if rule.time is None:
            return day_end(last_day, zone_name)
        # Nobody chose this time of that day, so a jump of the clocks over it is no error.
        return instant_or_jump(last_day, rule.time, zone_name)
    except DayOutOfRange:
        raise GraceOutOfRange from None
