"""Records that the admin shows and never changes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from compliance.admin.theme import ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """Shows rows to whoever may view them. They are written elsewhere, or are derived."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Nobody."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Who has the right to view, or a right that includes it."""
        return super().has_view_permission(request, obj) or super().has_change_permission(
            request, obj
        )
