"""Breaches and the ledger: what happened, and what was known of it when."""

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
from compliance.admin.answering import answer
from compliance.admin.deadlines.recording import AcknowledgementForm
from compliance.admin.permissions import right
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.theme import button
from compliance.models import Breach, LedgerEntry


@admin.register(Breach)
class BreachAdmin(ReadOnlyAdmin):
    """The intervals in which deadlines stood unmet."""

    list_display = ("deadline", "agreement", "occurred", "detected", "ended", "length", "at_it")
    list_filter = (
        ("ended_at", admin.EmptyFieldListFilter), "end_reason",
        ("acknowledged_at", admin.EmptyFieldListFilter),
    )  # fmt: skip
    list_select_related = ("deadline__obligation", "deadline__agreement")
    search_fields = ("deadline__obligation__ref", "deadline__agreement__ref")
    fields = (
        "deadline", "agreement", "occurred", "detected", "ended", "length", "at_it",
        "acknowledged",
    )  # fmt: skip
    has_acknowledge_permission = right("compliance.add_breach")
    actions_detail = ("acknowledge",)

    @admin.display(description="Agreement", ordering="deadline__agreement__ref")
    def agreement(self, breach: Breach) -> str:
        """Where the deadline belongs."""
        return breach.deadline.agreement.ref

    @admin.display(description="Occurred", ordering="occurred_at")
    def occurred(self, breach: Breach) -> SafeString:
        """When it truly began."""
        return moments.utc(breach.occurred_at, breach.deadline.timezone)

    @admin.display(description="Detected", ordering="detected_at")
    def detected(self, breach: Breach) -> SafeString:
        """When it was found."""
        return moments.utc(breach.detected_at, breach.deadline.timezone)

    @admin.display(description="Ended", ordering="ended_at")
    def ended(self, breach: Breach) -> SafeString:
        """When and why it ended."""
        if breach.ended_at is None:
            return badges.badge("open")
        at = moments.utc(breach.ended_at, breach.deadline.timezone)
        return badges.two_lines(at, badges.badge(breach.end_reason))

    @admin.display(description="Length")
    def length(self, breach: Breach) -> str:
        """How long it lasted, or has lasted."""
        return moments.distance(breach.ended_at or timezone.now(), breach.occurred_at)

    @admin.display(description="Acknowledged by", ordering="acknowledged_until")
    def at_it(self, breach: Breach) -> SafeString:
        """Who is at it, and until when escalations wait."""
        if breach.acknowledged_until is None:
            return SafeString("-")
        at = moments.utc(breach.acknowledged_until, breach.deadline.timezone)
        return badges.two_lines(breach.acknowledged_as, format_html("until {}", at))

    @admin.display(description="Acknowledged", ordering="acknowledged_at")
    def acknowledged(self, breach: Breach) -> SafeString:
        """When it was acknowledged."""
        return moments.utc(breach.acknowledged_at, breach.deadline.timezone)

    @button(
        description="Acknowledge",
        url_path="acknowledge",
        icon="front_hand",
        permissions=["acknowledge"],
    )
    def acknowledge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Somebody is at it."""
        breach = self.get_object(request, unquote(object_id))
        if not isinstance(breach, Breach):
            raise Http404
        return acknowledge(
            request,
            breach,
            back=reverse("admin:compliance_breach_change", args=[breach.pk]),
            back_to="the breach",
            context={**self.admin_site.each_context(request), "opts": self.opts},
        )


def acknowledge(
    request: HttpRequest, breach: Breach, *, back: str, back_to: str, context: dict[str, Any]
) -> HttpResponse:
    """Show the form by which a breach is acknowledged; on POST do it."""
    as_of = timezone.now()
    deadline = breach.deadline
    return answer(
        request,
        AcknowledgementForm(request.POST or None, deadline=deadline, breach=breach, as_of=as_of),
        as_of=as_of,
        back=back,
        outcome=str,
        context={
            **context,
            "subtitle": str(deadline.obligation),
            "original": deadline,
            "subject": deadline.obligation,
            "standing": badges.standing(deadline),
            "due": moments.due_text(deadline),
            "due_utc": moments.utc(deadline.due_at, deadline.timezone),
            "sides": badges.sides(deadline.obligation),
            "back_to": back_to,
        },
    )


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Every status that was ever believed, newest knowledge first."""

    list_display = ("deadline", "stood", "reason", "effective", "recorded", "due_on")
    list_filter = ("status", "reason")
    list_select_related = ("deadline__obligation",)
    search_fields = ("deadline__obligation__ref", "deadline__agreement__ref")
    ordering = ("-id",)
    fields = (
        "deadline", "stood", "reason", "effective", "recorded", "fact", "due_on", "due_at",
    )  # fmt: skip

    @admin.display(description="Status", ordering="status")
    def stood(self, entry: LedgerEntry) -> SafeString:
        """The status."""
        return badges.badge(entry.status)

    @admin.display(description="True from", ordering="effective_at")
    def effective(self, entry: LedgerEntry) -> SafeString:
        """From when it held in the world."""
        return moments.utc(entry.effective_at, entry.deadline.timezone)

    @admin.display(description="Known from", ordering="recorded_at")
    def recorded(self, entry: LedgerEntry) -> SafeString:
        """From when we knew it."""
        return moments.utc(entry.recorded_at, entry.deadline.timezone)
