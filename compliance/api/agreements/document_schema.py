"""The JSON Schema of agreement documents."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.views import Views, reject_query_parameters
from compliance.domain.agreements.document_drafts import AgreementDocument


class DocumentSchemaViews(Views):
    """The format of agreement documents."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="document_schema", responses={200: dict[str, Any]})
    def retrieve(self, request: Request) -> Response:
        """Show the JSON Schema of `pacta.agreement/v1`."""
        reject_query_parameters(request)
        return Response(_schema())


@cache
def _schema() -> dict[str, Any]:
    schema = AgreementDocument.model_json_schema(mode="validation")
    return {**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"}
