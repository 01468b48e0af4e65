"""The API root, the schema, and unknown addresses."""

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
    """The API root."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="root", responses={200: dict[str, str]})
    def retrieve(self, request: Request) -> Response:
        """List the resources."""
        nothing_asked(request)
        here = {name: request.build_absolute_uri(reverse(f"api:{name}")) for name in _ROOMS}
        return Response(here)


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, as JSON unless YAML is requested."""

    renderer_classes = [
        OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer, OpenApiYamlRenderer2,
    ]  # fmt: skip


class NowhereView(APIView):
    """Unknown addresses. An address that only lacks its trailing slash is redirected."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer regardless of the method.

        Raises:
            NotFound: always, unless the address is redirected.
        """
        if request.path.endswith("/"):
            raise NotFound("There is nothing at this address. /api/v1/ lists the resources.")
        try:
            is_nowhere = resolve(f"{request.path_info}/").url_name == "nowhere"
        except Resolver404:
            is_nowhere = True
        if is_nowhere or request.method not in {"GET", "HEAD"}:
            hint = "" if is_nowhere else f" Addresses end with a slash: {request.path}/"
            raise NotFound(f"There is nothing at this address.{hint}")

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send on."""
        return HttpResponsePermanentRedirect(
            request._request.get_full_path(force_append_slash=True)
        )
