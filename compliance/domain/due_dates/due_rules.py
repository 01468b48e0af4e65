"""Due rules: when something is due, as agreements state it.

Documents, the API and the database store a rule as JSON. `parse_due_rule` and `parse_grace`
validate input; constructing the values directly does not. `resolution` turns a rule into days and
instants: the civil date and its zone are authoritative, and the instants are derived from them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import orjson
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictBool,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from compliance.domain.date_fields import (
    CivilDay,
    CivilTime,
    TimeZoneName,
    clock_text,
    refusing,
)
from compliance.domain.due_dates.calendar_names import validate_calendar
from compliance.domain.due_dates.rrules import LONGEST_RRULE, parse_rrule
from compliance.domain.fields import Ref
from compliance.domain.limits import AtMost
from compliance.domain.vocabulary import Direction, LegalMethod, PeriodUnit, RollConvention

LONGEST_GRACE = 3650
LONGEST_OFFSET = 100_000
MOST_CALENDARS = 20

CalendarName = Annotated[
    str, Field(strict=True), AfterValidator(refusing("unknown_calendar", validate_calendar))
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
]
"""Several calendars: a business day is one that is a business day in all of them."""


def _rrule(text: str) -> str:
    parse_rrule(text)
    return text


RRule = Annotated[
    str, Field(strict=True, max_length=LONGEST_RRULE), AfterValidator(refusing("rrule", _rrule))
]
"""A recurrence rule of RFC 5545, such as `FREQ=MONTHLY;BYMONTHDAY=-1`."""


def _require_type(schema: dict[str, Any]) -> None:
    schema["required"] = ["type", *schema.get("required", [])]


_RULE_CONFIG = ConfigDict(extra="forbid", json_schema_extra=_require_type)
_PART_CONFIG = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, slots=True)
class DateRule:
    """Due on a day: by the end of that day, or by a wall-clock time on it.

    If `timezone` is missing, the agreement's zone is used, then the obligor's. `is_two_sided`
    makes the due date a window, from when the day ends in the first party's zone to when it ends
    in the last one's.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _RULE_CONFIG

    type: Literal["date"] = "date"
    on: CivilDay
    time: CivilTime | None = None
    timezone: TimeZoneName | None = None
    is_two_sided: StrictBool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchor:
    """The event from which an offset counts.

    It is a civil day (with a wall-clock time if the offset is in hours), a milestone of the
    agreement, or the due date of another obligation in the agreement.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _PART_CONFIG

    date: CivilDay | None = None
    time: CivilTime | None = None
    milestone: Ref | None = None
    deadline: Ref | None = None


def _with_time_apart(value: object) -> object:
    """Split a `date` such as `2007-11-02T10:23` into the fields `date` and `time`."""
    if isinstance(value, dict) and isinstance(value.get("date"), str) and "time" not in value:
        day, mark, clock = value["date"].partition("T")
        if mark:
            return {**value, "date": day, "time": clock}
    return value


def _one_anchor(anchor: Anchor) -> Anchor:
    if [anchor.date, anchor.milestone, anchor.deadline].count(None) != 2:
        problem = "Give exactly one of date, milestone and deadline."
        raise PydanticCustomError("anchor", "{reason}", {"reason": problem})
    if anchor.time is not None and anchor.date is None:
        problem = "A time needs a date: a milestone or deadline has its own. Remove time."
        raise _error_at("time", "anchor_time", problem, anchor.time)
    return anchor


def _without_nulls(value: Anchor | TriggerEvent) -> dict[str, str]:
    found = {name: getattr(value, name) for name in value.__slots__}
    return {
        name: clock_text(each) if isinstance(each, dt.time) else str(each)
        for name, each in found.items()
        if each is not None
    }


_WITHOUT_NULLS = PlainSerializer(_without_nulls, return_type=dict[str, str], when_used="json")

CheckedAnchor = Annotated[
    Anchor, BeforeValidator(_with_time_apart), AfterValidator(_one_anchor), _WITHOUT_NULLS
]
"""An anchor with exactly one of its three fields set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OffsetRule:
    """Due a period after, or before, an event.

    Without `time`, it is due by the end of the day on which the period ends. If `calendars` is
    empty, the agreement's calendars are used. A legal `method` has its own way of counting and
    rolling, and may add `service_days`. Only the `then` of a `TriggerRule` may lack an `anchor`; it
    then counts from the trigger event.
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
    """Due repeatedly, by an RRULE of RFC 5545 that repeats daily or less often.

    `start` is its DTSTART, as a civil day. With `end_of_month`, a day that does not exist in a
    month means the last day of that month. Each date is rolled on its own, so that a rolled date
    does not move later ones.
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
    """An event that activates a deadline: a milestone, or an obligation met or breached."""

    __pydantic_config__: ClassVar[ConfigDict] = _PART_CONFIG

    milestone: Ref | None = None
    breach_of: Ref | None = None
    met: Ref | None = None


