"""Seals over everything recorded, and the checks that compare them with the stored data."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from compliance.admin import instants
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.models import LedgerCheck, Seal


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    """All seals, newest first. One is created every day and mailed to where seals are kept."""

    list_display = ("sealed", "chains", "root_hex", "mailed")
    fields = ("sealed", "chains", "last_fact_id", "last_entry_id", "root_hex", "hash_hex", "mailed")
    readonly_fields = ("sealed", "root_hex", "hash_hex", "mailed")

    @admin.display(description="Sealed", ordering="sealed_at")
    def sealed(self, seal: Seal) -> SafeString:
        """Return when the seal was created."""
        return instants.utc_html(seal.sealed_at)

    @admin.display(description="Root")
    def root_hex(self, seal: Seal) -> str:
        """Return the root hash as the mail shows it."""
        return bytes(seal.root).hex()

    @admin.display(description="Hash")
    def hash_hex(self, seal: Seal) -> str:
        """Return the hash that links the seal to the previous one."""
        return bytes(seal.hash).hex()

    @admin.display(description="Mailed", ordering="mailed_at")
    def mailed(self, seal: Seal) -> SafeString:
        """Return when the seal was mailed."""
        return instants.utc_html(seal.mailed_at)


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnlyAdmin):
    """All ledger checks, newest first. One runs every day, and operators can run more."""

    list_display = ("started", "deadlines", "facts", "entries", "problem_count", "run_time")
    fields = ("started", "run_time", "deadlines", "facts", "entries", "problem_list")
    readonly_fields = ("started", "run_time", "problem_list")

    @admin.display(description="Started", ordering="started_at")
    def started(self, check: LedgerCheck) -> SafeString:
        """Return when the check started."""
        return instants.utc_html(check.started_at)

    @admin.display(description="Altered rows")
    def problem_count(self, check: LedgerCheck) -> str:
        """Return the number of rows that differ from what was sealed."""
        return str(len(check.problems)) if check.problems else "none"

    @admin.display(description="Problems")
    def problem_list(self, check: LedgerCheck) -> SafeString | str:
        """Return each row that differs from what was sealed, and how."""
        if check.is_clean:
            return "All rows are as they were recorded."
        rows = ((each["table"], each["id"] or "", each["detail"]) for each in check.problems)
        return format_html_join("", "<p>{} {}: {}</p>", rows)

    @admin.display(description="Run time")
    def run_time(self, check: LedgerCheck) -> str:
        """Return how long the check took."""
        return instants.run_time_text(check.started_at, check.ended_at)
