"""Parties: states, organisations and companies."""

from __future__ import annotations

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import asked, changes_of, paged
from compliance.api.views import (
    Views,
    body,
    corrected,
    created,
    found,
    nothing_asked,
    page_response,
    question,
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

    rights = (Party,)

    @extend_schema(parameters=asked(queries.PartyListing), responses=paged(PartyRow))
    def list(self, request: Request) -> Response:
        """List parties by code."""
        return page_response(request, queries.listed(question(request, queries.PartyListing)))

    @extend_schema(request=PartyDraft, responses={201: PartyRow})
    def create(self, request: Request) -> Response:
        """Create a party."""
        party = operations.create(draft=body(request, PartyDraft))
        return created(request, queries.row(party.code), "code")

    @extend_schema(responses=PartyRow)
    def retrieve(self, request: Request, code: str) -> Response:
        """Show one party."""
        nothing_asked(request)
        return found(queries.row(code))

    @extend_schema(request=changes_of(PartyDraft), responses=PartyRow)
    def partial_update(self, request: Request, code: str) -> Response:
        """Correct a party. Deadlines that depend on its time zone move."""
        with transaction.atomic():
            party = get_object_or_404(for_update(Party.objects.all()), code=code)
            draft = corrected(request, PartyDraft, queries.row(code))
            operations.update(party=party, draft=draft, as_of=timezone.now())
        return found(queries.row(code))
