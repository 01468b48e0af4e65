"""Seals over everything recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from compliance.admin import instants
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.visible import reader
from compliance.models import Seal

_TOTALS = ("chains", "last_fact_id", "last_entry_id")


def _without_totals(names: Sequence[str], request: HttpRequest) -> list[str]:
    return [each for each in names if each not in _TOTALS or not reader(request).is_limited]


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    """All seals, newest first. One is created every day and mailed to `SEAL_EMAIL`."""

    list_display = ("sealed", "chains", "root_hex", "mailed")
    fields = ("sealed", "chains", "last_fact_id", "last_entry_id", "root_hex", "hash_hex", "mailed")
    readonly_fields = ("sealed", "root_hex", "hash_hex", "mailed")
    sealed = instants.utc_column("sealed_at", "Sealed")
    mailed = instants.utc_column("mailed_at", "Mailed")

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns, without the total of chains for those who may not see all of them."""
        return _without_totals(self.list_display, request)

    def get_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Return the fields, without totals for those who may not see everything they count."""
        return _without_totals(self.fields, request)

    @admin.display(description="Root")
    def root_hex(self, seal: Seal) -> str:
        """Return the root hash as the email shows it."""
        return bytes(seal.root).hex()

    @admin.display(description="Hash")
    def hash_hex(self, seal: Seal) -> str:
        """Return the hash that links the seal to the previous one."""
        return bytes(seal.hash).hex()
