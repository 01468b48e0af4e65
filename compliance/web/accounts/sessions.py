"""The page on which users see and end their sessions."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.decorators import method_decorator

from compliance.domain.whole_numbers import whole_number


class SessionsView(ListUserSessionsView):  # type: ignore[misc]  # untyped base of allauth
    """Lists the sessions of the user. A POST ends one of them, or all but the current one.

    A POST needs a recent proof: whoever steals a session must not end the owner's sessions.
    """

    @method_decorator(reauthentication_required)
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """End the session whose number is posted as `session`, or else all others."""
        number = request.POST.get("session", "")
        if not number:
            response: HttpResponse = super().post(request, *args, **kwargs)
            return response
        own = UserSession.objects.filter(user=request.user)
        get_object_or_404(own, pk=whole_number(number) or 0).end()
        messages.info(request, "The session has ended.")
        return redirect("usersessions_list")
