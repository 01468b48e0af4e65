"""Rows as JSON: instants in UTC with Z, days as such, quantities exact."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer


class ORJSONRenderer(BaseRenderer):
    """JSON, by orjson."""

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
        """The bytes of a response's data; of nothing, nothing."""
        if data is None:
            return b""
        return orjson.dumps(data, default=_plain, option=orjson.OPT_UTC_Z)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        # A number with all its digits, not the nearest float.
        return orjson.Fragment(format(value.normalize(), "f"))
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(type(value).__name__)
