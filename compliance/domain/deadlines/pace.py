"""Pace: how much of a quantity would have been delivered by now at a constant rate."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from compliance.domain.quantities import rounded

_MICROSECOND = timedelta(microseconds=1)


def expected_by(
    instant: datetime, *, starts_at: datetime, due_at: datetime, target: Decimal
) -> Decimal:
    """Return how much a constant rate from `starts_at` to `due_at` would deliver by `instant`.

    This is 0 before the start, and the whole `target` from the due instant on.
    """
    if instant >= due_at:
        return target
    if instant <= starts_at:
        return Decimal(0)
    # In whole microseconds, because a float would lose precision.
    elapsed = (instant - starts_at) // _MICROSECOND
    whole = (due_at - starts_at) // _MICROSECOND
    return rounded(target * elapsed / whole)


def pace(performed: Decimal, expected: Decimal) -> Decimal | None:
    """Return `performed` as a share of `expected`; None while nothing is expected."""
    return rounded(performed / expected) if expected > 0 else None
