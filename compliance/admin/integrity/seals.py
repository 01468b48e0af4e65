"""Seals over everything recorded."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from compliance.admin import instants
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.models import Seal


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
