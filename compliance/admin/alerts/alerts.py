"""What people were told, and what became of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from compliance.admin import badges, moments
from compliance.admin.answering import Question, confirm
from compliance.admin.deadlines.deadline_page import outcome, recipient
from compliance.admin.permissions import right
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.theme import TabularInline, button
from compliance.models import Alert, DeliveryAttempt, Message
from compliance.operations.alerts import webhooks


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """One row for each thing told to each recipient."""

    list_display = ("deadline", "told", "told_to", "happened", "made", "became")
    list_filter = ("kind", ("withdrawn_at", admin.EmptyFieldListFilter))
    list_select_related = ("deadline__obligation", "message__webhook")
    search_fields = ("recipient", "deadline__obligation__ref", "agreement__ref")
    ordering = ("-id",)
    fields = (
        "deadline", "agreement", "kind", "reason", "level", "happened", "told_to", "made",
        "told_from", "became", "message", "withdrawn_at",
    )  # fmt: skip

    @admin.display(description="Alert", ordering="kind")
    def told(self, alert: Alert) -> SafeString:
        """What it tells."""
        return badges.badge(alert.kind)

    @admin.display(description="Recipient", ordering="recipient")
    def told_to(self, alert: Alert) -> str:
        """An address, or the name of a webhook."""
        return recipient(alert.recipient, alert.message)

    @admin.display(description="Occasion", ordering="occasion")
    def happened(self, alert: Alert) -> SafeString:
        """When that happened which it tells of."""
        return moments.utc(alert.occasion, alert.deadline.timezone)

    @admin.display(description="Told from", ordering="not_before")
    def told_from(self, alert: Alert) -> SafeString:
        """When its recipient's next digest comes, or their quiet hours end."""
        return moments.utc(alert.not_before)

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
    """The mails, and calls of webhooks, with every attempt to send them."""

    list_display = ("told_to", "about", "became", "made", "attempt_count", "next_attempt")
    list_filter = ("state", ("webhook", admin.EmptyFieldListFilter))
    list_select_related = ("agreement", "webhook")
    search_fields = ("recipient", "webhook__name", "message_id", "agreement__ref")
    ordering = ("-id",)
    inlines = (AttemptInline,)
    has_send_again_permission = right("compliance.add_message")
    actions_detail = ("send_again",)
    fields = (
        "told_to", "about", "alerts", "state", "message_id", "made", "sent_at", "attempt_count",
        "next_attempt",
    )  # fmt: skip

    @admin.display(description="Recipient", ordering="recipient")
    def told_to(self, message: Message) -> str:
        """An address, or the name of a webhook."""
        return recipient(message.recipient, message)

    @admin.display(description="About", ordering="agreement__title")
    def about(self, message: Message) -> str:
        """Its agreement; a digest gathers several."""
        return str(message.agreement) if message.agreement else "Digest"

    @admin.display(description="Alerts")
    def alerts(self, message: Message) -> SafeString:
        """How many things it tells, with the way to them."""
        listing = reverse("admin:compliance_alert_changelist")
        return format_html(
            '<a class="pacta-link" href="{}?message__id__exact={}">{}</a>',
            listing,
            message.pk,
            message.alerts.count(),
        )

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

    @button(
        description="Send once more",
        url_path="send-again",
        icon="forward_to_inbox",
        permissions=["send_again"],
    )
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then put it among what waits to be sent."""
        message = self.get_object(request, unquote(object_id))
        if not isinstance(message, Message):
            raise Http404
        told_to = recipient(message.recipient, message)
        question = Question(
            title="Send the message once more",
            lines=(
                f"It goes to {told_to} again, with what is true now. It keeps its id, by which "
                "mail programs and receivers of webhooks know it for the same message.",
            ),
            submit="Send once more",
        )

        def act() -> str:
            webhooks.redeliver(message=message, as_of=timezone.now())
            return f"The message waits to be sent to {told_to}."

        return confirm(
            request,
            question,
            act=act,
            back=reverse("admin:compliance_message_change", args=[message.pk]),
            context={
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "original": message,
            },
        )
