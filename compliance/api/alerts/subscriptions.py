"""Subscriptions: who receives which alerts, and when."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.lists import list_response
from compliance.api.openapi import changes_of
from compliance.api.openapi_lists import list_schema
from compliance.api.views import (
    Views,
    created_response,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    updated_draft,
    user_of,
)
from compliance.domain.alerts.drafts import SubscriptionDraft
from compliance.domain.vocabulary import (
    AlertKind,
    NotificationFrequency,
    Severity,
)
from compliance.models import Subscription
from compliance.models.locks import for_update
from compliance.operations.alerts import subscriptions as operations
from compliance.queries.alerts import subscriptions as queries

_CLOCK = r"^[0-9]{2}:[0-9]{2}:[0-9]{2}$"


class SubscriptionRow(serializers.Serializer[Subscription]):
    """A recipient, what it follows, and when it is notified. Null matches everything."""

    id = serializers.IntegerField()
    email = serializers.CharField(allow_null=True)
    webhook = serializers.IntegerField(allow_null=True)
    agreement = serializers.CharField(allow_null=True)
    party = serializers.CharField(allow_null=True)
    tag = serializers.CharField(allow_null=True)
    min_severity = serializers.ChoiceField(choices=list(Severity))
    responsible = serializers.CharField(
        allow_null=True,
        help_text="Only what `me` (the recipient), a user or a team is responsible for.",
    )
    owner = serializers.CharField(
        allow_null=True, help_text="It reports only what this user may see."
    )
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=list(AlertKind)), help_text="Empty: all."
    )
    from_escalation = serializers.IntegerField(
        help_text="0: notified immediately. 1: only from the first escalation on, and so on."
    )
    frequency = serializers.ChoiceField(choices=list(NotificationFrequency))
    digest_hour = serializers.IntegerField()
    digest_weekday = serializers.IntegerField(
        help_text="The weekday of a weekly digest; 0 is Monday."
    )
    quiet_from = serializers.RegexField(_CLOCK, allow_null=True, help_text="Such as 22:00:00.")
    quiet_until = serializers.RegexField(_CLOCK, allow_null=True)
    timezone = serializers.CharField()
    is_active = serializers.BooleanField()
    refused_at = serializers.DateTimeField(
        allow_null=True, help_text="When mail to the address was permanently refused."
    )
    refusal = serializers.CharField(allow_null=True)


class SubscriptionViews(Views):
    """Subscriptions of email addresses and webhooks to alerts."""

    permission_models = (Subscription,)

    @extend_schema(**list_schema(queries.SubscriptionListing, SubscriptionRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List subscriptions in order of creation."""
        listing = read_filter(request, queries.SubscriptionListing)
        read = partial(queries.subscriptions, reader=self.reader)
        return list_response(request, listing, read, row=SubscriptionRow)

    @extend_schema(request=SubscriptionDraft, responses={201: SubscriptionRow})
    def create(self, request: Request) -> Response:
        """Create a subscription."""
        subscription = operations.create(
            draft=read_body(request, SubscriptionDraft), by=user_of(request)
        )
        return created_response(
            request, queries.subscription(subscription.pk, reader=self.reader), "id"
        )

    @extend_schema(responses=SubscriptionRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one subscription."""
        reject_query_parameters(request)
        return row_response(queries.subscription(id, reader=self.reader))

    @extend_schema(request=changes_of(SubscriptionDraft), responses=SubscriptionRow)
    def partial_update(self, request: Request, id: int) -> Response:
        """Change a subscription. Alerts that already exist are still sent."""
        with transaction.atomic():
            subscription = get_object_or_404(
                for_update(Subscription.objects.of_owner(self.reader.owner_id)), pk=id
            )
            draft = updated_draft(
                request, SubscriptionDraft, queries.subscription(id, reader=self.reader)
            )
            operations.update(subscription=subscription, draft=draft, by=user_of(request))
        return row_response(queries.subscription(id, reader=self.reader))
