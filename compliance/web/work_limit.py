"""The limit on the processor time of one request."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from compliance.domain.limits import MOST_NEW_DEADLINES_OF_REQUEST
from compliance.domain.work import TOO_MUCH_WORK, TooMuchWork, limited_by
from compliance.web.pages import page

# The paths of requests that store a document: imports, and approvals of proposed imports.
_WITH_DOCUMENTS = ("/agreements/import/", "/approve/")


class WorkLimitMiddleware:
    """Refuses requests whose computations take more processor time than `REQUEST_SECONDS`.

    Documents may take `IMPORT_SECONDS`: thousands of obligations are one transaction.
    Each request runs in one thread, so its own time counts, and not that of others. It must be the
    innermost middleware: only there has every transaction of the request ended.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        takes_document = request.path.endswith(_WITH_DOCUMENTS)
        seconds = settings.IMPORT_SECONDS if takes_document else settings.REQUEST_SECONDS
        ends_at = time.thread_time() + seconds

        def check() -> None:
            if time.thread_time() > ends_at:
                raise TooMuchWork

        try:
            with limited_by(check, most_new=MOST_NEW_DEADLINES_OF_REQUEST):
                return self.get_response(request)
        except TooMuchWork:
            return _refusal(request)


def _refusal(request: HttpRequest) -> HttpResponseBase:
    status = HTTPStatus.BAD_REQUEST
    if not request.path.startswith("/api/"):
        return page(request, "This takes too long", status=status, lines=[TOO_MUCH_WORK])
    content = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": TOO_MUCH_WORK,
        "errors": [],
    }
    return JsonResponse(content, status=status, content_type="application/problem+json")
