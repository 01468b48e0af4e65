"""Breaches: intervals during which deadlines were unmet."""

from __future__ import annotations

from functools import partial

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.lists import list_response
from compliance.api.openapi import filter_parameters
from compliance.api.openapi_lists import list_schema
from compliance.api.views import (
    Views,
    read_body,
    read_filter,
    row_response,
    user_of,
    visible_or_404,
)
from compliance.domain.alerts.drafts import AcknowledgementDraft
from compliance.domain.vocabulary import BreachEnd
from compliance.models import Breach
from compliance.operations.deadlines import breaches as operations
from compliance.queries.deadlines import breaches as queries
from compliance.queries.point_in_time import PointInTime


class BreachRow(serializers.Serializer[Breach]):
    """A breach: when it occurred, when it was detected, when and why it ended."""

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
    acknowledged_until = serializers.DateTimeField(
        allow_null=True, help_text="Escalations wait until then."
    )


class BreachViews(Views):
    """Intervals during which deadlines were unmet. They can end, but are never erased."""

    permission_models = (Breach,)

    @extend_schema(**list_schema(queries.BreachListing, BreachRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List breaches, by default newest first, as known now or at an instant."""
        now = timezone.now()
        listing = read_filter(request, queries.BreachListing).pinned(now)
        return list_response(
            request,
            listing,
            partial(queries.listed, now=now, reader=self.reader),
            row=BreachRow,
            as_of=listing.as_of,
            known_at=listing.known_at,
        )

    @extend_schema(parameters=filter_parameters(PointInTime), responses=BreachRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one breach, as known now or at an instant."""
        return row_response(
            queries.row(
                id, read_filter(request, PointInTime).pinned(timezone.now()), reader=self.reader
            )
        )


class AcknowledgementViews(Views):
    """Acknowledgement of a breach."""

    permission_models = (Breach,)

    @extend_schema(request=AcknowledgementDraft, responses={200: BreachRow})
    def create(self, request: Request, id: int) -> Response:
        """Acknowledge a breach. Escalations pause until `until_at`, by default for a week."""
        breach = visible_or_404(self.reader, Breach.objects.select_related("deadline"), pk=id)
        draft = read_body(request, AcknowledgementDraft)
        operations.acknowledge(
            breach=breach, draft=draft, by=user_of(request), as_of=timezone.now()
        )
        return row_response(
            queries.row(id, PointInTime().pinned(timezone.now()), reader=self.reader)
        )
