"""Pace: how much of a quantity would have been delivered by now at a constant rate."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

_PLACES = Decimal("0.000001")
_MICROSECOND = timedelta(microseconds=1)


def expected_by(
    instant: datetime, *, starts_at: datetime, due_at: datetime, target: Decimal
) -> Decimal:
    """Return how much a constant rate from `starts_at` to `due_at` would deliver by `instant`.

    This is 0 before the start, and the whole `target` from the due instant on.
    """
    if instant >= due_at:
        return target.quantize(_PLACES)
    if instant <= starts_at:
        return Decimal(0).quantize(_PLACES)
    # In whole microseconds, because a float would lose precision.
    elapsed = (instant - starts_at) // _MICROSECOND
    whole = (due_at - starts_at) // _MICROSECOND
    return (target * elapsed / whole).quantize(_PLACES)


def pace(performed: Decimal, expected: Decimal) -> Decimal | None:
    """Return `performed` as a share of `expected`; None while nothing is expected."""
    return (performed / expected).quantize(_PLACES) if expected > 0 else None
