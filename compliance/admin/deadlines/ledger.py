"""The ledger: every status that a deadline has had, and when it was recorded."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from compliance.admin import badges, instants
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.searching import folded
from compliance.models import LedgerEntry


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """All ledger entries, most recently recorded first."""

    list_display = ("deadline", "status_badge", "reason", "effective", "recorded", "due_on")
    list_filter = ("status", "reason")
    list_select_related = ("deadline__obligation",)
    search_fields = folded("deadline__obligation__ref", "deadline__agreement__ref")
    ordering = ("-id",)
    fields = (
        "deadline", "status_badge", "reason", "effective", "recorded", "fact", "due_on", "due_at",
    )  # fmt: skip
    effective = instants.utc_column("effective_at", "Effective", zone="deadline.timezone")
    recorded = instants.utc_column("recorded_at", "Recorded", zone="deadline.timezone")

    @admin.display(description="Status", ordering="status")
    def status_badge(self, entry: LedgerEntry) -> SafeString:
        """Return the status as a badge."""
        return badges.badge(entry.status)
