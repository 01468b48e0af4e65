"""Silences: periods during which alerts are held back."""

from __future__ import annotations

from functools import partial

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.lists import list_response
from compliance.api.openapi_lists import list_schema
from compliance.api.views import (
    Views,
    created_response,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    user_of,
    visible_or_404,
)
from compliance.domain.alerts.drafts import SilenceDraft
from compliance.models import Silence
from compliance.operations.alerts import silences
from compliance.queries.alerts import silences as queries


class SilenceRow(serializers.Serializer[Silence]):
    """A period during which alerts are held back."""

    id = serializers.IntegerField()
    agreement = serializers.CharField()
    deadline = serializers.IntegerField(allow_null=True)
    until_at = serializers.DateTimeField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    ended_at = serializers.DateTimeField(allow_null=True)


class SilenceViews(Views):
    """Periods during which alerts about an agreement or a deadline are held back."""

    permission_models = (Silence,)

    @extend_schema(**list_schema(queries.SilenceListing, SilenceRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List silences, newest first."""
        listing = read_filter(request, queries.SilenceListing)
        read = partial(queries.silences, reader=self.reader)
        return list_response(request, listing, read, row=SilenceRow)

    @extend_schema(request=SilenceDraft, responses={201: SilenceRow})
    def create(self, request: Request) -> Response:
        """Start a silence. Nothing is lost: alerts held back are sent when it ends."""
        draft = read_body(request, SilenceDraft)
        silence = silences.create(draft=draft, by=user_of(request), as_of=timezone.now())
        return created_response(request, queries.silence(silence.pk, reader=self.reader), "id")

    @extend_schema(responses=SilenceRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one silence."""
        reject_query_parameters(request)
        return row_response(queries.silence(id, reader=self.reader))

    @extend_schema(request=None, responses=SilenceRow)
    def end(self, request: Request, id: int) -> Response:
        """End a silence now."""
        reject_query_parameters(request)
        silences.end(
            silence=visible_or_404(self.reader, Silence.objects.all(), pk=id), as_of=timezone.now()
        )
        return row_response(queries.silence(id, reader=self.reader))
