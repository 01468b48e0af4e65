"""Keeping the tokens in addresses out of what is kept: logs, and the history of changes."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest
from pghistory.middleware import HistoryMiddleware as _HistoryMiddleware

_TOKENS = re.compile(r"(/(?:feeds|acknowledge|unsubscribe|password)/)[^\s'\"]+")


def without_tokens(text: str) -> str:
    """A text in which an address that is a key in itself is cut where its token begins."""
    return _TOKENS.sub(r"\1...", text)


def hide_tokens(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """A processor of structlog that hides them in everything that is said."""
    return {
        name: without_tokens(value) if isinstance(value, str) else value
        for name, value in event.items()
    }


class HistoryMiddleware(_HistoryMiddleware):
    """Notes who changed something, and from which address, but not by which token."""

    def get_context(self, request: HttpRequest) -> dict[str, Any]:
        """What is kept beside each change."""
        context: dict[str, Any] = super().get_context(request)
        return {**context, "url": without_tokens(request.path)}
