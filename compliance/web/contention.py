"""The response to a change that waited too long for another change to the same data."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.db import OperationalError
from django.http import HttpRequest, HttpResponseBase

from compliance.models.locks import is_contention
from compliance.web.pages import page


class ContentionMiddleware:
    """Returns 409 if a lock timed out. The API has its own response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """Return the response for a lock timeout, or None to let Django handle the exception."""
        if not (isinstance(exception, OperationalError) and is_contention(exception)):
            return None
        response = page(
            request,
            "Nothing was saved",
            status=HTTPStatus.CONFLICT,
            lines=[
                "Someone else is changing the same data.",
                "Wait a moment, go back, and try again.",
            ],
        )
        response["Retry-After"] = "1"
        return response
