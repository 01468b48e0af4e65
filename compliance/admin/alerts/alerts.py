"""Alerts: one row for each event and recipient, and whether it was sent."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from compliance.admin import badges, instants
from compliance.admin.agreement_status import AgreementStatusFilter
from compliance.admin.alerts.messages import recipient_name
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.searching import folded
from compliance.models import Alert, Deadline


def outcome_text(alert: Alert) -> SafeString | str:
    """Return whether an alert was sent, is waiting, was withdrawn or could not be sent."""
    if alert.withdrawn_at:
        return "withdrawn"
    if alert.message is None:
        return "waiting"
    if alert.message.sent_at:
        return format_html("sent {}", instants.utc_html(alert.message.sent_at))
    return str(alert.message.state).replace("_", " ")


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """All alerts, newest first."""

    list_display = (
        "deadline", "kind_badge", "recipient_or_webhook", "event_time", "created", "outcome",
    )  # fmt: skip
    list_filter = ("kind", ("withdrawn_at", admin.EmptyFieldListFilter), AgreementStatusFilter)
    list_select_related = ("deadline__obligation", "message", "webhook")
    search_fields = folded("email", "webhook__name", "deadline__obligation__ref", "agreement__ref")
    ordering = ("-id",)
    fields = (
        "deadline", "agreement", "kind", "reason", "level", "event_time", "recipient_or_webhook",
        "created", "deliver_from", "outcome", "message", "withdrawn_at",
    )  # fmt: skip
    event_time = instants.utc_column("occasion", "Event", zone="deadline.timezone")
    deliver_from = instants.utc_column("not_before", "Deliver from")
    created = instants.utc_column("created_at", "Created")

    @admin.display(description="Alert", ordering="kind")
    def kind_badge(self, alert: Alert) -> SafeString:
        """Return the kind as a badge."""
        return badges.badge(alert.kind)

    @admin.display(description="Recipient", ordering="recipient")
    def recipient_or_webhook(self, alert: Alert) -> str:
        """Return the email address or the name of the webhook."""
        return recipient_name(alert)

    @admin.display(description="Outcome")
    def outcome(self, alert: Alert) -> SafeString | str:
        """Return whether the alert was sent."""
        return outcome_text(alert)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRow:
    """An alert on the page of a deadline."""

    alert: Alert
    recipient: str
    created: SafeString
    outcome: SafeString | str


def alert_rows(deadline: Deadline, *, limit: int) -> list[AlertRow]:
    """Return the latest alerts about a deadline, newest first."""
    alerts = deadline.alerts.select_related("message", "webhook").order_by("-id")
    return [
        AlertRow(
            alert=alert,
            recipient=recipient_name(alert),
            created=instants.utc_html(alert.created_at),
            outcome=outcome_text(alert),
        )
        for alert in alerts[:limit]
    ]
