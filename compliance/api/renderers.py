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


class ContentNegotiation(DefaultContentNegotiation):
    """Chooses by the header `Accept`. An empty one says as little as none (RFC 9110, 12.5.1)."""

    def get_accept_list(self, request: Request) -> list[str]:
        """Return the media types that the client accepts."""
        is_empty = not request.headers.get("Accept", "").strip(" \t,")
        return ["*/*"] if is_empty else list(super().get_accept_list(request))


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
