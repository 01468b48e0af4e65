"""Errors of the API as problem details (RFC 9457)."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from django.core import exceptions as django_errors
from django.db import DataError, IntegrityError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.template import loader
from django.urls import reverse
from rest_framework import exceptions as rest_errors

from compliance.domain.limits import MOST_PROBLEMS
from compliance.domain.problems import Invalid, Problem
from compliance.models.locks import is_contention

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_MOST_ERRORS = 100
_LONGEST_PATH = 300
_CLASH = (
    "This conflicts with a change that was stored at the same time: "
    "read the current state and try again."
)
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_SPACE = "The server's disk is full, and nothing was stored. Notify an administrator."
_NOT_AUTHENTICATED = (
    "Authenticate with an API token: send the header Authorization, with Bearer, a space and its "
    "key."
)
_UNREADABLE = "The request cannot be read."
_NOT_PERMITTED = "You do not have permission to do this."
_BUSY = "Another change to the same data is under way: wait a moment, and try again."


class PayloadTooLarge(rest_errors.APIException):
    """The body is longer than this endpoint accepts."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class LengthRequired(rest_errors.APIException):
    """The body is chunked, which the web server does not support."""

    status_code = HTTPStatus.LENGTH_REQUIRED
    default_detail = "Send the body with a Content-Length."
    default_code = "length_required"


def problem(status: int, detail: str, *, errors: Sequence[Problem] = ()) -> HttpResponse:
    """Return a problem response with an error per field."""
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "errors": [
            {"path": each.path[:_LONGEST_PATH], "detail": each.detail}
            for each in errors[:_MOST_ERRORS]
        ],
    }
    return HttpResponse(orjson.dumps(content), status=status, content_type=MEDIA_TYPE)


def problem_response(error: Exception, context: dict[str, Any]) -> HttpResponseBase | None:
    """Return the response to an exception, or None to let Django report a server error."""
    if isinstance(error, Invalid):
        return _invalid(error)
    if isinstance(error, Http404):
        error = rest_errors.NotFound()
    elif isinstance(error, django_errors.PermissionDenied):
        error = rest_errors.PermissionDenied(str(error) or None)
    if isinstance(error, rest_errors.APIException):
        return _rest(error, context)
    if isinstance(error, IntegrityError):
        log.warning("write rejected by the database", error=str(error).partition("\n")[0])
        return problem(HTTPStatus.CONFLICT, _CLASH)
    if isinstance(error, DataError):
        log.warning("value rejected by the database", error=str(error).partition("\n")[0])
        return problem(HTTPStatus.BAD_REQUEST, "A value is out of range and cannot be stored.")
    if isinstance(error, OperationalError):
        if is_contention(error):
            response = problem(HTTPStatus.CONFLICT, _BUSY)
            response["Retry-After"] = "1"
            return response
        log.error("database not reachable", error=str(error).partition("\n")[0])
        response = problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "The database is not reachable. Try again shortly."
        )
        response["Retry-After"] = "5"
        return response
    if isinstance(error, django_errors.RequestDataTooBig):
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too long.")
    unreadable = (
        django_errors.BadRequest,
        django_errors.SuspiciousOperation,
        MultiPartParserError,
        UnreadablePostError,
    )
    if isinstance(error, unreadable):
        return problem(HTTPStatus.BAD_REQUEST, _UNREADABLE)
    return None


def _invalid(error: Invalid) -> HttpResponse:
    count = len(error.problems)
    if count == 1:
        detail = error.problems[0].detail
    elif count > _MOST_ERRORS:
        at_least = "" if count < MOST_PROBLEMS else "at least "
        detail = f"The request has {at_least}{count} errors; the first {_MOST_ERRORS} are listed."
    else:
        detail = f"The request has {count} errors."
    return problem(HTTPStatus.BAD_REQUEST, detail, errors=error.problems)


def _rest(error: rest_errors.APIException, context: dict[str, Any]) -> HttpResponse:
    response = problem(error.status_code, _sentence(error, context))
    header = getattr(error, "auth_header", None)
    if header:
        response["WWW-Authenticate"] = header
    wait = getattr(error, "wait", None)
    if wait:
        response["Retry-After"] = str(int(wait))
    return response


def _sentence(error: rest_errors.APIException, context: dict[str, Any]) -> str:
    """Return what is wrong and what to do, also where the framework has words of its own."""
    view = context.get("view")
    match error:
        case rest_errors.NotAuthenticated():
            return _NOT_AUTHENTICATED
        case rest_errors.MethodNotAllowed() if view is not None:
            return f"This address does not support that method: use {_any(view.allowed_methods)}."
        case rest_errors.NotAcceptable() if view is not None:
            served = _any(each.media_type for each in view.renderer_classes)
            return f"Only {served} is served here: change the header Accept."
        case rest_errors.UnsupportedMediaType() if view is not None:
            return f"Send the body as {_any(each.media_type for each in view.parser_classes)}."
        case rest_errors.ParseError():
            return _UNREADABLE
    if error.detail == error.default_detail:
        if isinstance(error, rest_errors.NotFound):
            return "This does not exist."
        if isinstance(error, rest_errors.PermissionDenied):
            return _NOT_PERMITTED
    return str(error.detail if isinstance(error.detail, str) else error.default_detail)


def _any(names: Iterable[str]) -> str:
    *others, last = dict.fromkeys(names)
    return f"{', '.join(others)} or {last}" if others else last


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return the response to a request that Django rejects before it reaches a view."""
    if _is_api(request):
        return problem(HTTPStatus.BAD_REQUEST, _UNREADABLE)
    line = "The address or what was sent with it is incomplete. Go back and try again."
    return problem_page(HTTPStatus.BAD_REQUEST, "This request cannot be read", line)


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return the response to a forbidden request."""
    if _is_api(request):
        return problem(HTTPStatus.FORBIDDEN, _NOT_PERMITTED)
    line = "Your role does not allow this. If you need it, ask an administrator of Pacta."
    return problem_page(HTTPStatus.FORBIDDEN, "You do not have permission", line)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return the response to a request for an unknown address."""
    if _is_api(request):
        return problem(HTTPStatus.NOT_FOUND, "There is nothing at this address.")
    line = "It may have been removed, or the address may be incomplete."
    return problem_page(HTTPStatus.NOT_FOUND, "There is nothing at this address", line)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Return the response after a server error. The details are logged, not shown."""
    # Django calls this while it handles the error.
    error = sys.exception()
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        if _is_api(request):
            return problem(HTTPStatus.INSUFFICIENT_STORAGE, _NO_SPACE)
        return problem_page(HTTPStatus.INSUFFICIENT_STORAGE, "Nothing was saved", _NO_SPACE)
    if _is_api(request):
        return problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "An internal error occurred. It has been logged."
        )
    line = "An error occurred, and it has been logged. Try again in a while."
    return problem_page(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong", line)


def problem_page(status: HTTPStatus, title: str, line: str) -> HttpResponse:
    """Return a page that says what is wrong, with a way back.

    It depends on nothing that could be missing as well, such as the database or a session.
    """
    link = reverse("admin:index")
    content = {"title": title, "lines": [line], "link": link, "link_text": "Go to the overview"}
    page = HttpResponse(loader.render_to_string("web/page.html", content), status=status)
    page["Cache-Control"] = "no-store"
    return page
