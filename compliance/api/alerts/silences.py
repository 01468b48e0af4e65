"""Silences: periods during which alerts are held back."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import asked, paged
from compliance.api.views import (
    Views,
    body,
    created,
    found,
    nothing_asked,
    page_response,
    question,
    user_of,
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

    rights = (Silence,)

    @extend_schema(parameters=asked(queries.SilenceListing), responses=paged(SilenceRow))
    def list(self, request: Request) -> Response:
        """List silences, newest first."""
        return page_response(request, queries.silences(question(request, queries.SilenceListing)))

    @extend_schema(request=SilenceDraft, responses={201: SilenceRow})
    def create(self, request: Request) -> Response:
        """Start a silence. Nothing is lost: alerts held back are sent when it ends."""
        draft = body(request, SilenceDraft)
        silence = silences.create(draft=draft, by=user_of(request), as_of=timezone.now())
        return created(request, queries.silence(silence.pk), "id")

    @extend_schema(responses=SilenceRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one silence."""
        nothing_asked(request)
        return found(queries.silence(id))

    @extend_schema(request=None, responses=SilenceRow)
    def end(self, request: Request, id: int) -> Response:
        """End a silence now."""
        nothing_asked(request)
        silences.end(silence=get_object_or_404(Silence, pk=id), as_of=timezone.now())
        return found(queries.silence(id))
