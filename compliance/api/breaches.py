"""Breaches: the intervals in which deadlines stood unmet."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import asked, paged
from compliance.api.views import Views, found, nothing_asked, page_response, question
from compliance.domain.vocabulary import BreachEnd
from compliance.models import Breach
from compliance.queries import breaches as queries


class BreachRow(serializers.Serializer[Breach]):
    """A breach: when it truly began, when it was found, when and why it ended."""

    id = serializers.IntegerField()
    deadline = serializers.IntegerField()
    obligation_ref = serializers.CharField()
    agreement = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    detected_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    end_reason = serializers.ChoiceField(choices=list(BreachEnd), allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.CharField(allow_null=True)


class BreachViews(Views):
    """The intervals in which deadlines stood unmet. They end; they are never erased."""

    rights = (Breach,)

    @extend_schema(parameters=asked(queries.BreachListing), responses=paged(BreachRow))
    def list(self, request: Request) -> Response:
        """List breaches, the newest first."""
        return page_response(request, queries.listed(question(request, queries.BreachListing)))

    @extend_schema(responses=BreachRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one breach."""
        nothing_asked(request)
        return found(queries.row(id))
