"""Subscriptions: who gets which alerts and when, with previews and test messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from compliance.admin import badges, instants, urls
from compliance.admin.alerts.subscription_forms import SubscriptionForm
from compliance.admin.history import HistoryAdmin
from compliance.admin.operation_forms import OperationAdmin, without_empty
from compliance.admin.pages import get_row_or_404, page_context
from compliance.admin.permissions import requires_perms
from compliance.admin.searching import folded
from compliance.admin.theme import button
from compliance.delivery import samples
from compliance.domain.alerts.drafts import SubscriptionDraft
from compliance.domain.civil_time import WEEKDAYS, zone_label
from compliance.domain.drafts import read
from compliance.domain.vocabulary import NotificationFrequency, WebhookKind
from compliance.models import Subscription, User
from compliance.operations.alerts import subscriptions


@admin.register(Subscription)
class SubscriptionAdmin(OperationAdmin, HistoryAdmin):
    """Adds and changes subscriptions."""

    form = SubscriptionForm
    compressed_fields = False
    change_form_after_template = "admin/pacta/time_zones.html"
    list_display = ("recipient_or_webhook", "coverage", "schedule", "state")
    list_display_links = ("recipient_or_webhook",)
    list_filter = (
        "is_active", "frequency", "min_severity", ("refused_at", admin.EmptyFieldListFilter),
    )  # fmt: skip
    list_select_related = (
        "agreement", "party", "webhook", "owner", "responsible_user", "responsible_team",
    )  # fmt: skip
    search_fields = folded(
        "email", "webhook__name", "tag", "agreement__ref", "agreement__title", "party__code",
        "party__name",
    )  # fmt: skip
    has_send_test_permission = requires_perms("compliance.change_subscription")
    has_preview_permission = requires_perms(
        "compliance.view_subscription", "compliance.view_deadline"
    )
    actions_detail = ("send_test", "preview")
    fieldsets = (
        (
            "Recipient",
            {
                "description": "Either an email address, or a webhook or chat.",
                "fields": (("email", "webhook"), "owner", "is_active"),
            },
        ),
        (
            "Obligations",
            {
                "description": (
                    "An alert must match all of these choices. Without any, the subscription "
                    "covers every obligation."
                ),
                "fields": (("agreement", "party"), ("min_severity", "tag"), "responsible"),
            },
        ),
        ("Alerts", {"fields": ("kinds", "from_escalation")}),
        (
            "Schedule",
            {
                "fields": (
                    ("frequency", "timezone"),
                    ("digest_hour", "digest_weekday"),
                    ("quiet_from", "quiet_until"),
                )
            },
        ),
    )

    @admin.display(description="Recipient", ordering="email")
    def recipient_or_webhook(self, subscription: Subscription) -> SafeString | str:
        """Return the email address or the name of the webhook."""
        if subscription.webhook is None:
            return subscription.email
        is_chat = subscription.webhook.kind == WebhookKind.CHAT.value
        return badges.two_lines(subscription.webhook.name, "chat" if is_chat else "webhook")

    @admin.display(description="Covers")
    def coverage(self, subscription: Subscription) -> SafeString:
        """Return the obligations that it covers, with the kinds of alerts below them."""
        step = subscription.from_escalation
        alerts = [kind.replace("_", " ") for kind in subscription.kinds]
        if step:
            alerts.append(f"from escalation step {step}")
        scope = subscription.follows
        return badges.two_lines(scope[:1].upper() + scope[1:], ", ".join(alerts))

    @admin.display(description="Schedule", ordering="frequency")
    def schedule(self, subscription: Subscription) -> SafeString:
        """Return the frequency, with the quiet hours below it."""
        zone = zone_label(subscription.timezone)
        hour = f"at {subscription.digest_hour:02}:00 {zone}"
        frequency = {
            NotificationFrequency.IMMEDIATE: "Immediately",
            NotificationFrequency.DAILY: f"Daily {hour}",
            NotificationFrequency.WEEKLY: f"{WEEKDAYS[subscription.digest_weekday]}s {hour}",
        }[NotificationFrequency(subscription.frequency)]
        quiet_hours = ""
        start, end = subscription.quiet_from, subscription.quiet_until
        if start is not None and end is not None:
            quiet_hours = f"quiet from {start:%H:%M} to {end:%H:%M} {zone}"
        return badges.two_lines(frequency, quiet_hours)

    @admin.display(description="State", ordering="refused_at")
    def state(self, subscription: Subscription) -> SafeString:
        """Return whether it is active, and whether the last email was refused."""
        if not subscription.is_active:
            return badges.badge("inactive")
        if subscription.refused_at is None:
            return badges.badge("active")
        return badges.two_lines(badges.badge("refused"), subscription.refusal[:120])

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Return the fields, with the response of the mail server if it refused the address."""
        found = super().get_fieldsets(request, obj)
        if obj is None or obj.refused_at is None:
            return found
        refusal = {
            "description": "The next alert or test mail tries this address again.",
            "fields": (("refused", "refusal"),),
        }
        return (("Mail to this address was refused", refusal), *found)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """Return the fields about a refusal."""
        return ("refused", "refusal")

    @admin.display(description="Refused")
    def refused(self, subscription: Subscription) -> SafeString:
        """Return when mail to the address was last refused."""
        return instants.utc_html(subscription.refused_at, subscription.timezone)

    @button(
        description="Send a test",
        url_path="send-test",
        icon="send",
        permissions=["send_test"],
    )
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for confirmation, then send a test immediately and show the server's response."""
        subscription = get_row_or_404(self, request, object_id, Subscription)
        answer = None
        if request.method == "POST":
            answer = samples.send(subscription, as_of=timezone.now())
        context = page_context(
            self,
            request,
            subscription,
            back=urls.row_url("subscription", subscription.pk),
            title=f"Send a test to {subscription}",
            answer=answer,
            outcome=badges.badge(answer.outcome.value) if answer else "",
        )
        return TemplateResponse(request, "admin/pacta/send_test.html", context)

    @button(
        description="Preview",
        url_path="preview",
        icon="visibility",
        permissions=["preview"],
    )
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show a message as the recipient would get it."""
        subscription = get_row_or_404(self, request, object_id, Subscription)
        context = page_context(
            self,
            request,
            subscription,
            back=urls.row_url("subscription", subscription.pk),
            title=f"Preview for {subscription}",
            preview=samples.preview(subscription, as_of=timezone.now()),
        )
        return TemplateResponse(request, "admin/pacta/message_preview.html", context)

    def save_draft(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], existing: Model | None
    ) -> Model:
        """Add or change the subscription."""
        assert isinstance(request.user, User)
        values = without_empty(form.cleaned_data)
        for name, key in (("agreement", "ref"), ("party", "code"), ("webhook", "pk")):
            if name in values:
                values[name] = getattr(values[name], key)
        draft = read(SubscriptionDraft, values)
        if isinstance(existing, Subscription):
            return subscriptions.update(subscription=existing, draft=draft, by=request.user)
        return subscriptions.create(draft=draft, by=request.user)
