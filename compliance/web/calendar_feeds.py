"""The private calendar feeds, for calendars that can send no token but their address."""

from __future__ import annotations

import hashlib

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, HttpResponseNotModified
from django.utils import timezone
from django.views.decorators.http import require_safe

from compliance.queries.alerts import calendar_feeds as queries


@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The calendar of a feed; the same 404 for whatever is not one."""
    found = queries.find(token)
    if found is None:
        return HttpResponseNotFound(
            "There is no such calendar.\n", content_type="text/plain; charset=utf-8"
        )
    content = queries.calendar(found, as_of=timezone.now())
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=300"}
    if tag in request.headers.get("If-None-Match", ""):
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(
        content,
        content_type="text/calendar; charset=utf-8",
        headers={**headers, "Content-Disposition": 'inline; filename="pacta.ics"'},
    )
