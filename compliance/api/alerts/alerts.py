"""Alerts, and every attempt to deliver them."""

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
    visible_or_404,
)
from compliance.domain.vocabulary import (
    AlertKind,
    AttemptOutcome,
    MessageState,
)
from compliance.models import Alert, DeliveryAttempt
from compliance.queries.alerts import alerts as queries
from compliance.queries.pages import Listing


class AlertRow(serializers.Serializer[Alert]):
    """An alert and its delivery."""

    id = serializers.IntegerField()
    deadline = serializers.IntegerField()
    obligation_ref = serializers.CharField()
    agreement = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(AlertKind))
    occasion = serializers.DateTimeField(
        help_text="The instant of the event. Part of the unique key."
    )
    breach_at = serializers.DateTimeField(
        allow_null=True, help_text="When the breach that it reports occurred."
    )
    predates_entry = serializers.BooleanField(
        help_text="The breach began before its deadline was entered. It is part of a summary."
    )
    level = serializers.IntegerField(help_text="The escalation step that was reached.")
    recipient = serializers.CharField(
        help_text="An email address, or `webhook:` and the id of a webhook."
    )
    created_at = serializers.DateTimeField()
    not_before = serializers.DateTimeField(
        help_text="When it may be sent: immediately, with a digest, or after quiet hours."
    )
    state = serializers.ChoiceField(choices=list(MessageState))
    message_id = serializers.CharField(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    attempts = serializers.IntegerField()
    last_answer = serializers.CharField(
        allow_null=True, allow_blank=True, help_text="The last answer of the mail server."
    )


class AttemptRow(serializers.Serializer[DeliveryAttempt]):
    """One attempt to deliver, and the answer of the receiving server."""

    id = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    outcome = serializers.ChoiceField(choices=list(AttemptOutcome))
    answer = serializers.CharField(allow_blank=True)


class AlertViews(Views):
    """Alerts and their delivery."""

    permission_models = (Alert,)

    @extend_schema(**list_schema(queries.AlertListing, AlertRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List alerts, newest first."""
        listing = read_filter(request, queries.AlertListing)
        read = partial(queries.alerts, reader=self.reader)
        return list_response(request, listing, read, row=AlertRow)

    @extend_schema(responses=AlertRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one alert."""
        reject_query_parameters(request)
        return row_response(queries.alert(id, reader=self.reader))


class AttemptViews(Views):
    """Attempts to deliver an alert."""

    permission_models = (Alert,)

    @extend_schema(**list_schema(Listing, AttemptRow))
    def list(self, request: Request, id: int) -> HttpResponseBase:
        """List the attempts to deliver the message that contains an alert, oldest first."""
        listing = read_filter(request, Listing)
        visible_or_404(self.reader, Alert.objects.all(), pk=id)
        return list_response(
            request,
            listing,
            lambda page: queries.attempts(id, page, reader=self.reader),
            row=AttemptRow,
        )
