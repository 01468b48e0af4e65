"""The cells of tables that spreadsheets open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson

from compliance.domain.quantities import number_text

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # the wide forms are meant
"""Spreadsheets may run a text that begins with one of these as a formula.

See OWASP, "CSV Injection": https://owasp.org/www-community/attacks/CSV_Injection.
"""
SEPARATOR = "; "
"""Stands between the values of a cell with several."""


def cell_text(value: object) -> str:
    """Return a value as the text of a cell: an instant in UTC, several values in one cell.

    A text that a spreadsheet could run as a formula gets an apostrophe in front. Numbers stay
    numbers, also negative ones.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return number_text(value)
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return cell_text(SEPARATOR.join(value))
    if isinstance(value, (list, tuple, Mapping)):
        return document_text(value)
    return str(value)


def instant_text(instant: datetime) -> str:
    """Return an instant in UTC with Z, as in JSON."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def document_text(value: object) -> str:
    """Return an object, or a list of objects, as JSON."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z).decode()


def _plain(value: Any) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(number_text(value))
    raise TypeError(type(value).__name__)
