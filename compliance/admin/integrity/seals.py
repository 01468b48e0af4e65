"""Seals over everything recorded."""

from __future__ import annotations

from django.contrib import admin

from compliance.admin import instants
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.models import Seal


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    """All seals, newest first. One is created every day and mailed to where seals are kept."""

    list_display = ("sealed", "chains", "root_hex", "mailed")
    fields = ("sealed", "chains", "last_fact_id", "last_entry_id", "root_hex", "hash_hex", "mailed")
    readonly_fields = ("sealed", "root_hex", "hash_hex", "mailed")
    sealed = instants.utc_column("sealed_at", "Sealed")
    mailed = instants.utc_column("mailed_at", "Mailed")

    @admin.display(description="Root")
    def root_hex(self, seal: Seal) -> str:
        """Return the root hash as the email shows it."""
        return bytes(seal.root).hex()

    @admin.display(description="Hash")
    def hash_hex(self, seal: Seal) -> str:
        """Return the hash that links the seal to the previous one."""
        return bytes(seal.hash).hex()
