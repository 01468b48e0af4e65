"""Renders rows as JSON: instants in UTC with Z, civil days, exact quantities."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from django.utils.functional import Promise
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from compliance.domain.quantities import number_text
from compliance.queries.pages import Format


class ContentNegotiation(DefaultContentNegotiation):
    """Chooses by the header `Accept`, unless the parameter `format` decides.

    An empty header says as little as none (RFC 9110, 12.5.1).
    """

    def get_accept_list(self, request: Request) -> list[str]:
        """Return the media types that the client accepts."""
        is_empty = not request.headers.get("Accept", "").strip(" \t,")
        is_decided = request.query_params.get("format") in list(Format)
        return ["*/*"] if is_empty or is_decided else list(super().get_accept_list(request))


class ORJSONRenderer(BaseRenderer):
    """Renders JSON with orjson."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the data of a response as bytes, or no bytes if there is none."""
        if data is None:
            return b""
        return orjson.dumps(data, default=_plain, option=orjson.OPT_UTC_Z)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        # Keep all digits, instead of the nearest float.
        return orjson.Fragment(number_text(value))
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(type(value).__name__)


EXPORT_TYPES: Mapping[Format, str] = {
    Format.CSV: "text/csv",
    Format.NDJSON: "application/x-ndjson",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""The media types of the formats of exports."""


class CSVRenderer(ORJSONRenderer):
    """Says that CSV can be requested by the header `Accept`."""

    media_type = EXPORT_TYPES[Format.CSV]
    format = Format.CSV


class NDJSONRenderer(ORJSONRenderer):
    """Says that NDJSON can be requested by the header `Accept`."""

    media_type = EXPORT_TYPES[Format.NDJSON]
    format = Format.NDJSON


class XLSXRenderer(ORJSONRenderer):
    """Says that XLSX can be requested by the header `Accept`."""

    media_type = EXPORT_TYPES[Format.XLSX]
    format = Format.XLSX


EXPORTS = (CSVRenderer, NDJSONRenderer, XLSXRenderer)
