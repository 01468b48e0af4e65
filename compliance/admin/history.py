"""The history page of a row: when it changed, who changed it, and what changed."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from compliance.admin.pages import page_context
from compliance.admin.theme import ModelAdmin
from compliance.queries.deadlines import history


class HistoryAdmin(ModelAdmin):
    """Shows the changes recorded by the database triggers instead of Django's admin log."""

    def history_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the changes of one row, newest first."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        context = {
            **page_context(self, request, row, title=f"History of {row}"),
            "object": row,
            "changes": history.changes_of(row),
            "longest": history.LONGEST,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/pacta/history.html", context)
