"""Shared code of the pages that we add to the admin: loading the row, and the template context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.apps import apps
from django.contrib.admin.utils import unquote
from django.db.models import Model
from django.http import Http404, HttpRequest

from compliance.admin.theme import ModelAdmin

Row = TypeVar("Row", bound=Model)


def get_row_or_404(
    model_admin: ModelAdmin, request: HttpRequest, object_id: str, model: type[Row]
) -> Row:
    """Return the row with this id if the user may see it.

    Raises:
        Http404: if there is none.
    """
    row = model_admin.get_object(request, unquote(object_id))
    if not isinstance(row, model):
        raise Http404
    return row


def rows_text(counts: Mapping[str, int]) -> str:
    """Return numbers of rows as text, such as `1 alert, 3 deadlines`.

    Args:
        counts: how many rows there are, by the plural of their name.
    """
    singular = {str(m._meta.verbose_name_plural): m._meta.verbose_name for m in apps.get_models()}
    return ", ".join(
        f"{count:,} {singular.get(name, name) if count == 1 else name}"
        for name, count in sorted(counts.items())
    )


def page_context(
    model_admin: ModelAdmin, request: HttpRequest, row: Model | None = None, **more: Any
) -> dict[str, Any]:
    """Return the template context of a page about a row, or about the model as a whole."""
    return {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": row,
        "subtitle": None,
        **more,
    }
