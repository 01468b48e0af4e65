"""Who reads during a request: nobody, until somebody has been authenticated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from typing import Any, TypeVar

from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse

from compliance.models.people.readers import NOBODY, become, reader_of, reading_as, tell_database

T = TypeVar("T")


class ReaderMiddleware:
    """Reads on behalf of nobody, so that a request without a user sees no agreement.

    Views that serve the system itself, such as the readiness check, say so.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response."""
        with reading_as(NOBODY):
            response = self.get_response(request)
            if isinstance(response, StreamingHttpResponse) and not isinstance(
                response, FileResponse
            ):
                # It is produced after the request, and still for the same reader.
                content: Any = response.streaming_content
                response.streaming_content = _in_context(copy_context(), content)
            return response


class SessionReaderMiddleware:
    """Reads on behalf of the user of the session. The API authenticates by itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response."""
        if not request.path_info.startswith("/api/"):
            become(reader_of(request.user))
        return self.get_response(request)


def _in_context(context: Context, content: Iterable[T]) -> Iterator[T]:
    # The generator begins only when the server asks for the first part.
    parts = iter(content)
    end = object()
    # A transaction that was open before the request has had other readers since.
    context.run(tell_database)
    try:
        while (part := context.run(next, parts, end)) is not end:
            yield part  # type: ignore[misc]  # not `end`
    finally:
        tell_database()
