"""Exact quantities: numbers that every program which reads JSON returns unchanged.

Most programs read JSON numbers as IEEE 754 doubles, which keep every number of at most 15
significant digits (`DBL_DIG` of ISO/IEC 9899, section 5.2.4.2.2). Pacta accepts no more digits, so
that a client which sends back what it read changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Context, Decimal

MOST_DIGITS = 15
MOST_PLACES = 6
LIMIT = Decimal(10) ** 14
"""Quantities are less than this."""

_EXACT = Context(prec=200)
_PLAIN = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_LONGEST_SHOWN = 40


def exact_number(value: object) -> Decimal:
    """Return a number from input: an integer, a Decimal, or its digits as text.

    Raises:
        ValueError: it is something else (a float is no longer exact), or it has too many digits.
    """
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, int) and not isinstance(value, bool):
        number = Decimal(value)
    elif isinstance(value, str) and _PLAIN.fullmatch(value.strip()):
        number = Decimal(value.strip())
    else:
        sentence = "Give a number, such as 12.5."
        raise ValueError(sentence)
    if not number.is_finite():
        sentence = "Give a finite number, such as 12.5."
        raise ValueError(sentence)
    problem = problem_of(number)
    if problem:
        raise ValueError(problem)
    return number


def quantity(value: object) -> Decimal:
    """Return a number from input that is greater than 0.

    Raises:
        ValueError: it is not, or as `exact_number`.
    """
    return above_zero(exact_number(value))


def above_zero(number: Decimal) -> Decimal:
    """Return a number, which must be greater than 0.

    Raises:
        ValueError: it is not.
    """
    if number <= 0:
        sentence = "Give a number greater than 0."
        raise ValueError(sentence)
    return number


def share(value: object) -> Decimal:
    """Return a number from input between 0 and 1, exclusive.

    Raises:
        ValueError: it is not, or as `exact_number`.
    """
    number = exact_number(value)
    if not 0 < number < 1:
        sentence = "Give a number greater than 0 and less than 1, such as 0.6."
        raise ValueError(sentence)
    return number


def share_or_all(value: object) -> Decimal:
    """Return a number from input that is greater than 0 and at most 1.

    Raises:
        ValueError: it is not, or as `exact_number`.
    """
    number = exact_number(value)
    if not 0 < number <= 1:
        sentence = "Give a part of the whole: a number greater than 0 and at most 1, such as 0.6."
        raise ValueError(sentence)
    return number


def problem_of(number: Decimal) -> str:
    """Return why a finite number cannot be stored exactly, or an empty text if it can."""
    digits = significant_digits(number)
    if digits > MOST_DIGITS:
        return (
            f"Give at most {MOST_DIGITS} significant digits; {_shown(number)} has {digits}. Many "
            "programs cannot read more."
        )
    places = -_reduced(number)[1]
    if places > MOST_PLACES:
        return f"Give at most {MOST_PLACES} decimal places; {_shown(number)} has {places}."
    if abs(number) >= LIMIT:
        return f"Give a number below {LIMIT:,f}, or use a larger unit."
    return ""


def significant_digits(number: Decimal) -> int:
    """Return the number of digits from the first that is not 0 to the last that is not 0."""
    return _reduced(number)[0]


def rounded(number: Decimal) -> Decimal:
    """Return a computed number with at most `MOST_DIGITS` digits and `MOST_PLACES` places."""
    places = max(-MOST_PLACES, number.adjusted() - MOST_DIGITS + 1)
    return number.quantize(Decimal(1).scaleb(places), context=_EXACT)


def total(numbers: Iterable[Decimal]) -> Decimal:
    """Return the exact sum."""
    found = Decimal(0)
    for number in numbers:
        found = _EXACT.add(found, number)
    return found


def number_text(number: Decimal) -> str:
    """Return all digits of a number, without an exponent or zeros at its end."""
    return format(number.normalize(_EXACT), "f")


def percent_text(share: Decimal) -> str:
    """Return a share as a percentage, such as `12.5%` for 0.125."""
    return f"{number_text(share * 100)}%"


def _reduced(number: Decimal) -> tuple[int, int]:
    """Return the number of significant digits, and the exponent of the last."""
    if not number:
        return 1, 0
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    significant = text.strip("0")
    return len(significant), exponent + len(text) - len(text.rstrip("0"))


def _shown(number: Decimal) -> str:
    text = str(number) if abs(number.adjusted()) > _LONGEST_SHOWN else number_text(number)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
