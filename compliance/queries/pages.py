"""Lists page by page. A page begins where the one before ended, by value and not by number, so
that the page at row one million costs what the first one does, and ties lose no row."""

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
    """A question to a list that is given in pages."""

    cursor: Annotated[
        str | None, Field(max_length=1_000, description="Where to go on: taken from `next`.")
    ] = None
    page_size: Annotated[int, Field(ge=1, le=LARGEST)] = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A sorting that gives every row its own place: the last of its columns is unique.

    `columns` are the names of columns, each in the table `table`. One that can be null stands
    in `absent`, with the value in whose place its nulls are sorted.
    """

    table: str
    columns: tuple[str, ...]
    is_descending: bool = False
    absent: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What a cursor of this order calls it."""
        return ("-" if self.is_descending else "") + ",".join(self.columns)

    @property
    def sql(self) -> str:
        """The clause that sorts."""
        direction = " DESC" if self.is_descending else ""
        return "ORDER BY " + ", ".join(f"{self._place(each)}{direction}" for each in self.columns)

    def _place(self, column: str) -> str:
        name = f"{self.table}.{column}"
        if column not in self.absent:
            return name
        # Written out: PostgreSQL recognises the expression of an index only with its constant.
        return f"COALESCE({name}, '{self.absent[column].isoformat()}'::timestamptz)"

    def begin_after(self, cursor: str, where: Where) -> None:
        """Leave out what comes before the place that `cursor` names, and that place.

        Raises:
            Invalid: it is no cursor of this order.
        """
        position = _decode(cursor, self)
        # Compared as rows: PostgreSQL can then enter an index at that very place.
        places = ", ".join(f"%(after_{each})s" for each in self.columns)
        columns = ", ".join(self._place(each) for each in self.columns)
        where.add(
            f"({columns}) {'<' if self.is_descending else '>'} ({places})",
            **{f"after_{each}": value for each, value in zip(self.columns, position, strict=True)},
        )

    def cursor_at(self, row: Row) -> str:
        """A row's place as text for an address.

        Its digest tells a mangled cursor from a whole one. It guards no secret: whoever may
        read a list may begin anywhere in it.
        """
        place = (self.absent.get(each) if row[each] is None else row[each] for each in self.columns)
        content = orjson.dumps([self.name, *place])
        digest = blake2s(content, digest_size=_DIGEST).digest()
        return base64.urlsafe_b64encode(digest + content).decode().rstrip("=")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some rows of a list, and the cursor of the page after it, if there is one."""

    rows: list[Row]
    next: str | None


def page(select: str, where: Where, *, order: Order, listing: Listing) -> Page:
    """The page of a list that `listing` asks for.

    Raises:
        Invalid: its cursor is no cursor of this order.
    """
    if listing.cursor is not None:
        order.begin_after(listing.cursor, where)
    # One row too many tells whether there is another page, without counting.
    where.values["limit"] = listing.page_size + 1
    rows = fetch((select, where.sql, order.sql, "LIMIT %(limit)s"), where.values)
    shown = rows[: listing.page_size]
    has_more = len(rows) > listing.page_size
    return Page(rows=shown, next=order.cursor_at(shown[-1]) if has_more else None)


# What a place consists of, so that a forged cursor cannot bring anything else into a query.
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
    except (ValueError, TypeError):  # of which pydantic's and base64's own errors are kinds
        sentence = "This is no cursor of this list: take it, unchanged, from `next`."
        raise refusal("cursor", sentence) from None
    if any(isinstance(each, datetime) and not 1 < each.year < 9999 for each in place):
        raise refusal("cursor", "This is no cursor of this list.")
    return place
