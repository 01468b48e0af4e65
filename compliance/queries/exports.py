"""Whole lists, read in one snapshot: in portions as rows, or written by the database itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connection, transaction
from psycopg import IsolationLevel

from compliance.domain.limits import LONGEST_EXPORT
from compliance.queries.columns import Columns
from compliance.queries.pages import LARGEST, Format, Listing, Order, Page
from compliance.queries.rows import Row, Where

BOM = b"\xef\xbb\xbf"
_LARGEST_PART = 64 * 1024
_LIMIT_TIME = (
    "SELECT set_config('statement_timeout', %(ms)s, TRUE),"
    " set_config('idle_in_transaction_session_timeout', %(ms)s, TRUE)"
)
# JSON contains no control characters, so nothing is ever quoted.
_OPTIONS = {
    Format.CSV: "FORMAT csv",
    Format.NDJSON: r"FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02'",
}
_LINE_ENDS = {Format.CSV: b"\r\n", Format.NDJSON: b"\n"}

ListingT = TypeVar("ListingT", bound=Listing)


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Let all statements in the block read the same state of the database.

    Inside another transaction, they read what that one does.
    """
    if connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    raw: Any = connection.connection
    before = raw.isolation_level
    raw.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                # Also while nobody asks for the next row.
                cursor.execute(_LIMIT_TIME, {"ms": str(LONGEST_EXPORT * 1000)})
            yield
    finally:
        if not raw.closed:
            raw.isolation_level = before


def portions(read: Callable[[ListingT], Page], listing: ListingT) -> Iterator[list[Row]]:
    """Return all rows of a list, a page at a time, as they are in one snapshot."""
    wanted = listing.model_copy(update={"cursor": None, "page_size": LARGEST})
    with one_snapshot():
        while True:
            found = read(wanted)
            yield found.rows
            # A feed always has a `next`, which is where it ends today.
            if found.next is None or len(found.rows) < LARGEST:
                return
            wanted = wanted.model_copy(update={"cursor": found.next})


def copied(
    columns: Columns,
    source: str,
    where: Where,
    *,
    order: Order,
    names: Sequence[str],
    kind: Format,
    has_bom: bool,
) -> Iterator[bytes]:
    """Yield all rows of a list as CSV or NDJSON, as PostgreSQL writes them.

    Args:
        source: the tables of the columns, from FROM on.
        names: the columns that are wanted.
    """
    if kind == Format.CSV:
        yield (BOM if has_bom else b"") + ",".join(names).encode() + _LINE_ENDS[kind]
    wanted = [each for each in columns if each.name in names]
    if kind == Format.CSV:
        cells = [each.cell_sql for each in wanted]
        if len(cells) == 1:
            # An empty cell must be quoted, because readers skip empty lines.
            cells = [f"coalesce(({cells[0]})::text, '')"]
        values, joined = ", ".join(cells), source
    else:
        fields = ", ".join(f'{each.json_sql} AS "{each.name}"' for each in wanted)
        values = "row_to_json(exported)"
        joined = f"{source} CROSS JOIN LATERAL (SELECT {fields}) AS exported"
    with one_snapshot():
        for part in order.parts(None):
            conditions = [*where.conditions, *([part.condition] if part.condition else [])]
            chosen = f"WHERE {' AND '.join(conditions)}" if conditions else ""
            statement = (
                f"COPY (SELECT {values} {joined} {chosen} {order.sql})"
                f" TO STDOUT WITH ({_OPTIONS[kind]})"
            )
            with connection.cursor() as cursor, cursor.copy(statement, where.values) as rows:
                yield from _parts(rows, _LINE_ENDS[kind])


def _parts(rows: Iterable[Any], line_end: bytes) -> Iterator[bytes]:
    """Join rows, which come one at a time with a line feed, to larger parts."""
    part: list[bytes] = []
    size = 0
    for row in rows:
        part.append(bytes(row)[:-1])
        size += len(part[-1])
        if size > _LARGEST_PART:
            yield line_end.join([*part, b""])
            part, size = [], 0
    yield line_end.join([*part, b""])
