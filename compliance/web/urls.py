"""Where the pages without a login are."""

from __future__ import annotations

from django.urls import path

from compliance.web.acknowledgements import acknowledge
from compliance.web.calendar_feeds import feed
from compliance.web.unsubscribing import unsubscribe

urlpatterns = [
    path("acknowledge/<str:token>", acknowledge, name="acknowledge"),
    path("unsubscribe/<str:token>", unsubscribe, name="unsubscribe"),
    path("feeds/<str:token>.ics", feed, name="feed"),
]
