"""Fields of drafts that accept a month, a quarter or a year instead of a day.

The draft has the first or the last day of that period, and a second field with its precision: what
starts on `2007-06` starts on its first day, and what ends then ends on its last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compliance.domain.civil_periods import period_from_text
from compliance.domain.vocabulary import Precision

PRECISIONS = (*Precision, None)
"""What a field with a precision can have in input. Other values are refused."""


def starts_read(value: Any, *names: str) -> Any:
    """Return the input of a draft in which these fields are the first days of their periods."""
    return _read(value, names, is_end=False)


def ends_read(value: Any, *names: str) -> Any:
    """Return the input of a draft in which these fields are the last days of their periods."""
    return _read(value, names, is_end=True)


def precision_name(name: str) -> str:
    """Return the name of the field with the precision of a field."""
    return "precision" if name == "on" else f"{name}_precision"


def _read(value: Any, names: tuple[str, ...], *, is_end: bool) -> Any:
    if not isinstance(value, Mapping):
        return value
    found = dict(value)
    for name in names:
        if found.get(precision_name(name), Precision.DAY) not in PRECISIONS:
            # The draft reports it.
            continue
        if name not in found:
            found.pop(precision_name(name), None)
            continue
        period = period_from_text(found[name])
        if period is not None:
            found[name] = period.last if is_end else period.first
            found[precision_name(name)] = period.precision
        elif found[name] is None or isinstance(found[name], str):
            # A text says itself how precise it is. A response may be sent back with another day.
            found[precision_name(name)] = Precision.DAY
    return found
