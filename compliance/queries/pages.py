"""Keyset pagination: a page begins after the values of the last row of the previous page.

Every page therefore costs the same, and rows with equal values are not skipped.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import blake2s
from typing import Annotated, Any, NamedTuple, Self

import orjson
from pydantic import AwareDatetime, Field, PrivateAttr, TypeAdapter

from compliance.domain.formats import CURSOR
from compliance.domain.limits import AtMost
from compliance.domain.problems import Invalid, refusal
from compliance.models.people.readers import current_reader
from compliance.queries.filters import DIGITS, Filter, Listed, TrueOrFalse
from compliance.queries.rows import Row, Where, fetch, limited_to

LARGEST = 1_000
COUNTING_SECONDS = 15
_FEW = 10_000
_DIGEST = 6
FieldName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]


class Format(StrEnum):
    """The formats of lists and aggregates."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"
    XLSX = "xlsx"


class Count(StrEnum):
    """How the rows of a whole list are counted."""

    EXACT = "exact"
    ESTIMATED = "estimated"


class Exportable(Filter):
    """Base class of the parameters of what can be exported as a table."""

    fields: Annotated[
        Annotated[tuple[FieldName, ...], AtMost(100)] | None,
        Listed,
        Field(min_length=1, description="Only these fields, separated by commas."),
    ] = None
    format: Annotated[
        Format | None,
        Field(description="The format; without it, the header `Accept` decides."),
    ] = None
    bom: Annotated[
        TrueOrFalse,
        Field(description="Whether CSV begins with a byte order mark, which Excel needs."),
    ] = False


class Listing(Exportable):
    """Base class of the filters of paginated lists."""

    cursor: Annotated[
        Annotated[str, Field(max_length=1_000), CURSOR] | None,
        Field(description="Where the page begins; taken from `next`."),
    ] = None
    page_size: Annotated[int, Field(ge=1, le=LARGEST), DIGITS] = 100
    _count: Count | None = PrivateAttr(default=None)

    def counting(self, how: Count | None) -> Self:
        """Return a copy for which the rows of the whole list are counted."""
        found = self.model_copy()
        found._count = how
        return found


class Part(NamedTuple):
    """A part of a list: a condition, if it is not the whole, and the position it begins after."""

    condition: str | None
    position: tuple[object, ...] | None


def absent_last(column: str, absent: datetime) -> str:
    """Return SQL for a nullable column in which `absent` stands for rows without a value."""
    # This is a literal because PostgreSQL matches the expression of an index only if it contains
    # the same constant.
    return f"CASE WHEN {column} IS NULL THEN '{absent.isoformat()}'::timestamptz ELSE {column} END"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A total order: the last of its columns is unique.

    `columns` are columns of the table `table`. `absent` maps a nullable first column to a value
    after all others. Rows without a value come last, in both directions.
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
        return absent_last(name, self.absent[column])

    def parts(self, cursor: str | None) -> tuple[Part, ...]:
        """Return the parts of the list, in order, that follow the position in `cursor`.

        In descending order, an index would return the rows without a value first. They are read
        afterwards instead, from the same index.

        Raises:
            Invalid: the cursor does not belong to this order.
        """
        position = None if cursor is None else _decode(cursor, self)
        if not (self.is_descending and self.columns[0] in self.absent):
            return (Part(None, position),)
        valued, absent = f"{self._first} < {self._absent}", f"{self._first} = {self._absent}"
        if position is not None and position[0] == self.absent[self.columns[0]]:
            return (Part(absent, position),)
        return (Part(valued, position), Part(absent, None))

    @property
    def _first(self) -> str:
        return self._place(self.columns[0])

    @property
    def _absent(self) -> str:
        return f"'{self.absent[self.columns[0]].isoformat()}'::timestamptz"

    def begin_after(self, position: tuple[object, ...], where: Where) -> None:
        """Skip the rows up to and including a position."""
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
    """Rows of a list, and the cursor of the next page if there is one.

    If they were counted in time, `count` is how many rows the whole list has, and `counted` how.
    """

    rows: list[Row]
    next: str | None
    count: int | None = None
    counted: Count | None = None


def page(select: str, where: Where, *, order: Order, listing: Listing) -> Page:
    """Return the requested page of a list.

    Raises:
        Invalid: the cursor does not belong to this order.
    """
    return merged_page([select], where, order=order, listing=listing)


def merged_page(selects: Sequence[str], where: Where, *, order: Order, listing: Listing) -> Page:
    """Return the requested page of a list whose rows come from several statements.

    Each of them is read in order, only as far as the page needs. Their columns are the same and
    include those of the order.

    Raises:
        Invalid: the cursor does not belong to this order.
    """
    rows: list[Row] = []
    for part in order.parts(listing.cursor):
        chosen = Where(**where.values)
        chosen.conditions = [*where.conditions, *([part.condition] if part.condition else [])]
        if part.position is not None:
            order.begin_after(part.position, chosen)
        # One extra row shows whether there is another page, without counting.
        chosen.values["limit"] = listing.page_size + 1 - len(rows)
        rows += fetch(_merged(selects, chosen, order), chosen.values)
        if len(rows) > listing.page_size:
            break
    shown = rows[: listing.page_size]
    has_more = len(rows) > listing.page_size
    following = order.cursor_at(shown[-1]) if has_more else None
    if listing._count is None:
        return Page(rows=shown, next=following)
    try:
        number, counted = _counted(selects, where, listing._count)
    except Invalid:
        # A preference does not make a request fail (RFC 7240, section 2).
        return Page(rows=shown, next=following)
    return Page(rows=shown, next=following, count=number, counted=counted)


def _counted(selects: Sequence[str], where: Where, how: Count) -> tuple[int, Count]:
    """Return how many rows statements have together, and how they were counted.

    An estimate comes from the statistics of the database, which know rows that a reader may not
    see. So only readers who see everything get one. Few rows are always counted.

    Raises:
        Invalid: this takes too long.
    """
    whole = " UNION ALL ".join(f"{each} {where.sql}" for each in selects)
    if how == Count.EXACT or current_reader().is_limited:
        return _number_of(whole, where), Count.EXACT
    few = _number_of(f"{whole} LIMIT {_FEW + 1}", where)
    if few <= _FEW:
        return few, Count.EXACT
    [found] = fetch((f"EXPLAIN (FORMAT JSON) {whole}",), where.values)
    plan = found["QUERY PLAN"]
    content = orjson.loads(plan) if isinstance(plan, str | bytes) else plan
    return max(int(content[0]["Plan"]["Plan Rows"]), few), Count.ESTIMATED


def _number_of(statement: str, where: Where) -> int:
    with limited_to(COUNTING_SECONDS, refusal("", "The rows take too long to count.")):
        [found] = fetch((f"SELECT count(*) AS number FROM ({statement}) AS counted",), where.values)
    return int(found["number"])


def _merged(selects: Sequence[str], where: Where, order: Order) -> list[str]:
    in_order = (order.sql, "LIMIT %(limit)s")
    if len(selects) == 1:
        return [selects[0], where.sql, *in_order]
    parts = ["\n".join(("(", each, where.sql, *in_order, ")")) for each in selects]
    return [f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS {order.table}", *in_order]


# The types of positions. With them, a forged cursor cannot bring anything else into a query.
_TYPES: dict[str, Any] = {
    "id": Annotated[int, Field(ge=0, lt=2**63)],
    "position": Annotated[int, Field(ge=0, lt=2**63)],
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
