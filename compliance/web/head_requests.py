"""Responses to HEAD: the headers of a response to GET, without its body."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse, StreamingHttpResponse
from django.http.request import HttpRequest
from django.http.response import HttpResponseBase


class HeadMiddleware:
    """Drops the bodies of responses to HEAD (RFC 9110, 9.3.2), which the web server would send."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response, without a body if it is to HEAD."""
        response = self.get_response(request)
        if request.method == "HEAD":
            # Content-Length stays: it is the length that a GET would have.
            if isinstance(response, StreamingHttpResponse):
                response.streaming_content = ()
            elif isinstance(response, HttpResponse):
                response.content = b""
        return response
