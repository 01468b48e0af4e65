"""The page that is shown after too many wrong passwords."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from math import ceil

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from compliance.domain.phrases import in_utc
from compliance.web.pages import page

# The length of the column in which django-axes stores it. It fails on longer names.
_LONGEST_USERNAME = 255


def counted_username(_request: HttpRequest, credentials: Mapping[str, str] | None) -> str | None:
    """Return the name under which a failed sign-in is counted, or None if there is none.

    django-axes calls this function (`AXES_USERNAME_CALLABLE`).
    """
    username = (credentials or {}).get("username")
    return None if username is None else username[:_LONGEST_USERNAME]


def locked(
    request: HttpRequest, _response: HttpResponse | None, credentials: Mapping[str, str] | None
) -> HttpResponse:
    """Return the page that rejects a sign-in while it is locked and says when to try again.

    The page does not reveal whether the password is correct or the account exists. django-axes
    calls this function (`AXES_LOCKOUT_CALLABLE`).
    """
    now = timezone.now()
    failed_at = AccessAttempt.objects.filter(
        username=counted_username(request, credentials), ip_address=request.META.get("REMOTE_ADDR")
    ).aggregate(last=Max("attempt_time"))["last"]
    ends_at = (failed_at or now) + get_cool_off(request)
    # Rounded up, so that the sign-in works at the time on the page.
    shown = ends_at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    response = page(
        request,
        "Too many failed sign-ins",
        status=HTTPStatus.TOO_MANY_REQUESTS,
        lines=[
            "Signing in to this account from your address is locked. Try again after "
            f"{in_utc(shown)}.",
            "If you have forgotten your password, ask an administrator to send you a link for a "
            "new one.",
        ],
    )
    response["Retry-After"] = str(max(1, ceil((ends_at - now).total_seconds())))
    return response
