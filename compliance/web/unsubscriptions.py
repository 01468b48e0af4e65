"""Unsubscribing from mail, by a page with a button or by a mail client (RFC 8058)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from compliance.delivery import links
from compliance.models.people.readers import SYSTEM, reading_as
from compliance.operations.alerts import subscriptions
from compliance.web.pages import invalid_link, page


# Mail clients post without a page or a cookie. The signed link authorises the request.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "OPTIONS", "POST"])
@reading_as(SYSTEM)
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show the subscriptions that the link is for; on POST end them."""
    link = links.read_unsubscription(token)
    if link is None:
        return invalid_link(request)
    if request.method == "POST":
        ended = subscriptions.end(
            email=link.email, subscription_ids=link.subscription_ids, as_of=timezone.now()
        )
        return page(
            request,
            "You are unsubscribed",
            lines=[f"{link.email} will no longer receive email about:"] if ended else [],
            items=subscriptions.names_of(ended),
        )
    following = subscriptions.subscriptions_of(
        email=link.email, subscription_ids=link.subscription_ids
    )
    items = subscriptions.names_of(list(following))
    if not items:
        return page(
            request, "You are unsubscribed", lines=["There are no subscriptions left to end."]
        )
    return page(
        request,
        "Unsubscribe?",
        lines=[f"{link.email} would no longer receive email about:"],
        items=items,
        button="Unsubscribe",
    )
