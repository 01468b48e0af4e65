"""Pydantic types for days, times of day, instants and time zones in input."""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY, DayOutOfRange, zone
from compliance.domain.formats import TIME_ZONE
from compliance.domain.vocabulary import Precision

_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_ISO_PERIOD = re.compile(r"(\d{4})(?:-(?:Q(\d{1,2})|(\d{1,2})))?", re.ASCII)
_CLOCK = re.compile(r"(\d{2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_CLOCK_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
# What `2025-05-14T16:00:00+02:00` becomes in a query string.
_PLUS_LOST = re.compile(
    r"(?P<instant>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (?P<offset>\d\d:?(?:\d\d)?)",
    re.ASCII,
)
_BEGINS_WITH_A_DAY = re.compile(r"\s*\d{4}-\d\d-\d\d", re.ASCII)

_INSTANT_PARTS = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:[Tt _](?P<clock>\d\d:\d\d(?::\d\d)?)(?:\.\d+)?)?"
    r"(?P<rest>.{0,10})",
    re.ASCII | re.DOTALL,
)
_OFFSET = re.compile(r"[+-](?P<hours>\d\d):?(?P<minutes>\d\d)?", re.ASCII)

T = TypeVar("T")


class PlusLost(ValueError):
    """An instant whose `+` arrived as a space."""


class _Unreadable(ValueError):
    """A value that is not a day or a time of day in a supported form."""


def refusing(kind: str, check: Callable[[Any], T]) -> Callable[[Any], T]:
    """Wrap `check` so that its ValueError becomes a pydantic error without "Value error, "."""

    def checked(value: Any) -> T:
        try:
            return check(value)
        except ValueError as problem:
            raise PydanticCustomError(kind, "{reason}", {"reason": str(problem)}) from None

    return checked


def _civil_day(value: object) -> dt.date:
    if isinstance(value, dt.datetime):
        raise _Unreadable(
            "This is an instant, not a day. Give only the day, such as '2025-05-14', "
            "and put the time of day, if there is one, in its own field."
        )
    if not isinstance(value, dt.date):
        value = _day_from_text(value)
    if not FIRST_DAY <= value <= LAST_DAY:
        raise DayOutOfRange
    return value


def _civil_period(value: object) -> dt.date:
    """Read a day where a month, quarter or year is accepted too; drafts have read these before."""
    parts = _ISO_PERIOD.fullmatch(value.strip()) if isinstance(value, str) else None
    if parts is not None:
        year, quarter, month = parts.groups()
        if not FIRST_DAY.year <= int(year) <= LAST_DAY.year:
            raise DayOutOfRange
        if quarter is not None and not 1 <= int(quarter) <= 4:
            raise _Unreadable(f"There is no quarter Q{quarter}: a year has Q1 to Q4.")
        if month is not None and not 1 <= int(month) <= 12:
            raise _Unreadable(f"There is no month {month}: a year has months 01 to 12.")
    if isinstance(value, str) and not _ISO_DAY.fullmatch(value):
        raise _Unreadable(
            "Give the day as year-month-day, such as '2025-05-14', or only the month (2025-05), "
            "the quarter (2025-Q2) or the year (2025)."
        )
    return _civil_day(value)


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
        raise _Unreadable(f"{parts[0]} does not exist: that month has days 01 to {longest}.")
    return dt.date(year, month, day)


