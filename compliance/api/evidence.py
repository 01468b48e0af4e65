"""Evidence. Append-only."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import asked, paged
from compliance.api.views import (
    Views,
    agreement_of,
    body,
    created,
    found,
    nothing_asked,
    page_response,
    question,
    user_of,
)
from compliance.domain.drafts import AgreementRef, EvidenceDraft
from compliance.domain.vocabulary import EvidenceKind, Stance
from compliance.models import Evidence
from compliance.operations import evidence as operations
from compliance.queries import evidence as queries


class NewEvidence(EvidenceDraft):
    """A piece of evidence, and the agreement that it bears on."""

    agreement: AgreementRef


class EvidenceRow(serializers.Serializer[Evidence]):
    """A piece of evidence."""

    id = serializers.IntegerField()
    agreement = serializers.CharField()
    ref = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(EvidenceKind))
    url = serializers.CharField(allow_blank=True)
    quote = serializers.CharField(allow_blank=True)
    published_on = serializers.DateField(allow_null=True)
    asserted_by = serializers.CharField(allow_null=True)
    stance = serializers.ChoiceField(choices=list(Stance))
    obligations = serializers.ListField(child=serializers.CharField())
    recorded_at = serializers.DateTimeField()
    recorded_by = serializers.CharField(allow_null=True)


class EvidenceViews(Views):
    """Documents and statements that facts and positions rest on."""

    rights = (Evidence,)

    @extend_schema(parameters=asked(queries.EvidenceListing), responses=paged(EvidenceRow))
    def list(self, request: Request) -> Response:
        """List evidence in the order in which it was stored."""
        return page_response(request, queries.listed(question(request, queries.EvidenceListing)))

    @extend_schema(request=NewEvidence, responses={201: EvidenceRow})
    def create(self, request: Request) -> Response:
        """Store a piece of evidence."""
        draft = body(request, NewEvidence)
        evidence = operations.add(
            agreement=agreement_of(draft.agreement),
            draft=draft,
            by=user_of(request),
            as_of=timezone.now(),
        )
        return created(request, queries.row(evidence.pk), "id")

    @extend_schema(responses=EvidenceRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one piece of evidence."""
        nothing_asked(request)
        return found(queries.row(id))
