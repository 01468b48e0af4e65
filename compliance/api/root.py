"""The API root, the schema, and unknown addresses."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpResponseBase, HttpResponsePermanentRedirect
from django.urls import Resolver404, resolve, reverse
from drf_spectacular.generators import SchemaGenerator
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

from compliance.api.views import Views, reject_query_parameters

_RESOURCES = (
    "parties", "agreements", "imports", "obligations", "deadlines", "facts", "determinations",
    "proposals", "evidence", "positions", "breaches", "alerts", "silences", "subscriptions",
    "webhooks", "calendar-feeds", "summary", "trend", "upcoming", "reciprocity", "changes",
    "changes-between", "seals", "tombstones", "audit", "users", "users-me", "teams", "tokens",
    "due-rules-preview", "document-schema", "schema", "docs",
)  # fmt: skip


class RootViews(Views):
    """The API root."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="root", responses={200: dict[str, str]})
    def retrieve(self, request: Request) -> Response:
        """List the resources."""
        reject_query_parameters(request)
        here = {name: request.build_absolute_uri(reverse(f"api:{name}")) for name in _RESOURCES}
        return Response(here)


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, as JSON unless YAML is requested."""

    renderer_classes = [
        OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer, OpenApiYamlRenderer2,
    ]  # fmt: skip

    def _get_schema_response(self, request: Request) -> Response:
        # Called by `get`.
        name = f"pacta.{request.accepted_renderer.format}"
        headers = {"Content-Disposition": f'inline; filename="{name}"'}
        return Response(document(), headers=headers)


@cache
def document() -> Any:
    """Return the OpenAPI document. To generate it takes seconds, so each process does so once."""
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # the library is untyped


class UnknownAddressView(APIView):
    """Responds to unknown addresses. Redirects if only the trailing slash is missing."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Respond in the same way to every method.

        Raises:
            NotFound: always, unless the address is redirected.
        """
        if request.path.endswith("/"):
            raise NotFound("There is nothing at this address. /api/v1/ lists the resources.")
        try:
            is_unknown = resolve(f"{request.path_info}/").url_name == "unknown_address"
        except Resolver404:
            is_unknown = True
        if is_unknown or request.method not in {"GET", "HEAD"}:
            hint = "" if is_unknown else f" Addresses end with a slash: {request.path}/"
            raise NotFound(f"There is nothing at this address.{hint}")

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Redirect to the address with a trailing slash."""
        return HttpResponsePermanentRedirect(
            request._request.get_full_path(force_append_slash=True)
        )
