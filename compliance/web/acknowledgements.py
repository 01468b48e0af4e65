"""The page that acknowledges breaches from an email.

Opening the link changes nothing, because mail scanners follow links. Only the button does.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from compliance.delivery import links
from compliance.domain.phrases import counted, in_utc, shortened
from compliance.models import Breach
from compliance.models.alerts.recipient_readers import readers_of_message
from compliance.models.people.readers import SYSTEM, reading_as
from compliance.operations.deadlines import breaches
from compliance.web.pages import invalid_link, page

_SHOWN_TITLES = 20


# The signed link authorises the request and no cookie does, so there is nothing to forge.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "OPTIONS", "POST"])
@reading_as(SYSTEM)
def acknowledge(request: HttpRequest, token: str) -> HttpResponse:
    """Show the breaches that the link is for; on POST acknowledge them."""
    link = links.read_acknowledgement(token)
    if link is None:
        return invalid_link(request)
    titles = _titles(link)
    if not titles:
        return invalid_link(request)
    if request.method != "POST":
        return page(
            request,
            "Acknowledge?",
            lines=[
                "Acknowledge that you are working on this. Escalations pause for a week, or until "
                "the obligation is met:"
            ],
            items=titles,
            button="Acknowledge",
        )
    acknowledged = _acknowledged(link)
    if not acknowledged:
        return page(
            request, "Nothing to acknowledge", lines=["These deadlines are no longer unmet."]
        )
    until = max(each.acknowledged_until for each in acknowledged if each.acknowledged_until)
    count = counted(len(acknowledged), "missed deadline")
    return page(
        request,
        "Thank you",
        lines=[f"{count} acknowledged until {in_utc(until.replace(second=0))}."],
        items=[
            shortened(each.deadline.obligation.title, 200) for each in acknowledged[:_SHOWN_TITLES]
        ],
    )


# Nobody is signed in: what is shown and changed is what exists for the recipient now. An address
# without an account has several readers, each of whom may see a part of the message.


def _titles(link: links.Acknowledgement) -> list[str]:
    """Return the first titles of what the link is about, in the order of the deadlines."""
    found: set[tuple[int, str]] = set()
    for reader in readers_of_message(link.message_id):
        with reading_as(reader):
            linked = breaches.breach_alerts_of(
                message_id=link.message_id, deadline_id=link.deadline_id
            )
            titles = linked.order_by("deadline_id").values_list(
                "deadline_id", "deadline__obligation__title"
            )
            found.update(titles.distinct()[:_SHOWN_TITLES])
    return [title for _, title in sorted(found)[:_SHOWN_TITLES]]


def _acknowledged(link: links.Acknowledgement) -> list[Breach]:
    """Acknowledge what the link is about, and return its open breaches."""
    found: dict[int, Breach] = {}
    for reader in readers_of_message(link.message_id):
        with reading_as(reader):
            acknowledged = breaches.acknowledge_by_mail(
                message_id=link.message_id, deadline_id=link.deadline_id, as_of=timezone.now()
            )
        found.update((each.pk, each) for each in acknowledged)
    return [found[pk] for pk in sorted(found)]
