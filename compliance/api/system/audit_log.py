"""The audit log: a resumable feed for administrators."""

from __future__ import annotations

import csv
import io
from typing import Any

import orjson
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import filter_parameters, page_of
from compliance.api.renderers import ORJSONRenderer
from compliance.api.views import Views, page_response, read_filter
from compliance.domain.vocabulary import AuditAction
from compliance.models import AuditEntry
from compliance.operations.system import audit_log
from compliance.queries.rows import Row
from compliance.queries.system import audit_log as queries
from compliance.queries.system.audit_log import AuditFormat

_COLUMNS = (
    "position", "at", "actor", "address", "request_id", "action", "kind", "object", "name",
    "reason", "source", "changes", "details",
)  # fmt: skip


class _CSVRenderer(ORJSONRenderer):
    """Says that CSV can be requested by the header `Accept`."""

    media_type = "text/csv"
    format = AuditFormat.CSV


class _NDJSONRenderer(ORJSONRenderer):
    """Says that NDJSON can be requested by the header `Accept`."""

    media_type = "application/x-ndjson"
    format = AuditFormat.NDJSON


class AuditRow(serializers.Serializer[AuditEntry]):
    """Who did what, when, from where and why."""

    position = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField(
        allow_null=True, help_text="The address of the user; null for commands and SQL."
    )
    address = serializers.CharField(allow_blank=True, help_text="The IP address of the client.")
    request_id = serializers.CharField(
        allow_blank=True, help_text="The header `X-Request-ID` of the request, or a random id."
    )
    action = serializers.ChoiceField(choices=list(AuditAction))
    kind = serializers.CharField(help_text="What was changed, such as `agreement` or `user`.")
    object = serializers.IntegerField(allow_null=True, help_text="The id of what was changed.")
    name = serializers.CharField(allow_null=True, help_text="Its ref, code, address or name.")
    reason = serializers.CharField(allow_null=True)
    source = serializers.CharField(  # type: ignore[assignment]  # Field.source is a str or None
        allow_null=True, help_text="A path or a command."
    )
    changes = serializers.DictField(
        help_text="Each changed field with its value `before` and `after`. Secrets are not shown."
    )
    details = serializers.DictField(help_text="More about a sign-in or refusal.")


class AuditViews(Views):
    """Every change, sign-in and refusal, in the order of publication."""

    permission_models = (AuditEntry,)
    renderer_classes = (ORJSONRenderer, _CSVRenderer, _NDJSONRenderer)

    @extend_schema(
        parameters=filter_parameters(queries.AuditListing),
        responses={
            (200, "application/json"): page_of(AuditRow, is_endless=True),
            (200, "text/csv"): OpenApiResponse(response=str),
            (200, "application/x-ndjson"): OpenApiResponse(response=str),
        },
    )
    def list(self, request: Request) -> Response | HttpResponse:
        """Read the feed, oldest entry first.

        `next` is always present. Request it later to continue without missing an entry. In CSV and
        NDJSON, it is in the header `Link`.
        """
        listing = read_filter(request, queries.AuditListing)
        # What has been committed by now is published first, so that readers see their own changes.
        audit_log.publish()
        page = queries.listed(listing)
        response = page_response(request, page)
        wanted = listing.format or request.accepted_renderer.format
        if wanted == AuditFormat.JSON:
            response.content_type = ORJSONRenderer.media_type
            return response
        is_csv = wanted == AuditFormat.CSV
        content = _csv(page.rows) if is_csv else _ndjson(page.rows)
        kind = "text/csv; charset=utf-8" if is_csv else "application/x-ndjson"
        return HttpResponse(
            content, content_type=kind, headers={"Link": f'<{response.data["next"]}>; rel="next"'}
        )


def _ndjson(rows: list[Row]) -> bytes:
    return b"".join(ORJSONRenderer().render(row) + b"\n" for row in rows)


def _csv(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    writer.writerows([_cell(row[name]) for name in _COLUMNS] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        # Spreadsheets would run a cell that begins like this as a formula.
        return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
    return orjson.dumps(value, option=orjson.OPT_UTC_Z).decode().strip('"')
