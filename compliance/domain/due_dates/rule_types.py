"""The types of due rules: on a date, an offset from an event, repeatedly, or after an event.

`due_rules` reads and checks input. Constructing a rule directly does not validate it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, StrictBool, TypeAdapter

from compliance.domain.date_fields import CivilDayOrPeriod, CivilTime, GivenPrecision, TimeZoneName
from compliance.domain.due_dates.rule_parts import (
    CalendarNames,
    CheckedAnchor,
    CheckedEvent,
    CheckedOnDay,
    RRule,
    TriggerEvent,
)
from compliance.domain.fields import WHOLE
from compliance.domain.vocabulary import (
    Direction,
    LegalMethod,
    PeriodUnit,
    Precision,
    RollConvention,
)

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
    precision: GivenPrecision = Precision.DAY
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
    count: Annotated[int, Field(strict=True, ge=0, le=LONGEST_OFFSET), WHOLE]
    unit: PeriodUnit
    direction: Direction = Direction.AFTER
    count_first_day: StrictBool = False
    end_of_month: StrictBool = False
    on_day: CheckedOnDay | None = None
    roll: RollConvention = RollConvention.NONE
    calendars: CalendarNames = ()
    method: LegalMethod | None = None
    service_days: Annotated[int, Field(strict=True, ge=0, le=30), WHOLE] = 0
    time: CivilTime | None = None
    timezone: TimeZoneName | None = None
    is_two_sided: StrictBool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class StartOffset:
    """The start of a recurrence some time after, or before, an event.

    Uses the calendars of the recurrence.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    type: Literal["offset"] = "offset"
    anchor: Annotated[CheckedEvent, Field(alias="from")]
    count: Annotated[int, Field(strict=True, ge=0, le=LONGEST_OFFSET), WHOLE]
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
    start_precision: GivenPrecision = Precision.DAY
    each: StrictBool = False
    until: CivilDayOrPeriod | None = None
    until_precision: GivenPrecision = Precision.DAY
    end_of_month: StrictBool = False
    on_day: CheckedOnDay | None = None
    roll: RollConvention = RollConvention.NONE
    calendars: CalendarNames = ()
    then: OffsetRule | None = None
    times: Annotated[int, Field(strict=True, ge=1, le=MOST_TIMES), WHOLE] = 1
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


@dataclass(frozen=True, kw_only=True, slots=True)
class UndatedRule:
    """No date was set: dormant until an extension sets one, or a finding says what became of it."""

    __pydantic_config__: ClassVar[ConfigDict] = _RULE_CONFIG

    type: Literal["undated"] = "undated"
