"""Render rows as CSV, NDJSON and XLSX, a part at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from xlsxwriter import Workbook

from compliance.api.renderers import ORJSONRenderer
from compliance.domain.tables import SEPARATOR, cell_text, instant_text
from compliance.queries.exports import BOM
from compliance.queries.rows import Row

_LARGEST_PART = 64 * 1024
_MOST_ROWS_OF_SHEET = 1_048_576
_LONGEST_CELL = 32_767
# Excel's calendar begins in 1900, with a wrong leap day that year.
_FIRST_DAY = date(1900, 3, 1)
_FORMATS = {"day": "yyyy-mm-dd", "instant": "yyyy-mm-dd hh:mm:ss"}


def csv_parts(
    names: Sequence[str], portions: Iterable[Sequence[Row]], *, has_bom: bool
) -> Iterator[bytes]:
    """Yield a table with a header as CSV (RFC 4180) in UTF-8."""
    if has_bom:
        yield BOM
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    for portion in portions:
        writer.writerows([cell_text(row[name]) for name in names] for row in portion)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


def ndjson_parts(names: Sequence[str], portions: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    """Yield rows as lines of JSON."""
    renderer = ORJSONRenderer()
    for portion in portions:
        lines = (renderer.render({name: row[name] for name in names}) for row in portion)
        yield b"".join(line + b"\n" for line in lines)


def xlsx_parts(names: Sequence[str], portions: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    """Yield rows as a workbook, which is complete before its first part.

    Its rows are kept in files, not in memory. What one sheet cannot hold continues on the next.
    """
    with TemporaryDirectory(prefix="pacta-") as folder, TemporaryFile(dir=folder) as file:
        options = {"constant_memory": True, "tmpdir": folder, "strings_to_formulas": False}
        with Workbook(file, options) as book:
            sheets = _Sheets(book, names)
            for portion in portions:
                for row in portion:
                    sheets.write(row)
        file.seek(0)
        while part := file.read(_LARGEST_PART):
            yield part


class _Sheets:
    """The sheets of a workbook, filled one after the other."""

    def __init__(self, book: Any, names: Sequence[str]) -> None:
        self._book, self._names = book, names
        self._formats = {name: book.add_format({"num_format": _FORMATS[name]}) for name in _FORMATS}
        self._header = book.add_format({"bold": True})
        self._begin()

    def _begin(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        for place, name in enumerate(self._names):
            self._sheet.write_string(0, place, name, self._header)
        self._next = 1

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row."""
        if self._next == _MOST_ROWS_OF_SHEET:
            self._begin()
        for place, name in enumerate(self._names):
            self._write_cell(place, row[name])
        self._next += 1

    def _write_cell(self, place: int, value: Any) -> None:
        sheet, at = self._sheet, self._next
        if value is None:
            return
        if isinstance(value, bool):
            sheet.write_boolean(at, place, value)
        elif isinstance(value, (int, float, Decimal)):
            sheet.write_number(at, place, value)
        elif isinstance(value, datetime) and value.date() >= _FIRST_DAY:
            plain = value.astimezone(UTC).replace(tzinfo=None)
            sheet.write_datetime(at, place, plain, self._formats["instant"])
        elif isinstance(value, date) and not isinstance(value, datetime) and value >= _FIRST_DAY:
            sheet.write_datetime(at, place, value, self._formats["day"])
        else:
            sheet.write_string(at, place, _text(value))


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        text = instant_text(value)
    elif isinstance(value, str):
        # It is written as a text, which no spreadsheet runs.
        text = value
    elif isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        text = SEPARATOR.join(value)
    else:
        text = cell_text(value)
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"
