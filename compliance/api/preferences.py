"""The header `Prefer` (RFC 7240): `count=exact` or `count=estimated`, as PostgREST has them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from django.utils.cache import patch_vary_headers
from rest_framework.request import Request

from compliance.queries.pages import Count, Page

PARAMETER: dict[str, Any] = {
    "name": "Prefer",
    "in": "header",
    "description": (
        "`count=exact` or `count=estimated`: also return how many rows the whole list has, "
        "unless counting takes too long. Other preferences are ignored."
    ),
    "schema": {"type": "string", "examples": ["count=exact"]},
}
APPLIED: dict[str, Any] = {
    "description": "The preference that was applied, such as `count=exact`.",
    "schema": {"type": "string"},
}


def preferred_count(request: Request) -> Count | None:
    """Return how a client wants the rows of a list to be counted. The first preference applies."""
    for preference in request.headers.get("Prefer", "").split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "count":
            wanted = value.strip().strip('"')
            return Count(wanted) if wanted in set(Count) else None
    return None


def say_applied(response: HttpResponseBase, page: Page) -> None:
    """Name the preference that was applied."""
    patch_vary_headers(response, ("Prefer",))
    if page.counted is not None:
        response.headers["Preference-Applied"] = f"count={page.counted}"
