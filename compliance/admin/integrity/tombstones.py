"""Tombstones of what was purged."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from compliance.admin import instants
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.models import Tombstone


@admin.register(Tombstone)
class TombstoneAdmin(ReadOnlyAdmin):
    """All purges, newest first."""

    list_display = ("ref", "subject", "purged", "purged_by", "reason")
    list_select_related = ("purged_by",)
    ordering = ("-id",)
    fields = ("ref", "subject", "purged", "purged_by", "reason", "removed", "hash_hex")
    readonly_fields = ("purged", "removed", "hash_hex")
    purged = instants.utc_column("purged_at", "Purged")

    @admin.display(description="Removed rows")
    def removed(self, tombstone: Tombstone) -> SafeString:
        """Return the number of removed rows by table."""
        return format_html_join("", "<div>{}: {}</div>", sorted(tombstone.counts.items()))

    @admin.display(description="Hash")
    def hash_hex(self, tombstone: Tombstone) -> str:
        """Return the hash that links the tombstone to the previous one."""
        return bytes(tombstone.hash).hex()
