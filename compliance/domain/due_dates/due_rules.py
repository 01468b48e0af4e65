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
from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, StrictBool, TypeAdapter
from pydantic_core import PydanticCustomError

from compliance.domain.civil_periods import period_from_text, period_of, period_text
from compliance.domain.date_fields import CivilDayOrPeriod, CivilTime, TimeZoneName
from compliance.domain.due_dates.rule_parts import (
    CalendarNames,
    CheckedAnchor,
    CheckedEvent,
    CheckedOnDay,
    RRule,
    TriggerEvent,
    error_at,
)
from compliance.domain.period_fields import ends_read, starts_read
from compliance.domain.vocabulary import (
    Direction,
    LegalMethod,
    PeriodUnit,
    Precision,
    RollConvention,
)

LONGEST_GRACE = 3650
LONGEST_OFFSET = 100_000
MOST_TIMES = 20


def _require_type(schema: dict[str, Any]) -> None:
    schema["required"] = ["type", *schema.get("required", [])]


_RULE_CONFIG = ConfigDict(extra="forbid", json_schema_extra=_require_type)


@dataclass(frozen=True, kw_only=True, slots=True)
class DateRule:
    """Due on a day: by the end of that day, or by a wall-clock time on it.

    If `timezone` is missing, the agreement's zone is used, then the obligor's. `is_two_sided`
    makes the due date a window, from when the day ends in the first party's zone to when it ends
    in the last one's. If only a month, quarter or year was agreed, `on` is its last day, with its
    `precision`; input and output give it as `2007-06`, `2007-Q2` or `2007`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _RULE_CONFIG

    type: Literal["date"] = "date"
    on: CivilDayOrPeriod
    precision: Precision = Precision.DAY
    time: CivilTime | None = None
    timezone: TimeZoneName | None = None
    is_two_sided: StrictBool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class OffsetRule:
    """Due a period after, or before, an event.

    Without `time`, it is due by the end of the day on which the period ends. If `calendars` is
    empty, the agreement's calendars are used. `on_day` replaces the day on which the period ends
    by a day of the same week, month, quarter or year, before rolling. A legal `method` has its own
    way of counting and rolling, and may add `service_days`. Only the `then` of another rule lacks
    an `anchor`: it counts from the event of a trigger, or from each date of a recurrence.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _RULE_CONFIG

    type: Literal["offset"] = "offset"
    anchor: Annotated[CheckedAnchor | None, Field(alias="from")] = None
    count: Annotated[int, Field(strict=True, ge=0, le=LONGEST_OFFSET)]
    unit: PeriodUnit
    direction: Direction = Direction.AFTER
    count_first_day: StrictBool = False
    end_of_month: StrictBool = False
    on_day: CheckedOnDay | None = None
    roll: RollConvention = RollConvention.NONE
    calendars: CalendarNames = ()
    method: LegalMethod | None = None
    service_days: Annotated[int, Field(strict=True, ge=0, le=30)] = 0
    time: CivilTime | None = None
    timezone: TimeZoneName | None = None
    is_two_sided: StrictBool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class StartOffset:
    """The start of a recurrence some time after, or before, an event.

    Business days are those of the recurrence.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    type: Literal["offset"] = "offset"
    anchor: Annotated[CheckedEvent, Field(alias="from")]
    count: Annotated[int, Field(strict=True, ge=0, le=LONGEST_OFFSET)]
    unit: Literal[
        PeriodUnit.DAYS,
        PeriodUnit.BUSINESS_DAYS,
        PeriodUnit.WEEKS,
        PeriodUnit.MONTHS,
        PeriodUnit.YEARS,
    ]
    direction: Direction = Direction.AFTER
    on_day: CheckedOnDay | None = None


_DAY: TypeAdapter[dt.date] = TypeAdapter(CivilDayOrPeriod)
_EVENT: TypeAdapter[TriggerEvent] = TypeAdapter(CheckedEvent)
_START_OFFSET: TypeAdapter[StartOffset] = TypeAdapter(StartOffset)


def _checked_start(value: object) -> object:
    """Validate the start of a recurrence as what it looks like, so that errors are about that."""
    if isinstance(value, TriggerEvent | StartOffset):
        return value
    if not isinstance(value, dict):
        return _DAY.validate_python(value)
    return (_START_OFFSET if "from" in value else _EVENT).validate_python(value)


def _dump_start(start: dt.date | TriggerEvent | StartOffset) -> Any:
    if isinstance(start, dt.date):
        return start.isoformat()
    if isinstance(start, TriggerEvent):
        return _EVENT.dump_python(start, mode="json")
    return _START_OFFSET.dump_python(start, mode="json", by_alias=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecurrenceRule:
    """Due repeatedly, by an RRULE of RFC 5545 that repeats daily or less often.

    `start` is its DTSTART: a civil day, the day of an event, or an offset from an event. A month,
    quarter or year starts with its first day, and ends, as `until`, with its last. After an event,
    the recurrence ends with its agreement, unless the obligation survives termination, and
    if it starts with a breach, also with that breach. If the event is a breach, `each` gives every
    breach dates of its own, instead of only the first one.

    With `end_of_month`, a day that does not exist in a month means the last day of that month. With
    `on_day`, there is one date in each period that contains a day of the rule. Each date is rolled
    on its own, so that a rolled date does not move later ones. With `then`, what is due is due that
    offset before or after each date, and `time` is when the date begins to count, for offsets in
    hours or minutes. If something is due several `times` in each period, each of them has a
    deadline of its own.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _RULE_CONFIG

    type: Literal["recurrence"] = "recurrence"
    rrule: RRule
    start: Annotated[
        CivilDayOrPeriod | CheckedEvent | StartOffset,
        BeforeValidator(_checked_start),
        PlainSerializer(_dump_start, when_used="json"),
    ]
    start_precision: Precision = Precision.DAY
    each: StrictBool = False
    until: CivilDayOrPeriod | None = None
    until_precision: Precision = Precision.DAY
    end_of_month: StrictBool = False
    on_day: CheckedOnDay | None = None
    roll: RollConvention = RollConvention.NONE
    calendars: CalendarNames = ()
    then: OffsetRule | None = None
    times: Annotated[int, Field(strict=True, ge=1, le=MOST_TIMES)] = 1
    time: CivilTime | None = None
    timezone: TimeZoneName | None = None
    is_two_sided: StrictBool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerRule:
    """Dormant until an event happens, and then due after the offset `then` from that event.

    With `each`, every such event has a deadline of its own, instead of only the first one.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _RULE_CONFIG

    type: Literal["trigger"] = "trigger"
    on: CheckedEvent
    each: StrictBool = False
    then: OffsetRule


class GraceUnit(StrEnum):
    """The unit of a grace period. Minutes and hours are elapsed time; the others civil days."""

    MINUTES = "minutes"
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
        raise error_at("type", "due_rule_type", problem, None)
    name = value["type"]
    if not isinstance(name, str) or name not in _RULES:
        problem = f"There is no such type of rule: use one of {kinds}."
        raise error_at("type", "due_rule_type", problem, name)
    rule = _RULES[name].validate_python(_with_periods(value, name))
    if isinstance(rule, DateRule) and rule.precision is not Precision.DAY:
        _check_period(rule)
    if isinstance(rule, OffsetRule) and rule.anchor is None:
        problem = "Give what to count from: a date, a milestone or a deadline."
        raise error_at("from", "due_rule_from", problem, None)
    if isinstance(rule, RecurrenceRule):
        _check_recurrence(rule)
    return rule


def _with_periods(value: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a rule with the days that its months, quarters and years stand for."""
    if name == "recurrence":
        read: dict[str, Any] = ends_read(starts_read(value, "start"), "until")
        return read
    return _with_period(value) if name == "date" else value


