"""Webhooks and chats that can get alerts, and the secrets that sign calls of webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from compliance.admin import badges, fields, instants, urls
from compliance.admin.confirmations import (
    Confirmation,
    OneTimeSecret,
    confirm_then,
    show_secret,
)
from compliance.admin.operation_forms import DraftForm, OperationAdmin, without_empty
from compliance.admin.pages import get_row_or_404, page_context
from compliance.admin.searching import folded
from compliance.admin.theme import CheckboxInput, Select, button
from compliance.admin.visible import visible
from compliance.delivery import chats
from compliance.domain.alerts.drafts import WebhookDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import WebhookKind
from compliance.domain.whole_numbers import whole_number
from compliance.models import User, Webhook
from compliance.operations.alerts import webhooks

_KIND_CHOICES = (
    (WebhookKind.STANDARD.value, "Signed webhook (Standard Webhooks)"),
    (WebhookKind.CHAT.value, "Chat, such as Slack, Teams or Discord"),
)


class WebhookForm(DraftForm):
    """The fields of a webhook or chat."""

    name = fields.text_field(required=True, help_text="Shown in subscriptions and messages.")
    kind = forms.ChoiceField(
        choices=_KIND_CHOICES, widget=Select(), help_text="It cannot be changed later."
    )
    url = fields.text_field(
        label="URL",
        help_text=(
            "For a webhook, a public address that starts with https://. For a chat, the incoming "
            "webhook link that the chat provides."
        ),
    )
    owner = fields.text_field(
        help_text=(
            "The address of a user. It receives only what this user may see. Leave empty for "
            "yourself."
        ),
    )
    is_active = forms.BooleanField(
        label="Active",
        required=False,
        initial=True,
        widget=CheckboxInput(),
        help_text="While inactive, it is sent nothing, and its messages are marked as refused.",
    )

    class Meta:
        model = Webhook
        fields = ("name", "kind", "url", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.owner is not None:
            self.initial["owner"] = self.instance.owner.email
        if self.instance.pk and self.instance.kind == WebhookKind.CHAT.value:
            self.initial["url"] = ""
            self.fields["url"].help_text = (
                f"Currently {chats.masked(self.instance.url)}. It contains a secret, so the full "
                "URL is not shown. Leave empty to keep it."
            )


@admin.register(Webhook)
class WebhookAdmin(OperationAdmin):
    """Adds, changes and deactivates webhooks and chats."""

    form = WebhookForm
    compressed_fields = False
    list_display = ("name", "kind", "masked_url", "state", "subscription_count")
    list_filter = ("kind", "is_active")
    search_fields = folded(
        "name",
    )
    ordering = ("name",)
    actions_detail = ("rotate",)
    created = instants.utc_column("created_at", "Created")

    def has_rotate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Return whether the user may rotate the secret, which only signed webhooks have."""
        if object_id is not None:
            pk = whole_number(unquote(str(object_id))) or 0
            signed = visible(Webhook.objects.filter(kind=WebhookKind.STANDARD.value), request)
            if not signed.filter(pk=pk).exists():
                return False
        return bool(request.user.has_perm("compliance.add_webhook"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows with the number of their subscriptions."""
        found: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = found.annotate(number_of_subscriptions=Count("subscriptions"))
        return counted

    def get_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """Return the fields, with the URL itself only if the user may change it."""
        may_change = self.has_change_permission(request, obj) if obj else True
        rows = ("name", "kind", "url" if may_change else "masked_url", "owner", "is_active")
        if obj is None:
            return rows
        is_chat = obj.kind == WebhookKind.CHAT.value
        if is_chat:
            return (*rows, "created")
        return (*rows, "paused", "old_secret_valid_until", "created")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """Make the kind of an existing webhook read-only."""
        computed = ("masked_url", "paused", "old_secret_valid_until", "created")
        return ("kind", *computed) if obj else computed

    @admin.display(description="URL")
    def masked_url(self, webhook: Webhook) -> str:
        """Return the URL, without the secret part of a chat's."""
        return chats.masked(webhook.url) if webhook.kind == WebhookKind.CHAT.value else webhook.url

    @admin.display(description="State", ordering="is_active")
    def state(self, webhook: Webhook) -> SafeString:
        """Return whether it is active."""
        return badges.badge("active" if webhook.is_active else "inactive")

    @admin.display(description="Subscriptions", ordering="number_of_subscriptions")
    def subscription_count(self, webhook: Any) -> SafeString:
        """Return the number of subscriptions, with a link to them."""
        url = urls.webhook_subscriptions_url(webhook.pk)
        return badges.linked(webhook.number_of_subscriptions, url)

    @admin.display(description="Paused by the receiver until")
    def paused(self, webhook: Webhook) -> SafeString:
        """Return until when the receiver asked not to be called."""
        is_past = webhook.paused_until is None or webhook.paused_until <= timezone.now()
        return instants.utc_html(None if is_past else webhook.paused_until)

    @admin.display(description="Old secret valid until")
    def old_secret_valid_until(self, webhook: Webhook) -> SafeString:
        """Return when calls stop being signed with the previous secret."""
        is_past = webhook.former_until is None or webhook.former_until <= timezone.now()
        return instants.utc_html(None if is_past else webhook.former_until)

    def save_draft(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], existing: Model | None
    ) -> Model:
        """Add or change the webhook."""
        assert isinstance(request.user, User)
        values = without_empty(form.cleaned_data)
        if not isinstance(existing, Webhook):
            return webhooks.create(
                draft=read(WebhookDraft, values), by=request.user, as_of=timezone.now()
            )
        values["kind"] = existing.kind
        if existing.kind == WebhookKind.CHAT.value:
            values.setdefault("url", existing.url)
        return webhooks.update(webhook=existing, draft=read(WebhookDraft, values), by=request.user)

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Show the secret of a new webhook once."""
        if not obj.secret:
            return super().response_add(request, obj, *args, **kwargs)
        return self._show_secret(request, obj, title=f"Webhook {obj.name} created")

    @button(
        description="Rotate the secret",
        url_path="rotate",
        icon="autorenew",
        permissions=["rotate"],
    )
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for confirmation, then create a new secret and show it once."""
        webhook = get_row_or_404(self, request, object_id, Webhook)
        confirmation = Confirmation(
            title=f"Rotate the secret of {webhook.name}",
            lines=(
                "The new secret is shown once. For one day, requests are signed with both the new "
                "and the old secret, so that the receiver can switch over.",
            ),
            submit="Rotate the secret",
        )

        def action() -> HttpResponse:
            rotated = webhooks.rotate(webhook=webhook, as_of=timezone.now())
            return self._show_secret(request, rotated, title=f"New secret for {webhook.name}")

        return confirm_then(
            self,
            request,
            webhook,
            confirmation,
            action=action,
            back=urls.row_url("webhook", webhook.pk),
        )

    def _show_secret(self, request: HttpRequest, webhook: Webhook, *, title: str) -> HttpResponse:
        secret = OneTimeSecret(
            name=webhook.name,
            value=webhook.secret,
            advice="Copy the secret now and give it to the receiver. It will not be shown again.",
            usage=(
                "The receiver uses it to verify our signatures as the Standard Webhooks "
                "specification describes."
            ),
        )
        back = urls.row_url("webhook", webhook.pk)
        context = page_context(self, request, webhook, title=title)
        return show_secret(request, secret, back=back, context=context)
