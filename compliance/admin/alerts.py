"""Who is told, what they were told, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString

from compliance.admin import badges, fields, moments
from compliance.admin.course import outcome
from compliance.admin.history import HistoryAdmin
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.saving import DraftForm, OperationAdmin, given
from compliance.admin.theme import Checkbox, Choice, TabularInline
from compliance.domain.drafts import SubscriptionDraft, read
from compliance.models import Agreement, Alert, DeliveryAttempt, Message, Subscription
from compliance.operations import subscriptions


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """One row for each thing told to each recipient."""

    list_display = ("deadline", "told", "recipient", "happened", "made", "became")
    list_filter = ("kind", ("withdrawn_at", admin.EmptyFieldListFilter))
    list_select_related = ("deadline__obligation", "message")
    search_fields = ("recipient", "deadline__obligation__ref", "agreement__ref")
    ordering = ("-id",)
    fields = (
        "deadline", "agreement", "kind", "happened", "recipient", "made", "became", "message",
        "withdrawn_at",
    )  # fmt: skip

    @admin.display(description="Alert", ordering="kind")
    def told(self, alert: Alert) -> SafeString:
        """What it tells."""
        return badges.badge(alert.kind)

    @admin.display(description="Breach of", ordering="occasion")
    def happened(self, alert: Alert) -> SafeString:
        """When the breach occurred that it tells of."""
        return moments.utc(alert.occasion, alert.deadline.timezone)

    @admin.display(description="Made", ordering="created_at")
    def made(self, alert: Alert) -> SafeString:
        """When it was made."""
        return moments.utc(alert.created_at)

    @admin.display(description="Outcome")
    def became(self, alert: Alert) -> str:
        """What became of it."""
        return outcome(alert)


class AttemptInline(TabularInline):
    """Each try at sending, with the other side's answer."""

    model = DeliveryAttempt
    fields = ("started_at", "ended_at", "outcome", "answer")
    readonly_fields = fields
    verbose_name_plural = "attempts"
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Nobody."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Whoever may see the message."""
        return bool(request.user.has_perm("compliance.view_message"))


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """The mails, with every attempt to send them."""

    list_display = ("recipient", "agreement", "became", "made", "attempt_count", "next_attempt")
    list_filter = ("state",)
    list_select_related = ("agreement",)
    search_fields = ("recipient", "message_id", "agreement__ref")
    ordering = ("-id",)
    inlines = (AttemptInline,)
    fields = (
        "recipient", "agreement", "state", "message_id", "made", "sent_at", "attempt_count",
        "next_attempt",
    )  # fmt: skip

    @admin.display(description="State", ordering="state")
    def became(self, message: Message) -> SafeString:
        """What became of it."""
        sent = moments.utc(message.sent_at) if message.sent_at else ""
        return badges.two_lines(badges.badge(message.state), sent)

    @admin.display(description="Made", ordering="created_at")
    def made(self, message: Message) -> SafeString:
        """When it was made."""
        return moments.utc(message.created_at)

    @admin.display(description="Next attempt", ordering="next_attempt_at")
    def next_attempt(self, message: Message) -> SafeString:
        """When it is tried again, while it waits."""
        return moments.utc(message.next_attempt_at if message.state == "waiting" else None)


class SubscriptionForm(DraftForm):
    """Which address follows what."""

    email = fields.line(label="Mail address", required=True)
    agreement = forms.ModelChoiceField(
        queryset=Agreement.objects.order_by("title"),
        to_field_name="ref",
        required=False,
        empty_label="All agreements",
        widget=Choice(),
    )
    is_active = forms.BooleanField(label="Active", required=False, initial=True, widget=Checkbox())

    class Meta:
        model = Subscription
        fields = ("email", "agreement", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and self.instance.agreement:
            self.initial["agreement"] = self.instance.agreement.ref


@admin.register(Subscription)
class SubscriptionAdmin(OperationAdmin, HistoryAdmin):
    """Add and change subscriptions, through `operations.subscriptions`."""

    form = SubscriptionForm
    list_display = ("email", "follows", "is_active")
    list_filter = ("is_active",)
    list_select_related = ("agreement",)
    search_fields = ("email", "agreement__ref", "agreement__title")
    fields = ("email", "agreement", "is_active")

    @admin.display(description="Follows", ordering="agreement__title")
    def follows(self, subscription: Subscription) -> str:
        """One agreement, or all."""
        return str(subscription.agreement) if subscription.agreement else "All agreements"

    def write(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], stored: Model | None
    ) -> Model:
        """Store or change the subscription."""
        values = given(form.cleaned_data)
        if "agreement" in values:
            values["agreement"] = values["agreement"].ref
        draft = read(SubscriptionDraft, values)
        if isinstance(stored, Subscription):
            return subscriptions.update(subscription=stored, draft=draft)
        return subscriptions.create(draft=draft)
