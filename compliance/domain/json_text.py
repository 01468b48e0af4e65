"""Parse JSON text strictly into plain values, within `limits`."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import orjson

from compliance.domain import limits
from compliance.domain.problems import refusal

# An unclosed string extends to the end of the text, so that no byte is scanned twice.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


def parse_json(text: bytes) -> object:
    """Return the value of a JSON text; numbers with a fraction are exact.

    Raises:
        Invalid: it cannot be read or exceeds a limit, at the empty path.
    """
    if not values_at_most(text, limits.MOST_VALUES):
        raise refusal("", limits.TOO_MANY_VALUES)
    try:
        # orjson goes first because it is stricter: it rejects NaN, lone surrogates and bad UTF-8.
        orjson.loads(text)
        value = json.loads(text, object_pairs_hook=_object, parse_int=_whole, parse_float=_fraction)
    except json.JSONDecodeError as error:
        raise refusal("", _why_unreadable(text, error)) from None
    except RecursionError:
        raise refusal("", limits.TOO_DEEP) from None
    if _is_too_deep(value):
        raise refusal("", limits.TOO_DEEP)
    return value


def _why_unreadable(text: bytes, found: json.JSONDecodeError) -> str:
    """Say in our own words what is wrong with a text that the stricter parser rejected."""
    error = found
    try:
        # Its errors are more specific; it accepts a few texts that the other one rejects.
        json.loads(text.decode())
    except json.JSONDecodeError as specific:
        error = specific
    except (ValueError, RecursionError):
        pass
    reason = _REASONS.get(error.msg, "This is not valid JSON.")
    for theirs, ours in _STRICTER_REASONS.items():
        if found.msg.casefold().startswith(theirs):
            error, reason = found, ours
    return f"Line {error.lineno}, column {error.colno}: {reason}"


_REASONS = {
    "Expecting value": "A value is missing, or is not valid JSON.",
    "Expecting ',' delimiter": "A comma is missing, or a bracket is not closed.",
    "Expecting ':' delimiter": "A colon is missing after the name of a field.",
    "Expecting property name enclosed in double quotes": (
        "Give the name of a field, in double quotes."
    ),
    "Illegal trailing comma before end of object": "Remove the comma before the closing bracket.",
    "Illegal trailing comma before end of array": "Remove the comma before the closing bracket.",
    "Extra data": "There is more text after the end of the value.",
    "Unterminated string starting at": "A text is not closed: add a double quote.",
    "Invalid control character at": "Escape line breaks and control characters in texts.",
    "Invalid \\escape": "There is no such escape sequence: double the backslash.",
    "Invalid \\uXXXX escape": "Give four hexadecimal digits after \\u.",
    "Unexpected UTF-8 BOM (decode using utf-8-sig)": "Remove the byte order mark at the beginning.",
}

# What only the stricter parser says.
_STRICTER_REASONS = {
    "number is infinity": "This number is too large.",
    "no low surrogate": "This escape sequence is only half of a character: add the other half.",
    "str is not valid utf-8": "This text is not valid UTF-8.",
    "depth limit exceeded": limits.TOO_DEEP,
}


def values_at_most(text: bytes, most: int) -> bool:
    """Return whether a JSON text has at most `most` values, without parsing it.

    Every value except the first follows a comma or an opening bracket outside of strings, so these
    are counted. An empty list or object counts as two values.
    """
    if _marks(text, 0, len(text)) < most:
        return True
    count, position = 1, 0
    for string in _STRING.finditer(text):
        count += _marks(text, position, string.start())
        position = string.end()
        if count > most:
            return False
    return count + _marks(text, position, len(text)) <= most


def _marks(text: bytes, start: int, end: int) -> int:
    return sum(text.count(mark, start, end) for mark in (b",", b"[", b"{"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > limits.MOST_FIELDS:
        raise refusal("", limits.TOO_MANY_FIELDS)
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise refusal("", f"The field {name[:80]} is given twice in one object.")
        found[name] = value
    return found


def _whole(text: str) -> int:
    if len(text) > limits.LONGEST_NUMBER:
        raise refusal("", "It contains a number with too many digits.")
    return int(text)


def _fraction(text: str) -> Decimal:
    if len(text) > limits.LONGEST_NUMBER:
        raise refusal("", "It contains a number with too many digits.")
    number = limits.decimal_within(text)
    if number is None:
        raise refusal("", f"It contains the number {text}. {limits.OUT_OF_RANGE}")
    return number


def _is_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(limits.DEEPEST):
        parts = (
            each.values() if isinstance(each, dict) else each
            for each in level
            if isinstance(each, dict | list)
        )
        level = [each for several in parts for each in several if isinstance(each, dict | list)]
        if not level:
            return False
    return True
