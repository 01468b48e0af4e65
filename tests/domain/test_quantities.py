"""Exact quantities: which numbers are accepted, and that every program returns them unchanged."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from compliance.domain.fields import Measure, Quantity, Share, ShareOrAll
from compliance.domain.quantities import (
    MOST_DIGITS,
    exact_number,
    number_text,
    problem_of,
    quantity,
    rounded,
    share,
    share_or_all,
    significant_digits,
    total,
)


@given(st.decimals(min_value="0.000001", max_value="99999999999999.999999", places=6))
def test_a_program_that_reads_floats_returns_every_accepted_number_unchanged(
    number: Decimal,
) -> None:
    text = number_text(number)
    is_accepted = not problem_of(number)
    assert is_accepted == (len(text.replace(".", "").strip("0")) <= MOST_DIGITS)
    if is_accepted:
        assert Decimal(json.dumps(json.loads(text))) == number


@given(st.decimals(min_value="0.000001", max_value=10**14 - 1, allow_nan=False))
def test_a_rounded_number_is_accepted_and_close(number: Decimal) -> None:
    found = rounded(number)
    assert found == 10**14 or not problem_of(found)
    assert abs(found - number) <= max(Decimal("0.0000005"), number * Decimal("1e-14"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("98765432109876.543211",
         "Give at most 15 significant digits; 98765432109876.543211 has 20. Many programs cannot "
         "read more."),
        ("0.1234567", "Give at most 6 decimal places; 0.1234567 has 7."),
        ("1e-99", "Give at most 6 decimal places; 1E-99 has 99."),
        ("100000000000000", "Give a number below 100,000,000,000,000, or use a larger unit."),
        ("1e99", "Give a number below 100,000,000,000,000, or use a larger unit."),
    ],
)  # fmt: skip
def test_a_number_with_too_many_digits_is_rejected_with_its_count(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"^Give") as caught:
        exact_number(Decimal(text))
    assert str(caught.value) == sentence


@pytest.mark.parametrize("value", [0.5, True, None, "1_000", "١٢", "1e3", "", "0x10", [], "NaN"])
def test_floats_and_texts_that_are_not_digits_are_rejected(value: object) -> None:
    with pytest.raises(ValueError, match="Give a number"):
        exact_number(value)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_number_is_finite(text: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        exact_number(Decimal(text))


def test_quantities_are_positive_and_shares_are_parts_of_the_whole() -> None:
    assert quantity(" 12.50 ") == Decimal("12.5")
    assert (share("0.6"), share_or_all(1)) == (Decimal("0.6"), Decimal(1))
    for value in (0, 1, 50):
        with pytest.raises(ValueError, match="greater than 0 and less than 1, such as"):
            share(value)
    for check, value in ((quantity, 0), (quantity, -1), (share, 1), (share, 0), (share_or_all, 2)):
        with pytest.raises(ValueError, match="greater than 0"):
            check(value)


def test_zeros_at_either_end_are_not_significant() -> None:
    for text, digits in (("0.000100", 1), ("12000", 2), ("10.01", 4), ("0", 1), ("98.7", 3)):
        assert significant_digits(Decimal(text)) == digits


def test_a_total_is_exact() -> None:
    parts = [Decimal("99999999999999.9"), Decimal("0.000001")] * 1000
    assert total(parts) == Decimal("99999999999999.900001") * 1000


@pytest.mark.parametrize("kind", [Quantity, Measure, Share, ShareOrAll])
def test_the_schema_of_a_number_accepts_the_same_texts_as_its_field(kind: Any) -> None:
    adapter = TypeAdapter(kind)
    patterns = [each["pattern"] for each in adapter.json_schema()["anyOf"] if "pattern" in each]
    for text in (
        "0", "-0", "0.0", "1", "+1", "1.0", "01.00", "1.5", "-0.5", "0.5", "+00.10", " 0.5 ",
        "2", "10", "-7", "0.9", "1.000001", "", ".5", "5.", "1e3",
    ):  # fmt: skip
        is_described = all(re.search(pattern, text) for pattern in patterns)
        try:
            adapter.validate_python(text)
        except ValidationError:
            is_accepted = False
        else:
            is_accepted = True
        assert is_described == is_accepted, text
