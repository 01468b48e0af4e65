"""Private calendar feeds, for calendar programs that can authenticate only by the URL."""

from __future__ import annotations

import hashlib

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, HttpResponseNotModified
from django.utils import timezone
from django.views.decorators.http import require_safe

from compliance.delivery import links
from compliance.models.people.readers import SYSTEM, reader_of, reading_as
from compliance.queries.alerts import calendar_feeds as queries


@require_safe
@reading_as(SYSTEM)
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """Return the calendar of a feed, or the same 404 for every URL that is not a feed's."""
    found = queries.find(token)
    if found is None:
        return HttpResponseNotFound(
            "There is no such calendar.\n", content_type="text/plain; charset=utf-8"
        )
    with reading_as(reader_of(found.owner)):
        content = queries.calendar(found, deadline_url=_deadline_url, as_of=timezone.now())
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=300"}
    if tag in request.headers.get("If-None-Match", ""):
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(
        content,
        content_type="text/calendar; charset=utf-8",
        headers={**headers, "Content-Disposition": 'inline; filename="pacta.ics"'},
    )


def _deadline_url(deadline_id: int) -> str:
    return links.url(links.pages().deadline(deadline_id))
