"""Private calendar feeds. The URL of a feed is shown once, when the feed is created."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from compliance.admin import badges, fields, instants, urls
from compliance.admin.confirmations import (
    Confirmation,
    OneTimeSecret,
    ask_then_show_secret,
    confirm,
)
from compliance.admin.history import HistoryAdmin
from compliance.admin.operation_forms import without_empty
from compliance.admin.pages import get_row_or_404
from compliance.admin.permissions import requires_perms
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.searching import folded
from compliance.admin.theme import button
from compliance.admin.visible import visible
from compliance.domain.alerts.drafts import CalendarFeedDraft
from compliance.domain.drafts import read
from compliance.models import Agreement, CalendarFeed, User
from compliance.operations.alerts import calendar_feeds


class CalendarFeedForm(forms.Form):
    """The fields of a new feed."""

    name = fields.text_field(required=True, help_text="Where you use it, such as my phone.")
    agreement = fields.agreement_field(required=False, empty_label="All agreements")


@admin.register(CalendarFeed)
class CalendarFeedAdmin(ReadOnlyAdmin, HistoryAdmin):
    """Each user's own feeds. Administrators see all feeds, but never their URLs."""

    list_display = ("name", "contents", "owner", "state", "created")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("agreement", "owner")
    search_fields = folded("name", "owner__email", "agreement__ref", "agreement__title")
    ordering = ("-id",)
    fields = ("name", "contents", "owner", "state", "created")
    has_revoke_permission = requires_perms("compliance.add_calendarfeed")
    actions_detail = ("revoke",)
    created = instants.utc_column("created_at", "Created")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may create feeds."""
        return bool(request.user.has_perm("compliance.add_calendarfeed"))

    @admin.display(description="Contents", ordering="agreement__title")
    def contents(self, feed: CalendarFeed) -> str:
        """Return the agreement whose deadlines the feed contains, if it is not all of them."""
        return str(feed.agreement) if feed.agreement else "All agreements"

    @admin.display(description="State", ordering="revoked_at")
    def state(self, feed: CalendarFeed) -> SafeString:
        """Return whether the feed is active, or when it was revoked."""
        if feed.revoked_at is None:
            return badges.badge("active")
        return badges.two_lines(badges.badge("revoked"), instants.utc_html(feed.revoked_at))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Create a feed and show its URL once, in the response."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = CalendarFeedForm(request.POST or None)
        agreements = form.fields["agreement"]
        assert isinstance(agreements, forms.ModelChoiceField)
        agreements.queryset = visible(Agreement.objects.order_by("title"), request)
        return ask_then_show_secret(
            self,
            request,
            form,
            create=partial(self._create, request, form),
            title="Create a calendar feed",
            submit="Create feed",
            advice="A private URL from which a calendar program can read the deadlines.",
        )

    def _create(self, request: HttpRequest, form: CalendarFeedForm) -> OneTimeSecret:
        assert isinstance(request.user, User)
        values = without_empty(form.cleaned_data)
        if "agreement" in values:
            values["agreement"] = values["agreement"].ref
        draft = read(CalendarFeedDraft, values)
        feed, token = calendar_feeds.create(draft=draft, owner=request.user, as_of=timezone.now())
        return OneTimeSecret(
            name=feed.name,
            value=urls.calendar_feed_url(token),
            advice=(
                "Copy the URL now. It will not be shown again. Anyone who knows it can read the "
                "feed until you revoke it."
            ),
            usage=(
                "In Outlook: Add calendar, Subscribe from web. In Google Calendar: Other "
                "calendars, From URL. In Apple Calendar: New Calendar Subscription."
            ),
        )

    @button(
        description="Revoke",
        url_path="revoke",
        icon="link_off",
        permissions=["revoke"],
    )
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for confirmation, then revoke the feed."""
        feed = get_row_or_404(self, request, object_id, CalendarFeed)
        confirmation = Confirmation(
            title=f"Revoke the feed {feed.name}",
            lines=(
                "Its URL stops working immediately in every calendar that uses it. This cannot be "
                "undone, but you can create a new feed.",
            ),
            submit="Revoke the feed",
            is_destructive=True,
        )

        def action() -> str:
            calendar_feeds.revoke(feed=feed, as_of=timezone.now())
            return f"Calendar feed {feed.name} revoked."

        return confirm(
            self,
            request,
            feed,
            confirmation,
            action=action,
            back=urls.list_url("calendarfeed"),
        )