def _civil_time(value: object) -> dt.time:
    advice = "Give the time of day as 'HH:MM' or 'HH:MM:SS', such as '17:00'."
    if isinstance(value, dt.time):
        if value.tzinfo is not None or value.microsecond:
            raise _Unreadable(
                f"{advice} Put the time zone in its own field; fractions of a second are not "
                "supported."
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
            raise _Unreadable(f"{advice} Leave out the offset: the time zone has its own field.")
        raise _Unreadable(advice)
    hour, minute, second = (int(part or 0) for part in parts.groups())
    if hour == 24 and minute == second == 0:
        raise _Unreadable("24:00 is not supported. For the end of the day, leave out the time.")
    if hour > 23 or minute > 59 or second > 59:
        raise _Unreadable(f"{value} is not a time of day. {advice}")
    return dt.time(hour, minute, second)


def clock_text(value: dt.time) -> str:
    """Return a time of day as `HH:MM`, or as `HH:MM:SS` if it has seconds."""
    return value.isoformat("seconds" if value.second else "minutes")


def _zone_name(name: str) -> str:
    return zone(name).key


def _not_a_number(value: object) -> object:
    # Pydantic would read a number as seconds since 1970, which is never intended.
    is_number = isinstance(value, int | float | Decimal)
    if is_number or (isinstance(value, str) and not _BEGINS_WITH_A_DAY.match(value)):
        sentence = "Write the instant as 2025-05-14T16:00:00Z."
        raise ValueError(sentence)
    if isinstance(value, str) and (parts := _PLUS_LOST.fullmatch(value)):
        sentence = (
            "In a web address, a + stands for a space. Write it as %2B: "
            f"{parts['instant']}%2B{parts['offset']}."
        )
        raise PlusLost(sentence)
    return value


def _explained(value: object, read: ValidatorFunctionWrapHandler) -> dt.datetime:
    """Read an instant, and say in our own words why that is not possible."""
    try:
        found: dt.datetime = read(value)
    except ValidationError:
        raise PydanticCustomError(
            "instant", "{reason}", {"reason": _why_unreadable(value)}
        ) from None
    return found


def _why_unreadable(value: object) -> str:
    advice = "Write the instant with its offset, such as 2025-05-14T16:00:00Z."
    parts = _INSTANT_PARTS.match(value.strip()) if isinstance(value, str) else None
    if parts is None:
        return advice
    try:
        _day_from_text(parts["day"])
    except (_Unreadable, DayOutOfRange) as problem:
        return str(problem)
    if parts["clock"] is None:
        return f"This is a day. {advice} Or give only the day, in the field for it."
    hour, minute, second = (int(part) for part in (*parts["clock"].split(":"), "0")[:3])
    if hour > 23 or minute > 59 or second > 59:
        return f"{parts['clock']} is not a time of day. {advice}"
    if not parts["rest"]:
        return f"The offset is missing. {advice}"
    offset = _OFFSET.fullmatch(parts["rest"])
    if offset is not None and (int(offset["hours"]) > 23 or int(offset["minutes"] or 0) > 59):
        return f"{parts['rest']} is not an offset: give one between -23:59 and +23:59."
    return advice


def _in_range(value: dt.datetime) -> dt.datetime:
    # One year inside each limit, so that no UTC offset can move it out of the supported range.
    if not FIRST_DAY.year < value.year < LAST_DAY.year:
        first, last = FIRST_DAY.year + 1, LAST_DAY.year - 1
        sentence = f"Give an instant between the years {first} and {last}."
        raise ValueError(sentence)
    return value.astimezone(dt.UTC)


TimeZoneName = Annotated[
    str,
    Field(strict=True),
    AfterValidator(refusing("unknown_time_zone", _zone_name)),
    TIME_ZONE,
]
"""The name of a zone in the IANA database, such as `Europe/Berlin`."""

CivilDay = Annotated[dt.date, BeforeValidator(refusing("civil_day", _civil_day))]
"""A day, `YYYY-MM-DD`, in the range that `civil_time` supports; an instant is rejected."""

_PERIOD_PATTERN = r"^[0-9]{4}(-(Q[1-4]|0[1-9]|1[0-2])(-[0-9]{2})?)?$"

CivilDayOrPeriod = Annotated[
    dt.date,
    BeforeValidator(refusing("civil_day", _civil_period)),
    WithJsonSchema({"type": "string", "format": "day-or-period", "pattern": _PERIOD_PATTERN}),
]
"""A day, month, quarter or year, such as `2007-06-15`, `2007-06`, `2007-Q2` or `2007`.

The draft that has the field reads a period as its first or last day (see `period_fields`).
"""

CivilTime = Annotated[
    dt.time,
    BeforeValidator(refusing("civil_time", _civil_time)),
    PlainSerializer(clock_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _CLOCK_PATTERN}),
]
"""A wall-clock time, `HH:MM` or `HH:MM:SS`, without a zone."""

Instant = Annotated[
    AwareDatetime,
    WrapValidator(_explained),
    BeforeValidator(_not_a_number),
    AfterValidator(_in_range),
]
"""An instant with a UTC offset, such as `2025-05-14T16:00:00Z`, converted to UTC."""


def _day_if_null(value: object) -> object:
    return Precision.DAY if value is None else value


GivenPrecision = Annotated[
    Precision,
    BeforeValidator(_day_if_null),
    WithJsonSchema({"anyOf": [{"type": "string", "enum": [*Precision]}, {"type": "null"}]}),
]
"""The precision of a day in input. It may be null, as in a response that has no day."""
