"""How far a quantity should have come by now, if it were delivered evenly."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

_PLACES = Decimal("0.000001")
_MICROSECOND = timedelta(microseconds=1)


def expected_by(
    instant: datetime, *, starts_at: datetime, due_at: datetime, target: Decimal
) -> Decimal:
    """What an even delivery from `starts_at` to `due_at` would have reached at `instant`.

    Nothing before the start, the whole `target` from the due instant on.
    """
    if instant >= due_at:
        return target.quantize(_PLACES)
    if instant <= starts_at:
        return Decimal(0).quantize(_PLACES)
    # In whole microseconds: a float would lose some of them.
    elapsed = (instant - starts_at) // _MICROSECOND
    whole = (due_at - starts_at) // _MICROSECOND
    return (target * elapsed / whole).quantize(_PLACES)


def pace(performed: Decimal, expected: Decimal) -> Decimal | None:
    """What has been performed as a share of what was expected; None while that is nothing."""
    return (performed / expected).quantize(_PLACES) if expected > 0 else None