def _one_event(event: TriggerEvent) -> TriggerEvent:
    if [event.milestone, event.breach_of, event.met].count(None) != 2:
        problem = "Give exactly one of milestone, breach_of and met."
        raise PydanticCustomError("event", "{reason}", {"reason": problem})
    return event


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerRule:
    """Dormant until an event happens, and then due after the offset `then` from that event."""

    __pydantic_config__: ClassVar[ConfigDict] = _RULE_CONFIG

    type: Literal["trigger"] = "trigger"
    on: Annotated[TriggerEvent, AfterValidator(_one_event), _WITHOUT_NULLS]
    then: OffsetRule


class GraceUnit(StrEnum):
    """The unit of a grace period. Hours are elapsed time; the others are civil days."""

    HOURS = "hours"
    DAYS = "days"
    BUSINESS_DAYS = "business_days"
    WEEKS = "weeks"


@dataclass(frozen=True, kw_only=True, slots=True)
class Grace:
    """How long after the due instant a deadline becomes unmet; `count` is 0 to 3650."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    count: Annotated[int, Field(strict=True, ge=0, le=LONGEST_GRACE)]
    unit: GraceUnit


class Due(NamedTuple):
    """When something is due, and when it becomes unmet.

    `due_on` is a civil day in `timezone`; the instants are in UTC. `due_at` is exclusive: what
    happens at that instant is late. `unmet_at` is the end of the grace period, and equals
    `due_at` if there is none. `earliest_due_at` is set only if the due instant is ambiguous,
    because the parties are in different zones or because the rule has several readings: what
    happens from it until before `due_at` is in time by one reading and late by another.
    """

    due_on: dt.date
    due_at: dt.datetime
    unmet_at: dt.datetime
    timezone: str
    earliest_due_at: dt.datetime | None = None


_RULES: dict[str, TypeAdapter[Any]] = {
    "date": TypeAdapter(DateRule),
    "offset": TypeAdapter(OffsetRule),
    "recurrence": TypeAdapter(RecurrenceRule),
    "trigger": TypeAdapter(TriggerRule),
}


def _checked(value: object) -> object:
    """Validate `value` as the rule named by its `type`, so that error paths are its own fields."""
    if isinstance(value, DateRule | OffsetRule | RecurrenceRule | TriggerRule):
        return value
    if not isinstance(value, dict):
        problem = "Give the rule as an object, such as {'type': 'date', 'on': '2025-05-14'}."
        raise PydanticCustomError("due_rule", "{reason}", {"reason": problem})
    kinds = ", ".join(f"'{name}'" for name in _RULES)
    if "type" not in value:
        problem = f"Give the type of the rule: one of {kinds}."
        raise _error_at("type", "due_rule_type", problem, None)
    name = value["type"]
    if not isinstance(name, str) or name not in _RULES:
        problem = f"There is no such type of rule: use one of {kinds}."
        raise _error_at("type", "due_rule_type", problem, name)
    rule = _RULES[name].validate_python(value)
    if isinstance(rule, OffsetRule) and rule.anchor is None:
        problem = "Give what to count from: a date, a milestone or a deadline."
        raise _error_at("from", "due_rule_from", problem, None)
    return rule


def _error_at(field_name: str, kind: str, problem: str, value: object) -> ValidationError:
    # Pydantic would report a plain error of a validator at the rule as a whole. It reports the
    # errors of a ValidationError below the path of the rule.
    error = PydanticCustomError(kind, "{reason}", {"reason": problem})
    line = InitErrorDetails(type=error, loc=(field_name,), input=value)
    return ValidationError.from_exception_data("DueRule", [line])


# Only values returned by `_checked` reach the union itself, which exists for the JSON schema.
DueRule = Annotated[
    Annotated[DateRule | OffsetRule | RecurrenceRule | TriggerRule, Field(discriminator="type")],
    BeforeValidator(_checked),
]
"""A validated due rule of any type, for use in pydantic models."""

_RULE: TypeAdapter[DueRule] = TypeAdapter(DueRule)
_GRACE: TypeAdapter[Grace] = TypeAdapter(Grace)


def parse_due_rule(value: object) -> DueRule:
    """Return the rule that a JSON value states; days may be `date` objects, as from YAML.

    Raises:
        pydantic.ValidationError: its locations are paths in `value`, such as `on`.
    """
    return _RULE.validate_python(value)


def load_due_rule(stored: object) -> DueRule | None:
    """Return a stored rule; None for None. Equal rules are parsed only once.

    Raises:
        pydantic.ValidationError: the stored value is not a rule.
    """
    return None if stored is None else _load(orjson.dumps(stored))


@lru_cache(maxsize=4096)
def _load(text: bytes) -> DueRule:
    return parse_due_rule(orjson.loads(text))


def dump_due_rule(rule: DueRule) -> dict[str, object]:
    """Return the rule as JSON values with every field; `parse_due_rule` is the inverse."""
    dumped: dict[str, object] = _RULE.dump_python(rule, mode="json", by_alias=True)
    return dumped


def parse_grace(value: object) -> Grace:
    """Return the grace period that a JSON value states.

    Raises:
        pydantic.ValidationError: its locations are paths in `value`, such as `count`.
    """
    return _GRACE.validate_python(value)


def dump_grace(grace: Grace) -> dict[str, object]:
    """Return the grace period as JSON values; `parse_grace` is the inverse."""
    dumped: dict[str, object] = _GRACE.dump_python(grace, mode="json")
    return dumped
