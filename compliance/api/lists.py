"""Respond with lists: a page as JSON, or all rows as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.preferences import preferred_count, say_applied
from compliance.api.renderers import EXPORT_TYPES, ORJSONRenderer
from compliance.api.streams import ExportResponse, in_time
from compliance.api.tables import csv_parts, ndjson_parts, xlsx_parts
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import Status
from compliance.queries.columns import chosen
from compliance.queries.exports import portions
from compliance.queries.pages import Exportable, Format, Listing, Page
from compliance.queries.rows import Row

ListingT = TypeVar("ListingT", bound=Listing)
RowType = type[serializers.Serializer[Any]]


def list_response(
    request: Request,
    listing: ListingT,
    read: Callable[[ListingT], Page],
    *,
    row: RowType,
    export: Callable[[ListingT, Sequence[str], Format], Iterator[bytes]] | None = None,
    is_feed: bool = False,
    **pinned: datetime | None,
) -> HttpResponseBase:
    """Return a page of a list, or all of it in a format other than JSON.

    Args:
        read: returns a page.
        export: returns all rows of the present as CSV or NDJSON, faster than by pages.
        is_feed: whether every format returns a page, after which a client continues later.
        pinned: parameters of the next page that the request left out.

    Raises:
        Invalid: a field does not exist, or the cursor belongs to another list.
        TooManyStreams: this process sends as many exports as it can.
    """
    names = chosen(listing.fields, field_names(row))
    wanted = format_of(request, listing)
    is_expanded = bool(getattr(listing, "expand", ()))
    if is_expanded and wanted in {Format.CSV, Format.XLSX}:
        raise refusal("expand", "A table has no objects. Leave expand out, or use format=ndjson.")
    is_page = is_feed or bool({"cursor", "page_size"} & listing.model_fields_set)
    if wanted != Format.JSON and not is_page:
        is_now = getattr(listing, "known_at", None) is None
        if export is not None and is_now and not is_expanded and wanted != Format.XLSX:
            parts = export(listing, names, wanted)
            return _attached(request, wanted, parts, is_streamed=True)
        # A workbook is sent only when all rows are read.
        found = in_time(portions(read, listing))
        return table_response(request, listing, names, found, is_streamed=True)
    page = read(listing.counting(preferred_count(request)))
    following = _address_of_next(request, page, pinned)
    if wanted != Format.JSON:
        return _page_of_table(request, listing, names, page, following)
    rows = page.rows
    if listing.fields is not None:
        rows = [{name: each[name] for name in names} for each in rows]
    counted = {} if page.count is None else {"count": page.count}
    response = Response({"next": following, **counted, "results": rows})
    response.content_type = ORJSONRenderer.media_type
    say_applied(response, page)
    return _linked(response, following)


def _page_of_table(
    request: Request,
    listing: Listing,
    names: Sequence[str],
    page: Page,
    following: str | None,
) -> HttpResponseBase:
    return _linked(
        table_response(request, listing, names, [page.rows], is_streamed=False), following
    )


def _linked(response: HttpResponseBase, following: str | None) -> HttpResponseBase:
    """Name the next page in the header `Link` (RFC 8288)."""
    if following is not None:
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


def aggregate_response(
    request: Request, asked_for: Exportable, answer: dict[str, Any], *, names: Sequence[str]
) -> HttpResponseBase:
    """Return an aggregate, or its rows in a format other than JSON.

    Args:
        answer: the answer in JSON, with the rows as `results`.
        names: the fields that the rows have.

    Raises:
        Invalid: a field does not exist.
    """
    kept = chosen(asked_for.fields, names)
    rows: list[Row] = [{name: each[name] for name in kept} for each in answer["results"]]
    wanted = format_of(request, asked_for)
    if wanted in {Format.CSV, Format.XLSX} and "statuses" in kept:
        kept, rows = _with_column_per_status(kept, rows)
    if wanted != Format.JSON:
        return table_response(request, asked_for, kept, [rows], is_streamed=False)
    response = Response({**answer, "results": rows})
    response.content_type = ORJSONRenderer.media_type
    return response


def _with_column_per_status(
    names: Sequence[str], rows: Sequence[Row]
) -> tuple[tuple[str, ...], list[Row]]:
    """Replace the numbers per status by a column for each status, `status_met` and so on."""
    columns = {f"status_{each}": each.value for each in Status}
    place = names.index("statuses")
    found = [
        {**row, **{name: row["statuses"].get(status, 0) for name, status in columns.items()}}
        for row in rows
    ]
    return (*names[:place], *columns, *names[place + 1 :]), found


def format_of(request: Request, wanted: Exportable) -> Format:
    """Return the format of a response: the parameter `format`, or what `Accept` asks for."""
    return wanted.format or Format(str(request.accepted_renderer.format))


def table_response(
    request: Request,
    wanted: Exportable,
    names: Sequence[str],
    found: Iterable[Sequence[Row]],
    *,
    is_streamed: bool,
) -> HttpResponseBase:
    """Return rows in a format other than JSON, as they are read if `is_streamed`."""
    kind = format_of(request, wanted)
    parts: Iterator[bytes]
    if kind == Format.CSV:
        parts = csv_parts(names, found, has_bom=wanted.bom)
    elif kind == Format.NDJSON:
        parts = ndjson_parts(names, found)
    else:
        parts = xlsx_parts(names, found)
    return _attached(request, kind, parts, is_streamed=is_streamed)


def _attached(
    request: Request, kind: Format, parts: Iterator[bytes], *, is_streamed: bool
) -> HttpResponseBase:
    media_type = EXPORT_TYPES[kind] + ("; charset=utf-8" if kind == Format.CSV else "")
    name = f"{_name(request.path)}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if is_streamed and request.method == "HEAD":
        # Nobody knows its length before it is read.
        return StreamingHttpResponse((), content_type=media_type, headers=headers)
    if is_streamed:
        return ExportResponse(parts, content_type=media_type, headers=headers)
    return HttpResponse(b"".join(parts), content_type=media_type, headers=headers)


def _name(path: str) -> str:
    """Return the name of a file: the last word of the address of a list."""
    return next(each for each in reversed(path.split("/")) if each and not each.isdigit())


@lru_cache(maxsize=100)
def field_names(row: RowType) -> tuple[str, ...]:
    """Return the fields of the rows of a list, in order."""
    return tuple(row().fields)


def _address_of_next(
    request: Request, page: Page, pinned: dict[str, datetime | None]
) -> str | None:
    if page.next is None:
        return None
    parameters = request.query_params.copy()
    parameters["cursor"] = page.next
    for name, instant in pinned.items():
        if instant is not None:
            parameters[name] = instant.isoformat().replace("+00:00", "Z")
    return request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")
