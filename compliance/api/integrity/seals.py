"""Seals. The service creates them; the API only reads them."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import asked, paged
from compliance.api.views import Views, found, nothing_asked, page_response, question
from compliance.models import Seal
from compliance.queries.integrity import seals as queries
from compliance.queries.pages import Listing


class SealRow(serializers.Serializer[Seal]):
    """A seal: the Merkle root of all chain heads, up to the last fact and ledger entry it covers.

    `root` and `hash` are SHA-256 in hexadecimal.
    """

    id = serializers.IntegerField()
    sealed_at = serializers.DateTimeField()
    last_fact = serializers.IntegerField()
    last_entry = serializers.IntegerField()
    chains = serializers.IntegerField()
    root = serializers.RegexField("^[0-9a-f]{64}$")  # type: ignore[assignment]  # taken off the class
    hash = serializers.RegexField("^[0-9a-f]{64}$")


class SealViews(Views):
    """Daily seals over all records. Copies kept elsewhere prove later whether anything changed."""

    rights = (Seal,)

    @extend_schema(parameters=asked(Listing), responses=paged(SealRow))
    def list(self, request: Request) -> Response:
        """List seals in order of creation."""
        return page_response(request, queries.listed(question(request, Listing)))

    @extend_schema(responses=SealRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one seal."""
        nothing_asked(request)
        return found(queries.row(id))
