"""Keeps the secret tokens in URLs out of the logs and out of the change history."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from django.http import HttpRequest
from pghistory.middleware import HistoryMiddleware as _HistoryMiddleware

from config.client_addresses import client_address

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,36}")
_TOKENS = re.compile(
    r"(/(?:calendar-feeds|acknowledge|unsubscribe|password|email/confirm)/)[^\s'\"]+"
)


def without_tokens(text: str) -> str:
    """Return the text with each secret URL cut off where its token begins."""
    return _TOKENS.sub(r"\1...", text)


def hide_tokens(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Hide tokens in every value of a log event (a structlog processor)."""
    return {
        name: without_tokens(value) if isinstance(value, str) else value
        for name, value in event.items()
    }


class HistoryMiddleware(_HistoryMiddleware):
    """Records who changed something, from where and at which URL, without the token in it."""

    def get_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the context stored with each change."""
        context: dict[str, Any] = super().get_context(request)
        return {
            **context,
            "url": without_tokens(request.path),
            "address": client_address(request),
            "request": request_id(request),
        }


def request_id(request: HttpRequest) -> str:
    """Return the id of a request in the audit log: the one that the client or a proxy gave it.

    A request without an id, or with an odd one, gets a random id.
    """
    found: str | None = getattr(request, "pacta_request_id", None)
    if found is None:
        given = request.headers.get("X-Request-ID", "")
        found = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        request.pacta_request_id = found  # type: ignore[attr-defined]  # ours
    return found