def _with_period(value: dict[str, Any]) -> dict[str, Any]:
    """Return a date rule that gives a month, quarter or year with the last day of it."""
    period = period_from_text(value.get("on"))
    if period is None:
        return value
    stated = value.get("precision") or period.precision
    return {**value, "on": period.last, "precision": stated}


def _check_period(rule: DateRule) -> None:
    if period_of(rule.on, rule.precision).last != rule.on:
        problem = f"Give on as a {rule.precision} to state that precision, or omit it."
        raise error_at("precision", "precision", problem, rule.precision)
    if rule.time is not None:
        problem = f"A {rule.precision} has no time of day: give the day, or remove time."
        raise error_at("time", "precision", problem, rule.time)


def _check_recurrence(rule: RecurrenceRule) -> None:
    """Reject a recurrence whose fields contradict each other."""
    event = awaited_event(rule)
    if rule.each and (event is None or event.breach_of is None):
        problem = "Only a recurrence that starts with a breach can start with each: remove it."
        raise error_at("each", "recurrence", problem, rule.each)
    if rule.on_day is not None and rule.end_of_month:
        problem = "on_day already says on which day each date falls: remove end_of_month."
        raise error_at("end_of_month", "recurrence", problem, rule.end_of_month)
    then = rule.then
    if then is None:
        return
    if then.anchor is not None:
        problem = "It counts from each date of the recurrence: remove from."
        raise error_at("then/from", "recurrence_then", problem, None)
    if then.unit is PeriodUnit.BUSINESS_DAYS and then.count > LONGEST_GRACE:
        problem = f"At most {LONGEST_GRACE} business days can be counted from each date."
        raise error_at("then/count", "recurrence_then", problem, then.count)
    for name in ("timezone", "is_two_sided"):
        if getattr(rule, name):
            problem = f"What is due is due at the end of then: give {name} there."
            raise error_at(name, "recurrence_then", problem, getattr(rule, name))
    if rule.time is not None and not then.unit.is_elapsed:
        problem = f"then counts {then.unit.replace('_', ' ')} from a day: give time in then."
        raise error_at("time", "recurrence_then", problem, rule.time)


# Only values returned by `_checked` reach the union itself, which exists for the JSON schema.
DueRule = Annotated[
    Annotated[DateRule | OffsetRule | RecurrenceRule | TriggerRule, Field(discriminator="type")],
    BeforeValidator(_checked),
]
"""A validated due rule of any type, for use in pydantic models."""


def awaited_event(rule: DueRule | None) -> TriggerEvent | None:
    """Return the event that activates a trigger or starts a recurrence, or None."""
    if isinstance(rule, TriggerRule):
        return rule.on
    if not isinstance(rule, RecurrenceRule):
        return None
    start = rule.start
    if isinstance(start, StartOffset):
        return start.anchor
    return start if isinstance(start, TriggerEvent) else None


def event_path(rule: DueRule | None) -> str:
    """Return the path, in a rule that waits for an event, of that event."""
    if isinstance(rule, TriggerRule):
        return "on"
    is_offset = isinstance(rule, RecurrenceRule) and isinstance(rule.start, StartOffset)
    return "start/from" if is_offset else "start"


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
    if isinstance(rule, DateRule):
        # No day is stated that nobody agreed.
        dumped["on"] = period_text(rule.on, rule.precision)
    if isinstance(rule, RecurrenceRule):
        # The texts say how precise they are.
        if isinstance(rule.start, dt.date):
            dumped["start"] = period_text(rule.start, rule.start_precision)
        if rule.until is not None:
            dumped["until"] = period_text(rule.until, rule.until_precision)
        del dumped["start_precision"], dumped["until_precision"]
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
