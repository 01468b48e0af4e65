"""Unsubscribing from a mail: by a page with a button, or by a mail client's own (RFC 8058)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from compliance.delivery import links
from compliance.operations.alerts import subscriptions
from compliance.web.pages import not_a_link, page


# A mail client posts from outside, without a page or a cookie; the signed link is the authority.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "OPTIONS", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows what would end, POST ends it."""
    leave = links.read_unsubscription(token)
    if leave is None:
        return not_a_link(request)
    if request.method == "POST":
        ended = subscriptions.end(
            email=leave.email, agreement_id=leave.agreement_id, as_of=timezone.now()
        )
        return page(
            request,
            "You are unsubscribed",
            lines=[f"Pacta writes to {leave.email} no more about:"] if ended else [],
            items=[each.follows for each in ended],
        )
    following = subscriptions.subscriptions_of(email=leave.email, agreement_id=leave.agreement_id)
    items = [each.follows for each in following]
    if not items:
        return page(request, "You are unsubscribed", lines=["Nothing is left to end."])
    return page(
        request,
        "Unsubscribe?",
        lines=[f"Pacta would write to {leave.email} no more about:"],
        items=items,
        button="Unsubscribe",
    )
