"""Tombstones. A purge writes them; the API only reads them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.lists import list_response
from compliance.api.openapi_lists import list_schema
from compliance.api.views import (
    Views,
    read_filter,
    reject_query_parameters,
    row_response,
)
from compliance.domain.integrity.purges import PurgeSubject
from compliance.models import Tombstone
from compliance.queries.integrity import tombstones as queries
from compliance.queries.pages import Listing


class TombstoneRow(serializers.Serializer[Tombstone]):
    """What a purge removed, when, by whom and why. `hash` is SHA-256 in hexadecimal."""

    id = serializers.IntegerField()
    subject = serializers.ChoiceField(choices=list(PurgeSubject))
    subject_id = serializers.IntegerField()
    ref = serializers.CharField()
    reason = serializers.CharField()
    purged_at = serializers.DateTimeField()
    purged_by = serializers.CharField(allow_null=True)
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="The number of removed rows by table."
    )
    hash = serializers.RegexField("^[0-9a-f]{64}$")


class RemovedRow(serializers.Serializer[Any]):
    """The removed rows of one chain, or of one table without chains, with their hashes."""

    id = serializers.IntegerField()
    table = serializers.CharField()
    chain = serializers.CharField(allow_blank=True)
    key = serializers.IntegerField(allow_null=True)
    ids = serializers.ListField(child=serializers.IntegerField())
    hashes = serializers.ListField(child=serializers.CharField())


class TombstoneViews(Views):
    """Records of what was purged, for administrators. Hashes identify the removed rows."""

    permission_models = (Tombstone,)

    @extend_schema(**list_schema(Listing, TombstoneRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List tombstones in order of creation."""
        return list_response(
            request, read_filter(request, Listing), queries.listed, row=TombstoneRow
        )

    @extend_schema(responses=TombstoneRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one tombstone."""
        reject_query_parameters(request)
        return row_response(queries.row(id))


class RemovedRowViews(Views):
    """The rows that a purge removed."""

    permission_models = (Tombstone,)

    @extend_schema(operation_id="tombstones_rows", **list_schema(Listing, RemovedRow))
    def list(self, request: Request, id: int) -> HttpResponseBase:
        """List the removed rows of a tombstone."""
        row_response(queries.row(id))
        return list_response(
            request,
            read_filter(request, Listing),
            lambda page: queries.removed(id, page),
            row=RemovedRow,
        )
