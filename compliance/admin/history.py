"""The history page of a row: when it was changed, by whom, and what."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from compliance.admin.theme import ModelAdmin
from compliance.queries.deadlines import history


class HistoryAdmin(ModelAdmin):
    """Shows what the history triggers have kept, not Django's own log."""

    def history_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The changes of one row, newest first."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {row}",
            "subtitle": None,
            "opts": self.opts,
            "object": row,
            "changes": history.changes_of(row),
            "longest": history.LONGEST,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/pacta/history.html", context)
