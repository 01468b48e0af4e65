"""When sessions end by themselves: after a time without use, and some days after the sign-in.

Both limits apply to the admin, the account pages and API requests with a session. API tokens and
calendar feeds have no session.

The last use is noted in the row that django-allauth keeps of each session, and not in the session:
Django would store all of it as it was when the request began, and undo what others changed since.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

_BEGAN_AT = "began_at"
# The use of a session is stored at most once in this time.
_NOTED_AFTER = timedelta(minutes=1)


def connect() -> None:
    """Note when each session begins. Called once, when Django is ready."""
    user_logged_in.connect(_begin, dispatch_uid="session limits")


def _begin(*, request: HttpRequest | None, **_: Any) -> None:
    if request is not None and hasattr(request, "session"):
        request.session[_BEGAN_AT] = timezone.now().timestamp()


class SessionLimitMiddleware:
    """Signs out whoever comes back too late. They see what somebody without a session sees."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response."""
        # Requests with a token load no session.
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return self.get_response(request)
        if SESSION_KEY not in request.session:
            return self.get_response(request)
        _limit(request)
        key = request.session.session_key
        response = self.get_response(request)
        # A new password gives the session a new key. It was in use until now.
        if SESSION_KEY in request.session and request.session.session_key != key:
            _add_row(request)
        return response


def _limit(request: HttpRequest) -> None:
    session, now = request.session, timezone.now()
    # Sessions that began before these limits existed begin now.
    began_at = datetime.fromtimestamp(session.setdefault(_BEGAN_AT, now.timestamp()), tz=UTC)
    rows = UserSession.objects.filter(session_key=session.session_key)
    noted_at = rows.values_list("last_seen_at", flat=True).first()
    used_at = noted_at or began_at
    is_idle = now - used_at > timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    if is_idle or now - began_at > timedelta(days=settings.SESSION_DAYS):
        logout(request)
    elif noted_at is None:
        _add_row(request)
    elif now - used_at >= _NOTED_AFTER:
        rows.update(last_seen_at=now)


def _add_row(request: HttpRequest) -> None:
    """Add the row of a session that has none: it began without django-allauth, or has a new key.

    If it has one, it is in use now.
    """
    if request.user.is_authenticated:
        UserSession.objects.create_from_request(request)
