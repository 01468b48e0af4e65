"""The URLs of the pages without a login, which mails and calendars contain."""

from __future__ import annotations

from django.urls import path

from compliance.web.acknowledgements import acknowledge
from compliance.web.calendar_feeds import feed
from compliance.web.passwords import SetPasswordView, password_set
from compliance.web.unsubscriptions import unsubscribe

urlpatterns = [
    path("acknowledge/<str:token>", acknowledge, name="acknowledge"),
    path("unsubscribe/<str:token>", unsubscribe, name="unsubscribe"),
    path("calendar-feeds/<str:token>.ics", feed, name="calendar_feed"),
    path("password/set/", password_set, name="password-set"),
    path("password/<str:uidb64>/<str:token>/", SetPasswordView.as_view(), name="password-link"),
]
