"""The types of values that filters accept."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

from compliance.domain.civil_periods import CivilPeriod, period_from_text
from compliance.domain.date_fields import CivilDay, Instant, PlusLost
from compliance.domain.fields import Title

_DAY: TypeAdapter[date] = TypeAdapter(CivilDay)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
_EITHER = [
    *({"type": "string", "format": each} for each in ("date", "date-time")),
    {"type": "string", "pattern": "^[0-9]{4}(-(Q[1-4]|0[1-9]|1[0-2]))?$"},
]


class Filter(BaseModel):
    """Base class of filters. It rejects unknown parameters: a typo must not return everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def is_repeated(cls, name: str) -> bool:
        """Return whether a parameter may be given more than once."""
        field = cls.model_fields.get(name)
        return field is not None and REPEATED in field.metadata


def _split(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _true_or_false(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = {"true": True, "false": False}.get(value.lower())
    if found is None:
        sentence = "Give true or false."
        raise ValueError(sentence)
    return found


def _day_or_instant(value: object) -> date | datetime:
    period = period_from_text(value)
    return _single(value) if period is None else period.first


def _last_day_or_instant(value: object) -> date | datetime:
    period = period_from_text(value)
    return _single(value) if period is None else period.last


def _period_or_instant(value: object) -> CivilPeriod | date | datetime:
    return period_from_text(value) or _single(value)


def _single(value: object) -> date | datetime:
    is_day = isinstance(value, str) and len(value) <= len("2025-05-14")
    try:
        return _DAY.validate_python(value) if is_day else _INSTANT.validate_python(value)
    except ValidationError as error:
        [first, *_] = error.errors()
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, PlusLost):
            raise cause from None
        sentence = (
            "Give a day (2025-05-14), a month (2025-05), a quarter (2025-Q2), a year (2025), or an "
            "instant with its offset (2025-05-14T16:00:00Z)."
        )
        raise ValueError(sentence) from None


Word = Title
"""Text to search for."""

TrueOrFalse = Annotated[bool, BeforeValidator(_true_or_false)]
"""`true` or `false`, which some clients capitalise; no number or other word stands for either."""


def _digits(value: object) -> object:
    if isinstance(value, str) and "_" in value:
        # Only Python reads 1_0 as 10.
        sentence = "Give a whole number."
        raise ValueError(sentence)
    return value


DIGITS = BeforeValidator(_digits)
"""Makes a whole number accept only digits. It follows the limits, which the schema then keeps."""

Id = Annotated[int, Field(gt=0, lt=2**63), DIGITS]

Listed = BeforeValidator(_split)
"""Makes a field accept several values separated by commas."""

REPEATED = BeforeValidator(_as_tuple)
"""Makes a field accept several values, each in a parameter of its own."""

DayOrInstant = Annotated[
    date | datetime, PlainValidator(_day_or_instant), WithJsonSchema({"anyOf": _EITHER})
]
"""A day or an instant; a month, quarter or year stands for its first day.

So `…_after` includes a period, and `…_before` leaves it out, as both do with a day.
"""

LastDayOrInstant = Annotated[
    date | datetime, PlainValidator(_last_day_or_instant), WithJsonSchema({"anyOf": _EITHER})
]
"""A day or an instant; a month, quarter or year stands for its last day."""

PeriodOrInstant = Annotated[
    CivilPeriod | date | datetime,
    PlainValidator(_period_or_instant),
    WithJsonSchema({"anyOf": _EITHER}),
]
"""A month, quarter or year, a day, or an instant."""


def beginning(boundary: CivilPeriod | date | datetime) -> datetime:
    """Return the instant at which a day or period begins in UTC, or the instant itself."""
    if isinstance(boundary, datetime):
        return boundary
    day = boundary.first if isinstance(boundary, CivilPeriod) else boundary
    return datetime.combine(day, time(), UTC)


def ending(period: CivilPeriod) -> datetime:
    """Return the instant at which a period has ended in UTC."""
    return datetime.combine(period.last + timedelta(days=1), time(), UTC)
