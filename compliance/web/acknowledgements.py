"""Acknowledging from a mail. Only the button does anything: mail scanners follow links."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from compliance.delivery import links
from compliance.domain.phrases import counted, in_utc
from compliance.operations.deadlines import breaches
from compliance.web.pages import not_a_link, page


# The signed link is the authority, and comes with no cookie that a stranger could ride on.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "OPTIONS", "POST"])
def acknowledge(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows what would be acknowledged, POST does it."""
    leave = links.read_acknowledgement(token)
    if leave is None:
        return not_a_link(request)
    told = breaches.breach_alerts_of(message_id=leave.message_id, deadline_id=leave.deadline_id)
    titles = list(
        told.order_by("deadline_id")
        .values_list("deadline__obligation__title", flat=True)
        .distinct()[:20]
    )
    if not titles:
        return not_a_link(request)
    if request.method != "POST":
        return page(
            request,
            "Are you at it?",
            lines=["Nobody else is called for a week, or until it is done. About:"],
            items=titles,
            button="I am at it",
        )
    now = timezone.now()
    acknowledged = breaches.acknowledge_by_mail(
        message_id=leave.message_id, deadline_id=leave.deadline_id, as_of=now
    )
    if not acknowledged:
        return page(request, "Nothing is missed any more", lines=["There is nothing to do."])
    until = max(each.acknowledged_until for each in acknowledged if each.acknowledged_until)
    count = counted(len(acknowledged), "missed deadline")
    return page(
        request,
        "Thank you",
        lines=[f"{count} acknowledged until {in_utc(until.replace(second=0))}."],
        items=[each.deadline.obligation.title for each in acknowledged[:20]],
    )
