"""Messages: the emails and webhook calls that deliver alerts, with every attempt to send them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from compliance.admin import badges, instants, urls
from compliance.admin.confirmations import Confirmation, confirm
from compliance.admin.pages import get_row_or_404
from compliance.admin.permissions import requires_perms
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.searching import folded
from compliance.admin.theme import TabularInline, button
from compliance.admin.visible import visible
from compliance.domain.vocabulary import AttemptOutcome, MessageState
from compliance.models import Alert, DeliveryAttempt, Message
from compliance.operations.alerts import webhooks


def recipient_name(row: Alert | Message) -> str:
    """Return the name of the webhook that an alert or message is for, or else its email address."""
    return row.webhook.name if row.webhook is not None else row.email


class AttemptInline(TabularInline):
    """The attempts to send a message, with the response of the other server."""

    model = DeliveryAttempt
    fields = ("started_at", "ended_at", "outcome", "answer")
    readonly_fields = fields
    verbose_name_plural = "attempts"
    hide_title = True
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return False: rows are not added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return False: rows are not edited here."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return whether the user may view messages."""
        return bool(request.user.has_perm("compliance.view_message"))


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """All messages, newest first."""

    list_display = (
        "recipient_or_webhook", "about", "state_badge", "created", "attempt_count", "next_attempt",
    )  # fmt: skip
    list_filter = ("state", ("webhook", admin.EmptyFieldListFilter))
    list_select_related = ("agreement", "webhook")
    search_fields = folded("email", "webhook__name", "message_id", "agreement__ref")
    ordering = ("-id",)
    inlines = (AttemptInline,)
    has_send_again_permission = requires_perms("compliance.add_message")
    actions_detail = ("send_again",)
    fields = (
        "recipient_or_webhook", "about", "alert_count", "state_badge", "message_id", "created",
        "sent_at", "attempt_count", "next_attempt",
    )  # fmt: skip
    created = instants.utc_column("created_at", "Created")

    @admin.display(description="Recipient", ordering="recipient")
    def recipient_or_webhook(self, message: Message) -> str:
        """Return the email address or the name of the webhook."""
        return recipient_name(message)

    @admin.display(description="About", ordering="agreement__title")
    def about(self, message: Message) -> str:
        """Return the agreement. Digests and summaries of earlier breaches can be about several."""
        return str(message.agreement) if message.agreement else "Several agreements"

    @admin.display(description="Alerts")
    def alert_count(self, message: Any) -> SafeString:
        """Return the number of alerts in the message, with a link to them."""
        url = urls.message_alerts_url(message.pk)
        return badges.linked(message.visible_alert_count, url)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Message]:
        """Return the messages with the outcome and answer of the last attempt of each."""
        messages: models.QuerySet[Message] = super().get_queryset(request)
        last = DeliveryAttempt.objects.filter(message=models.OuterRef("pk")).order_by("-id")
        shown = visible(Alert.objects.filter(message=models.OuterRef("pk")), request)
        counted = shown.order_by().values("message").annotate(count=models.Count("pk"))
        return messages.annotate(
            visible_alert_count=Coalesce(models.Subquery(counted.values("count")), 0),
            last_outcome=models.Subquery(last.values("outcome")[:1]),
            last_answer=models.Subquery(last.values("answer")[:1]),
        )

    @admin.display(description="State", ordering="state")
    def state_badge(self, message: Any) -> SafeString:
        """Return the state, with the time of sending or the reason of a failure below it."""
        below: SafeString | str = instants.utc_html(message.sent_at) if message.sent_at else ""
        if message.state == MessageState.FAILED.value:
            was_refused = message.last_outcome == AttemptOutcome.REFUSED.value
            reason = "refused" if was_refused else "given up"
            below = f"{reason}: {message.last_answer or 'no answer'}"[:120]
        return badges.two_lines(badges.badge(message.state), below)

    @admin.display(description="Next attempt", ordering="next_attempt_at")
    def next_attempt(self, message: Message) -> SafeString:
        """Return when a waiting message is sent or tried again."""
        is_waiting = message.state == MessageState.WAITING.value
        return instants.utc_html(message.next_attempt_at if is_waiting else None)

    @button(
        description="Send again",
        url_path="send-again",
        icon="forward_to_inbox",
        permissions=["send_again"],
    )
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for confirmation, then put the message back into the outbox."""
        message = get_row_or_404(self, request, object_id, Message)
        recipient = recipient_name(message)
        confirmation = Confirmation(
            title="Send the message again",
            lines=(
                f"The message is sent to {recipient} again, with the current status of its "
                "deadlines. It keeps its ID, so mail programs and webhook receivers recognise "
                "the duplicate.",
            ),
            submit="Send again",
        )

        def action() -> str:
            webhooks.redeliver(message=message, as_of=timezone.now())
            return f"The message is waiting to be sent to {recipient}."

        return confirm(
            self,
            request,
            message,
            confirmation,
            action=action,
            back=urls.row_url("message", message.pk),
        )
