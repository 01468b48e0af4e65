"""Alerts and subscriptions: who is told of what, and what became of it."""

from __future__ import annotations

from django.db import transaction
from django.shortcuts import get_object_or_404
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
from compliance.domain.drafts import SubscriptionDraft
from compliance.domain.vocabulary import AlertKind, MessageState
from compliance.models import Alert, Subscription
from compliance.operations import subscriptions as operations
from compliance.queries import alerts as queries


class AlertRow(serializers.Serializer[Alert]):
    """An alert, and what became of it."""

    id = serializers.IntegerField()
    deadline = serializers.IntegerField()
    obligation_ref = serializers.CharField()
    agreement = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(AlertKind))
    occasion = serializers.DateTimeField(help_text="When the breach that it tells of occurred.")
    recipient = serializers.CharField()
    created_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=list(MessageState))
    message_id = serializers.CharField(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    attempts = serializers.IntegerField()
    last_answer = serializers.CharField(
        allow_null=True, allow_blank=True, help_text="What the mail server said last."
    )


class SubscriptionRow(serializers.Serializer[Subscription]):
    """An address that is told of one agreement; of all, if `agreement` is null."""

    id = serializers.IntegerField()
    email = serializers.CharField()
    agreement = serializers.CharField(allow_null=True)
    is_active = serializers.BooleanField()


class AlertViews(Views):
    """What is told to whom, and what became of it."""

    rights = (Alert,)

    @extend_schema(parameters=asked(queries.AlertListing), responses=paged(AlertRow))
    def list(self, request: Request) -> Response:
        """List alerts, the newest first."""
        return page_response(request, queries.alerts(question(request, queries.AlertListing)))

    @extend_schema(responses=AlertRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one alert."""
        nothing_asked(request)
        return found(queries.alert(id))


class SubscriptionViews(Views):
    """Who is told: an address, about everything or about one agreement."""

    rights = (Subscription,)

    @extend_schema(parameters=asked(queries.SubscriptionListing), responses=paged(SubscriptionRow))
    def list(self, request: Request) -> Response:
        """List subscriptions in the order in which they were made."""
        listing = question(request, queries.SubscriptionListing)
        return page_response(request, queries.subscriptions(listing))

    @extend_schema(request=SubscriptionDraft, responses={201: SubscriptionRow})
    def create(self, request: Request) -> Response:
        """Subscribe an address."""
        subscription = operations.create(draft=body(request, SubscriptionDraft))
        return created(request, queries.subscription(subscription.pk), "id")

    @extend_schema(responses=SubscriptionRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one subscription."""
        nothing_asked(request)
        return found(queries.subscription(id))

    @extend_schema(request=changes_of(SubscriptionDraft), responses=SubscriptionRow)
    def partial_update(self, request: Request, id: int) -> Response:
        """Change a subscription. Alerts made already are still sent."""
        with transaction.atomic():
            subscription = get_object_or_404(Subscription.objects.select_for_update(), pk=id)
            draft = corrected(request, SubscriptionDraft, queries.subscription(id))
            operations.update(subscription=subscription, draft=draft)
        return found(queries.subscription(id))
