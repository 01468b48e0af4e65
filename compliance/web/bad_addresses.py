"""Addresses in the admin that no page can use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponseBase

# `int` refuses thousands of digits, and the database those beyond 2**63.
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


class BadAddressMiddleware:
    """Answers 404 for ids that are not numbers, and 400 for query strings with NUL.

    The pages of buttons take whatever stands in an address as an id, and lists take any parameter
    as a filter; PostgreSQL fails on a comparison with NUL. The API checks both itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer.

        Raises:
            BadRequest: there is NUL in the query string.
        """
        if _is_admin(request) and "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        _view: Callable[..., Any],
        _args: Sequence[Any],
        captured: Mapping[str, Any],
    ) -> None:
        """Check the id in the address.

        Raises:
            Http404: it is not a number.
        """
        if _is_admin(request) and not _ID.fullmatch(str(captured.get("object_id", "1"))):
            raise Http404


def _is_admin(request: HttpRequest) -> bool:
    return request.path_info.startswith("/admin/")
