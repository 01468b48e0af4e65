"""Keyset pagination: a page begins after the values of the last row of the previous page.

Every page therefore costs the same, and rows with equal values are not skipped.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2s
from typing import Annotated, Any

import orjson
from pydantic import AwareDatetime, Field, TypeAdapter

from compliance.domain.problems import refusal
from compliance.queries.filters import Filter
from compliance.queries.rows import Row, Where, fetch

LARGEST = 1_000
_DIGEST = 6


class Listing(Filter):
    """Base class of the filters of paginated lists."""

    cursor: Annotated[
        str | None, Field(max_length=1_000, description="Where the page begins; taken from `next`.")
    ] = None
    page_size: Annotated[int, Field(ge=1, le=LARGEST)] = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A total order: the last of its columns is unique.

    `columns` are columns of the table `table`. `absent` maps each nullable column to the value by
    which its nulls are sorted.
    """

    table: str
    columns: tuple[str, ...]
    is_descending: bool = False
    absent: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of this order in cursors."""
        return ("-" if self.is_descending else "") + ",".join(self.columns)

    @property
    def sql(self) -> str:
        """Return the ORDER BY clause."""
        direction = " DESC" if self.is_descending else ""
        return "ORDER BY " + ", ".join(f"{self._place(each)}{direction}" for each in self.columns)

    def _place(self, column: str) -> str:
        name = f"{self.table}.{column}"
        if column not in self.absent:
            return name
        # This is a literal because PostgreSQL matches the expression of an index only if it
        # contains the same constant.
        return f"COALESCE({name}, '{self.absent[column].isoformat()}'::timestamptz)"

    def begin_after(self, cursor: str, where: Where) -> None:
        """Skip the rows up to and including the position in `cursor`.

        Raises:
            Invalid: the cursor does not belong to this order.
        """
        position = _decode(cursor, self)
        # A row comparison lets PostgreSQL enter an index at that position.
        places = ", ".join(f"%(after_{each})s" for each in self.columns)
        columns = ", ".join(self._place(each) for each in self.columns)
        where.add(
            f"({columns}) {'<' if self.is_descending else '>'} ({places})",
            **{f"after_{each}": value for each, value in zip(self.columns, position, strict=True)},
        )

    def cursor_at(self, row: Row) -> str:
        """Return the position of a row as text for a URL.

        The digest detects damaged cursors. It protects no secret: readers of a list may begin
        anywhere.
        """
        place = (self.absent.get(each) if row[each] is None else row[each] for each in self.columns)
        content = orjson.dumps([self.name, *place])
        digest = blake2s(content, digest_size=_DIGEST).digest()
        return base64.urlsafe_b64encode(digest + content).decode().rstrip("=")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Rows of a list, and the cursor of the next page if there is one."""

    rows: list[Row]
    next: str | None


def page(select: str, where: Where, *, order: Order, listing: Listing) -> Page:
    """Return the requested page of a list.

    Raises:
        Invalid: the cursor does not belong to this order.
    """
    if listing.cursor is not None:
        order.begin_after(listing.cursor, where)
    # One extra row shows whether there is another page, without counting.
    where.values["limit"] = listing.page_size + 1
    rows = fetch((select, where.sql, order.sql, "LIMIT %(limit)s"), where.values)
    shown = rows[: listing.page_size]
    has_more = len(rows) > listing.page_size
    return Page(rows=shown, next=order.cursor_at(shown[-1]) if has_more else None)


# The types of positions. With them, a forged cursor cannot bring anything else into a query.
_TYPES: dict[str, Any] = {
    "id": Annotated[int, Field(ge=0, lt=2**63)],
    "code": Annotated[str, Field(pattern=r"^[A-Z0-9_-]{1,32}$")],
    "ref": Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")],
    "occurred_at": AwareDatetime,
    "due_at": AwareDatetime,
    "status_since": AwareDatetime,
}


def _decode(cursor: str, order: Order) -> tuple[object, ...]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        content = raw[_DIGEST:]
        if blake2s(content, digest_size=_DIGEST).digest() != raw[:_DIGEST]:
            raise ValueError(cursor)
        name, *position = orjson.loads(content)
        if name != order.name or len(position) != len(order.columns):
            raise ValueError(name)
        place = tuple(
            TypeAdapter(_TYPES[column]).validate_python(value)
            for column, value in zip(order.columns, position, strict=True)
        )
    except (ValueError, TypeError):  # the errors of pydantic and base64 are subclasses
        sentence = "This cursor does not belong to this list. Copy it unchanged from `next`."
        raise refusal("cursor", sentence) from None
    if any(isinstance(each, datetime) and not 1 < each.year < 9999 for each in place):
        raise refusal("cursor", "This cursor does not belong to this list.")
    return place
