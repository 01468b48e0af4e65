"""The base class of models that the admin shows but does not edit."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from compliance.admin.theme import ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """Shows rows that are written by operations or derived from other data."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: rows are not added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return False: rows are not edited here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return False: rows are not deleted here."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return whether the user may view the model, or has a permission that includes viewing."""
        return super().has_view_permission(request, obj) or super().has_change_permission(
            request, obj
        )
