"""Alerts and subscriptions: who is told of what, and what became of it."""

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
    user_of,
)
from compliance.domain.drafts import SilenceDraft, SubscriptionDraft
from compliance.domain.vocabulary import (
    AlertKind,
    AttemptOutcome,
    MessageState,
    Rhythm,
    Severity,
)
from compliance.models import Alert, DeliveryAttempt, Silence, Subscription
from compliance.operations.alerts import silences
from compliance.operations.alerts import subscriptions as operations
from compliance.queries.alerts import alerts as queries
from compliance.queries.pages import Listing


class AlertRow(serializers.Serializer[Alert]):
    """An alert, and what became of it."""

    id = serializers.IntegerField()
    deadline = serializers.IntegerField()
    obligation_ref = serializers.CharField()
    agreement = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(AlertKind))
    occasion = serializers.DateTimeField(help_text="The instant that makes it one of a kind.")
    breach_at = serializers.DateTimeField(
        allow_null=True, help_text="When the breach that it tells of occurred."
    )
    level = serializers.IntegerField(help_text="How many rungs were climbed.")
    recipient = serializers.CharField()
    created_at = serializers.DateTimeField()
    not_before = serializers.DateTimeField(
        help_text="When it may be told: at once, with a digest, or after quiet hours."
    )
    state = serializers.ChoiceField(choices=list(MessageState))
    message_id = serializers.CharField(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    attempts = serializers.IntegerField()
    last_answer = serializers.CharField(
        allow_null=True, allow_blank=True, help_text="What the mail server said last."
    )


class AttemptRow(serializers.Serializer[DeliveryAttempt]):
    """One try at sending, and what the other side answered."""

    id = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    outcome = serializers.ChoiceField(choices=list(AttemptOutcome))
    answer = serializers.CharField(allow_blank=True)


class SubscriptionRow(serializers.Serializer[Subscription]):
    """Who is told of what, and when: an address or a webhook. Null narrows nothing."""

    id = serializers.IntegerField()
    email = serializers.CharField(allow_null=True)
    webhook = serializers.IntegerField(allow_null=True)
    agreement = serializers.CharField(allow_null=True)
    party = serializers.CharField(allow_null=True)
    tag = serializers.CharField(allow_null=True)
    min_severity = serializers.ChoiceField(choices=list(Severity))
    is_owner = serializers.BooleanField(help_text="Only obligations that the address owns.")
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=list(AlertKind)), help_text="Empty: all."
    )
    from_escalation = serializers.IntegerField(
        help_text="0: told from the start. 1: only from the first escalation on, and so forth."
    )
    rhythm = serializers.ChoiceField(choices=list(Rhythm))
    digest_hour = serializers.IntegerField()
    digest_weekday = serializers.IntegerField(help_text="Of a weekly digest; 0 is Monday.")
    quiet_from = serializers.TimeField(allow_null=True)
    quiet_until = serializers.TimeField(allow_null=True)
    timezone = serializers.CharField()
    is_active = serializers.BooleanField()
    refused_at = serializers.DateTimeField(
        allow_null=True, help_text="When mail to the address was refused for good."
    )
    refusal = serializers.CharField(allow_null=True)


class SilenceRow(serializers.Serializer[Silence]):
    """A time in which alerts are held back."""

    id = serializers.IntegerField()
    agreement = serializers.CharField()
    deadline = serializers.IntegerField(allow_null=True)
    until_at = serializers.DateTimeField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    ended_at = serializers.DateTimeField(allow_null=True)


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


class AttemptViews(Views):
    """Each try at telling an alert."""

    rights = (Alert,)

    @extend_schema(parameters=asked(Listing), responses=paged(AttemptRow))
    def list(self, request: Request, id: int) -> Response:
        """List the tries at sending the message that an alert is in, the first one first."""
        listing = question(request, Listing)
        get_object_or_404(Alert, pk=id)
        return page_response(request, queries.attempts(id, listing))


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


class SilenceViews(Views):
    """Times in which alerts about an agreement, or one deadline of it, are held back."""

    rights = (Silence,)

    @extend_schema(parameters=asked(queries.SilenceListing), responses=paged(SilenceRow))
    def list(self, request: Request) -> Response:
        """List silences, the newest first."""
        return page_response(request, queries.silences(question(request, queries.SilenceListing)))

    @extend_schema(request=SilenceDraft, responses={201: SilenceRow})
    def create(self, request: Request) -> Response:
        """Begin a silence. Nothing is lost: what it holds back is told when it ends."""
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
