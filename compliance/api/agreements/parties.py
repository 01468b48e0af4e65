"""Parties: states, organisations and companies."""

from __future__ import annotations

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import changes_of, filter_parameters, page_of
from compliance.api.views import (
    Views,
    created_response,
    page_response,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    updated_draft,
)
from compliance.domain.agreements.drafts import PartyDraft
from compliance.domain.vocabulary import PartyKind
from compliance.models import Party
from compliance.models.locks import for_update
from compliance.operations.agreements import parties as operations
from compliance.queries.agreements import parties as queries


class PartyRow(serializers.Serializer[Party]):
    """A party."""

    code = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(PartyKind))
    country = serializers.CharField(allow_null=True)
    timezone = serializers.CharField()


class PartyViews(Views):
    """States, organisations and companies that can owe or be owed an obligation."""

    permission_models = (Party,)

    @extend_schema(parameters=filter_parameters(queries.PartyListing), responses=page_of(PartyRow))
    def list(self, request: Request) -> Response:
        """List parties by code."""
        return page_response(request, queries.listed(read_filter(request, queries.PartyListing)))

    @extend_schema(request=PartyDraft, responses={201: PartyRow})
    def create(self, request: Request) -> Response:
        """Create a party."""
        party = operations.create(draft=read_body(request, PartyDraft))
        return created_response(request, queries.row(party.code), "code")

    @extend_schema(responses=PartyRow)
    def retrieve(self, request: Request, code: str) -> Response:
        """Show one party."""
        reject_query_parameters(request)
        return row_response(queries.row(code))

    @extend_schema(request=changes_of(PartyDraft), responses=PartyRow)
    def partial_update(self, request: Request, code: str) -> Response:
        """Correct a party. Deadlines that depend on its time zone move."""
        with transaction.atomic():
            party = get_object_or_404(for_update(Party.objects.all()), code=code)
            draft = updated_draft(request, PartyDraft, queries.row(code))
            operations.update(party=party, draft=draft, as_of=timezone.now())
        return row_response(queries.row(code))
