"""The answer to a person whose change waited too long for another change to the same data."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.db import OperationalError
from django.http import HttpRequest, HttpResponseBase

from compliance.models.locks import is_contention
from compliance.web.pages import page


class ContentionMiddleware:
    """Answers 409 where a lock could not be had in time. The API answers for itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """Answer in place of a view that raised; None leaves the exception to Django."""
        if not (isinstance(exception, OperationalError) and is_contention(exception)):
            return None
        response = page(
            request,
            "Nothing was saved",
            status=HTTPStatus.CONFLICT,
            lines=[
                "Another change to the same data is under way.",
                "Wait a moment, go back, and try again.",
            ],
        )
        response["Retry-After"] = "1"
        return response
