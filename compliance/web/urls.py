"""Where the pages without a login are."""

from __future__ import annotations

from django.urls import path

from compliance.web.acknowledgements import acknowledge
from compliance.web.calendar_feeds import feed
from compliance.web.passwords import SetPasswordView, password_set
from compliance.web.unsubscribing import unsubscribe

urlpatterns = [
    path("acknowledge/<str:token>", acknowledge, name="acknowledge"),
    path("unsubscribe/<str:token>", unsubscribe, name="unsubscribe"),
    path("password/set/", password_set, name="password-set"),
    path("password/<str:uidb64>/<str:token>/", SetPasswordView.as_view(), name="password-link"),
    path("feeds/<str:token>.ics", feed, name="feed"),
]
