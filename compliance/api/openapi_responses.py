"""The responses that all operations have in common: problems, and headers, in the OpenAPI document.

An operation documents every status that it can respond with. So a program can rely on it, and a
fuzzer reports any other one.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from compliance.api.problems import MEDIA_TYPE

_PROBLEM = {
    "type": "object",
    "description": "A problem (RFC 9457), with an error per field.",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "detail"],
                "properties": {
                    "path": {
                        "type": "string",
                        "description": "A path in the body, or the name of a parameter.",
                        "examples": ["obligations/0/due/on"],
                    },
                    "detail": {"type": "string"},
                },
            },
        },
    },
}

_EVERYWHERE = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_ACCEPTABLE,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_WRITING = (HTTPStatus.CONFLICT, HTTPStatus.INSUFFICIENT_STORAGE)
_WITH_BODY = (
    HTTPStatus.LENGTH_REQUIRED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
_DESCRIPTIONS = {
    HTTPStatus.BAD_REQUEST: "The parameters or the body are not accepted.",
    HTTPStatus.UNAUTHORIZED: "There is no token or session, or it is not valid.",
    HTTPStatus.FORBIDDEN: "The account or the token lacks a permission.",
    HTTPStatus.NOT_FOUND: "This does not exist, or is not visible to the reader.",
    HTTPStatus.NOT_ACCEPTABLE: "No format in the header `Accept` is available.",
    HTTPStatus.CONFLICT: "This conflicts with the stored data or with another change.",
    HTTPStatus.LENGTH_REQUIRED: "The body has no `Content-Length`.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body has another media type.",
    HTTPStatus.TOO_MANY_REQUESTS: "The quota of this minute is used up.",
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "Something that Pacta needs is not available, or too many exports are being read at the "
        "same time. Try again."
    ),
    HTTPStatus.INSUFFICIENT_STORAGE: "The server's disk is full.",
}
_UNCHANGED = HTTPStatus.NOT_MODIFIED.name
_TEXT = {"schema": {"type": "string"}}
_QUOTA = {
    "RateLimit": {"description": "How many requests are left in this minute.", **_TEXT},
    "RateLimit-Policy": {"description": "The quota and its window.", **_TEXT},
}
_TAG = {
    "description": "Identifies this response. Send it as `If-None-Match` the next time.",
    "required": True,
    **_TEXT,
}
# An export is streamed, and has none.
_TAG_OF_ONE_PAGE = {**_TAG, "required": False}
_CACHING = {
    "Cache-Control": {"description": "Whether a private cache may keep it.", **_TEXT},
}
_LINK = {"Link": {"description": "The address of the next page, as `next`.", **_TEXT}}
_SECONDS = {
    "description": "After how many seconds to try again.",
    "required": True,
    "schema": {"type": "integer", "minimum": 0},
}
_SCHEME = {"description": "How to authenticate.", "required": True, **_TEXT}
_LOCATION = {
    "description": "The address of the new resource.",
    "required": True,
    "schema": {"type": "string", "format": "uri"},
}
_HEADERS = {
    HTTPStatus.CONFLICT: {"Retry-After": _SECONDS | {"required": False}},
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": _SCHEME},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": _SECONDS},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": _SECONDS},
}


def describe_responses(result: dict[str, Any], **_others: object) -> dict[str, Any]:
    """Add the problems and the headers to every operation."""
    components = result["components"]
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["responses"] = {status.name: _problem(status) for status in _DESCRIPTIONS}
    components["responses"][_UNCHANGED] = {
        "description": "Nothing has changed since the response whose `ETag` is in `If-None-Match`.",
        "headers": {**_QUOTA, "ETag": _TAG, **_CACHING},
    }
    for path, operations in result["paths"].items():
        has_rows = any(other.startswith(f"{path}{{") for other in result["paths"])
        for method, operation in operations.items():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            for status, response in operation["responses"].items():
                response["headers"] = dict(_QUOTA)
                if method == "get":
                    has_exports = len(response.get("content", {})) > 1
                    response["headers"] |= _CACHING
                    response["headers"]["ETag"] = _TAG_OF_ONE_PAGE if has_exports else _TAG
                if _is_page(response):
                    response["headers"] |= _LINK
                if status == "202" or (status == "201" and method == "post" and has_rows):
                    response["headers"]["Location"] = _LOCATION
            for each in _problems_of(path, method, operation):
                reference = {"$ref": f"#/components/responses/{each.name}"}
                operation["responses"].setdefault(str(int(each)), reference)
            if method == "get":
                operation["responses"]["304"] = {"$ref": f"#/components/responses/{_UNCHANGED}"}
    return result


def _is_page(response: dict[str, Any]) -> bool:
    schemas = [content["schema"] for content in response.get("content", {}).values()]
    return any(each.get("$ref", "").endswith("Page") for each in schemas)


def _problem(status: HTTPStatus) -> dict[str, Any]:
    return {
        "description": _DESCRIPTIONS[status],
        "headers": {**_QUOTA, **_HEADERS.get(status, {})},
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _problems_of(path: str, method: str, operation: dict[str, Any]) -> Iterator[HTTPStatus]:
    yield from _EVERYWHERE
    if "{" in path:
        yield HTTPStatus.NOT_FOUND
    if method != "get":
        yield from _WRITING
    if "requestBody" in operation:
        yield from _WITH_BODY
