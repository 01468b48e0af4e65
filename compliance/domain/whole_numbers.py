"""Whole numbers in addresses, query strings and form fields."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)


def whole_number(text: str) -> int | None:
    """Return the number in a text of 1 to 18 digits, or None for any other text.

    Checking `str.isdecimal` is not enough: `int` rejects thousands of digits, and PostgreSQL
    rejects numbers beyond 2**63.
    """
    return int(text) if _DIGITS.fullmatch(text) else None
