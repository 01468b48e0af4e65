"""Breaches, and the form that acknowledges one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from compliance.admin import badges, end_times, instants, urls
from compliance.admin.agreement_status import DeadlineAgreementStatusFilter
from compliance.admin.operation_forms import without_empty
from compliance.admin.pages import get_row_or_404, page_context
from compliance.admin.permissions import requires_perms
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.record_forms import DeadlineRecordForm, zone_field
from compliance.admin.record_pages import deadline_context, record_page
from compliance.admin.searching import folded
from compliance.admin.theme import button
from compliance.domain.alerts.drafts import AcknowledgementDraft
from compliance.domain.drafts import read
from compliance.models import Breach, Deadline, User
from compliance.operations.deadlines import breaches


class AcknowledgementForm(DeadlineRecordForm):
    """Acknowledges a breach."""

    heading = "Acknowledge the breach"
    advice = (
        "Tells everyone that you are working on it. Escalations pause for a week, or until the "
        "date that you enter. If the breach lasts longer, they continue. The breach stays on "
        "record."
    )
    success_message = "Breach acknowledged."
    submit = "Acknowledge"
    aliases = end_times.ALIASES

    until_on = end_times.end_date_field(help_text="Leave empty for one week.")
    until_time = end_times.end_time_field()
    timezone = zone_field()

    def __init__(self, *args: Any, breach: Breach, **kwargs: Any) -> None:
        self.breach = breach
        super().__init__(*args, **kwargs)

    def record(self, *, by: User, as_of: datetime) -> None:
        """Acknowledge the breach."""
        values = without_empty({"until_at": end_times.end_instant(self.cleaned_data)})
        draft = read(AcknowledgementDraft, values)
        breach = breaches.acknowledge(breach=self.breach, draft=draft, by=by, as_of=as_of)
        if breach.acknowledged_until is not None:
            until = instants.utc_text(breach.acknowledged_until)
            self.success_message = f"Breach acknowledged until {until}."


def acknowledgement_page(
    request: HttpRequest, breach: Breach, *, back: str, back_to: str, context: dict[str, Any]
) -> HttpResponse:
    """Show the form that acknowledges a breach; on POST acknowledge it."""
    as_of = timezone.now()
    deadline = breach.deadline
    return record_page(
        request,
        AcknowledgementForm(request.POST or None, deadline=deadline, breach=breach, as_of=as_of),
        as_of=as_of,
        back=back,
        context={
            **context,
            **deadline_context(deadline),
            "original": deadline,
            "back_to": back_to,
        },
    )


@admin.register(Breach)
class BreachAdmin(ReadOnlyAdmin):
    """All breaches: the periods in which deadlines were unmet."""

    list_display = (
        "deadline", "agreement", "occurred", "detected", "ended", "duration", "acknowledged_by",
    )  # fmt: skip
    list_filter = (
        ("ended_at", admin.EmptyFieldListFilter), "end_reason",
        ("acknowledged_at", admin.EmptyFieldListFilter), DeadlineAgreementStatusFilter,
    )  # fmt: skip
    list_select_related = ("deadline__obligation", "deadline__agreement")
    search_fields = folded("deadline__obligation__ref", "deadline__agreement__ref")
    fields = (
        "deadline", "agreement", "occurred", "detected", "ended", "duration", "acknowledged_by",
        "acknowledged",
    )  # fmt: skip
    has_acknowledge_permission = requires_perms("compliance.add_breach")
    actions_detail = ("acknowledge",)
    occurred = instants.utc_column("occurred_at", "Occurred", zone="deadline.timezone")
    detected = instants.utc_column("detected_at", "Detected", zone="deadline.timezone")
    acknowledged = instants.utc_column("acknowledged_at", "Acknowledged", zone="deadline.timezone")

    @admin.display(description="Agreement", ordering="deadline__agreement__ref")
    def agreement(self, breach: Breach) -> str:
        """Return the ref of the agreement."""
        return breach.deadline.agreement.ref

    @admin.display(description="Ended", ordering="ended_at")
    def ended(self, breach: Breach) -> SafeString:
        """Return when and why the breach ended."""
        if breach.ended_at is None:
            return badges.badge("open")
        at = instants.utc_html(breach.ended_at, breach.deadline.timezone)
        return badges.two_lines(at, badges.badge(breach.end_reason))

    @admin.display(description="Duration")
    def duration(self, breach: Breach) -> str:
        """Return the duration of the breach, which is still growing if it is open."""
        return instants.duration_text(breach.ended_at or timezone.now(), breach.occurred_at)

    @admin.display(description="Acknowledged by", ordering="acknowledged_until")
    def acknowledged_by(self, breach: Breach) -> SafeString:
        """Return who acknowledged the breach, and when escalations continue."""
        if breach.acknowledged_until is None:
            return SafeString("-")
        at = instants.utc_html(breach.acknowledged_until, breach.deadline.timezone)
        return badges.two_lines(breach.acknowledged_as, format_html("until {}", at))

    @button(
        description="Acknowledge",
        url_path="acknowledge",
        icon="front_hand",
        permissions=["acknowledge"],
    )
    def acknowledge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form that acknowledges the breach."""
        breach = get_row_or_404(self, request, object_id, Breach)
        return acknowledgement_page(
            request,
            breach,
            back=urls.row_url("breach", breach.pk),
            back_to="the breach",
            context=page_context(self, request),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class BreachRow:
    """A breach on the page of a deadline."""

    breach: Breach
    occurred: SafeString
    detected: SafeString
    ended: SafeString
    duration: str
    acknowledged_until: SafeString | None


def breach_rows(deadline: Deadline, *, as_of: datetime) -> list[BreachRow]:
    """Return the breaches of a deadline."""
    zone = deadline.timezone
    return [
        BreachRow(
            breach=breach,
            occurred=instants.utc_html(breach.occurred_at, zone),
            detected=instants.utc_html(breach.detected_at, zone),
            ended=instants.utc_html(breach.ended_at, zone),
            duration=instants.duration_text(breach.ended_at or as_of, breach.occurred_at),
            acknowledged_until=(
                instants.utc_html(breach.acknowledged_until, zone)
                if breach.acknowledged_until
                else None
            ),
        )
        for breach in deadline.breaches.all()
    ]
