"""Positions: what parties say about deadlines. Append-only."""

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
from compliance.api.quantities import QuantityField
from compliance.api.views import (
    Views,
    created_response,
    deadline_of,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    user_of,
)
from compliance.domain.deadlines.drafts import PositionDraft
from compliance.domain.fields import RowId
from compliance.domain.vocabulary import Precision, Verdict
from compliance.models import Position
from compliance.operations.deadlines import effects
from compliance.operations.deadlines import positions as operations
from compliance.queries.deadlines import positions as queries


class NewPosition(PositionDraft):
    """A position and its deadline."""

    deadline: RowId


class PositionRow(serializers.Serializer[Position]):
    """A position of a party. It has a day (`on`) or an instant (`at`)."""

    id = serializers.IntegerField()
    deadline = serializers.IntegerField()
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField()
    party = serializers.CharField()
    verdict = serializers.ChoiceField(choices=list(Verdict))
    share = QuantityField(
        allow_null=True, help_text="The share of the whole that is met, if partly met."
    )
    on = serializers.CharField(allow_null=True, help_text="A day, month, quarter or year.")
    precision = serializers.ChoiceField(choices=list(Precision), allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    stated_at = serializers.DateTimeField()
    quote = serializers.CharField(allow_blank=True)
    evidence = serializers.ListField(child=serializers.CharField())
    recorded_at = serializers.DateTimeField()
    recorded_by = serializers.CharField(allow_null=True)


class SavedPositionRow(PositionRow):
    """A position that was just recorded."""

    warnings = serializers.ListField(
        child=serializers.CharField(), help_text="Why it does not count, if it does not."
    )


class PositionViews(Views):
    """Positions of parties on deadlines. A position never changes the status."""

    permission_models = (Position,)

    @extend_schema(**list_schema(queries.PositionListing, PositionRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List positions in the order of recording."""
        listing = read_filter(request, queries.PositionListing)
        read = partial(queries.listed, reader=self.reader)
        return list_response(request, listing, read, row=PositionRow)

    @extend_schema(request=NewPosition, responses={201: SavedPositionRow})
    def create(self, request: Request) -> Response:
        """Record the position of a party on a deadline."""
        draft = read_body(request, NewPosition)
        position = operations.state(
            deadline=deadline_of(draft.deadline, reader=self.reader),
            draft=draft,
            by=user_of(request),
            as_of=timezone.now(),
        )
        return created_response(
            request,
            queries.row(position.pk, reader=self.reader),
            "id",
            warnings=effects.warnings_about_position(position),
        )

    @extend_schema(responses=PositionRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one position."""
        reject_query_parameters(request)
        return row_response(queries.row(id, reader=self.reader))
