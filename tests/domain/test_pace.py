"""Pace: how much of a quantity is expected by now."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.deadlines.pace import expected_by, pace
from tests.domain.strategies import hour

HUNDRED = Decimal(100)


def expected(at: datetime) -> Decimal:
    return expected_by(at, starts_at=hour(0), due_at=hour(30), target=HUNDRED)


def test_half_is_expected_half_way() -> None:
    assert expected(hour(15)) == Decimal(50)


def test_a_share_is_rounded_to_six_places() -> None:
    assert str(expected(hour(10))) == "33.333333"


def test_nothing_is_expected_before_the_start_and_everything_from_the_due_instant() -> None:
    assert expected(hour(0)) == 0
    assert expected(hour(30)) == expected(hour(99)) == HUNDRED


def test_a_period_of_length_zero_expects_everything_immediately() -> None:
    at = hour(3)
    assert expected_by(at, starts_at=at, due_at=at, target=HUNDRED) == HUNDRED


def test_pace_is_the_share_of_what_is_expected_and_unknown_before_the_start() -> None:
    assert pace(Decimal(25), Decimal(50)) == Decimal("0.5")
    assert pace(Decimal(0), Decimal(50)) == 0
    assert pace(Decimal(25), Decimal(0)) is None


@given(st.integers(-5, 50), st.integers(-5, 50))
def test_the_expected_quantity_never_decreases(one: int, other: int) -> None:
    earlier, later = sorted((one, other))
    assert 0 <= expected(hour(earlier)) <= expected(hour(later)) <= HUNDRED
