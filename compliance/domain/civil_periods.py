"""Dates of reduced precision: a month, a quarter or a year instead of a day (ISO 8601-1, 5.2.2).

A quarter is written as `2007-Q2`, as in common use; ISO 8601-2 writes it as `2007-34`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from typing import NamedTuple

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY
from compliance.domain.vocabulary import Precision

_PERIOD = re.compile(r"(\d{4})(?:-(?:Q([1-4])|(0[1-9]|1[0-2])))?", re.ASCII)
_MONTHS = {Precision.MONTH: 1, Precision.QUARTER: 3, Precision.YEAR: 12}


class CivilPeriod(NamedTuple):
    """A day, month, quarter or year: its first and last days, both included."""

    first: date
    last: date
    precision: Precision


def period_from_text(value: object) -> CivilPeriod | None:
    """Return the month, quarter or year that a text gives; None if it gives none.

    A number counts as a year, because that is how YAML reads one.
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    parts = _PERIOD.fullmatch(text) if isinstance(text, str) else None
    if parts is None:
        return None
    year, quarter, month = (int(part) if part else None for part in parts.groups())
    if year is None or not FIRST_DAY.year <= year <= LAST_DAY.year:
        return None
    if quarter is not None:
        return period_of(date(year, 3 * quarter - 2, 1), Precision.QUARTER)
    precision = Precision.MONTH if month is not None else Precision.YEAR
    return period_of(date(year, month or 1, 1), precision)


def period_of(day: date, precision: Precision) -> CivilPeriod:
    """Return the period of this precision that contains a day."""
    if precision is Precision.DAY:
        return CivilPeriod(day, day, precision)
    length = _MONTHS[precision]
    first_month = (day.month - 1) // length * length + 1
    last_month = first_month + length - 1
    first = date(day.year, first_month, 1)
    last = date(day.year, last_month, monthrange(day.year, last_month)[1])
    return CivilPeriod(first, last, precision)


def precision_between(first: date, last: date) -> Precision:
    """Return the precision of the period with these first and last days; a day if there is none."""
    return next(
        (each for each in _MONTHS if period_of(first, each)[:2] == (first, last)), Precision.DAY
    )


def period_text(day: date, precision: Precision) -> str:
    """Return the period that contains a day as `2007-06-15`, `2007-06`, `2007-Q2` or `2007`."""
    match precision:
        case Precision.MONTH:
            return f"{day:%Y-%m}"
        case Precision.QUARTER:
            return f"{day:%Y}-Q{(day.month + 2) // 3}"
        case Precision.YEAR:
            return f"{day:%Y}"
    return day.isoformat()


def period_phrase(day: date, precision: Precision) -> str:
    """Return the period that contains a day as `15 June 2007`, `June 2007`, `Q2 2007` or `2007`."""
    match precision:
        case Precision.MONTH:
            return f"{day:%B %Y}"
        case Precision.QUARTER:
            return f"Q{(day.month + 2) // 3} {day.year}"
        case Precision.YEAR:
            return f"{day.year}"
    return f"{day.day} {day:%B %Y}"
