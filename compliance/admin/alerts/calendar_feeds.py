"""Private calendar feeds: made and revoked here; an address is shown once, when it is made."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from compliance.admin import badges, fields, moments
from compliance.admin.answering import Question, Secret, confirm, show_once
from compliance.admin.history import HistoryAdmin
from compliance.admin.permissions import right
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.saving import given, place
from compliance.admin.theme import Choice, button
from compliance.domain.alerts.drafts import FeedDraft
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.models import Agreement, Feed, User
from compliance.operations.alerts import calendar_feeds as feeds


class FeedForm(forms.Form):
    """A new feed."""

    name = fields.line(required=True, help_text="Where it is read, such as my phone.")
    agreement = forms.ModelChoiceField(
        queryset=Agreement.objects.order_by("title"),
        to_field_name="ref",
        required=False,
        empty_label="All agreements",
        widget=Choice(),
    )


@admin.register(Feed)
class FeedAdmin(ReadOnlyAdmin, HistoryAdmin):
    """Everybody's own; a superuser sees all of them, and the address of none."""

    list_display = ("name", "shows", "owner", "standing", "made")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("agreement", "owner")
    search_fields = ("name", "owner__email", "agreement__ref", "agreement__title")
    ordering = ("-id",)
    fields = ("name", "shows", "owner", "standing", "made")
    has_revoke_permission = right("compliance.add_feed")
    actions_detail = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """A superuser sees all, everybody else their own."""
        found: QuerySet[Any] = super().get_queryset(request)
        own = found.filter(owner__email=request.user.get_username())
        return found if request.user.is_superuser else own

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who has the right."""
        return bool(request.user.has_perm("compliance.add_feed"))

    @admin.display(description="Shows", ordering="agreement__title")
    def shows(self, feed: Feed) -> str:
        """The deadlines of one agreement, or of all."""
        return str(feed.agreement) if feed.agreement else "All agreements"

    @admin.display(description="State", ordering="revoked_at")
    def standing(self, feed: Feed) -> SafeString:
        """Whether its address still works."""
        if feed.revoked_at is None:
            return badges.badge("active")
        return badges.two_lines(badges.badge("revoked"), moments.utc(feed.revoked_at))

    @admin.display(description="Made", ordering="created_at")
    def made(self, feed: Feed) -> SafeString:
        """When it was made."""
        return moments.utc(feed.created_at)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Make a feed, and show its address on the page that answers: nowhere else, never again."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        assert isinstance(request.user, User)
        form = FeedForm(request.POST or None)
        back = reverse("admin:compliance_feed_changelist")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "back": back}
        title = "Make a calendar feed"
        if request.method == "POST" and form.is_valid():
            values = given(form.cleaned_data)
            if "agreement" in values:
                values["agreement"] = values["agreement"].ref
            try:
                draft = read(FeedDraft, values)
                feed, token = feeds.create(draft=draft, owner=request.user, as_of=timezone.now())
            except Invalid as error:
                place(form, error.problems)
            else:
                secret = Secret(
                    name=feed.name,
                    value=f"{settings.SITE_URL}/feeds/{token}.ics",
                    advice=(
                        "Copy the address now: it will not be shown again. Whoever knows it can "
                        "read the feed, until you revoke it."
                    ),
                    use=(
                        "In Outlook: Add calendar, Subscribe from web. In Google Calendar: Other "
                        "calendars, From URL. In Apple Calendar: New Calendar Subscription."
                    ),
                )
                return show_once(request, secret, title=title, back=back, context=context)
        context |= {
            "title": title,
            "subtitle": None,
            "form": form,
            "submit": "Make the feed",
            "advice": "A private address from which a calendar program reads the deadlines.",
        }
        return TemplateResponse(request, "admin/pacta/make.html", context)

    @button(
        description="Revoke",
        url_path="revoke",
        icon="link_off",
        permissions=["revoke"],
    )
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then take its address back."""
        feed = self.get_object(request, unquote(object_id))
        if not isinstance(feed, Feed):
            raise Http404
        question = Question(
            title=f"Revoke the feed {feed.name}",
            lines=(
                "Its address stops working at once, in every calendar that reads it. This cannot "
                "be undone: make another feed instead.",
            ),
            submit="Revoke the feed",
            is_grave=True,
        )

        def act() -> str:
            feeds.revoke(feed=feed, as_of=timezone.now())
            return f"The feed {feed.name} is revoked."

        return confirm(
            request,
            question,
            act=act,
            back=reverse("admin:compliance_feed_changelist"),
            context={
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "original": feed,
            },
        )
