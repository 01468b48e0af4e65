"""Pydantic types for texts, codes, addresses and numbers in input."""

from __future__ import annotations

import re
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from compliance.domain.countries import country
from compliance.domain.date_fields import refusing
from compliance.domain.email_addresses import email_address
from compliance.domain.formats import ALL_DIFFERENT, COUNTRY, EMAIL, LINE, TEXT, WEB_ADDRESS
from compliance.domain.limits import AtMost
from compliance.domain.names import normalised, visible, without_overrides
from compliance.domain.quantities import LIMIT, exact_number, quantity, share, share_or_all

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_LINE_BREAKS = re.compile(r"[\r\n\t\x85\u2028\u2029]")

REF_FORM = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_PARTY_CODE = r"^[A-Z0-9][A-Z0-9_-]{0,31}$"
_AGREEMENT_REF = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"
_COUNTRY = r"^[A-Z]{2}$"
_CALENDAR_CODE = r"^[a-z0-9][a-z0-9-]{0,31}$"
_TAG = r"^[^,]+$"

FORM_ADVICE = {
    _PARTY_CODE: (
        "Use capital letters, digits, _ and -, starting with a letter or digit, such as CHN. "
        "At most 32 characters."
    ),
    _AGREEMENT_REF: (
        "Use lower-case letters, digits and hyphens, such as geneva-2025. At most 64 characters."
    ),
    REF_FORM: (
        "Use letters, digits, dots, hyphens and underscores, such as CN-2d. At most 64 characters."
    ),
    _CALENDAR_CODE: (
        "Use lower-case letters, digits and hyphens, such as hq. At most 32 characters."
    ),
    _COUNTRY: "Use the two-letter country code in capitals, such as CN.",
    _TAG: "Remove the comma: commas separate tags.",
}
"""What to do about a text that does not match one of these patterns."""


def _printable(text: str) -> str:
    if _UNPRINTABLE.search(text):
        sentence = "Remove the control characters."
        raise ValueError(sentence)
    return text


def one_line(text: str) -> str:
    """Return `text`, which must be one line without control characters.

    Raises:
        ValueError: it has line breaks, tabs or control characters.
    """
    if _LINE_BREAKS.search(text):
        sentence = "Write it on one line, without line breaks or tabs."
        raise ValueError(sentence)
    return _printable(text)


def _web_address(url: str) -> str:
    if url and not re.fullmatch(r"https?://[^\s<>\"\\]+", url):
        sentence = "Give a complete web address that starts with https:// or http://."
        raise ValueError(sentence)
    return url


def _normalised(value: object) -> object:
    return normalised(value) if isinstance(value, str) else value


def _not_reserved(ref: str) -> str:
    # `agreements/import/` is the endpoint that documents are posted to.
    if ref == "import":
        sentence = "'import' is reserved by the API: choose another ref."
        raise ValueError(sentence)
    return ref


