"""What people can do while they lack a second factor that they must have."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from compliance.models import User
from compliance.queries.people import second_factors


class SecondFactorMiddleware:
    """Leads them from the admin to the page on which they set one up.

    The API refuses their session as well (`api/authentication.py`). API tokens are not sessions.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response, or a redirection to the page for second factors."""
        if request.path_info.startswith("/admin/") and _is_missing(request):
            messages.warning(request, "Your account needs a second factor. Set one up to continue.")
            return redirect("mfa_index")
        return self.get_response(request)


def _is_missing(request: HttpRequest) -> bool:
    # Requests without a session need no query.
    if not settings.REQUIRE_MFA or SESSION_KEY not in request.session:
        return False
    return isinstance(request.user, User) and second_factors.is_missing(request.user)
