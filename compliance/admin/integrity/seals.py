"""Seals over all that is recorded, and the checks that compare them with what is stored."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from compliance.admin import moments
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.models import LedgerCheck, Seal


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    """Newest first. One is made each day and mailed to where it is kept."""

    list_display = ("sealed", "chains", "root_hex", "mailed")
    fields = ("sealed", "chains", "last_fact_id", "last_entry_id", "root_hex", "hash_hex", "mailed")
    readonly_fields = ("sealed", "root_hex", "hash_hex", "mailed")

    @admin.display(description="Sealed", ordering="sealed_at")
    def sealed(self, seal: Seal) -> SafeString:
        """When it was made."""
        return moments.utc(seal.sealed_at)

    @admin.display(description="Root")
    def root_hex(self, seal: Seal) -> str:
        """The root, as the mail has it."""
        return bytes(seal.root).hex()

    @admin.display(description="Hash")
    def hash_hex(self, seal: Seal) -> str:
        """What links it to the seal before."""
        return bytes(seal.hash).hex()

    @admin.display(description="Mailed", ordering="mailed_at")
    def mailed(self, seal: Seal) -> SafeString:
        """When it was mailed."""
        return moments.utc(seal.mailed_at)


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnlyAdmin):
    """Newest first. One runs each day; an operator can run one at any time."""

    list_display = ("started", "deadlines", "facts", "entries", "found_count", "took")
    fields = ("started", "took", "deadlines", "facts", "entries", "found")
    readonly_fields = ("started", "took", "found")

    @admin.display(description="Started", ordering="started_at")
    def started(self, check: LedgerCheck) -> SafeString:
        """When it began."""
        return moments.utc(check.started_at)

    @admin.display(description="Bad rows")
    def found_count(self, check: LedgerCheck) -> str:
        """How many rows were not as they must be."""
        return str(len(check.problems)) if check.problems else "none"

    @admin.display(description="Found")
    def found(self, check: LedgerCheck) -> SafeString | str:
        """Each row that was not as it must be, and what was wrong with it."""
        if check.is_clean:
            return "Everything is as it was recorded."
        rows = ((each["table"], each["id"] or "", each["detail"]) for each in check.problems)
        return format_html_join("", "<p>{} {}: {}</p>", rows)

    @admin.display(description="Took")
    def took(self, check: LedgerCheck) -> str:
        """How long it ran."""
        return f"{(check.ended_at - check.started_at).total_seconds():.2f} s"
