"""Errors are in our own words, whichever library finds them."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.domain.agreements.documents import parse
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid

ADVICE = "Write the instant with its offset, such as 2025-05-14T16:00:00Z."


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        ("2007-02-30", "2007-02-30 does not exist: that month has days 01 to 28."),
        ("2007-02-30T00:00:00Z", "2007-02-30 does not exist: that month has days 01 to 28."),
        ("2025-13-14T16:00:00Z", "There is no month 13. Give the day as year-month-day."),
        ("2025-05-14T25:00:00Z", f"25:00:00 is not a time of day. {ADVICE}"),
        ("2025-05-14T16:00:00", f"The offset is missing. {ADVICE}"),
        (
            "2025-05-14T16:00:00+25:00",
            "+25:00 is not an offset: give one between -23:59 and +23:59.",
        ),
        ([], ADVICE),
    ],
)
def test_an_unreadable_instant_is_explained(at: Any, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(FactDraft, {"type": "performance", "at": at})
    assert [each.detail for each in refused.value.problems] == [sentence]


@pytest.mark.parametrize("value", ["yes", "true", 1, 0, "1"])
def test_only_true_and_false_are_true_or_false(value: object) -> None:
    with pytest.raises(Invalid, match="Give true or false"):
        read(FactDraft, {"type": "suspension", "on": "2026-01-01", "is_tolling": value})


@pytest.mark.parametrize(
    ("text", "is_yaml", "sentence"),
    [
        (b"[1", False, "Line 1, column 3: A comma is missing, or a bracket is not closed."),
        (b'{"a" 1}', False, "Line 1, column 6: A colon is missing after the name of a field."),
        (b"NaN", False, "Line 1, column 1: This is not valid JSON."),
        (b"a: b: c", True, "Line 1, column 5: A colon is not allowed here: put the text in quotes."),  # noqa: E501 -- a table
        (b'a: "x', True, "Line 1, column 6: A quote is not closed."),
    ],
)  # fmt: skip
def test_text_that_cannot_be_parsed_is_explained(text: bytes, is_yaml: bool, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(text, is_yaml=is_yaml)
    assert refused.value.problems[0].detail == sentence