def all_different(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return `values`, none of which may occur twice.

    Raises:
        ValueError: one of them does.
    """
    if len(set(values)) != len(values):
        sentence = "Remove the duplicates: name each one only once."
        raise ValueError(sentence)
    return values


_STRIPPED = StringConstraints(strip_whitespace=True)

# First of all, so that the length of the normalised name is checked.
_NORMALISED = BeforeValidator(_normalised)

Line = Annotated[
    str,
    _STRIPPED,
    Field(max_length=200),
    AfterValidator(one_line),
    AfterValidator(visible),
    _NORMALISED,
    LINE,
]
"""One line of text, which may be empty."""

Title = Annotated[
    str,
    _STRIPPED,
    Field(min_length=1, max_length=200),
    AfterValidator(one_line),
    AfterValidator(visible),
    _NORMALISED,
    LINE,
]
"""One line of text, not empty."""

LongTitle = Annotated[
    str,
    _STRIPPED,
    Field(min_length=1, max_length=1_000),
    AfterValidator(one_line),
    AfterValidator(visible),
    _NORMALISED,
    LINE,
]
"""One line of text, not empty, which may be a whole sentence of an agreement."""

LongLine = Annotated[
    str,
    _STRIPPED,
    Field(max_length=1_000),
    AfterValidator(one_line),
    AfterValidator(visible),
    _NORMALISED,
    LINE,
]
"""One line of text, which may be empty, and may be a whole sentence of an agreement."""

Text = Annotated[
    str,
    _STRIPPED,
    Field(max_length=20_000),
    AfterValidator(_printable),
    AfterValidator(without_overrides),
    TEXT,
]
"""Text of several lines, which may be empty."""

Url = Annotated[str, _STRIPPED, Field(max_length=2_000), AfterValidator(_web_address), WEB_ADDRESS]
"""An `http://` or `https://` address, or nothing."""

Email = Annotated[
    str,
    _STRIPPED,
    Field(max_length=254),
    AfterValidator(one_line),
    AfterValidator(email_address),
    EMAIL,
]
"""One email address, without a display name."""

Ref = Annotated[str, Field(pattern=REF_FORM)]
"""The name of an obligation, milestone or piece of evidence, unique within its agreement."""

Refs = Annotated[tuple[Ref, ...], AtMost(1_000), AfterValidator(all_different), ALL_DIFFERENT]
"""Several refs; no two are equal."""

AgreementRef = Annotated[str, Field(pattern=_AGREEMENT_REF), AfterValidator(_not_reserved)]
"""The name of an agreement, such as `geneva-2025`; it is part of web addresses."""

PartyCode = Annotated[str, Field(pattern=_PARTY_CODE)]
"""The code of a party, such as `CHN`."""

CalendarCode = Annotated[str, Field(pattern=_CALENDAR_CODE)]
"""The code of a custom calendar, such as `hq`."""

Country = Annotated[str, Field(pattern=_COUNTRY), AfterValidator(country), COUNTRY]
"""A country code of ISO 3166-1 alpha-2, such as `CN`, also a reserved or former one."""

Tag = Annotated[
    str,
    _STRIPPED,
    Field(min_length=1, max_length=64, pattern=_TAG),
    AfterValidator(one_line),
    AfterValidator(visible),
    _NORMALISED,
    LINE,
]
"""A tag; it contains no comma."""


# The digits of numbers, without the spaces around them.
_ANY_DIGITS = r"[+-]?[0-9]+(\.[0-9]+)?"
_BELOW_ONE = r"\+?0+\.0*[1-9][0-9]*"
_UP_TO_ONE = rf"({_BELOW_ONE}|\+?0*1(\.0+)?)"
_ABOVE_ZERO = rf"({_BELOW_ONE}|\+?0*[1-9][0-9]*(\.[0-9]+)?)"


def _number_schema(digits: str, **bounds: int) -> WithJsonSchema:
    """Return the schema of an exact number, which a client may also send as its digits."""
    text = {"type": "string", "format": "decimal", "pattern": rf"^\s*{digits}\s*$"}
    return WithJsonSchema({"anyOf": [{"type": "number", **bounds}, text]})


Quantity = Annotated[
    Decimal,
    BeforeValidator(refusing("quantity", quantity)),
    _number_schema(_ABOVE_ZERO, exclusiveMinimum=0, exclusiveMaximum=int(LIMIT)),
]
"""An amount greater than 0, in the unit of the obligation."""

Measure = Annotated[
    Decimal,
    BeforeValidator(refusing("quantity", exact_number)),
    _number_schema(_ANY_DIGITS, exclusiveMinimum=-int(LIMIT), exclusiveMaximum=int(LIMIT)),
]
"""A number in the unit of the obligation; it may be 0 or negative, as a measured value may."""

Share = Annotated[
    Decimal,
    BeforeValidator(refusing("share", share)),
    _number_schema(_BELOW_ONE, exclusiveMinimum=0, exclusiveMaximum=1),
]
"""A part of the whole, between 0 and 1 exclusive."""

ShareOrAll = Annotated[
    Decimal,
    BeforeValidator(refusing("share", share_or_all)),
    _number_schema(_UP_TO_ONE, exclusiveMinimum=0, maximum=1),
]
"""A part of the whole, or all of it: greater than 0, at most 1."""


def _whole(value: object) -> object:
    # JSON has one kind of number: 7.0 is a whole one too (JSON Schema 2020-12, 6.1.1).
    if isinstance(value, Decimal | float) and isfinite(value) and value == int(value):
        return int(value)
    return value


WHOLE = BeforeValidator(_whole)
"""Reads numbers without a fraction as whole ones. The field itself is strict: no text is one."""

Flag = Annotated[bool, Field(strict=True)]
"""True or false; no text or number stands for either."""

RowId = Annotated[int, Field(strict=True, ge=1, lt=2**63), WHOLE]
"""The id of a stored row."""
