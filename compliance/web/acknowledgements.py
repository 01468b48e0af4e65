"""Acknowledgement from a link in an email. Only POST changes anything: mail scanners open links."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from compliance.delivery import links
from compliance.domain.phrases import counted, in_utc
from compliance.operations.deadlines import breaches
from compliance.web.pages import not_a_link, page


# CSRF protection is not needed: the signed link authorizes the request, and no cookie does.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "OPTIONS", "POST"])
def acknowledge(request: HttpRequest, token: str) -> HttpResponse:
    """Show what would be acknowledged; acknowledge it on POST."""
    link = links.read_acknowledgement(token)
    if link is None:
        return not_a_link(request)
    told = breaches.told_in(message_id=link.message_id, deadline_id=link.deadline_id)
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
            "Acknowledge?",
            lines=["Escalations pause for a week, or until it is done. You acknowledge:"],
            items=titles,
            button="Acknowledge",
        )
    now = timezone.now()
    acknowledged = breaches.acknowledge_by_mail(
        message_id=link.message_id, deadline_id=link.deadline_id, as_of=now
    )
    if not acknowledged:
        return page(request, "Nothing is missed anymore", lines=["There is nothing to do."])
    until = max(each.acknowledged_until for each in acknowledged if each.acknowledged_until)
    count = counted(len(acknowledged), "missed deadline")
    return page(
        request,
        "Thank you",
        lines=[f"{count} acknowledged until {in_utc(until.replace(second=0))}."],
        items=[each.deadline.obligation.title for each in acknowledged[:20]],
    )
