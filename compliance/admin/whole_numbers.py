"""Whole numbers in addresses, query strings and form fields."""

from __future__ import annotations

import re

_FORM = re.compile(r"[0-9]{1,18}", re.ASCII)


def whole_number(text: str) -> int | None:
    """Return the number that a text of up to 18 digits states, or None if it states none.

    `str.isdecimal` is no sufficient check: `int` refuses thousands of digits, and the database
    those beyond 2**63.
    """
    return int(text) if _FORM.fullmatch(text) else None
