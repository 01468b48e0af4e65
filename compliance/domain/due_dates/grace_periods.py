"""Grace periods: how long after the due instant a deadline becomes unmet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter

from compliance.domain.fields import WHOLE

LONGEST_GRACE = 3650


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

    count: Annotated[int, Field(strict=True, ge=0, le=LONGEST_GRACE), WHOLE]
    unit: GraceUnit


_GRACE: TypeAdapter[Grace] = TypeAdapter(Grace)


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
