"""When sessions end by themselves: after a time without use, and some days after the sign-in.

Both limits apply to the admin, the account pages and API requests with a session. API tokens and
calendar feeds have no session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

_BEGAN_AT, _USED_AT = "began_at", "used_at"
# The use of a session is stored at most once in this time.
_NOTED_SECONDS = 60


def connect() -> None:
    """Note when each session begins. Called once, when Django is ready."""
    user_logged_in.connect(_begin, dispatch_uid="session limits")


def _begin(*, request: HttpRequest | None, **_: Any) -> None:
    if request is not None and hasattr(request, "session"):
        now = timezone.now().timestamp()
        request.session[_BEGAN_AT] = request.session[_USED_AT] = now


class SessionLimitMiddleware:
    """Signs out whoever comes back too late. They see what somebody without a session sees."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response."""
        # Requests with a token load no session.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and SESSION_KEY in request.session:
            _limit(request)
        return self.get_response(request)


def _limit(request: HttpRequest) -> None:
    session, now = request.session, timezone.now().timestamp()
    # Sessions that began before these limits existed begin now.
    began_at = session.setdefault(_BEGAN_AT, now)
    used_at = session.setdefault(_USED_AT, now)
    is_idle = now - used_at > settings.SESSION_IDLE_MINUTES * 60
    if is_idle or now - began_at > settings.SESSION_DAYS * 24 * 60 * 60:
        logout(request)
    elif now - used_at >= _NOTED_SECONDS:
        session[_USED_AT] = now
