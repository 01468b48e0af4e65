"""ETags, responses without a body if nothing has changed (304), and compression.

An ETag is a hash of the body. So it says nothing that its reader could not read, and it covers what
no column records: the rights of the reader, the clock, and every row that the response mentions.
"""

from __future__ import annotations

from hashlib import md5
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotModified,
)
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers, set_response_etag
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import parse_etags
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.renderers import ORJSONRenderer

_KEPT = ("Cache-Control", "ETag", "Vary")
_COMPRESSED = (
    "application/json", "application/problem+json", "application/vnd.oai.openapi",
    "application/x-ndjson", "application/yaml", "text/csv",
)  # fmt: skip


class ConditionalMiddleware(MiddlewareMixin):
    """Gives every successful GET of the API an ETag, and returns 304 if the client has its body."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Return the response, or a 304 in its place."""
        if not _is_api(request):
            return response
        patch_vary_headers(response, ("Accept", "Authorization", "Cookie"))
        if request.method not in {"GET", "HEAD"} or response.status_code != HTTPStatus.OK:
            return response
        if isinstance(response, HttpResponse) and not response.has_header("ETag"):
            set_response_etag(response)
        return not_modified(request, response) or response


def not_modified(
    request: HttpRequest, response: HttpResponseBase
) -> HttpResponseNotModified | None:
    """Return a 304 if the request names the ETag of the response, or else None.

    Django's own function also refuses requests with `If-Unmodified-Since`, although RFC 9110
    (13.1.4) says to ignore it where nothing has a date of modification.
    """
    wanted = parse_etags(request.headers.get("If-None-Match", ""))
    tag = response.headers.get("ETag")
    if tag is None or not ({"*", _opaque(tag)} & {_opaque(each) for each in wanted}):
        return None
    kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
    return HttpResponseNotModified(headers=kept)


def _opaque(tag: str) -> str:
    """Return a tag as it is compared for `If-None-Match`: weak and strong ones are equal."""
    return tag.removeprefix("W/")


class CompressionMiddleware(GZipMiddleware):
    """Compresses text of the API for programs, which authenticate in a header.

    What a browser requests with a session stays uncompressed: another site could send such requests
    in its name, and guess what is in the responses from their sizes (BREACH). So does what is
    requested with HTTP Basic, whose password browsers remember. The site cannot add the header of a
    token. Files are sent as they are stored.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Return the response, compressed if that is safe, useful and requested."""
        kind = response.headers.get("Content-Type", "")
        is_text = kind.startswith(_COMPRESSED) and not isinstance(response, FileResponse)
        has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
        is_basic = request.headers.get("Authorization", "").lower().startswith("basic")
        if not _is_api(request) or not is_text or has_session or is_basic:
            return response
        return super().process_response(request, response)


def present_response(request: Request, content: dict[str, Any], *instants: str) -> Response:
    """Return a response whose ETag stays the same while only the time passes.

    Args:
        instants: the fields that state the current time, unless the request names another one.
    """
    response = Response(content)
    passing = [name for name in instants if name not in request.query_params]
    if passing:
        rest = {name: value for name, value in content.items() if name not in passing}
        digest = md5(ORJSONRenderer().render(rest), usedforsecurity=False).hexdigest()
        response["ETag"] = f'W/"{digest}"'
    return response


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")
