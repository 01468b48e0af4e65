"""Silences: periods in which no alerts about an agreement or one of its deadlines are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import F, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from compliance.admin import badges, end_times, fields, instants, urls
from compliance.admin.confirmations import Confirmation, confirm
from compliance.admin.history import HistoryAdmin
from compliance.admin.operation_forms import DraftForm, OperationAdmin, without_empty
from compliance.admin.pages import get_row_or_404
from compliance.admin.permissions import requires_perms
from compliance.admin.searching import folded
from compliance.admin.theme import button
from compliance.admin.visible import visible
from compliance.domain.alerts.drafts import SilenceDraft
from compliance.domain.civil_time import displayed_zone_name
from compliance.domain.drafts import read
from compliance.domain.whole_numbers import whole_number
from compliance.models import Deadline, Silence, User
from compliance.operations.alerts import silences


class SilenceForm(DraftForm):
    """The fields of a silence."""

    agreement = fields.agreement_field(empty_label="Choose")
    until_on = end_times.end_date_field(required=True)
    until_time = end_times.end_time_field()
    timezone = fields.time_zone_field(label="Time zone", initial="UTC")
    reason = fields.text_field(
        label="Reason for the silence",
        required=True,
        help_text="Shown to anyone who wonders why no alerts are sent.",
    )
    aliases = end_times.ALIASES

    class Meta:
        model = Silence
        fields = ("agreement", "deadline", "reason")


@admin.register(Silence)
class SilenceAdmin(OperationAdmin, HistoryAdmin):
    """Starts and ends silences. They are never edited."""

    form = SilenceForm
    compressed_fields = False
    change_form_after_template = "admin/pacta/time_zones.html"
    list_display = ("about", "state", "until", "reason", "started")
    list_display_links = ("about",)
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    list_select_related = ("agreement", "deadline__obligation", "created_by")
    search_fields = folded(
        "agreement__ref", "agreement__title", "deadline__obligation__ref", "reason"
    )
    autocomplete_fields = ("deadline",)
    has_end_now_permission = requires_perms("compliance.add_silence")
    actions_detail = ("end_now",)
    fieldsets = (
        (
            None,
            {
                "description": (
                    "No alert is lost. When the silence ends, the alerts that it held back are "
                    "sent, together with a note about everything that is still unmet."
                ),
                "fields": (
                    "agreement", "deadline", ("until_on", "until_time", "timezone"), "reason",
                ),
            },
        ),
    )  # fmt: skip
    ended = instants.utc_column("ended_at", "Ended")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return active silences first, in the order in which they end."""
        found: QuerySet[Any] = super().get_queryset(request)
        return found.order_by(F("ended_at").desc(nulls_first=True), "until_at", "-id")

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Return the fields to fill in, or those that an existing silence shows."""
        if obj is None:
            return super().get_fieldsets(request, obj)
        rows = ("agreement", "deadline_title", "reason", "state", "until", "ended", "started")
        return ((None, {"fields": rows}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """Return the computed fields that an existing silence shows."""
        return ("deadline_title", "state", "until", "ended", "started")

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form class, without the buttons that would open the chosen deadline."""
        form = super().get_form(request, obj, change=change, **kwargs)
        deadline = form.base_fields.get("deadline")
        if deadline is not None:
            deadline.required = False
            deadline.help_text = "Leave empty to silence the whole agreement."
            for name in ("can_add_related", "can_change_related", "can_view_related"):
                setattr(deadline.widget, name, False)
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return the values for the deadline in the query string."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        pk = str(initial.get("deadline", ""))
        found = visible(Deadline.objects.select_related("agreement"), request)
        deadline = found.filter(pk=whole_number(pk) or 0).first()
        if deadline is None:
            return {}
        return {
            "deadline": deadline.pk,
            "agreement": deadline.agreement.ref,
            "timezone": displayed_zone_name(deadline.timezone),
        }

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return False: end the silence and start a new one instead."""
        return False

    @admin.display(description="About", ordering="agreement__title")
    def about(self, silence: Silence) -> SafeString:
        """Return the agreement, with the deadline below it."""
        deadline = str(silence.deadline) if silence.deadline else "whole agreement"
        return badges.two_lines(silence.agreement.title, deadline)

    @admin.display(description="Deadline")
    def deadline_title(self, silence: Silence) -> str:
        """Return the deadline."""
        return str(silence.deadline) if silence.deadline else "All deadlines of the agreement"

    @admin.display(description="State", ordering="ended_at")
    def state(self, silence: Silence) -> SafeString:
        """Return whether the silence is active."""
        return badges.badge("silent" if silence.ended_at is None else "ended")

    @admin.display(description="Until", ordering="until_at")
    def until(self, silence: Silence) -> SafeString:
        """Return when the silence ends, with the remaining time below it."""
        at, now = silence.until_at, timezone.now()
        is_active = not silence.ended_at and at > now
        remaining = f"{instants.duration_text(at, now)} left" if is_active else ""
        return badges.two_lines(instants.utc_html(at), remaining)

    @admin.display(description="Started", ordering="created_at")
    def started(self, silence: Silence) -> SafeString:
        """Return when the silence started, with the user who started it below."""
        return badges.two_lines(instants.utc_html(silence.created_at), str(silence.created_by))

    def save_draft(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], existing: Model | None
    ) -> Model:
        """Start a silence."""
        assert isinstance(request.user, User)
        values = form.cleaned_data
        deadline = values.get("deadline")
        entered = {
            "agreement": values["agreement"].ref,
            "deadline": deadline.pk if deadline else None,
            "until_at": end_times.end_instant(values),
            "reason": values["reason"],
        }
        draft = read(SilenceDraft, without_empty(entered))
        return silences.create(draft=draft, by=request.user, as_of=timezone.now())

    @button(
        description="End now",
        url_path="end-now",
        icon="notifications_active",
        permissions=["end_now"],
    )
    def end_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for confirmation, then end the silence."""
        silence = get_row_or_404(self, request, object_id, Silence)
        confirmation = Confirmation(
            title="End the silence",
            lines=(
                f"The alerts about {silence.agreement.title} that it held back are sent now, "
                "together with a note about everything that is still unmet.",
            ),
            submit="End it now",
        )

        def action() -> str:
            silences.end(silence=silence, as_of=timezone.now())
            return "Silence ended."

        return confirm(
            self,
            request,
            silence,
            confirmation,
            action=action,
            back=urls.silence_url(silence.pk),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SilenceRow:
    """An active silence on the page of a deadline."""

    silence: Silence
    until: SafeString
    url: str


def silence_rows(deadline: Deadline, *, as_of: datetime) -> list[SilenceRow]:
    """Return the active silences that hold back alerts about a deadline."""
    about = Q(deadline=deadline) | Q(deadline__isnull=True)
    active = deadline.agreement.silences.filter(about, ended_at__isnull=True, until_at__gt=as_of)
    return [
        SilenceRow(
            silence=silence,
            until=instants.utc_html(silence.until_at, deadline.timezone),
            url=urls.silence_url(silence.pk),
        )
        for silence in active
    ]
