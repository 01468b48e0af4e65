"""Webhooks and chats that can be told, and the secrets by which receivers know us."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Count, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from compliance.admin import badges, fields, moments
from compliance.admin.answering import Question, Secret, ask, show_once
from compliance.admin.saving import DraftForm, OperationAdmin, given
from compliance.admin.theme import Checkbox, Choice, button
from compliance.delivery import chats
from compliance.domain.alerts.drafts import WebhookDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import WebhookKind
from compliance.models import Webhook
from compliance.operations.alerts import webhooks

_KINDS = (
    (WebhookKind.STANDARD.value, "Signed webhook (Standard Webhooks)"),
    (WebhookKind.CHAT.value, "Chat: Slack, Teams, Discord and the like"),
)


class WebhookForm(DraftForm):
    """What is asked of a webhook or chat."""

    name = fields.line(required=True, help_text="By which subscriptions and messages name it.")
    kind = forms.ChoiceField(choices=_KINDS, widget=Choice(), help_text="It stays.")
    url = fields.line(
        label="Address",
        help_text=(
            "Of a receiver, one that begins with https:// and is public. Of a chat, the webhook "
            "link that the chat gives you."
        ),
    )
    is_active = forms.BooleanField(
        label="Active",
        required=False,
        initial=True,
        widget=Checkbox(),
        help_text="Switched off, nothing is sent to it; what it would have been told is refused.",
    )

    class Meta:
        model = Webhook
        fields = ("name", "kind", "url", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and self.instance.kind == WebhookKind.CHAT.value:
            self.initial["url"] = ""
            self.fields["url"].help_text = (
                f"It is {chats.masked(self.instance.url)} and holds a secret, so it is not shown. "
                "Leave empty to keep it."
            )


@admin.register(Webhook)
class WebhookAdmin(OperationAdmin):
    """Add, change and switch off webhooks, through `operations.webhooks`."""

    form = WebhookForm
    compressed_fields = False
    list_display = ("name", "kind", "shown", "standing", "follows")
    list_filter = ("kind", "is_active")
    search_fields = ("name",)
    ordering = ("name",)
    actions_detail = ("rotate",)

    def has_rotate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Who may make webhooks; a chat has no secret of ours."""
        if object_id is not None:
            pk = unquote(str(object_id))
            signed = Webhook.objects.filter(kind=WebhookKind.STANDARD.value)
            if not pk.isdecimal() or not signed.filter(pk=pk).exists():
                return False
        return bool(request.user.has_perm("compliance.add_webhook"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With how many subscriptions tell each."""
        found: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = found.annotate(subscription_count=Count("subscriptions"))
        return counted

    def get_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """The address itself only where it can be changed: a chat's is never shown."""
        may_change = self.has_change_permission(request, obj) if obj else True
        rows = ("name", "kind", "url" if may_change else "shown", "is_active")
        if obj is None:
            return rows
        is_chat = obj.kind == WebhookKind.CHAT.value
        return (*rows, "made") if is_chat else (*rows, "former", "made")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """A stored webhook keeps its kind."""
        kept = ("shown", "former", "made")
        return ("kind", *kept) if obj else kept

    @admin.display(description="Address")
    def shown(self, webhook: Webhook) -> str:
        """The address, without what could be a secret."""
        return chats.masked(webhook.url) if webhook.kind == WebhookKind.CHAT.value else webhook.url

    @admin.display(description="State", ordering="is_active")
    def standing(self, webhook: Webhook) -> SafeString:
        """Whether it is told."""
        return badges.badge("active" if webhook.is_active else "switched_off")

    @admin.display(description="Subscriptions", ordering="subscription_count")
    def follows(self, webhook: Any) -> int:
        """How many subscriptions tell it."""
        return int(webhook.subscription_count)

    @admin.display(description="Former secret signs until")
    def former(self, webhook: Webhook) -> SafeString:
        """Until when the secret before the last rotation is still good."""
        is_past = webhook.former_until is None or webhook.former_until <= timezone.now()
        return moments.utc(None if is_past else webhook.former_until)

    @admin.display(description="Made", ordering="created_at")
    def made(self, webhook: Webhook) -> SafeString:
        """When it was made."""
        return moments.utc(webhook.created_at)

    def write(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], stored: Model | None
    ) -> Model:
        """Store or change the webhook."""
        values = given(form.cleaned_data)
        if not isinstance(stored, Webhook):
            return webhooks.create(draft=read(WebhookDraft, values), as_of=timezone.now())
        values["kind"] = stored.kind
        if stored.kind == WebhookKind.CHAT.value:
            values.setdefault("url", stored.url)
        return webhooks.update(webhook=stored, draft=read(WebhookDraft, values))

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """The secret of a new webhook, once."""
        if not obj.secret:
            return super().response_add(request, obj, *args, **kwargs)
        return self._secret(request, obj, title=f"The webhook {obj.name} is made")

    @button(
        description="Rotate the secret",
        url_path="rotate",
        icon="autorenew",
        permissions=["rotate"],
    )
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then give it a new secret, and show that once."""
        webhook = self.get_object(request, unquote(object_id))
        if not isinstance(webhook, Webhook):
            raise Http404
        question = Question(
            title=f"Rotate the secret of {webhook.name}",
            lines=(
                "It gets a new secret, which is shown once. For a day everything is signed with "
                "the new and the former one, so that the receiver can change over.",
            ),
            submit="Rotate the secret",
        )
        back = reverse("admin:compliance_webhook_change", args=[webhook.pk])

        def act() -> HttpResponse:
            rotated = webhooks.rotate(webhook=webhook, as_of=timezone.now())
            return self._secret(request, rotated, title=f"{webhook.name} has a new secret")

        return ask(request, question, act=act, back=back, context=self._context(request, webhook))

    def _secret(self, request: HttpRequest, webhook: Webhook, *, title: str) -> HttpResponse:
        secret = Secret(
            name=webhook.name,
            value=webhook.secret,
            advice="Copy the secret now and give it to the receiver. It will not be shown again.",
            use="With it the receiver checks our signature, by the Standard Webhooks rules.",
        )
        back = reverse("admin:compliance_webhook_change", args=[webhook.pk])
        context = self._context(request, webhook)
        return show_once(request, secret, title=title, back=back, context=context)

    def _context(self, request: HttpRequest, webhook: Webhook) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": webhook,
        }
