"""Breaches and the ledger: what happened, and what was known of it when."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString

from compliance.admin import badges, moments
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.models import Breach, LedgerEntry


@admin.register(Breach)
class BreachAdmin(ReadOnlyAdmin):
    """The intervals in which deadlines stood unmet."""

    list_display = ("deadline", "agreement", "occurred", "detected", "ended", "length")
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "end_reason")
    list_select_related = ("deadline__obligation", "deadline__agreement")
    search_fields = ("deadline__obligation__ref", "deadline__agreement__ref")
    fields = (
        "deadline", "agreement", "occurred", "detected", "ended", "length", "acknowledged_at",
        "acknowledged_by",
    )  # fmt: skip

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
