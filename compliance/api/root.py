"""The way in: what there is, and what is not there."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase, HttpResponsePermanentRedirect
from django.urls import Resolver404, resolve, reverse
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compliance.api.views import Views, nothing_asked

_ROOMS = (
    "parties", "agreements", "obligations", "deadlines", "facts", "determinations", "proposals",
    "evidence", "positions", "breaches", "alerts", "subscriptions", "summary", "changes", "seals",
    "due-rules-preview", "document-schema", "schema", "docs",
)  # fmt: skip


class RootViews(Views):
    """The list of lists."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="root", responses={200: dict[str, str]})
    def retrieve(self, request: Request) -> Response:
        """Show where everything is."""
        nothing_asked(request)
        here = {name: request.build_absolute_uri(reverse(f"api:{name}")) for name in _ROOMS}
        return Response(here)


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, as JSON unless YAML is asked for."""

    renderer_classes = [
        OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer, OpenApiYamlRenderer2,
    ]  # fmt: skip


class NowhereView(APIView):
    """Where there is nothing. An address that only lacks its last slash is sent on."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer before the method is looked at.

        Raises:
            NotFound: always, unless the address is sent on.
        """
        if request.path.endswith("/"):
            raise NotFound("There is nothing here. /api/v1/ shows what there is.")
        try:
            is_nowhere = resolve(f"{request.path_info}/").url_name == "nowhere"
        except Resolver404:
            is_nowhere = True
        if is_nowhere or request.method not in {"GET", "HEAD"}:
            hint = "" if is_nowhere else f" Addresses end with a slash: {request.path}/"
            raise NotFound(f"There is nothing here.{hint}")

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send on."""
        return HttpResponsePermanentRedirect(
            request._request.get_full_path(force_append_slash=True)
        )
