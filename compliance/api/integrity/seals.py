"""Seals. The service creates them; the API only reads them."""

from __future__ import annotations

from functools import partial

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
from compliance.models import Seal
from compliance.queries.integrity import seals as queries
from compliance.queries.pages import Listing


class SealRow(serializers.Serializer[Seal]):
    """A seal: the Merkle root of all chain heads, up to the last fact and ledger entry it covers.

    `root` and `hash` are SHA-256 in hexadecimal. The last ids and the number of chains count the
    records of all agreements: they are null for those who may not see every agreement.
    """

    id = serializers.IntegerField()
    sealed_at = serializers.DateTimeField()
    last_fact = serializers.IntegerField(allow_null=True)
    last_entry = serializers.IntegerField(allow_null=True)
    chains = serializers.IntegerField(allow_null=True)
    root = serializers.RegexField("^[0-9a-f]{64}$")  # type: ignore[assignment]  # removed by the metaclass
    hash = serializers.RegexField("^[0-9a-f]{64}$")


class SealViews(Views):
    """Daily seals over all records. Copies kept elsewhere prove later whether anything changed."""

    permission_models = (Seal,)

    @extend_schema(**list_schema(Listing, SealRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List seals in order of creation."""
        listing = read_filter(request, Listing)
        read = partial(queries.listed, reader=self.reader)
        return list_response(request, listing, read, row=SealRow)

    @extend_schema(responses=SealRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one seal."""
        reject_query_parameters(request)
        return row_response(queries.row(id, reader=self.reader))
