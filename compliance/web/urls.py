"""The URLs that mails and calendars contain. They stay the same when the admin changes."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from compliance.web.acknowledgements import acknowledge
from compliance.web.calendar_feeds import feed
from compliance.web.unsubscriptions import unsubscribe

urlpatterns = [
    path("acknowledge/<str:token>", acknowledge, name="acknowledge"),
    path("unsubscribe/<str:token>", unsubscribe, name="unsubscribe"),
    path("feeds/<str:token>.ics", feed, name="feed"),
    path(
        "deadlines/<int:object_id>/",
        RedirectView.as_view(pattern_name="admin:compliance_deadline_change"),
        name="deadline",
    ),
]
